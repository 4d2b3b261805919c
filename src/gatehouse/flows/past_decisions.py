"""Somebody's past decisions, whatever system made them, beside what a policy would decide on the same texts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import tables
from gatehouse.datasets.times import microseconds
from gatehouse.errors import Faults, UserError, did_you_mean, suggestion
from gatehouse.evaluation.prevalence_files import RowFaults
from gatehouse.flows.replay_policy import OUTCOMES, Candidate, Compared, Reach, Replay, Said, said_of
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import Entity, Event, to_batch

BLOCK = 4_096
COLUMNS = ("text", "decision", "id", "actor", "occurred", "language")
"""Columns that are read; the first two must be there."""

_KINDS = tuple(kind.word for kind in Kind if kind is not Kind.NONE)
MEANINGS = (*OUTCOMES, *_KINDS)
"""What a word of theirs can mean: an outcome, or an enforcement, which is done to what violates."""

SYNONYMS: dict[str, str] = {
    **dict.fromkeys(
        ("allow", "allowed", "approve", "approved", "keep", "kept", "pass", "passed", "ok", "clean", "none"), "clear"
    ),
    **dict.fromkeys(("no", "no action", "not violating", "non-violating", "ignore", "ignored", "dismissed"), "clear"),
    **dict.fromkeys(("review", "in review", "pending", "unsure", "queue", "queued"), "undecided"),
    **dict.fromkeys(("yes", "violation", "violates", "reject", "rejected"), "violating"),
    **dict.fromkeys(("removed", "delete", "deleted", "block", "blocked", "take down", "takedown"), "remove"),
    **dict.fromkeys(("taken down",), "remove"),
    **dict.fromkeys(("limited", "restrict", "restricted", "downrank", "downranked"), "limit"),
    **dict.fromkeys(("warned", "warning"), "warn"),
    **dict.fromkeys(("labelled", "labeled"), "label"),
    **dict.fromkeys(("blurred",), "blur"),
    **dict.fromkeys(("age-gate", "age gate", "age-gated"), "age_gate"),
    **dict.fromkeys(("suspended",), "suspend"),
    **dict.fromkeys(("terminated",), "terminate"),
    **dict.fromkeys(("escalated",), "escalate"),
    **{meaning: meaning for meaning in MEANINGS},
}
"""Words for decisions, in small letters, and what they mean here."""


class Past(NamedTuple):
    """A past decision as it was read."""

    event: Event
    said: Said


def meanings(given: Mapping[str, str]) -> dict[str, str]:
    """The synonyms together with what a person says words mean; raises UserError for every meaning that is none."""
    faults = Faults()
    for word, meaning in given.items():
        if meaning not in MEANINGS:
            faults.add(
                f"'{meaning}' is neither an outcome nor an enforcement",
                f"--map-decision {word}={meaning}",
                suggestion(meaning, MEANINGS),
            )
    faults.raise_found()
    return SYNONYMS | {word.strip().casefold(): meaning for word, meaning in given.items()}


def over_decisions(
    tried: Candidate,
    path: Path,
    given: Mapping[str, str],
    words: Mapping[str, str],
    since: int | None = None,
    until: int | None = None,
    each: Callable[[Sequence[Compared]], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> Replay:
    """Judge the texts of a file of decisions and compare; each row is a decision of its own.

    `given` maps columns to the file's, `words` is what `meanings` gave. Of the windows of an actor nothing is known.
    Raises UserError, before anything is judged, where a word is not known, with its rows.
    """
    mapping = _mapping(path, given)
    if (since, until) != (None, None) and "occurred" not in mapping:
        fix = "name its column: --map occurred=COLUMN; or leave out --since and --until"
        raise UserError("no column says when the texts occurred", where=str(path), fix=fix)
    _check_words(path, mapping, words)
    done = Replay()
    with closing(Reach(done)) as reach:
        for rows in _read(path, mapping, words, since, until, done):
            judgement = tried.judge(to_batch([row.event for row in rows]))
            outcomes = judgement.outcomes[0]
            found = []
            for i, (event, before) in enumerate(rows):
                now = outcomes.of(i)
                actor = None if event.actor is None else str(event.actor)
                found.append(Compared(event.id, actor, before, said_of(now), now.reason))
            done.anew += len(rows)
            each(reach.add(found))
            progress(done.n)
    return done


def _mapping(path: Path, given: Mapping[str, str]) -> dict[str, str]:
    names, faults = tables.column_names(path), Faults()
    for name in given:
        if name not in COLUMNS:
            faults.add(
                f"'{name}' is not a column that is read", f"--map {name}={given[name]}", suggestion(name, COLUMNS)
            )
    mapping = {name: given.get(name, name) for name in COLUMNS if given.get(name, name) in names or name in given}
    for name in COLUMNS[:2]:
        if name not in mapping:
            fix = f"say which it is: --map {name}=COLUMN; the file has {', '.join(names)}"
            faults.add(f"no column '{name}'", str(path), fix)
    faults.raise_found()
    return mapping


def _check_words(path: Path, mapping: Mapping[str, str], words: Mapping[str, str]) -> None:
    faults = RowFaults(path)
    for block in tables.read(path, {"decision": mapping["decision"]}):
        said = pc.fill_null(block.columns["decision"], "")
        unknown = [word for word in pc.unique(said).to_pylist() if word.strip().casefold() not in words]
        if not unknown:
            continue
        at = pc.is_in(said, pa.array(unknown, pa.string())).to_numpy(zero_copy_only=False)
        for word, row in zip(said.filter(pa.array(at)).to_pylist(), block.row_numbers[at], strict=True):
            if not word.strip():
                faults.add("there is no decision", int(row), "write what was decided, or leave the row out")
            else:
                near = did_you_mean(word, words)
                fix = f"{near}say what it means: --map-decision '{word}=MEANING', one of {', '.join(MEANINGS)}"
                faults.add(f"'{word}' is not a known decision", int(row), fix)
    if found := faults.faults():
        raise UserError(found)


def _read(
    path: Path,
    mapping: Mapping[str, str],
    words: Mapping[str, str],
    since: int | None,
    until: int | None,
    done: Replay,
) -> Iterator[list[Past]]:
    """The decisions in blocks; what cannot be compared is counted with its reason."""
    for block in tables.read(path, mapping, batch_rows=BLOCK):
        for bad in block.bad:
            done.leave_out(f"unreadable: {bad.reason.partition(' at byte ')[0]}", f"row {bad.row}")
        columns = block.columns.to_pydict()
        times, wrong = microseconds(block.columns.column("occurred")) if "occurred" in mapping else (None, {})
        moments = [None] * len(block.row_numbers) if times is None else times.to_pylist()
        rows = []
        for i, number in enumerate(block.row_numbers):
            why = _why_not(columns["text"][i], moments[i], wrong.get(i), since, until)
            if why:
                done.leave_out(why, f"row {number}")
                continue
            values = {name: columns[name][i] or None for name in ("id", "actor", "language") if name in columns}
            event = Event(
                id=values.get("id") or f"row-{number}",
                text=columns["text"][i],
                language=values.get("language"),
                actor=_entity(values.get("actor")),
                occurred=moments[i],
                seen=moments[i] or 0,
                imported=True,
            )
            rows.append(Past(event, _said(words[(columns["decision"][i] or "").strip().casefold()])))
        if rows:
            yield rows


def _why_not(text: str | None, at: int | None, wrong: str | None, since: int | None, until: int | None) -> str | None:
    if not (text or "").strip():
        return "without text"
    if (since, until) == (None, None):
        return None
    if at is None:
        return "without a time that can be read" if wrong else "without a time"
    outside = (since is not None and at < since) or (until is not None and at >= until)
    return "outside of the time asked for" if outside else None


def _entity(actor: str | None) -> Entity | None:
    """An account, also where its name holds a colon without a kind before it."""
    if actor is None:
        return None
    kind, _, id_ = actor.partition(":")
    return Entity(kind, id_) if kind and id_ else Entity("account", actor)


def _said(meaning: str) -> Said:
    if meaning in _KINDS:
        return Said("violating", meaning)
    return Said(meaning, "none" if meaning == "clear" else None)
