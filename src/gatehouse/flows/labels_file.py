"""The files of labelling: texts to label, and a labels file from which no answer is lost."""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from gatehouse.datasets import tables
from gatehouse.errors import Faults, OutsideError, UserError, suggestion
from gatehouse.evaluation.prevalence_files import ANSWERS, RowFaults, rows_in_words

COLUMNS = ("id", "label", "value", "rater", "at", "policy", "policy_version", "chance", "seconds", "look")
"""Columns of a labels file; `look` is 2 where a rater was shown a text again without being told."""

WANTED = ("id", "text", "chance")

Key = tuple[str, str, str, int]
"""Id, label, rater and look: what an answer is to, and whose it is."""


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts of a file in its order, with the chance of each where it was drawn.

    `set_aside` says what could not be taken, with its rows.
    """

    path: Path
    text: dict[str, str]
    chance: dict[str, str]
    set_aside: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.text)


class Answer(NamedTuple):
    """What one rater said about one label of one text; `value` is yes, no or unsure, `look` 1 or 2.

    `at` is in microseconds UTC, `seconds` how long it took; both None where a spreadsheet does not say.
    """

    id: str
    label: str
    value: str
    rater: str
    at: int | None = None
    policy: str = ""
    policy_version: str = ""
    chance: str = ""
    seconds: float | None = None
    look: int = 1

    @property
    def key(self) -> Key:
        """What it answers, and who answered."""
        return self.id, self.label, self.rater, self.look


def read_texts(path: Path, given: Mapping[str, str]) -> Texts:
    """The texts of a CSV, JSONL or Parquet file; `given` maps id, text and chance to its columns.

    A record that cannot be read, without an id or without text is set aside. Raises UserError where one id stands for
    two texts, or a chance is none.
    """
    mapping = _columns(path, given)
    faults, aside = RowFaults(path), dict[str, list[int]]()
    text: dict[str, str] = {}
    chance: dict[str, str] = {}
    for block in tables.read(path, mapping):
        for bad in block.bad:
            aside.setdefault(f"cannot be read: {bad.reason}", []).append(bad.row)
        columns = block.columns.to_pydict()
        for i, row in enumerate(block.row_numbers.tolist()):
            id_, said = columns["id"][i], columns["text"][i]
            if not (id_ or "").strip() or not (said or "").strip():
                why = "without an id" if not (id_ or "").strip() else "without text"
                aside.setdefault(why, []).append(row)
            elif text.setdefault(id_, said) != said:
                faults.add(f"the id '{id_}' came before with another text", row, "give each text an id of its own")
            elif drawn := (columns["chance"][i] or "" if "chance" in columns else ""):
                if not _is_chance(drawn):
                    faults.add(f"'{drawn}' is no chance", row, "give the file as it was planned or drawn")
                chance[id_] = drawn
    if found := faults.faults():
        raise UserError(found)
    if not text:
        raise UserError("there is no text to label in this file", where=str(path), fix="give a file of id and text")
    return Texts(path, text, chance, tuple(f"{why} ({rows_in_words(rows)})" for why, rows in aside.items()))


def _columns(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    names, faults = tables.column_names(path), Faults()
    for name, column in given.items():
        if name not in WANTED:
            faults.add(f"'{name}' is not a column that is read", f"--map {name}={column}", suggestion(name, WANTED))
    mapping = {name: given.get(name, name) for name in WANTED if name in given or name in names}
    for name in WANTED[:2]:
        if name not in mapping:
            faults.add(
                f"no column '{name}'", str(path), f"say which: --map {name}=COLUMN; the file has {', '.join(names)}"
            )
    faults.raise_found()
    return mapping


def _is_chance(said: str) -> bool:
    try:
        return 0 < float(said) <= 1
    except ValueError:
        return False


@dataclass
class LabelsFile:
    """A labels file: every answer is on disk before the next question; the latest of a rater on a question counts.

    `mended` says that the last line was cut off while it was written, and was taken out.
    """

    path: Path
    answers: dict[Key, Answer] = field(default_factory=dict)
    mended: bool = False

    @classmethod
    def open(cls, path: Path, texts: Texts, labels: Sequence[str]) -> "LabelsFile":
        """Read what is there, or begin; raises UserError with every row that is no answer to these questions."""
        if path.suffix.lower() != ".csv":
            raise UserError("labels are written as CSV", where=str(path), fix="end --labels in .csv")
        if path.resolve() == texts.path.resolve():
            raise UserError("the labels would be written into the file of texts", where=str(path), fix="choose another")
        made = cls(path)
        if path.exists() and path.stat().st_size:
            made._read(texts, labels)
        return made

    def add(self, answers: Sequence[Answer]) -> None:
        """Append answers, all of them in one write, and see them on disk before going on."""
        if not answers:
            return
        rows = _as_csv(_row(answer) for answer in answers)
        try:
            if not self.path.exists() or not self.path.stat().st_size:
                self._begin()
            with self.path.open("ab", buffering=0) as file:
                file.write(rows)
                os.fsync(file.fileno())
        except OSError as error:
            raise OutsideError(f"the answer could not be written: {error.strerror}", where=str(self.path)) from error
        self.answers |= {answer.key: answer for answer in answers}

    def _begin(self) -> None:
        """Put the header there, whole, unless another rater was first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        begun = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        begun.write_bytes(_as_csv([COLUMNS]))
        try:
            if self.path.exists() and not self.path.stat().st_size:
                begun.replace(self.path)
            else:
                os.link(begun, self.path)
        except FileExistsError:
            pass
        finally:
            begun.unlink(missing_ok=True)

    def of(self, rater: str, look: int = 1) -> dict[tuple[str, str], Answer]:
        """A rater's answers at one look, by id and label."""
        return {(one.id, one.label): one for one in self.answers.values() if one.rater == rater and one.look == look}

    @property
    def raters(self) -> list[str]:
        """Everybody who answered, in the order of the first answers."""
        return list(dict.fromkeys(answer.rater for answer in self.answers.values()))

    def _read(self, texts: Texts, labels: Sequence[str]) -> None:
        content = self.path.read_bytes()
        if not content.endswith(b"\n"):
            self._mend(content)
        if not self.path.stat().st_size:
            return
        if tuple(tables.column_names(self.path)) != COLUMNS:
            raise UserError(
                "this is not a labels file",
                where=str(self.path),
                fix="name another with --labels, or take it by --from",
            )
        faults = RowFaults(self.path)
        for block in tables.read(self.path, {name: name for name in COLUMNS}):
            for bad in block.bad:
                faults.add(bad.reason, bad.row, "mend or remove the row")
            for row, said in zip(block.row_numbers.tolist(), block.columns.to_pylist(), strict=True):
                wrong = _wrong(said, texts, labels)
                for what, fix in wrong:
                    faults.add(what, row, fix)
                if not wrong:
                    answer = _answer(said)
                    self.answers[answer.key] = answer
        if found := faults.faults():
            raise UserError(found)

    def _mend(self, content: bytes) -> None:
        """A last line without an end was cut off by a crash; what a person saved without an end is whole."""
        last = content.rpartition(b"\n")[2].decode("utf-8", "replace")
        fields = next(csv.reader([last]), [])
        if len(fields) == len(COLUMNS) and fields[-1] in ("1", "2", COLUMNS[-1]):
            with self.path.open("ab") as file:
                file.write(b"\n")
            return
        with self.path.open("r+b") as file:
            file.truncate(len(content) - len(content.rpartition(b"\n")[2]))
        self.mended = True


