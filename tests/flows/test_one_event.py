"""Writes docs/one-event.md: one event's row after each function of its way."""

import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec

from gatehouse.bootstrap import House
from gatehouse.flows import live, releases
from gatehouse.flows.replay import replay
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.records.score import score_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "one-event.md"

HEAD = """# One event's way

This page is written by a test from what the code gives, with the pack `spam` learnt from its own 20-odd examples, so
its scores show the way and not the quality. Hashes are shortened to `…`; numbers are rounded. To write it again:
`make docs`.
"""

TAIL = """
## 7. Replay
`flows.replay.replay` decides again on the stored signals and computes the signals anew from the stored event and
feature row: both came out the same. `gatehouse trace m-1` shows all of this.
"""


def shown(value: Any) -> str:
    """A value as indented JSON, with rounded numbers and no hashes."""
    text = json.dumps(rounded(msgspec.to_builtins(value)), indent=2, ensure_ascii=False)
    return re.sub(r"\b(?=[0-9]*[a-f])[0-9a-f]{12,64}\b", "…", text)


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value


def section(title: str, said: str, value: Any) -> str:
    return f"\n## {title}\n{said}\n```json\n{shown(value)}\n```\n"


EVENT = Event(
    id="m-1",
    kind="message",
    text="FR3E pr1ze!! Call 0900 123 456 now to cl\u200baim your voucher",
    occurred=1_767_225_600_000_000,
    seen=1_767_225_600_250_000,
    actor=Entity("account", "a-17"),
)


def page(house: House) -> str:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    batch = to_batch([EVENT])
    features = judge.features.compute(batch)
    judgement = judge.with_features(batch, features)
    live.record(house.ledger, batch, features, judgement, judge.releases, 1_767_225_600_300_000)
    stored = house.ledger.find("m-1")
    assert stored is not None
    assert replay(stored, judge).same
    uses = {"spam": frozenset(detector.name for detector in judge.detectors)}
    sections = [
        ("1. The event", "`records.event.Event`: what happened, never changed.", EVENT),
        (
            "2. The feature row",
            "`features.FeatureSet.compute`: declared columns, the language, and the text with obfuscation undone.",
            features.to_pylist()[0],
        ),
        (
            "3. The signals",
            "`detectors.run.run_all`: each detector version's word. A rule or bank that does not match abstains.",
            [signal for block in judgement.signals for signal in block.of(0, EVENT.id)],
        ),
        (
            "4. The outcome of each policy",
            "`policies.decide.decide`: the severest step that fires, and why; a provisional point asks a person.",
            [said.of(0) for said in judgement.outcomes],
        ),
        (
            "5. The decision on record",
            "`flows.live.record`: event, feature row, signals, decision, planned enforcements and cases in one "
            "transaction of the ledger.",
            {"decision": stored.decision, "enforcements": stored.enforcements, "cases": stored.cases},
        ),
        (
            "6. The same in a file of scores",
            "`gatehouse score` writes one row per event, policy and signal; this is the first of them.",
            score_rows(judgement, uses).to_pylist()[0],
        ),
    ]
    return HEAD + "".join(section(*parts) for parts in sections) + TAIL


def test_one_event_is_as_the_page_shows_it(house: House) -> None:
    text = page(house)
    if os.environ.get("GATEHOUSE_WRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "the page is behind the code: make docs writes it again"
