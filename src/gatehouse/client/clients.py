"""The two clients of the API, and what both hold to: how often they ask, and what an answer means."""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import msgspec

from gatehouse import __version__
from gatehouse.client import calls
from gatehouse.client.calls import Call, Said
from gatehouse.errors import Fault, GatehouseError, OutsideError, UserError
from gatehouse.records.api import DecisionAnswer, EventAnswer, FaultsAnswer, ListEntry
from gatehouse.records.case_answers import (
    AppealAnswer,
    CasesAnswer,
    EntityAnswer,
    ErasedAnswer,
    ReportAnswer,
    WholeCaseAnswer,
)
from gatehouse.records.standing import Mark

TRIES = 4
TIMEOUT_SECONDS = 15.0
"""Longer than the ten seconds after which the server itself says that it has no answer, and when to come again."""

LONGEST_PAUSE_SECONDS = 30.0

_AGAIN = frozenset({429, 502, 503, 504})

T = TypeVar("T")


class ApiError(GatehouseError):
    """The server refused: with which status, and every fault that it named."""

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        self.status = status
        super().__init__(faults or [Fault(f"the server answered {status} without saying why")])


@dataclass(frozen=True)
class _Terms:
    """What both clients hold to."""

    url: httpx.URL
    key: str = field(repr=False)
    tries: int

    @classmethod
    def of(cls, url: str, key: str, tries: int) -> "_Terms":
        """These terms; raises UserError where the address or the key can be none."""
        key = key.strip()  # a file that holds one ends with a line break
        if not key or not key.isascii() or not key.isprintable():
            raise UserError("no key", fix="give one that the server knows: gatehouse keys make NAME --scope SCOPE")
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise UserError(f"no address of a server: '{url}'", fix="write it as http://127.0.0.1:8080")
        return cls(address, key, max(1, tries))

    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.key}",
            "User-Agent": f"gatehouse/{__version__}",
            "Content-Type": "application/json",
        }

    def again(self, call: Call[Any], tried: int, came: httpx.Response | httpx.HTTPError) -> bool:
        """Whether to send it again after this."""
        if tried + 1 >= self.tries:
            return False
        if isinstance(came, httpx.HTTPError):
            return not call.once
        return came.status_code in _AGAIN and (not call.once or came.status_code == 429)

    def read(self, call: Call[T], came: httpx.Response | httpx.HTTPError) -> T:
        """The typed answer; raises ApiError for a refusal and OutsideError for what is no answer of this API."""
        if isinstance(came, httpx.HTTPError):
            fix = "check the address; is gatehouse serve running?"
            if call.once:
                fix = f"it may have been done: look there before you send it again; if not, {fix}"
            raise OutsideError(f"cannot be reached: {type(came).__name__}", where=str(self.url), fix=fix) from None
        try:
            if came.is_success:
                found: T = msgspec.json.decode(came.content or b"null", type=call.answer)
                return found
            raise ApiError(came.status_code, msgspec.json.decode(came.content, type=FaultsAnswer).faults)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            what = f"answered {came.status_code} with something else than Gatehouse's API does"
            raise OutsideError(what, where=str(came.url), fix="check the address") from None

    def pause(self, tried: int, came: httpx.Response | httpx.HTTPError) -> float:
        """Seconds before the next try: what the server asked, else longer each time, at random so that many part."""
        said = came.headers.get("Retry-After", "") if isinstance(came, httpx.Response) else ""
        asked = float(said) if said.isdecimal() else 0.0
        return min(max(asked, 0.1 * 2.0**tried * (1 + random.random())), LONGEST_PAUSE_SECONDS)


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
        self._terms = terms = _Terms.of(url, key, tries)
        self._http = httpx.Client(base_url=terms.url, timeout=timeout, headers=terms.headers(), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """The answer to a call; raises ApiError where it is refused and OutsideError where nobody answers."""
        came: httpx.Response | httpx.HTTPError
        for tried in count():
            try:
                came = self._http.request(call.method, call.path, content=call.body)
            except httpx.HTTPError as error:
                came = error
            if not self._terms.again(call, tried, came):
                break
            time.sleep(self._terms.pause(tried, came))
        return self._terms.read(call, came)

    def decide(self, event: Said) -> DecisionAnswer:
        """The decision for an event, on record when this returns."""
        return self.send(calls.decide(event))

    def decide_list(self, events: Iterable[Said]) -> list[ListEntry]:
        """What became of each event, in order; one that is at fault costs itself alone."""
        return [entry for part in calls.decide_lists(events) for entry in self.send(part)]

    def decision(self, event_id: str) -> DecisionAnswer:
        """The decision that stands for an event."""
        return self.send(calls.decision(event_id))

    def event(self, event_id: str) -> EventAnswer:
        """An event with its content and all that is known of it; that somebody looked is recorded."""
        return self.send(calls.event(event_id))

    def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """Report an event: `id`, `event_id`, `reporter`, `policy` or what else is wrong (docs/reports.md)."""
        return self.send(calls.report(report))

    def reported(self, report_id: str) -> ReportAnswer:
        """What became of a report."""
        return self.send(calls.reported(report_id))

    def appeal(self, appeal: Mapping[str, Any]) -> AppealAnswer:
        """Contest a decision: `id`, `decision_id` or `event_id`, `by`, `statement`."""
        return self.send(calls.appeal(appeal))

    def appealed(self, appeal_id: str) -> AppealAnswer:
        """What became of an appeal."""
        return self.send(calls.appealed(appeal_id))

    def cases(self, after: str | None = None) -> CasesAnswer:
        """A page of what waits for a person, in the order in which to look at it."""
        return self.send(calls.cases(after))

    def case(self, case_id: str) -> WholeCaseAnswer:
        """A case with what people wrote; that somebody looked is recorded."""
        return self.send(calls.case(case_id))

    def close_case(self, case_id: str, **said: Any) -> WholeCaseAnswer:
        """Close a case: `value`, `why`, and where it needs them `policy` and `step`."""
        return self.send(calls.close(case_id, said))

    def entity(self, entity: str) -> EntityAnswer:
        """What is on the record of `kind:id`."""
        return self.send(calls.entity(entity))

    def mark(self, entity: str, **said: Any) -> Mark:
        """Put a mark on an entity: `name`, `why`, and for one that ends by itself `until`."""
        return self.send(calls.mark(entity, said))

    def unmark(self, entity: str, name: str) -> None:
        """Take a mark off an entity."""
        self.send(calls.unmark(entity, name))

    def erase(self, entity: str, why: str) -> ErasedAnswer:
        """Erase all content and identifiers of an entity."""
        return self.send(calls.erase(entity, why))

    def get(self, path: str) -> Any:
        """What any other path answers, such as `/v1/policies`."""
        return self.send(calls.get(path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What any other path answers to a body, such as `/v1/reports`."""
        return self.send(calls.post(path, body))


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
        self._terms = terms = _Terms.of(url, key, tries)
        self._http = httpx.AsyncClient(
            base_url=terms.url, timeout=timeout, headers=terms.headers(), transport=transport
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
        came: httpx.Response | httpx.HTTPError
        for tried in count():
            try:
                came = await self._http.request(call.method, call.path, content=call.body)
            except httpx.HTTPError as error:
                came = error
            if not self._terms.again(call, tried, came):
                break
            await asyncio.sleep(self._terms.pause(tried, came))
        return self._terms.read(call, came)

    async def decide(self, event: Said) -> DecisionAnswer:
        """The decision for an event, on record when this returns."""
        return await self.send(calls.decide(event))

    async def decide_list(self, events: Iterable[Said]) -> list[ListEntry]:
        """What became of each event, in order; one that is at fault costs itself alone."""
        return [entry for part in calls.decide_lists(events) for entry in await self.send(part)]

    async def decision(self, event_id: str) -> DecisionAnswer:
        """The decision that stands for an event."""
        return await self.send(calls.decision(event_id))

    async def event(self, event_id: str) -> EventAnswer:
        """An event with its content and all that is known of it; that somebody looked is recorded."""
        return await self.send(calls.event(event_id))

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """Report an event: `id`, `event_id`, `reporter`, `policy` or what else is wrong (docs/reports.md)."""
        return await self.send(calls.report(report))

    async def reported(self, report_id: str) -> ReportAnswer:
        """What became of a report."""
        return await self.send(calls.reported(report_id))

    async def appeal(self, appeal: Mapping[str, Any]) -> AppealAnswer:
        """Contest a decision: `id`, `decision_id` or `event_id`, `by`, `statement`."""
        return await self.send(calls.appeal(appeal))

    async def appealed(self, appeal_id: str) -> AppealAnswer:
        """What became of an appeal."""
        return await self.send(calls.appealed(appeal_id))

    async def cases(self, after: str | None = None) -> CasesAnswer:
        """A page of what waits for a person, in the order in which to look at it."""
        return await self.send(calls.cases(after))

    async def case(self, case_id: str) -> WholeCaseAnswer:
        """A case with what people wrote; that somebody looked is recorded."""
        return await self.send(calls.case(case_id))

    async def close_case(self, case_id: str, **said: Any) -> WholeCaseAnswer:
        """Close a case: `value`, `why`, and where it needs them `policy` and `step`."""
        return await self.send(calls.close(case_id, said))

    async def entity(self, entity: str) -> EntityAnswer:
        """What is on the record of `kind:id`."""
        return await self.send(calls.entity(entity))

    async def mark(self, entity: str, **said: Any) -> Mark:
        """Put a mark on an entity: `name`, `why`, and for one that ends by itself `until`."""
        return await self.send(calls.mark(entity, said))

    async def unmark(self, entity: str, name: str) -> None:
        """Take a mark off an entity."""
        await self.send(calls.unmark(entity, name))

    async def erase(self, entity: str, why: str) -> ErasedAnswer:
        """Erase all content and identifiers of an entity."""
        return await self.send(calls.erase(entity, why))

    async def get(self, path: str) -> Any:
        """What any other path answers, such as `/v1/policies`."""
        return await self.send(calls.get(path))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What any other path answers to a body, such as `/v1/reports`."""
        return await self.send(calls.post(path, body))
