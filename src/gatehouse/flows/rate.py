"""How much each key may ask for: a bucket of tokens that fills at the key's rate."""

from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic_ns

RATE = 20_000
"""Events a second for a key that names no rate: about as many as one process decides on, so that no caller alone can
have more than all of it. What a process can bear at a moment is for its queue to say."""

_SECOND = 1_000_000_000


class Bucket:
    """One key's bucket: holds what comes in a second, and starts full.

    Whole numbers throughout, in billionths of a token, so that nothing is lost or won by rounding. Over any time `t` no
    more than `rate + rate·t` pass; where one request alone asks for more than the bucket holds, it passes when the
    bucket is full and the rest is owed, so that the first term is that request.
    """

    __slots__ = ("_at", "_full", "_held", "_rate")

    def __init__(self, rate: int, now: int) -> None:
        self._rate = rate
        self._full = self._held = rate * _SECOND
        self._at = now

    def take(self, n: int, now: int) -> int:
        """Take `n` tokens at a time in nanoseconds; gives back 0, or how long until they are there."""
        if now > self._at:
            self._held = min(self._full, self._held + (now - self._at) * self._rate)
            self._at = now
        missing = min(n * _SECOND, self._full) - self._held
        if missing > 0:
            return -(-missing // self._rate)
        self._held -= n * _SECOND
        return 0

    def take_more(self, n: int, now: int) -> int:
        """Take `n` tokens more for a request that took one, which it gets back where they are not all there.

        The time that it has to wait is then for all of them, so that one who waits so long is not refused again.
        """
        if n <= 0:
            return 0
        self._held = min(self._full, self._held + _SECOND)
        return self.take(n + 1, now)


class Rates:
    """The buckets of all keys; for several threads at once."""

    def __init__(self, rate: int = RATE, ticks: Callable[[], int] = monotonic_ns) -> None:
        self._rate = rate
        self._ticks = ticks
        self._buckets: dict[str, Bucket] = {}
        self._lock = Lock()

    def take(self, key_id: str, rate: int | None) -> float | None:
        """Take a token of a key; gives back None, or in how many seconds it will be there."""
        with self._lock:
            now = self._ticks()
            wait = self._bucket(key_id, rate, now).take(1, now)
        return wait / _SECOND if wait else None

    def take_more(self, key_id: str, rate: int | None, n: int) -> float | None:
        """Take `n` tokens more for a request that took one; gives back None, or in how many seconds to come again."""
        with self._lock:
            now = self._ticks()
            wait = self._bucket(key_id, rate, now).take_more(n, now)
        return wait / _SECOND if wait else None

    def keep(self, key_ids: Iterable[str]) -> None:
        """Forget the buckets of all other keys."""
        with self._lock:
            self._buckets = {id_: self._buckets[id_] for id_ in key_ids if id_ in self._buckets}

    def _bucket(self, key_id: str, rate: int | None, now: int) -> Bucket:
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = Bucket(rate or self._rate, now)
        return bucket
