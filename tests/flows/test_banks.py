import json
from pathlib import Path
from typing import Any

import pytest
from tests.flows.bank_pack import ALTERED, MD5, PDQ, TEXT, own, trained, write_pack

from gatehouse.errors import UserError
from gatehouse.flows import banks, learn, packs, releases
from gatehouse.flows.banks import Changed, Hit, KnownEntry
from gatehouse.flows.live import as_judged
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.flows.spec import build, pack_files
from gatehouse.records.bank import BankKind
from gatehouse.records.event import Event, media_of, to_batch
from gatehouse.testing.memory import MemoryLedger

NEAR = {"id": "copied-1", "label": "spam", "text": TEXT}
IMAGE = {"id": "image-1", "label": "spam", "pdq": PDQ}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pack(tmp_path_factory.mktemp("packs"))


@pytest.fixture(scope="module")
def once(folder: Path) -> Shelf:
    return trained(folder)


@pytest.fixture
def shelf(once: Shelf) -> Shelf:
    return own(once)


def add(shelf: Shelf, *entries: Any, bank: BankKind = "near", **more: Any) -> Changed:
    return banks.add(shelf, "spam", entries, bank=bank, **{"at": 10, "by": "kim", "why": "seen a lot", **more})


def move(shelf: Shelf, how: str, *ids: str, at: int = 20) -> Changed:
    moved: Changed = getattr(banks, how)(shelf, "spam", ids, at=at, by="sam", why=f"to {how}")
    return moved


def matched(shelf: Shelf, text: str | None = ALTERED, media: tuple[str, ...] = ()) -> list[str | None]:
    judgement = open_judge(shelf, releases.live(shelf, ["spam"]))(
        to_batch([Event(id="e", text=text, media=media_of(media))])
    )
    return [
        signal.evidence
        for block in judgement.signals
        if block.detector in ("spam.near", "spam.media", "spam.bank")
        for signal in block.of(0, "e")
        if signal.state == "matched"
    ]


def test_a_pack_whose_policy_reads_a_bank_has_it_without_a_file(folder: Path) -> None:
    pack = packs.load(str(folder))
    assert list(pack.banks) == ["bank", "near", "media"]
    assert pack.banks["near"].labels == ("spam",)


def test_a_step_that_reads_a_label_of_a_bank_that_the_pack_does_not_know_is_a_fault(tmp_path: Path) -> None:
    folder = write_pack(tmp_path)
    policy = folder / "policy.yaml"
    policy.write_text(
        policy.read_text().replace("{detector: spam.near, label: spam}", "{detector: spam.near, label: spma}")
    )
    with pytest.raises(UserError, match=r"reads the label 'spma', of which 'spam\.near' does not speak"):
        packs.load(str(folder))


def test_entries_of_files_match_and_their_faults_are_told_with_those_of_others(folder: Path, tmp_path: Path) -> None:
    mine = write_pack(tmp_path)
    (mine / "near.jsonl").write_text(json.dumps(NEAR))
    (mine / "media.jsonl").write_text(json.dumps(IMAGE))
    assert packs.load(str(mine)).banks["media"].labels == ("spam",)
    (mine / "near.jsonl").write_text(json.dumps({**NEAR, "similarity": 0.1}))
    (mine / "media.jsonl").write_text(json.dumps({**IMAGE, "pdq": "abc"}))
    with pytest.raises(UserError) as caught:
        packs.load(str(mine))
    assert [fault.where.rpartition("/")[2] for fault in caught.value.faults] == ["near.jsonl:1", "media.jsonl:1"]


def test_an_added_entry_matches_at_once_by_a_release_that_is_else_the_same(shelf: Shelf) -> None:
    before = releases.live(shelf, ["spam"])[0]
    changed = add(shelf, NEAR)
    after = releases.live(shelf, ["spam"])[0]
    assert matched(shelf) == ["copied-1 at similarity 0.82"]
    assert changed.live is not None
    assert (changed.live.version, changed.live.state, changed.live.by) == (after.version, "live", "kim")
    assert changed.live.why == "banks changed: seen a lot"
    assert after.points == before.points
    assert after.policy_version == before.policy_version
    assert {name for name in after.detectors if after.detectors[name] != before.detectors[name]} == {"spam.near"}
    assert add(shelf, NEAR) == Changed((), None)


