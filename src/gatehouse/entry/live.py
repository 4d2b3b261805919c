"""What every process that decides live is put together of: the gate, the releases it decides by, and when to stop."""

import signal
import time
from collections.abc import Callable
from threading import Event as Flag
from types import FrameType

from gatehouse.adapters import logs
from gatehouse.bootstrap import House, open_history
from gatehouse.entry.cli.score import live_releases
from gatehouse.entry.cli.show import now
from gatehouse.errors import GatehouseError
from gatehouse.flows.arms import forget_histories, open_arms
from gatehouse.flows.halt import Halted
from gatehouse.flows.life import halt, tried
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.observe import Observer
from gatehouse.flows.releases import open_judge, versions_in_words

LOOKS_EVERY_SECONDS = 5.0

CATCHES_UP_EVERY_SECONDS = 0.1
"""How long what another process recorded may not count yet in windows that are this process's own."""


def open_gate(
    house: House, packs: tuple[str, ...], observer: Observer | None = None
) -> tuple[LiveGate, tuple[str, ...]]:
    """The live gate of a house with the live releases and those that are tried, and sentences on how that came to be.

    Raises UserError where nothing is live.
    """
    champions = live_releases(house, packs)
    judge = open_judge(house.shelf, champions)
    history, said = open_history(house, judge)
    beside = tried(house.shelf.registry, packs)
    arms, left_out = open_arms(house.shelf, beside, judge, champions, house.ledger, house.settings.home)

    def halted(found: Halted) -> None:
        halt(house.shelf, found.pack, found.version, at=now(), why=found.why)

    gate = LiveGate(
        judge,
        house.ledger,
        history,
        now,
        observer=observer,
        catch_up_seconds=CATCHES_UP_EVERY_SECONDS,
        arms=arms,
        halted=halted,
    )
    return gate, (*said, *left_out, *arms.in_words())


class Stop:
    """Whether somebody asked to stop; while it is entered, SIGTERM and SIGINT ask so."""

    def __init__(self) -> None:
        self._flag = Flag()

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._flag.is_set()

    def ask(self, *_: int | FrameType | None) -> None:
        """Stop after the batch at hand."""
        self._flag.set()

    def __enter__(self) -> "Stop":
        """Take over both signals."""
        self._before = {number: signal.signal(number, self.ask) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class Releases:
    """Looks now and then whether other releases are live or tried, and has the gate decide by them."""

    def __init__(self, house: House, packs: tuple[str, ...], gate: LiveGate, said: Callable[[str], None]) -> None:
        self._house, self._packs, self._gate, self._said = house, packs, gate, said
        self._looked = time.monotonic()
        self._tried = gate.arms.in_words()

    def __call__(self) -> None:
        """Look, unless it was only just looked; what cannot be opened is told of, and the gate goes on as it was."""
        if time.monotonic() - self._looked < LOOKS_EVERY_SECONDS:
            return
        try:
            self._look()
        except GatehouseError as error:
            self._said(f"deciding goes on by the releases of before: {error}")
        except Exception as broken:
            # Whatever it was, it looks again: else what is promoted or rolled back would never count here.
            self._said(f"deciding goes on by the releases of before: {logs.kind_and_place(broken)}")
        self._looked = time.monotonic()

    def _look(self) -> None:
        champions = live_releases(self._house, self._packs)
        beside = tried(self._house.shelf.registry, self._packs)
        judge = self._gate.judge
        other = {release.pack: release.version for release in champions} != dict(judge.releases)
        if not other and {one.key for one in beside} == self._gate.arms.keys:
            return
        shared = None
        if other:
            judge = open_judge(self._house.shelf, champions)
            # A local history is carried over by the gate itself; a shared one belongs to the features' version.
            shared = open_history(self._house, judge)[0] if self._house.settings.redis else None
        home = self._house.settings.home
        arms, left_out = open_arms(
            self._house.shelf, beside, judge, champions, self._house.ledger, home, self._gate.arms
        )
        if other:
            self._gate.swap(judge, shared, arms)
            self._said(f"deciding by {versions_in_words(self._gate.judge.releases)}")
        else:
            self._gate.try_out(arms)
        forget_histories(home, arms)
        for sentence in (*left_out, *self._gate.arms.in_words()):
            if sentence not in self._tried:
                self._said(sentence)
        self._tried = (*left_out, *self._gate.arms.in_words())
