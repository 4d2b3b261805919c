"""A history in Redis from the events of the ledger: after a first start, or when Redis has lost its memory."""

import contextlib
import secrets
from collections.abc import Callable

import pyarrow as pa

from gatehouse.adapters.redis.history import Names, RedisHistory, Times, empty_state
from gatehouse.adapters.redis.server import Server
from gatehouse.errors import OutsideError
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import each_id_once
from gatehouse.ports.ledger import Ledger
from gatehouse.records.event import to_batch

BLOCK = 1_000
"""Events that are read from the log and counted at a time: so many keep Redis from others for a few milliseconds."""

_LEASE = 60_000
"""Milliseconds after which a filling that does not go on is given up, and another may begin."""

_SWAP = """
if redis.call('HGET', KEYS[1], 'life') ~= ARGV[1] then
  return 0
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('DEL', KEYS[3], KEYS[4])
return 1
"""

_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1])"


def is_filled(judge: Judge, server: Server) -> bool:
    """Whether Redis holds a history of this judge's features; raises OutsideError where it does not answer."""
    names = Names.of(judge.features.plan, judge.features_version)
    return bool(server.ask(lambda: server.client.exists(names.state)))


def rebuild(ledger: Ledger, judge: Judge, server: Server, times: Times | None = None) -> str:
    """Fill Redis with all events of the ledger and let it be used from then on; gives a sentence on what was done.

    It is filled beside what is used meanwhile, and takes its place at once. What comes to the ledger while that is done
    is counted at the end, by its id and so not twice. Raises OutsideError where Redis does not answer or another fills
    it; what was used until then stays.
    """
    plan, version = judge.features.plan, judge.features_version
    names, life, client = Names.of(plan, version), secrets.token_hex(4), server.client
    if not server.ask(lambda: client.set(names.lock, life, nx=True, px=_LEASE)):
        raise OutsideError("is being filled by another worker", where=server.where, fix="wait until it is filled")
    try:
        server.ask(lambda: client.delete(names.filling, names.filling_workers))
        server.ask(lambda: client.hset(names.filling, mapping=empty_state(life, version)))
        filling = RedisHistory(plan, version, server, times, filling=life)

        def renew() -> None:
            server.ask(lambda: client.set(names.lock, life, xx=True, px=_LEASE))

        position = _count_on(ledger, judge, filling.replay, 0, renew)
        keys = [names.filling, names.state, names.filling_workers, names.workers]
        if not server.ask(lambda: client.eval(_SWAP, len(keys), *keys, life)):
            raise OutsideError("is being filled by another worker", where=server.where, fix="wait until it is filled")
        position = _count_on(ledger, judge, RedisHistory(plan, version, server, times).catch_up, position, renew)
    finally:
        with contextlib.suppress(OutsideError):
            server.ask(lambda: client.eval(_RELEASE, 1, names.lock, life))
    return f"{position:,} {'event' if position == 1 else 'events'} counted from the ledger"


def _count_on(
    ledger: Ledger,
    judge: Judge,
    count: Callable[[pa.RecordBatch], pa.RecordBatch],
    position: int,
    renew: Callable[[], None],
) -> int:
    """Count what the log holds after a position; gives the last one, and renews the lease after each block."""
    while block := ledger.log(after=position, most=BLOCK):
        for part in each_id_once(event for _, event in block):
            count(judge.prepare(to_batch(part)).coded)
        position = block[-1][0]
        renew()
    return position
