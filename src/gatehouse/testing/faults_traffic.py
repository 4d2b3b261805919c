"""Seeded events for tests of faults, repeated and out of order, by HTTP as the client sends them and by the bus."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

from gatehouse.client import ApiError, Client
from gatehouse.errors import OutsideError
from gatehouse.ports.bus import Producer
from gatehouse.testing.faults_reconcile import Said, Sent
from gatehouse.testing.faults_roles import REMOVED, TOPIC

_HELD = 40
"""Events that wait to be sent: of these any may be next."""


_TEXTS = (REMOVED, "claim your prize: http://x.example", "good morning", "see you at three", "thanks a lot")


class Traffic:
    """An endless row of events in parts: some removed by the policy, some sent again, some with another content under
    a known id, some that are no events. For several threads at once.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._made = 0
        self._waiting: list[Said] = []

    def part(self, most: int) -> list[Said]:
        """The next events, at least one; no id twice."""
        with self._lock:
            wanted = self._chance.randint(1, most)
            found: dict[str, Said] = {}
            while len(found) < wanted:
                while len(self._waiting) < _HELD:
                    self._waiting += self._new()
                said = self._waiting.pop(self._chance.randrange(len(self._waiting)))
                found.setdefault(said["id"], said)
            return list(found.values())

    def _new(self) -> list[Said]:
        chance = self._chance
        self._made += 1
        said: dict[str, Any] = {
            "id": f"e{self._made}",
            "actor": f"account:{chance.randrange(50)}",
            "text": chance.choice(_TEXTS),
        }
        again = [said] * chance.choice([0, 0, 0, 1, 2])
        other = [{**said, "text": "other content"}] if chance.random() < 0.03 else []
        bad = [{"id": f"bad{self._made}", "text": self._made}] if chance.random() < 0.03 else []
        return [said, *again, *other, *bad]


class Senders:
    """Threads that send a traffic until told to stop; each then finishes what it has begun."""

    def __init__(self, traffic: Traffic, sent: Sent, *, pause: float = 0.05) -> None:
        self._traffic, self._sent, self._pause = traffic, sent, pause
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.errors: list[Exception] = []
        self.tries = 0
        """How often nobody answered a request that was then made again."""

    def by_http(self, url: str, key: str, most: int = 8) -> None:
        """One more thread that sends lists of up to `most` events, and single ones, until each is answered."""
        self._begin(lambda: self._http(url, key, most))

    def by_bus(self, producer: Callable[[], Producer], most: int = 8) -> None:
        """One more thread that sends messages."""
        self._begin(lambda: self._bus(producer(), most))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stop.set()

    def give_up(self) -> None:
        """Insist on nothing more: what is without an answer stays so."""
        self.stop()
        self._given_up.set()

    def finish(self, seconds: float = 60.0) -> None:
        """Wait until all that was begun is answered; raises what a sender could not bear."""
        self.stop()
        for thread in self._threads:
            thread.join(seconds)
            assert not thread.is_alive(), "a sender has no answer"
        if self.errors:
            raise self.errors[0]

    def _begin(self, work: Callable[[], None]) -> None:
        def kept() -> None:
            try:
                work()
            except Exception as error:
                self.errors.append(error)

        thread = threading.Thread(target=kept, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _parts(self, most: int) -> Iterator[list[Said]]:
        while not self._stop.wait(self._pause):
            yield self._traffic.part(most)

    def _http(self, url: str, key: str, most: int) -> None:
        with Client(url, key, tries=3, timeout=15.0) as client:
            for part in self._parts(most):
                while not self._given_up.is_set() and not self._answered(client, part):
                    self.tries += 1

    def _answered(self, client: Client, part: list[Said]) -> bool:
        try:
            if len(part) == 1:
                answer = client.decide(part[0])
                with self._lock:
                    self._sent.answered.append((part[0], answer))
                return True
            entries = client.decide_list(part)
        except OutsideError:
            return False
        except ApiError as error:
            if error.status in (429, 503):
                return False
            if len(part) > 1:
                raise
            with self._lock:
                self._sent.refused.append((part[0], error.status))
            return True
        with self._lock:
            for said, entry in zip(part, entries, strict=True):
                if entry.decision is not None:
                    self._sent.answered.append((said, entry.decision))
                else:
                    self._sent.refused.append((said, entry.status))
        return True

    def _bus(self, producer: Producer, most: int) -> None:
        for part in self._parts(most):
            values = [json.dumps(said).encode() for said in part]
            # Before it is sent: what was cut off while it was sent may be there or not, and is sent again.
            while not self._given_up.is_set():
                try:
                    producer.send(TOPIC, values)
                except OutsideError:
                    self.tries += 1
                else:
                    break
            with self._lock:
                self._sent.messages += values
