"""A client of the API: typed answers, all faults of a refusal, and patience with a server that asks for it.

    with Client("https://gatehouse.example.org", key) as gatehouse:
        answer = gatehouse.decide(Event(id="p1", text="...", actor=Entity("account", "42")))
        if answer.enforce != "none": ...

Every request may be sent again without harm, for the server knows events, reports and appeals by their ids; so what was
cut off, or answered 429 or 503, is sent again after the time that the server names.
"""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from gatehouse import __version__
from gatehouse.errors import Fault, GatehouseError, OutsideError
from gatehouse.records.api import DecisionAnswer, FaultsAnswer, ListEntry
from gatehouse.records.case_answers import AppealAnswer, CasesAnswer, EntityAnswer, ReportAnswer, WholeCaseAnswer
from gatehouse.records.event import Event

TRIES = 4
TIMEOUT_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 30.0
MOST_EVENTS = 1_000
"""Events that one request may hold; a longer list is sent in parts."""

_AGAIN = frozenset({429, 502, 503, 504})
_GIVEN_BY_THE_GATE = ("seen", "imported")

T = TypeVar("T")
Said = Event | Mapping[str, Any]
"""An event as a record, or as the JSON object that the API takes."""


class ApiError(GatehouseError):
    """The server refused: with which status, and every fault that it named."""

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        self.status = status
        super().__init__(faults or [Fault(f"the server answered {status} without saying why")])


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and the type of its answer."""

    method: str
    path: str
    answer: Any
    body: bytes | None = None


def _decide(event: Said) -> Call[DecisionAnswer]:
    return Call("POST", "/v1/decisions", DecisionAnswer, _json(event))


def _decide_list(events: Sequence[Said]) -> Call[list[ListEntry]]:
    return Call("POST", "/v1/decisions", list[ListEntry], b"[" + b",".join(map(_json, events)) + b"]")


def _decision(event_id: str) -> Call[DecisionAnswer]:
    return Call("GET", f"/v1/decisions/{_one(event_id)}", DecisionAnswer)


def _report(report: Mapping[str, Any]) -> Call[ReportAnswer]:
    return Call("POST", "/v1/reports", ReportAnswer, msgspec.json.encode(report))


def _reported(report_id: str) -> Call[ReportAnswer]:
    return Call("GET", f"/v1/reports/{_one(report_id)}", ReportAnswer)


def _appeal(appeal: Mapping[str, Any]) -> Call[AppealAnswer]:
    return Call("POST", "/v1/appeals", AppealAnswer, msgspec.json.encode(appeal))


def _appealed(appeal_id: str) -> Call[AppealAnswer]:
    return Call("GET", f"/v1/appeals/{_one(appeal_id)}", AppealAnswer)


def _cases(after: str | None) -> Call[CasesAnswer]:
    return Call("GET", f"/v1/cases?after={_one(after)}" if after else "/v1/cases", CasesAnswer)


def _close(case_id: str, said: Mapping[str, Any]) -> Call[WholeCaseAnswer]:
    return Call("POST", f"/v1/cases/{_one(case_id)}/close", WholeCaseAnswer, msgspec.json.encode(said))


def _entity(entity: str) -> Call[EntityAnswer]:
    return Call("GET", f"/v1/entities/{_one(entity)}", EntityAnswer)


def _get(path: str) -> Call[Any]:
    return Call("GET", path, Any)


def _post(path: str, body: Mapping[str, Any]) -> Call[Any]:
    return Call("POST", path, Any, msgspec.json.encode(body))


def _json(event: Said) -> bytes:
    if not isinstance(event, Event):
        return msgspec.json.encode(event)
    said = {name: value for name, value in msgspec.structs.asdict(event).items() if name not in _GIVEN_BY_THE_GATE}
    said |= {name: str(said[name]) for name in ("actor", "target") if said[name] is not None}
    return msgspec.json.encode({name: value for name, value in said.items() if value not in (None, ())})


def _one(part: str) -> str:
    """A name as one part of a path."""
    return quote(part, safe="")


def _parts(events: Sequence[Said]) -> list[Sequence[Said]]:
    return [events[start : start + MOST_EVENTS] for start in range(0, len(events), MOST_EVENTS)]


@dataclass(frozen=True)
class _Terms:
    """What both clients hold to."""

    key: str
    tries: int

    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.key}",
            "User-Agent": f"gatehouse/{__version__}",
            "Content-Type": "application/json",
        }

    def read(self, call: Call[T], response: httpx.Response) -> T:
        """The typed answer; raises ApiError for a refusal and OutsideError for what is no answer of this API."""
        try:
            if response.is_success:
                found: T = msgspec.json.decode(response.content or b"null", type=call.answer)
                return found
            raise ApiError(response.status_code, msgspec.json.decode(response.content, type=FaultsAnswer).faults)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            what = f"answered {response.status_code} with something else than Gatehouse's API does"
            raise OutsideError(what, where=str(response.url), fix="check the address") from None

    def pause(self, tried: int, response: httpx.Response | None) -> float:
        """Seconds before the next try: what the server asked, else longer each time, at random so that many part."""
        try:
            asked = float(response.headers.get("Retry-After", "")) if response is not None else 0.0
        except ValueError:
            asked = 0.0
        return min(max(asked, 0.1 * 2.0**tried * (1 + random.random())), LONGEST_PAUSE_SECONDS)


def _unreached(error: httpx.HTTPError, url: str) -> OutsideError:
    return OutsideError(
        f"cannot be reached: {type(error).__name__}", where=url, fix="check the address; is gatehouse serve running?"
    )


class Client:
    """Asks a server and waits for its answer; for several threads at once."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        tries: int = TRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._terms = _Terms(key, tries)
        self._http = httpx.Client(base_url=url, timeout=timeout, headers=self._terms.headers(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """The answer to a call; raises ApiError where it is refused and OutsideError where nobody answers."""
        for tried in range(self._terms.tries):
            response = None
            try:
                response = self._http.request(call.method, call.path, content=call.body)
            except httpx.HTTPError as error:
                if tried + 1 == self._terms.tries:
                    raise _unreached(error, str(self._http.base_url)) from None
            if response is not None and (response.status_code not in _AGAIN or tried + 1 == self._terms.tries):
                break
            time.sleep(self._terms.pause(tried, response))
        assert response is not None
        return self._terms.read(call, response)

    def decide(self, event: Said) -> DecisionAnswer:
        """The decision for an event, on record when this returns."""
        return self.send(_decide(event))

    def decide_list(self, events: Sequence[Said]) -> list[ListEntry]:
        """What became of each event, in order; one that is at fault costs itself alone."""
        return [entry for part in _parts(events) for entry in self.send(_decide_list(part))]

    def decision(self, event_id: str) -> DecisionAnswer:
        """The decision that stands for an event."""
        return self.send(_decision(event_id))

    def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """Report an event: `id`, `event_id`, `reporter`, `policy` or what else is wrong (docs/reports.md)."""
        return self.send(_report(report))

    def reported(self, report_id: str) -> ReportAnswer:
        """What became of a report."""
        return self.send(_reported(report_id))

    def appeal(self, appeal: Mapping[str, Any]) -> AppealAnswer:
        """Contest a decision: `id`, `decision_id` or `event_id`, `by`, `statement`."""
        return self.send(_appeal(appeal))

    def appealed(self, appeal_id: str) -> AppealAnswer:
        """What became of an appeal."""
        return self.send(_appealed(appeal_id))

    def cases(self, after: str | None = None) -> CasesAnswer:
        """A page of what waits for a person, in the order in which to look at it."""
        return self.send(_cases(after))

    def close_case(self, case_id: str, **said: Any) -> WholeCaseAnswer:
        """Close a case: `value`, `why`, and where it needs them `policy` and `step`."""
        return self.send(_close(case_id, said))

    def entity(self, entity: str) -> EntityAnswer:
        """What is on the record of `kind:id`."""
        return self.send(_entity(entity))

    def get(self, path: str) -> Any:
        """What any other path answers, such as `/v1/policies`."""
        return self.send(_get(path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What any other path answers to a body, such as `/v1/reports`."""
        return self.send(_post(path, body))


class AsyncClient:
    """Asks a server without blocking the loop."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        tries: int = TRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._terms = _Terms(key, tries)
        self._http = httpx.AsyncClient(
            base_url=url, timeout=timeout, headers=self._terms.headers(), transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """As `Client.send`."""
        for tried in range(self._terms.tries):
            response = None
            try:
                response = await self._http.request(call.method, call.path, content=call.body)
            except httpx.HTTPError as error:
                if tried + 1 == self._terms.tries:
                    raise _unreached(error, str(self._http.base_url)) from None
            if response is not None and (response.status_code not in _AGAIN or tried + 1 == self._terms.tries):
                break
            await asyncio.sleep(self._terms.pause(tried, response))
        assert response is not None
        return self._terms.read(call, response)

    async def decide(self, event: Said) -> DecisionAnswer:
        """The decision for an event, on record when this returns."""
        return await self.send(_decide(event))

    async def decide_list(self, events: Sequence[Said]) -> list[ListEntry]:
        """What became of each event, in order; one that is at fault costs itself alone."""
        return [entry for part in _parts(events) for entry in await self.send(_decide_list(part))]

    async def decision(self, event_id: str) -> DecisionAnswer:
        """The decision that stands for an event."""
        return await self.send(_decision(event_id))

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """Report an event: `id`, `event_id`, `reporter`, `policy` or what else is wrong (docs/reports.md)."""
        return await self.send(_report(report))

    async def reported(self, report_id: str) -> ReportAnswer:
        """What became of a report."""
        return await self.send(_reported(report_id))

    async def appeal(self, appeal: Mapping[str, Any]) -> AppealAnswer:
        """Contest a decision: `id`, `decision_id` or `event_id`, `by`, `statement`."""
        return await self.send(_appeal(appeal))

    async def appealed(self, appeal_id: str) -> AppealAnswer:
        """What became of an appeal."""
        return await self.send(_appealed(appeal_id))

    async def cases(self, after: str | None = None) -> CasesAnswer:
        """A page of what waits for a person, in the order in which to look at it."""
        return await self.send(_cases(after))

    async def close_case(self, case_id: str, **said: Any) -> WholeCaseAnswer:
        """Close a case: `value`, `why`, and where it needs them `policy` and `step`."""
        return await self.send(_close(case_id, said))

    async def entity(self, entity: str) -> EntityAnswer:
        """What is on the record of `kind:id`."""
        return await self.send(_entity(entity))

    async def get(self, path: str) -> Any:
        """What any other path answers, such as `/v1/policies`."""
        return await self.send(_get(path))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What any other path answers to a body, such as `/v1/reports`."""
        return await self.send(_post(path, body))
