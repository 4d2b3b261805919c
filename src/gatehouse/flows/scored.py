"""What a run of scoring is and what it did, whichever engine ran it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gatehouse.flows.judge import Judge
from gatehouse.policies.decide import severest
from gatehouse.ports.ledger import Run
from gatehouse.records.decision import Judgement, Outcome
from gatehouse.records.enforcement import Kind


@dataclass
class Scored:
    """What a run of scoring did: rows judged and set aside, and how the events were decided.

    `remarks` are sentences on what the columns that were read leave unknown.
    """

    run: Run
    rows: int = 0
    rejected: int = 0
    rejects: Path | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    enforcements: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()

    def add(self, judgement: Judgement) -> None:
        """Count a judged batch."""
        self.rows += len(judgement)
        outcome, enforce = severest(judgement.outcomes)
        for value, n in zip(*np.unique(outcome, return_counts=True), strict=True):
            self.outcomes[Outcome(int(value)).word] += int(n)
        for value, n in zip(*np.unique(enforce, return_counts=True), strict=True):
            self.enforcements[Kind(int(value)).word] += int(n)
        for outcomes in judgement.outcomes:
            pairs = outcomes.outcome.astype(np.int64) * len(outcomes.reasons) + outcomes.reason
            for pair, n in zip(*np.unique(pairs, return_counts=True), strict=True):
                word, reason = divmod(int(pair), len(outcomes.reasons))
                self.reasons[outcomes.policy, Outcome(word).word, outcomes.reasons[reason]] += int(n)


def run_of(source: Path, source_digest: str, out: Path, releases: Mapping[str, str], at: int) -> Run:
    """A run that begins: its id follows from what is read, what judges, and when."""
    said = json.dumps([source_digest, sorted(releases.items()), at])
    return Run(
        id=hashlib.sha256(said.encode()).hexdigest()[:12],
        source=str(source.resolve()),
        source_digest=source_digest,
        out=str(out.resolve()),
        releases=dict(releases),
        at=at,
        rows=0,
        rejected=0,
    )


def uses_of(judge: Judge) -> dict[str, frozenset[str]]:
    """The detectors that each policy looks at."""
    return {bound.policy.name: frozenset(step.detector for step in bound.policy.steps) for bound in judge.policies}
