"""What is said of a community in words, the same on the page and at the terminal."""

from gatehouse.records.community import Community, Evidence

MOST_TEXT = 120
"""Characters of somebody's text that are shown at most."""

_HOW = {"target": "on shared targets", "text": "with shared texts", "address": "from shared addresses"}


def chance(p: float) -> str:
    """A significance with two digits: `.034`, `2.1e-12`, `under 1e-300`."""
    if p <= 1e-300:
        return "under 1e-300"
    return f"{p:.1e}" if p < 0.001 else f"{p:.2g}".replace("0.", ".", 1)


def together(community: Community) -> str:
    """What members did together, by its means: `31 events on shared targets, 12 with shared texts`."""
    said = [f"{n:,} {_HOW[means]}" for means, n in sorted(community.acts.items()) if n]
    return ", ".join(said).replace(" ", " events ", 1)


def cut(text: str) -> str:
    """The beginning of somebody's text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 1] + "…"


def setting(name: str, value: object) -> str:
    """The value of a setting of a search, as it stands in the run's note."""
    if value is None:
        return "all"
    if isinstance(value, list | tuple):
        return ", ".join(span(each) if name == "lengths" else str(each) for each in value)
    if isinstance(value, int):
        return span(value) if name == "passing" else f"{value:,}"
    return str(value)


def evidence_in_words(shown: Evidence) -> str:
    """The sentence of a piece of evidence, in which a long text is cut."""
    return shown.said.replace(shown.what, cut(shown.what)) if shown.what else shown.said


def span(microseconds: int) -> str:
    """A length of time in its two largest units: `2 days 3 hours`, `40 seconds`."""
    left, said = max(microseconds, 0) // 1_000_000, []
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        n, left = divmod(left, size)
        if n:
            said.append(f"{n:,} {unit}{'' if n == 1 else 's'}")
    return " ".join(said[:2]) or "less than a second"
