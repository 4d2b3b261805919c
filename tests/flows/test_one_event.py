"""Writes docs/one-event.md: one event's row after each function of its way."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from gatehouse.bootstrap import House
from gatehouse.features.live import LiveHistory
from gatehouse.flows import live, releases
from gatehouse.flows.replay import replay
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Judgement
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.records.score import score_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "one-event.md"

HEAD = """# One event's way

This page is written by a test from what the code gives, with the pack `spam` learnt from its own 20-odd examples, so
its scores show the way and not the quality. Hashes are shortened to `…`; numbers are rounded. To write it again:
`make docs`.
"""

TAIL = """
## 9. Replay
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
    target=Entity("account", "a-23"),
)


def before(id_: str, hours: float, actor: str, target: str, text: str | None, kind: str = "message") -> Event:
    """An event some hours before the one that is shown."""
    seen = EVENT.seen - round(hours * 3_600) * 1_000_000
    return Event(
        id=id_, kind=kind, text=text, seen=seen, actor=Entity("account", actor), target=Entity("account", target)
    )


EARLIER = [
    before("m-a", 72, "a-17", "a-3", "are you coming on Friday?"),
    before("m-b", 0.9, "a-17", "a-21", "Free prize!! Call 0900 123 456 now to claim your voucher"),
    before("m-c", 0.5, "a-21", "a-17", "unwanted offers", kind="report"),
    before("m-d", 0.3, "a-17", "a-22", "FREE PRIZE!! Call 0900 123 456 now to claim your voucher"),
]


def told(event: Event) -> dict[str, Any]:
    """An earlier event in short."""
    ago = (EVENT.seen - event.seen) // 60_000_000
    return {
        "id": event.id,
        "minutes_ago": ago,
        "kind": event.kind,
        **{name: str(getattr(event, name)) for name in ("actor", "target", "text")},
    }


def page(house: House) -> str:
    judge = releases.open_judge(house.shelf, releases.live(house.shelf, ["spam"]))
    history = LiveHistory(judge.features.plan)
    live.decide(judge, house.ledger, EARLIER, 1_767_225_000_000_000, history)
    prepared = judge.prepare(to_batch([EVENT]))
    windows = history.advance(prepared.coded)
    features = judge.whole(prepared, windows)
    judgement = judge.conclude(prepared, features)
    live.record(house.ledger, prepared.events, features, judgement, judge.releases, 1_767_225_600_300_000)
    stored = house.ledger.find("m-1")
    assert stored is not None
    assert replay(stored, judge).same
    uses = {"spam": frozenset(detector.name for detector in judge.detectors)}
    sections = [*known(windows, features), *judged(stored, judgement, uses)]
    return HEAD + "".join(section(*parts) for parts in sections) + TAIL


def known(windows: pa.RecordBatch, features: pa.RecordBatch) -> list[tuple[str, str, Any]]:
    """The sections on what was known of the event."""
    return [
        ("1. The event", "`records.event.Event`: what happened, never changed.", EVENT),
        (
            "2. What came before it",
            "Earlier events, in short; the gate saw and decided them in this order.",
            [told(event) for event in EARLIER],
        ),
        (
            "3. What was known before it",
            "`features.live.LiveHistory.advance`: the windows that the pack declares, over the events before this one. "
            "They are read before the event itself counts.",
            windows.to_pylist()[0],
        ),
        (
            "4. The feature row",
            "`flows.judge.Judge.whole`: declared columns of the text, the windows, the language, and the text with "
            "obfuscation undone.",
            features.to_pylist()[0],
        ),
    ]


def judged(stored: Judged, judgement: Judgement, uses: Mapping[str, frozenset[str]]) -> list[tuple[str, str, Any]]:
    """The sections on what was said and decided of it."""
    return [
        (
            "5. The signals",
            "`detectors.run.run_all`: each detector version's word. A rule or bank that does not match abstains.",
            [signal for block in judgement.signals for signal in block.of(0, EVENT.id)],
        ),
        (
            "6. The outcome of each policy",
            "`policies.decide.decide`: the severest step that fires, and why; a provisional point asks a person.",
            [said.of(0) for said in judgement.outcomes],
        ),
        (
            "7. The decision on record",
            "`flows.live.decide` goes from 3 to here: event, feature row, signals, decision, planned enforcements and "
            "cases in one transaction of the ledger.",
            {"decision": stored.decision, "enforcements": stored.enforcements, "cases": stored.cases},
        ),
        (
            "8. The same in a file of scores",
            "`gatehouse score` writes one row per event, policy and signal; this is the first of them.",
            score_rows(judgement, uses).to_pylist()[0],
        ),
    ]


def test_one_event_is_as_the_page_shows_it(house: House) -> None:
    text = page(house)
    if os.environ.get("GATEHOUSE_WRITE_DOCS"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "the page is behind the code: make docs writes it again"
