"""Windows of the events of a file: which of them its columns can answer, and their values by one run of SQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import OutsideError
from gatehouse.features import sql
from gatehouse.features.define import FeatureSet
from gatehouse.features.plan import Plan
from gatehouse.features.windows import Declaration, Distinct, RepeatShare, Sum
from gatehouse.flows.judge import Judge
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.event import EVENT_SCHEMA


def absent(features: FeatureSet, mapping: Mapping[str, str]) -> frozenset[str]:
    """The columns that no event of a file can have, by the columns that serve for an event's."""
    # A language that is not given is found in the text.
    nullable = {field.name for field in EVENT_SCHEMA if field.nullable} - {"language"}
    profile = set() if "attributes" in mapping else {column.name for column in features.profile}
    return frozenset((nullable | profile) - mapping.keys())


def answerable(features: FeatureSet, mapping: Mapping[str, str]) -> bool:
    """Whether any window can have a value for the events of a file; the others are NULL throughout."""
    missing = absent(features, mapping)
    return any(missing.isdisjoint(said.key) for said in features.windows)


def remarks(judge: Judge, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """What a file without some columns leaves unknown, a sentence each, and the rules that this concerns."""
    missing = absent(judge.features, mapping)
    unknown: dict[tuple[str, ...], list[str]] = {}
    empty: dict[tuple[str, ...], list[str]] = {}
    for said in judge.features.windows:
        if of_whom := tuple(name for name in said.key if name in missing):
            unknown.setdefault(of_whom, []).append(said.name)
        elif of_what := tuple(name for name in _counted(said) if name in missing):
            empty.setdefault(of_what, []).append(said.name)
    found = [_remark(judge, names, "NULL throughout", columns) for columns, names in unknown.items()]
    found += [_remark(judge, names, "over no event at all", columns) for columns, names in empty.items()]
    return tuple(found)


def _counted(said: Declaration) -> Iterator[str]:
    """The columns that an event must have to be counted, in order, each once."""
    of: Sequence[str] = ()
    if isinstance(said, Distinct | RepeatShare):
        of = said.of
    elif isinstance(said, Sum):
        of = (said.of,)
    yield from dict.fromkeys((*said.counted, *of))


def _remark(judge: Judge, names: Sequence[str], how: str, columns: Sequence[str]) -> str:
    rules = [
        f"{detector.name}.{rule.name}"
        for detector in judge.detectors
        if isinstance(detector, RulesDetector)
        for rule in detector.rules
        if not rule.when.columns.keys().isdisjoint(names)
    ]
    windows = f"{', '.join(names)} {'are' if len(names) > 1 else 'is'} {how}"
    why = f"the file has no column for {' and '.join(columns)}"
    asks = "ask for them do not match by them" if len(names) > 1 else "ask for it do not match by it"
    return f"{windows}: {why}" + (f"; rules that {asks}: {', '.join(rules)}" if rules else "")


def windows_of(coded: Iterable[pa.RecordBatch], plan: Plan, engine: SqlEngine) -> Iterator[pa.RecordBatch]:
    """The windows of coded events, in `plan.schema` and in the order of `row`; the batches need not be the same."""
    for batch in engine.query(sql.query(plan), coded, plan.coded):
        yield pa.RecordBatch.from_arrays(batch.columns[1:], schema=plan.schema)


class Stream:
    """Rows that come in batches of one size and are taken in batches of another."""

    def __init__(self, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> None:
        self._batches = batches
        self._left = pa.RecordBatch.from_pylist([], schema=schema)

    def take(self, n: int) -> pa.RecordBatch:
        """The next n rows; raises OutsideError where there are fewer."""
        parts = [self._left.slice(0, n)]
        self._left = self._left.slice(n)
        n -= len(parts[0])
        while n:
            batch = next(self._batches, None)
            if batch is None:
                raise OutsideError("the file became longer while it was read", fix="score it when nobody writes to it")
            parts.append(batch.slice(0, n))
            self._left = batch.slice(n)
            n -= len(parts[-1])
        return pa.concat_batches(parts)