def test_media_are_removed_by_the_step_that_reads_the_bank(shelf: Shelf) -> None:
    add(shelf, IMAGE, {"id": "file-1", "label": "spam", "md5": MD5}, bank="media")
    assert matched(shelf, None, (f"md5:{MD5}",)) == ["file-1 at distance 0"]
    judge = open_judge(shelf, releases.live(shelf, ["spam"]))
    events = to_batch([Event(id="e", text="look at this", media=(f"pdq:{PDQ}",))])
    features = judge.features.compute(events)
    judged = next(as_judged(events, features, judge(events), {}, 1))
    assert judged.decision.enforce == "remove"
    assert "'spam.media' matched for 'spam' (known_image): removed" in judged.decision.policies[0].reason


def test_rollback_goes_back_to_the_release_before_a_change_and_the_next_change_brings_both(shelf: Shelf) -> None:
    add(shelf, NEAR)
    releases.rollback(shelf, "spam", at=30, by="sam", why="too much")
    assert matched(shelf) == []
    assert [(entry.id, entry.state, entry.live) for entry in banks.listed(shelf, "spam") if entry.bank == "near"] == [
        ("copied-1", "active", False)
    ]
    add(shelf, IMAGE, bank="media")
    assert matched(shelf, media=(f"pdq:{PDQ}",)) == ["copied-1 at similarity 0.82", "image-1 at distance 0"]


def test_a_proposed_entry_matches_only_when_it_is_accepted(shelf: Shelf) -> None:
    live = releases.live(shelf, ["spam"])[0]
    said = {"label": "spam", "text": TEXT}
    changed = banks.propose(shelf, "spam", [said], at=5, by="campaigns", why="9 accounts wrote it", source="campaign-7")
    assert changed.live is None
    id_ = changed.entries[0].entry
    assert id_.startswith("near-")
    assert matched(shelf) == []
    assert releases.live(shelf, ["spam"])[0] == live
    # Proposed again it is the same entry, in whatever state.
    assert banks.propose(shelf, "spam", [said], at=6, by="campaigns", why="again").entries == ()
    move(shelf, "accept", id_)
    assert matched(shelf) == [f"{id_} at similarity 0.82"]
    move(shelf, "retire", id_)
    assert matched(shelf) == []
    assert banks.propose(shelf, "spam", [said], at=7, by="campaigns", why="again").entries == ()
    assert [(one.state, one.by) for one in shelf.registry.entry_life("spam")] == [
        ("proposed", "campaigns"),
        ("active", "sam"),
        ("retired", "sam"),
    ]


def test_entries_can_be_proposed_before_anything_is_live() -> None:
    from gatehouse.testing.memory import MemoryModelFiles, MemoryRegistry

    shelf = Shelf(MemoryRegistry(), MemoryModelFiles())
    banks.propose(shelf, "spam", [NEAR], at=5, by="campaigns", why="copied")
    move(shelf, "accept", "copied-1")
    with pytest.raises(UserError, match="nothing is live for spam"):
        add(shelf, IMAGE, bank="media")


def test_training_keeps_active_entries_and_leaves_out_retired_ones_of_the_pack_itself(
    shelf: Shelf, folder: Path
) -> None:
    known = "gatehouse canary text: known spam sample 1"
    assert matched(shelf, known) == ["known-spam-01"]
    add(shelf, NEAR)
    move(shelf, "retire", "known-spam-01")
    assert matched(shelf, known) == []
    pack = packs.load(str(folder))
    again = learn.train(pack, learn.from_examples(pack), True, shelf, at=40, by="test").release
    assert again.version == releases.live(shelf, ["spam"])[0].version
    move(shelf, "accept", "known-spam-01")
    assert matched(shelf, known) == ["known-spam-01"]
    # A draft from before goes live with the entries of now.
    releases.promote(shelf, "spam", again.version, at=50, by="test", why="test")
    assert matched(shelf, known) == ["known-spam-01"]
    assert matched(shelf) == ["copied-1 at similarity 0.82"]


