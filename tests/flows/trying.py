"""Releases to be tried beside the small judge of `remembering`: equal, stricter, of other windows, failing, broken."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from tests.flows.remembering import FEATURES, RULES, START, make_judge

from gatehouse.detectors.rules import RulesDetector
from gatehouse.features.define import FeatureSet
from gatehouse.features.windows import Count, duration
from gatehouse.flows.arms import Arms, Canary
from gatehouse.flows.beside import covers
from gatehouse.flows.halt import Watch
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.packs import rule_schema
from gatehouse.flows.shadow import Shadow
from gatehouse.policies.decide import bind
from gatehouse.ports.ledger import Ledger
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Step
from gatehouse.records.signal import Signals, State
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import make_policy

DAILY = Count(name="posts_1d", key=("actor",), window=duration("1d"))
MORE = FeatureSet(columns=FEATURES.columns, windows=(*FEATURES.windows, DAILY))


def release_of(rules: str, version: str, features: FeatureSet = FEATURES) -> Judge:
    """The judge of one release of the pack `demo` with these rules, of a policy version of the same name."""
    detector = RulesDetector.from_yaml(rules, "rules.yaml", "demo.rules", rule_schema(features))
    steps = tuple(
        Step(name=label, detector="demo.rules", label=label, clause="S1", enforce=deed, review=label == "lure")
        for label, deed in (("burst", Kind.REMOVE), ("lure", Kind.LIMIT))
    )
    policy = make_policy("demo", f"of {version}", steps=steps)
    return Judge(features, (detector,), (bind(policy, (), (detector,)),), {"demo": version})


def equal(version: str = "r2") -> Judge:
    """A release that decides as the live one does."""
    return replace(make_judge(), releases={"demo": version})


def stricter(version: str = "r2") -> Judge:
    """A release that removes every second post."""
    return release_of(RULES.replace("posts_1h >= 2", "posts_1h >= 1"), version)


def daily(version: str = "r2") -> Judge:
    """A release with a window that the live one does not have."""
    return release_of(RULES.replace("posts_1h >= 2", "posts_1d >= 1"), version, MORE)


class Broken:
    """A detector that raises whatever it is asked, or only says that it failed."""

    name, version, labels, languages = "demo.rules", "broken", ("burst", "lure"), frozenset[str]()

    def __init__(self, raises: bool = True) -> None:
        self.raises = raises

    def __call__(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        if self.raises:
            raise RuntimeError("broken")
        return Signals.blank(self.name, self.version, self.labels, len(events), State.FAILED)


def failing(version: str = "r2") -> Judge:
    """A release whose detector raises on every event: its signals fail."""
    judge, detector = make_judge(), Broken()
    policy = bind(judge.policies[0].policy, (), (detector,))
    return Judge(FEATURES, (detector,), (policy,), {"demo": version})


class Unusable(Judge):
    """A release that cannot judge at all."""

    def conclude_rows(self, *_: object) -> None:  # type: ignore[override]  # it never answers
        raise RuntimeError("unusable")


def unusable(version: str = "r2") -> Judge:
    """A release that raises for every event."""
    judge = make_judge()
    return Unusable(judge.features, judge.detectors, judge.policies, {"demo": version})


def canary(judge: Judge, share: float, ledger: Ledger | None = None, path: Path | None = None) -> Canary:
    """A canary beside the live judge of `make_judge`, with a history of its own where it needs one."""
    history = None
    if not covers(make_judge(), judge):
        assert ledger is not None
        assert path is not None
        history = LocalHistory(ledger, judge, path)
    version = judge.releases["demo"]
    return Canary("demo", version, share, judge, frozenset({"demo.rules"}), Watch("demo", version), history)


def shadow(judge: Judge, path: Path | None = None) -> Shadow:
    """A release in shadow beside the live judge of `make_judge`."""
    return Shadow("demo", judge.releases["demo"], judge, None if covers(make_judge(), judge) else path)


def gate_with(
    ledger: Ledger, folder: Path, canaries: Sequence[Canary] = (), shadows: Sequence[Shadow] = (), **said: object
) -> LiveGate:
    """A live gate of `make_judge` beside which these are tried."""
    live = make_judge()
    history = LocalHistory(ledger, live, folder / "history.snapshot")
    arms = Arms(tuple(canaries), tuple(shadows))
    return LiveGate(live, ledger, history, Clock(START), arms=arms, **said)  # type: ignore[arg-type]
