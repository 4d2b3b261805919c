"""Labelling at the terminal: one text after another, covered until asked for, every answer written at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatehouse.flows.labelling import Question
    from gatehouse.flows.labels_file import LabelsFile, Texts
    from gatehouse.records.policy import Policy

VALUES = {"y": "yes", "n": "no", "u": "unsure"}
KEYS = "y yes, n no, u unsure, s skip, b back, t show the text, q quit"

_JOINERS = "\u200c\u200d\ufe0f"
_STOP = ("q", "\x03", "\x04")


@dataclass(frozen=True)
class Terminal:
    """What a person has before them: a key, a line to read, and two clocks (microseconds UTC, and seconds)."""

    key: Callable[[], str]
    say: Callable[[str], None]
    now: Callable[[], int]
    seconds: Callable[[], float]


@dataclass
class Sitting:
    """What came of a sitting."""

    answered: int = 0
    skipped: int = 0
    quit: bool = False


def opening(policy: "Policy", labels: Sequence[str], total: int, done: int) -> str:
    """What a rater reads first: the policy's title, its clauses in short, the keys, and where they stand."""
    clauses = [f"  {clause.id}  {clause.title}" for clause in policy.clauses]
    begun = f"; {done:,} are answered, so it goes on from there" if done else ""
    return "\n".join(
        [
            f"{policy.title} (policy {policy.name} {policy.version})",
            *clauses,
            f"labels: {', '.join(labels)}; {total:,} questions{begun}",
            f"keys: {KEYS}",
            "Texts are covered. Show one only when you are ready to read it.",
        ]
    )


def covered(text: str) -> str:
    """A text with every word as its first letter and asterisks."""
    from gatehouse.evaluation.report import mask

    return re.sub(r"\S+", lambda word: mask(word[0]), plain(text))


def plain(text: str) -> str:
    """A text that can do nothing to a terminal: signs that are not printed stand as their codes."""
    return "".join(
        sign if sign.isprintable() or sign in _JOINERS or sign == "\n" else f"\\u{ord(sign):04x}" for sign in text
    )


def sit(
    queue: Sequence["Question"],
    texts: "Texts",
    file: "LabelsFile",
    policy: "Policy",
    rater: str,
    terminal: Terminal,
) -> Sitting:
    """Ask what is not answered yet, in order, until all is asked or the rater stops."""
    from gatehouse.flows.labels_file import Answer

    sitting, skipped = Sitting(), set[int]()
    done = [(one.id, one.label, rater, one.look) in file.answers for one in queue]
    at = _next(done, skipped, 0)
    shown: tuple[str, int] | None = None
    while at is not None:
        asked = queue[at]
        if shown != (asked.id, asked.look):
            terminal.say(f"\n{covered(texts.text[asked.id])}")
            shown = (asked.id, asked.look)
        key = (asked.id, asked.label, rater, asked.look)
        before = f" (you said {file.answers[key].value})" if key in file.answers else ""
        terminal.say(f"[{at + 1:,} of {len(queue):,}] {asked.label}?{before}")
        begun = terminal.seconds()
        pressed = _pressed(terminal, texts.text[asked.id], first=at == 0)
        if pressed in _STOP:
            sitting.quit = True
            break
        if pressed == "b":
            at -= 1
            continue
        if pressed == "s":
            skipped.add(at)
        else:
            took = terminal.seconds() - begun
            chance = texts.chance.get(asked.id, "")
            said = (asked.id, asked.label, VALUES[pressed], rater, terminal.now())
            file.add([Answer(*said, policy.name, policy.version, chance, took, asked.look)])
            sitting.answered += 1
            done[at] = True
            skipped.discard(at)
            terminal.say(VALUES[pressed])
        at = _next(done, skipped, at + 1)
    sitting.skipped = len(skipped)
    return sitting


def _next(done: Sequence[bool], skipped: set[int], start: int) -> int | None:
    """The next question that is neither answered nor skipped in this sitting."""
    return next((i for i in range(start, len(done)) if not done[i] and i not in skipped), None)


def _pressed(terminal: Terminal, text: str, *, first: bool) -> str:
    """The key that leads on; showing the text and keys that mean nothing do not."""
    while True:
        try:
            key = terminal.key().lower()
        except (EOFError, KeyboardInterrupt):
            return "q"
        if key == "t":
            terminal.say(plain(text))
        elif key == "b" and first:
            terminal.say("this is the first question")
        elif key in VALUES or key in ("s", "b") or key in _STOP:
            return key
        else:
            terminal.say(f"keys: {KEYS}")