def test_two_who_change_entries_at_once_lose_neither(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = shelf.registry
    move_release, turns = registry.move, []

    def meanwhile(transition: Any) -> None:
        if not turns:
            turns.append(1)
            add(shelf, IMAGE, bank="media")
        move_release(transition)

    monkeypatch.setattr(registry, "move", meanwhile)
    add(shelf, NEAR)
    assert matched(shelf, media=(f"pdq:{PDQ}",)) == ["copied-1 at similarity 0.82", "image-1 at distance 0"]


def test_a_bundle_for_other_engines_holds_the_entries(shelf: Shelf, tmp_path: Path) -> None:
    add(shelf, NEAR)
    add(shelf, IMAGE, bank="media")
    spec, bundle = pack_files(shelf, releases.live(shelf, ["spam"]))
    path = tmp_path / "judge.zip"
    path.write_bytes(bundle)
    events = to_batch([Event(id="e", text=ALTERED, media=(f"pdq:{PDQ}",))])
    there, here = build(spec, path)(events), open_judge(shelf, releases.live(shelf, ["spam"]))(events)
    assert [block.of(0, "e") for block in there.signals] == [block.of(0, "e") for block in here.signals]


def test_what_matches_a_text_or_a_hash_is_found_whatever_its_share(shelf: Shelf) -> None:
    add(shelf, {**NEAR, "share": 0})
    add(shelf, {**IMAGE, "share": 0.01}, bank="media")
    assert matched(shelf) == []
    assert banks.find(shelf, "spam", text=ALTERED) == [Hit("near", "copied-1", "similarity 0.82")]
    assert banks.find(shelf, "spam", text="GATEHOUSE canary text: known spam sample 1") == [
        Hit("bank", "known-spam-01", "the same text")
    ]
    assert banks.find(shelf, "spam", media=(f"pdq:{PDQ}",)) == [Hit("media", "image-1", "distance 0")]
    assert banks.find(shelf, "spam", text="something else altogether", media=(f"md5:{MD5}",)) == []


def test_an_active_entry_is_given_another_share(shelf: Shelf) -> None:
    add(shelf, {**NEAR, "share": 0})
    assert matched(shelf) == []
    banks.accept(shelf, "spam", ["copied-1"], at=20, by="sam", why="fine so far", share=1)
    assert matched(shelf) == ["copied-1 at similarity 0.82"]
    with pytest.raises(UserError) as caught:
        banks.accept(shelf, "spam", ["copied-1", "known-spam-01"], at=30, by="sam", why="more", share=1.5)
    assert [fault.what for fault in caught.value.faults] == [
        "'share' must be a number from 0 to 1",
        "unknown key 'share'",
    ]
    assert len(shelf.registry.entry_life("spam")) == 2


def test_the_statistics_count_events_by_entry(shelf: Shelf) -> None:
    add(shelf, NEAR)
    banks.propose(shelf, "spam", [{**IMAGE, "id": "new"}], bank="media", at=3, by="a", why="b")
    move(shelf, "retire", "known-spam-02")
    judge = open_judge(shelf, releases.live(shelf, ["spam"]))
    texts = [TEXT, ALTERED, "gatehouse canary text: known spam sample 1", "see you at lunch"]
    ledger = MemoryLedger()
    for at, text in enumerate(texts, start=100):
        events = to_batch([Event(id=f"e{at}", text=text, seen=at)])
        ledger.commit(list(as_judged(events, judge.features.compute(events), judge(events), judge.releases, at)))
    found = banks.stats(shelf, ledger, "spam")
    assert found.entries == {"bank": {"active": 6, "retired": 1}, "near": {"active": 1}, "media": {"proposed": 1}}
    assert [(one.bank, one.entry, one.events, one.share, one.first, one.last) for one in found.matches] == [
        ("near", "copied-1", 2, 0.5, 100, 101),
        ("bank", "known-spam-01", 1, 0.25, 102, 102),
    ]


def test_every_fault_is_told_and_nothing_is_recorded(shelf: Shelf) -> None:
    add(shelf, NEAR, {"id": "gone", "label": "spam", "text": f"{TEXT}, and tell all your friends of it"})
    move(shelf, "retire", "gone")
    before = list(shelf.registry.entry_life("spam"))
    with pytest.raises(UserError) as caught:
        add(
            shelf,
            {"label": "spam", "text": "a wholly new text that nobody has written before today"},
            None,
            {**NEAR, "id": "copied-2"},
            {**NEAR, "text": TEXT + " or next week if you like that better"},
            {"id": "x", "label": "scam", "text": "another text that is new and is of a label that is not read"},
            {"id": "gone", "label": "spam", "text": f"{TEXT}, and tell all your friends of it"},
            where="list.jsonl",
        )
    skip = "an import leaves out what is known with --skip-known"
    assert str(caught.value).split("\n") == [
        "list.jsonl:3: it says the same as 'copied-1', which is active: seen a lot",
        f"    → leave it out; {skip}",
        "list.jsonl:4: entry 'copied-1' is known with other content",
        "    → give it an id of its own",
        "list.jsonl:5: no step of the live policy reads the label 'scam' of 'spam.near'",
        "    → did you mean 'spam'?",
        "list.jsonl:6: it says the same as 'gone', which is retired: to retire",
        f"    → gatehouse bank accept spam gone; {skip}",
    ]
    with pytest.raises(UserError, match=r"spam\.near:1: the text is 'short' once normalised"):
        add(shelf, {"label": "spam", "text": "short"})
    assert list(shelf.registry.entry_life("spam")) == before


def test_what_is_known_can_be_left_out(shelf: Shelf) -> None:
    add(shelf, NEAR)
    new = {"id": "new", "label": "spam", "text": "a wholly new text that nobody has written before today"}
    changed = add(shelf, {**NEAR, "id": "copied-2"}, new, skip_known=True)
    assert [one.entry for one in changed.entries] == ["new"]


def test_unknown_entries_are_answered_with_the_nearest(shelf: Shelf) -> None:
    with pytest.raises(UserError) as caught:
        move(shelf, "retire", "known-spam-01", "known-spam-00x", "nothing like it")
    assert [str(fault).split("\n")[0] for fault in caught.value.faults] == [
        "banks of spam: no entry 'known-spam-00x' is known",
        "banks of spam: no entry 'nothing like it' is known",
    ]
    assert "did you mean 'known-spam-0" in caught.value.faults[0].fix
    assert list(shelf.registry.entry_life("spam")) == []


def test_a_release_without_such_a_bank_says_what_is_missing(tmp_path: Path) -> None:
    folder = write_pack(tmp_path)
    policy = folder / "policy.yaml"
    policy.write_text(policy.read_text().partition("  - name: known_image")[0])
    shelf = trained(folder)
    with pytest.raises(UserError) as caught:
        add(shelf, IMAGE, bank="media")
    assert str(caught.value) == (
        "the live release of 'spam' does not look into 'spam.media'\n"
        "    → add a step that reads spam.media to policy.yaml, then gatehouse train and promote spam"
    )


def test_an_entry_of_the_pack_tells_that_it_is_from_there(shelf: Shelf) -> None:
    first = banks.listed(shelf, "spam")[0]
    assert (first.bank, first.id, first.state, first.live) == ("bank", "known-spam-01", "active", True)
    assert first == KnownEntry("bank", "known-spam-01", "active", first.said, True, "the pack's file", None, None, None)
