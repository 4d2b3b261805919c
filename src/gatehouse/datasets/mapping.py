"""Which column of a user's file is what: `--map` and `--label` as a person writes them, and guesses for the rest.

A label is written in one of these ways:

    LABEL                      the column of that name holds yes or no (1/0, true/false, ...)
    LABEL=COLUMN               the same, in a column of another name
    LABEL=COLUMN:YES           it holds where the column is YES; any other value says that it does not
    LABEL=COLUMN:YES/NO        the same, and a value that is neither is a fault; several: A,B/C,D
    LABEL=COLUMN/TOTAL         COLUMN counts the raters who say that it holds, out of TOTAL (a column or a number)
    LABEL=COLUMN has VALUE     COLUMN lists values, parted by `;` `,` or `|`; an empty list says no to each

Except in lists, an empty cell says nothing: the label is unknown there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatehouse.errors import Fault, UserError, suggestion

WANTED: dict[str, tuple[str, ...]] = {
    "text": ("text", "body", "message", "comment", "comment_text", "content", "tweet", "post", "sentence"),
    "id": ("id", "event_id", "message_id", "comment_id", "post_id", "tweet_id", "rewire_id"),
    "author": ("author", "author_id", "user", "user_id", "username", "actor", "account"),
    "split": ("split", "part", "fold"),
    "language": ("language", "lang"),
    "occurred": ("occurred", "created_at", "timestamp", "time", "date"),
    "rater": ("rater", "rater_id", "annotator", "annotator_id", "worker", "worker_id"),
}
"""What a column can be, with the names under which it is looked for."""

YES = frozenset({"1", "1.0", "true", "t", "yes", "y"})
NO = frozenset({"0", "0.0", "false", "f", "no", "n"})

_NEGATIVE = frozenset({"ham", "none", "neither", "normal", "benign", "clean", "safe", "ok", "other", "legit", *NO})
_CLASS_COLUMNS = ("label", "labels", "class", "category", "target", "type")
_MOST_CLASSES = 20


@dataclass(frozen=True)
class LabelColumn:
    """How one label is read from a column; at most one of `yes`, `total` and `has` is set."""

    label: str
    column: str
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    total: str | None = None
    has: str | None = None

    def __str__(self) -> str:
        if self.yes:
            values = ",".join(sorted(self.yes)) + ("/" + ",".join(sorted(self.no)) if self.no else "")
            return f"{self.label}={self.column}:{values}"
        if self.total is not None:
            return f"{self.label}={self.column}/{self.total}"
        return f"{self.label}={self.column}" + (f" has {self.has}" if self.has is not None else "")


@dataclass(frozen=True)
class FileMap:
    """What each column of a file is; `guessed` names what nobody said."""

    columns: dict[str, str]
    labels: tuple[LabelColumn, ...]
    guessed: frozenset[str] = field(default_factory=frozenset)


def parse(
    names: Sequence[str],
    sample: Mapping[str, Sequence[str | None]],
    maps: Sequence[str] = (),
    labels: Sequence[str] = (),
    where: str = "",
) -> FileMap:
    """The map of a file with these columns; `sample` holds some values of each, for the guesses.

    Raises UserError with every fault of `maps` and `labels`, and when no column holds the text.
    """
    faults: list[Fault] = []
    columns: dict[str, str] = {}
    for said in maps:
        wanted, sign, column = said.partition("=")
        if wanted not in WANTED:
            faults.append(_misspelt(f"there is nothing called '{wanted}' to map", wanted, list(WANTED), said))
        elif not sign or column not in names:
            faults.append(_misspelt(f"there is no column '{column}'", column, names, f"--map {said}"))
        else:
            columns[wanted] = column
    specs = [spec for said in labels if (spec := _label(said, names, faults)) is not None]
    if len({spec.label for spec in specs}) < len(specs):
        faults.append(Fault("a label is mapped twice", f"--label {' --label '.join(labels)}", "map each label once"))
    guessed = _guess_columns(columns, names, {spec.column for spec in specs})
    if "text" not in {**columns, **guessed} and not any(said.startswith("text=") for said in maps):
        faults.append(
            Fault("no column is known to hold the text", where, f"say which: --map text=COLUMN; {_has(names)}")
        )
    if faults:
        raise UserError(faults)
    columns |= guessed
    if not labels:
        specs = _guess_labels([name for name in names if name not in columns.values()], sample)
    return FileMap(columns, tuple(specs), frozenset(guessed) | (frozenset() if labels else {s.label for s in specs}))


def _label(said: str, names: Sequence[str], faults: list[Fault]) -> LabelColumn | None:
    label, sign, rest = said.partition("=")
    rest = rest if sign else label
    if not re.fullmatch(r"[a-z0-9_]+", label):
        plain = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_") or "spam"
        fix = f"write it as {plain}={rest}"
        faults.append(
            Fault(f"'{label}' is no name for a label", f"--label {said}", f"{fix}: small letters, digits and _")
        )
        return None
    if rest in names:
        return LabelColumn(label, rest)
    for column in sorted(names, key=len, reverse=True):
        tail = rest.removeprefix(column)
        if tail == rest:
            continue
        if tail.startswith(":") and len(tail) > 1:
            yes, _, no = tail[1:].partition("/")
            return LabelColumn(label, column, _values(yes), _values(no))
        if tail.startswith("/") and (tail[1:] in names or tail[1:].isdigit()):
            return LabelColumn(label, column, total=tail[1:])
        if tail.startswith(" has ") and tail[5:].strip():
            return LabelColumn(label, column, has=tail[5:].strip())
    column = re.split(r"[:/]| has ", rest)[0]
    if column in names:
        fix = "write LABEL=COLUMN:YES/NO, LABEL=COLUMN/TOTAL or 'LABEL=COLUMN has VALUE'"
        faults.append(Fault(f"'{rest.removeprefix(column)}' cannot be read", f"--label {said}", fix))
    else:
        faults.append(_misspelt(f"there is no column '{column}'", column, names, f"--label {said}"))
    return None


def _values(said: str) -> frozenset[str]:
    return frozenset(value.strip() for value in said.split(",") if value.strip())


def _guess_columns(columns: Mapping[str, str], names: Sequence[str], taken: set[str]) -> dict[str, str]:
    by_lower = {name.lower(): name for name in reversed(names) if name not in taken and name not in columns.values()}
    guessed = {}
    for wanted, words in WANTED.items():
        if wanted not in columns:
            found = next((by_lower[word] for word in words if word in by_lower), None)
            if found is not None:
                guessed[wanted] = found
    return guessed


def _guess_labels(names: Sequence[str], sample: Mapping[str, Sequence[str | None]]) -> list[LabelColumn]:
    """Columns of yes and no are labels; without any, the values of a column called `label` or the like are."""
    plain = [LabelColumn(_word(name), name) for name in names if _word(name) and _says_yes_or_no(sample[name])]
    if plain:
        return plain
    values = {name: {value.strip() for value in sample[name] if value and value.strip()} for name in names}
    for word in _CLASS_COLUMNS:
        column = next((name for name in names if name.lower() == word), None)
        if column is None or not 2 <= len(values[column]) <= _MOST_CLASSES:
            continue
        negative = frozenset(v for v in values[column] if _is_negative(v, {other.lower() for other in values[column]}))
        classes = sorted(values[column] - negative)
        no = negative if len(classes) == 1 else frozenset()
        return [LabelColumn(_word(value), column, frozenset({value}), no) for value in classes if _word(value)]
    return []


def _says_yes_or_no(values: Sequence[str | None]) -> bool:
    """Whether nearly all values are yes or no, and none of the others is a number, as in a column of counts."""
    words = [value.strip().lower() for value in values if value and value.strip()]
    others = [word for word in words if word not in YES | NO]
    return len(others) < 0.2 * len(words) and not any(re.fullmatch(r"-?[\d.]+", word) for word in others)


def _is_negative(value: str, among: set[str]) -> bool:
    """Whether a class says that nothing holds: `ham`, `not sexist`, or `noHate` beside `hate`."""
    lower = value.lower()
    without = re.sub(r"^(not|non|no)[ _-]*", "", lower)
    return lower in _NEGATIVE or lower.startswith("not ") or (without != lower and without in among)


def _word(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _has(names: Sequence[str]) -> str:
    return f"the file has {', '.join(names)}"


def _misspelt(what: str, name: str, known: Sequence[str], where: str) -> Fault:
    return Fault(what, where, suggestion(name, known))
