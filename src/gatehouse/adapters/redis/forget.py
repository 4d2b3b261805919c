"""Redis forgets: what was counted for an actor, as sender and as receiver, in the history of the live releases."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from gatehouse.adapters.redis.carried import Carrier
from gatehouse.adapters.redis.history import Names
from gatehouse.adapters.redis.server import Server
from gatehouse.features.plan import code_name
from gatehouse.flows.judge import Judge
from gatehouse.ports.erasing import Reached, Whom
from gatehouse.records.event import Entity, Event, to_batch

_AT_ONCE = 1_000


class RedisCounts:
    """The values of one judge's windows in Redis; those of earlier versions end by themselves with their windows."""

    def __init__(self, judge: Judge, server: Server) -> None:
        self._judge, self._server = judge, server
        self._names = Names.of(judge.features.plan, judge.features_version)

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: values are found by hashes."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Remove the values under its keys. Raises OutsideError where Redis does not answer."""
        client = self._server.client
        life = self._server.ask(lambda: client.hget(self._names.state, "life"))
        keys = [] if life is None else sorted(self._keys(whom, life.decode()))
        found = 0
        for start in range(0, len(keys), _AT_ONCE):
            ask = partial(client.exists if dry else client.unlink, *keys[start : start + _AT_ONCE])
            found += self._server.ask(ask)
        yield Reached("redis", self._server.where, found, "" if life else "holds no history of the live releases")

    def _keys(self, whom: Whom, life: str) -> set[bytes]:
        """The keys of every table under it alone, and under it together with what else its events say."""
        events = [*whom.events, *_alone(whom)]
        if not events:
            return set()
        coded = self._judge.prepare(to_batch(events)).coded
        plan = self._judge.features.plan
        sent = range(len(whom.events))
        received = [place for place, event in enumerate(events) if event.target == whom.entity]
        codes = {
            code
            for columns in plan.codes
            for code in _codes(coded, columns, [*sent, len(events) - 1] if "actor" in columns else received)
            if "actor" in columns or "target" in columns
        }
        tables = range(1, len(Carrier(plan).shapes) + 1)
        heads = [f"{self._names.prefix}{life}:{table}:".encode() for table in tables]
        return {head + code.to_bytes(8, "little", signed=True) for head in heads for code in codes}


def _alone(whom: Whom) -> list[Event]:
    """An event that it sent to itself, for the codes of its name alone."""
    return [Event(id="", actor=whom.entity, target=whom.entity)] if whom.names else []


def _codes(coded: pa.RecordBatch, columns: tuple[str, ...], rows: list[int]) -> set[int]:
    found = coded.column(code_name(columns)).take(pa.array(rows, pa.int64()))
    return {code for code in found.to_pylist() if code is not None}
