"""A clock that a test holds in its hand."""


class Clock:
    """A clock that stands still between calls, except that no two moments it tells are equal."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        """Microseconds UTC, one more than at the last call."""
        self.now += 1
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1_000_000)
