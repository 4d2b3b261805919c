"""Lists of hashes as others write them, python-threatexchange's among them, as entries of a bank and back."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.errors import Faults, UserError, did_you_mean, suggestion
from gatehouse.flows.banks import KnownEntry, Said

SIGNAL_TYPES = {"pdq": "pdq", "video_md5": "md5", "video_sha256": "sha256"}
"""python-threatexchange's names for kinds of hashes, and ours."""

INDICATORS = {
    "HASH_PDQ": "pdq",
    "HASH_MD5": "md5",
    "HASH_VIDEO_MD5": "md5",
    "HASH_SHA256": "sha256",
    "HASH_VIDEO_SHA256": "sha256",
}
"""ThreatExchange's names in files called `simple.TYPE.te`."""

CSV_COLUMNS = ("signal_type", "signal_str", "collab", "category", "tags")
"""The header that `threatexchange dataset --print-signals --csv` writes."""

FORMATS = {
    "hash": "TYPE HASH a line: what `threatexchange hash` prints and its local files hold",
    "csv": "what `threatexchange dataset --print-signals --csv` writes",
    "te": "simple.TYPE.te, in which python-threatexchange keeps what it fetched",
    "lines": "one hash a line, all of the kind that --type says",
}

_NAMES = {kind: name for name, kind in SIGNAL_TYPES.items()}
_AGAINST = {"NEGATIVE_CLASS", "DISPUTED", "false_positive", "disputed"}


@dataclass(frozen=True)
class Imported:
    """Entries by the lines of a file, None where a line says nothing, and lines left out with their reasons."""

    entries: list[Said | None]
    left_out: list[tuple[int, str]]


@dataclass(frozen=True)
class _Line:
    """One line: which kind of hash, its digits, and what others say of it."""

    number: int
    kind: str
    digits: str
    said_of: frozenset[str] = frozenset()


def read(path: Path, format_: str, label: str, kind: str | None = None, **more: Any) -> Imported:
    """The hashes of a file as entries with this label; `kind` is for lines that do not say theirs.

    `more` goes into every entry, `distance` only into those of PDQ. What others say is disputed or no violation is left
    out. Raises UserError with every line that cannot be read; whether hashes are sound is for the bank to say.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"byte {error.start + 1} is not UTF-8", where=str(path), fix="save the file as UTF-8") from None
    if format_ not in FORMATS:
        raise UserError(f"unknown format '{format_}'", fix=suggestion(format_, FORMATS))
    if format_ == "lines" and kind is None:
        what = "lines of hashes do not say of which kind they are"
        raise UserError(what, where=str(path), fix="add --type pdq, md5 or sha256")
    faults = Faults()
    readers: Mapping[str, Callable[[], Iterator[_Line]]] = {
        "lines": lambda: _lines(text, str(kind)),
        "hash": lambda: _typed(text, str(path), faults),
        "csv": lambda: _csv(text, str(path), faults),
        "te": lambda: _te(text, path, faults),
    }
    entries: list[Said | None] = [None] * (text.count("\n") + 1)
    left_out = []
    for line in readers[format_]():
        if against := sorted(line.said_of & _AGAINST):
            left_out.append((line.number, f"said to be {', '.join(against)}"))
            continue
        usual = {name: value for name, value in more.items() if name != "distance" or line.kind == "pdq"}
        entries[line.number - 1] = {"label": label, line.kind: line.digits.lower(), **usual}
    faults.raise_found()
    return Imported(entries, left_out)


def _lines(text: str, kind: str) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        if said := line.strip():
            yield _Line(number, kind, said)


def _typed(text: str, where: str, faults: Faults) -> Iterator[_Line]:
    for number, line in enumerate(text.split("\n"), start=1):
        name, _, digits = line.strip().partition(" ")
        if not name:
            continue
        if name in SIGNAL_TYPES and digits:
            yield _Line(number, SIGNAL_TYPES[name], digits.strip())
        elif name in SIGNAL_TYPES:
            faults.add(f"no hash stands after '{name}'", f"{where}:{number}", "write TYPE HASH")
        else:
            _unknown(name, f"{where}:{number}", faults)


def _csv(text: str, where: str, faults: Faults) -> Iterator[_Line]:
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    if missing := [name for name in CSV_COLUMNS if name not in header]:
        faults.add(f"the header has no {', '.join(missing)}", f"{where}:1", f"it has {','.join(CSV_COLUMNS)}")
        return
    for row in rows:
        number = rows.line_num
        if len(row) != len(header):
            if row:
                faults.add(f"{len(row)} fields, where the header has {len(header)}", f"{where}:{number}", "mend it")
            continue
        said = dict(zip(header, row, strict=True))
        if said["signal_type"] in SIGNAL_TYPES:
            said_of = frozenset((said["category"], *said["tags"].split()))
            yield _Line(number, SIGNAL_TYPES[said["signal_type"]], said["signal_str"].strip(), said_of)
        else:
            _unknown(said["signal_type"], f"{where}:{number}", faults)


def _te(text: str, path: Path, faults: Faults) -> Iterator[_Line]:
    name = path.name.removeprefix("simple.").removesuffix(".te")
    if name not in INDICATORS:
        known = ", ".join(f"simple.{one}.te" for one in INDICATORS)
        faults.add("the file's name does not say which hashes it holds", str(path), f"name it one of {known}")
        return
    rows = csv.reader(io.StringIO(text, newline=""))
    for row in rows:
        if len(row) == 4:
            yield _Line(rows.line_num, INDICATORS[name], row[0].strip(), frozenset(row[3].split()))
        elif row:
            what = f"{len(row)} fields, where a hash, an id, a time and tags are"
            faults.add(what, f"{path}:{rows.line_num}", "write the four with commas between them")


def _unknown(name: str, where: str, faults: Faults) -> None:
    known = f"{did_you_mean(name, SIGNAL_TYPES)}known: {', '.join(SIGNAL_TYPES)}"
    faults.add(f"'{name[:40]}' is no kind of hash that a bank holds", where, known)


def write(entries: Sequence[KnownEntry], format_: str, pack: str, kind: str | None = None) -> str:
    """The active media of a pack in a format, those of `kind` or all; raises UserError where that cannot be written."""
    media = [entry for entry in entries if entry.bank == "media" and entry.state == "active"]
    hashes = [
        (name, entry.said[name].lower(), entry.said["label"])
        for entry in media
        for name in _NAMES
        if name in entry.said
    ]
    wanted = [one for one in hashes if kind in (None, one[0])]
    match format_:
        case "hash":
            return "".join(f"{_NAMES[name]} {digits}\n" for name, digits, _ in wanted)
        case "csv":
            out = io.StringIO(newline="")
            rows = csv.writer(out)
            rows.writerow(CSV_COLUMNS)
            rows.writerows((_NAMES[name], digits, pack, "POSITIVE_CLASS", label) for name, digits, label in wanted)
            return out.getvalue()
        case "lines":
            if len({name for name, _, _ in wanted}) > 1:
                raise UserError("the bank holds several kinds of hashes", fix="say which: --type pdq, md5 or sha256")
            return "".join(f"{digits}\n" for _, digits, _ in wanted)
    raise UserError(f"'{format_}' cannot be written", fix=suggestion(format_, ("hash", "csv", "lines")))