def _as_csv(rows: Iterable[Sequence[object]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _row(answer: Answer) -> tuple[object, ...]:
    seconds = None if answer.seconds is None else f"{answer.seconds:.1f}"
    return answer._replace(seconds=seconds)  # type: ignore[arg-type]


def _wrong(said: Mapping[str, str | None], texts: Texts, labels: Sequence[str]) -> list[tuple[str, str]]:
    wrong = []
    if said["id"] not in texts.text:
        wrong.append((f"unknown id '{said['id']}'", f"it is not in {texts.path}; name the file that was labelled"))
    if said["label"] not in labels:
        wrong.append((f"unknown label '{said['label']}'", suggestion(said["label"] or "", labels)))
    if said["value"] not in ANSWERS:
        wrong.append((f"'{said['value'] or ''}' is no answer", "write yes, no or unsure"))
    if not said["rater"]:
        wrong.append(("there is no rater", "write who answered"))
    if said["look"] not in ("1", "2"):
        wrong.append((f"'{said['look'] or ''}' is no look", "write 1, or 2 for a text that was shown again"))
    return wrong


def _answer(said: Mapping[str, str | None]) -> Answer:
    def word(name: str) -> str:
        return said[name] or ""

    return Answer(
        id=word("id"),
        label=word("label"),
        value=word("value"),
        rater=word("rater"),
        at=int(word("at")) if word("at").isdigit() else None,
        policy=word("policy"),
        policy_version=word("policy_version"),
        chance=word("chance"),
        seconds=float(word("seconds")) if word("seconds").replace(".", "", 1).isdigit() else None,
        look=int(word("look")),
    )
