"""One Redis server: how it is asked, and what is said when it does not answer."""

import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from gatehouse.errors import Fault, OutsideError, UserError

_IDLE = 15
"""Seconds after which a connection is tried before it is used; one that was cut in the quiet costs no batch then."""

_MOST_RESTS = 16
"""How many times the first rest a later one is at most."""

_NO_ANSWER = "see that it runs and can be reached; until then windows are not available"


class UnansweredError(OutsideError):
    """Redis did not answer: whether it did what it was asked is not known."""


class Server:
    """A Redis server that is asked once, never again by itself, within a limit of time.

    After a question without an answer it is left alone for a moment, and after each further one for twice as long, so
    that what waits for it does not pile up and a server that stalls costs little however long it does.
    """

    def __init__(
        self, url: str, *, timeout: float = 0.5, rest: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`timeout` is in seconds and holds for connecting and for each answer; `rest` is how long it is left alone.

        Raises UserError where the address is none.
        """
        try:
            self.client = redis.Redis.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
                health_check_interval=_IDLE,
                protocol=2,
            )
        except ValueError as error:
            fix = "write redis://HOST:PORT/NUMBER, or rediss:// for TLS"
            raise UserError("the address of Redis cannot be read", where="GATEHOUSE_REDIS", fix=fix) from error
        given = self.client.connection_pool.connection_kwargs
        self.where = f"Redis at {given.get('path') or '{}:{}'.format(given.get('host'), given.get('port', 6379))}"
        self._apply = self.client.register_script(files(__package__).joinpath("apply.lua").read_text())
        self._rest, self._clock, self._until = rest, clock, float("-inf")
        self._unanswered = 0

    def apply(self, keys: Sequence[str], arguments: Sequence[Any]) -> list[Any]:
        """Run the script of the history: one round trip, and two more where the server does not know it yet.

        Raises UnansweredError where it may have run, and OutsideError where it has changed nothing.
        """
        answer: list[Any] = self.ask(lambda: self._apply(keys=list(keys), args=list(arguments)))
        return answer

    def ask(self, question: Callable[[], Any]) -> Any:
        """What the server answers; raises as `apply` does."""
        if self._clock() < self._until:
            raise OutsideError("did not answer a moment ago", where=self.where, fix=_NO_ANSWER)
        try:
            answer = question()
        except (NoConnection, NoAnswer) as error:
            self._until = self._clock() + self._rest * min(2**self._unanswered, _MOST_RESTS)
            self._unanswered += 1
            what = "does not answer in time" if isinstance(error, NoAnswer) else "cannot be reached"
            raise UnansweredError(what, where=self.where, fix=_NO_ANSWER) from error
        except RedisError as error:
            what, fix = _refused(error)
            raise OutsideError(what, where=self.where, fix=fix) from error
        self._unanswered = 0
        return answer

    def faults(self) -> list[Fault]:
        """What would make it forget or lose values: for people to read before they rely on it."""
        known = self.ask(self.client.info)
        found = []
        if (policy := known.get("maxmemory_policy")) != "noeviction":
            what = f"drops values when its memory is full (maxmemory-policy is {policy}), and counts would be too low"
            found.append(Fault(what, self.where, "CONFIG SET maxmemory-policy noeviction"))
        if known.get("role") != "master":
            found.append(Fault("is a replica and takes no writes", self.where, "name its master in GATEHOUSE_REDIS"))
        if tuple(map(int, known["redis_version"].split(".")[:2])) < (6, 0):
            found.append(Fault(f"is version {known['redis_version']}", self.where, "use version 6.0 or later"))
        return found


def _refused(error: RedisError) -> tuple[str, str]:
    """What a refusal means, and the next step; versions differ in where they say of which kind a script's error is."""
    said = str(error)
    if isinstance(error, ReadOnlyError) or "READONLY" in said:
        return "is a replica and takes no writes", "name its master in GATEHOUSE_REDIS"
    if isinstance(error, OutOfMemoryError) or "OOM" in said or "maxmemory" in said:
        return "has no memory left", "give it more memory (maxmemory), or declare fewer and shorter windows"
    if "WRONGTYPE" in said:
        fix = "name another database in GATEHOUSE_REDIS: something else writes under gatehouse: in this one"
        return "holds something else under the history's keys", fix
    return f"refused: {said[:200]}", "mend what Redis says; nothing was counted"
