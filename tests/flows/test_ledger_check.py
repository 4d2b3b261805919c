"""What a check of the ledger says: which links are broken and how, and whether exported heads still hold."""

from copy import copy
from dataclasses import replace

import msgspec
import pytest

from gatehouse.errors import RefusedError, UserError
from gatehouse.flows import ledger_check
from gatehouse.flows.ledger_check import Break, check, heads, read_heads, trust
from gatehouse.ports.ledger import Walked, WalkedErasure
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.records.hash_chain import GENESIS, Link, linked
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged
from gatehouse.testing.memory import MemoryLedger

KEY = b"sixteen bytes or more of a key"


class Shaken(MemoryLedger):
    """A ledger whose links a test may change."""

    def __init__(self, count: int) -> None:
        super().__init__()
        events = [make_event(f"e{i}", seen=i) for i in range(1, count + 1)]
        self.commit([make_judged(one, decision=make_decision(one, id=f"d{one.seen}")) for one in events])
        self.walked = super().walk("memory", most=count)
        self.end = self.walked[-1].link
        self.taken: list[WalkedErasure] = []

    def walk(self, writer: str, after: int = 0, most: int = 1_000) -> list[Walked]:
        return [one for one in self.walked if one.link.seq > after][:most]

    def heads(self) -> list[Link]:
        return [self.end]

    def erasures(self) -> list[WalkedErasure]:
        return self.taken

    def first(self, count: int) -> "Shaken":
        """What it was when it held fewer links."""
        shorter = copy(self)
        shorter.walked = self.walked[:count]
        shorter.end = shorter.walked[-1].link
        return shorter

    def relink(self, place: int, **said: object) -> None:
        one = self.walked[place]
        self.walked[place] = replace(one, link=msgspec.structs.replace(one.link, **said))


def found(ledger: MemoryLedger, **options: object) -> list[str]:
    return [str(one) for one in check(ledger, **options).breaks]


def test_a_whole_ledger_is_whole_and_an_empty_one_is_said_to_be_empty() -> None:
    report = check(Shaken(5))
    assert (report.whole, report.empty, report.breaks, report.erasures) == (True, False, (), 0)
    assert [(one.checked, one.head.seq, one.head.decision_id) for one in report.writers] == [(5, 5, "d5")]
    nothing = check(MemoryLedger())
    assert (nothing.whole, nothing.empty, nothing.writers) == (True, True, ())
    emptied = check(MemoryLedger(), known=heads(Shaken(5), NOW))
    assert (emptied.whole, emptied.empty) == (False, False)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "BLOCK", 2)
    told: list[tuple[int, int]] = []
    ledger = Shaken(5)
    ledger.walked[3] = replace(ledger.walked[3], content="changed")
    report = check(ledger, progress=lambda done, total: told.append((done, total)))
    assert [str(one) for one in report.breaks] == ["changed: memory 4, decision d4"]
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_what_is_gone_or_changed_is_named_and_its_neighbours_are_not() -> None:
    ledger = Shaken(5)
    ledger.walked[1] = replace(ledger.walked[1], content="unrecorded")
    ledger.walked[3] = replace(ledger.walked[3], opened=None, content="changed")
    assert found(ledger) == ["unrecorded: memory 2, decision d2", "changed: memory 4, decision d4"]


def test_links_that_are_gone_are_named_by_their_numbers() -> None:
    ledger = Shaken(9)
    del ledger.walked[6], ledger.walked[2:4]
    assert found(ledger) == ["missing: memory 3 to 4", "missing: memory 7"]
    first = Shaken(3)
    del first.walked[0]
    assert found(first) == ["missing: memory 1"]
    last = Shaken(3)
    del last.walked[1:]
    assert found(last) == ["missing: memory 2 to 3"]


def test_links_that_changed_places_do_not_follow_one_another() -> None:
    ledger = Shaken(6)
    ledger.relink(2, seq=4)
    ledger.relink(3, seq=3)
    ledger.walked[2:4] = ledger.walked[3], ledger.walked[2]
    assert found(ledger)[:2] == ["reordered: memory 3, decision d4", "reordered: memory 4, decision d3"]


def test_one_link_with_another_hash_is_found_alone() -> None:
    ledger = Shaken(5)
    ledger.relink(2, hash=b"x" * 32)
    assert found(ledger) == ["reordered: memory 3, decision d3"]


def test_a_decision_made_anew_with_its_link_breaks_the_next_one() -> None:
    ledger = Shaken(5)
    sealed = b"y" * 32
    before, one = ledger.walked[1].link.hash, ledger.walked[2]
    assert one.opened is not None
    ledger.relink(2, sealed=sealed, hash=linked(before, sealed, one.opened))
    assert found(ledger) == ["reordered: memory 4, decision d4"]


def test_an_open_part_changed_after_an_erasure_does_not_fit_its_link() -> None:
    ledger = Shaken(5)
    for i in (1, 3):
        ledger.walked[i] = replace(ledger.walked[i], content="erased")
    assert check(ledger).whole
    assert [(one.erased, one.stripped) for one in check(ledger).writers] == [(2, 0)]
    ledger.walked[1] = replace(ledger.walked[1], opened=b"another outcome")
    assert found(ledger) == ["reordered: memory 2, decision d2"]


def test_an_end_that_was_noted_is_missed() -> None:
    cut = Shaken(5)
    del cut.walked[4]
    assert found(cut) == ["missing: memory 5"]
    moved = Shaken(5)
    moved.end = msgspec.structs.replace(moved.end, hash=GENESIS)
    assert found(moved) == ["reordered: memory 5, decision d5"]


def test_records_of_erasures_follow_one_another_and_cover_what_they_did() -> None:
    ledger = Shaken(2)
    record = ledger.erase(Erasure(entity=Entity("account", "nobody"), at=NOW, by="sam", why="asked for"))
    ledger.taken = [WalkedErasure(record, True, True)]
    known = heads(ledger, NOW)
    assert (check(ledger, known=known).whole, check(ledger).erasures) == (True, 1)
    ledger.taken = [WalkedErasure(record, False, False)]
    assert found(ledger) == ["reordered: the record of erasure 1", "changed: the record of erasure 1"]
    ledger.taken = []
    assert found(ledger) == []
    assert found(ledger, known=known) == ["missing: the record of erasure 1"]


def test_since_a_moment_only_what_came_then_is_walked() -> None:
    ledger = Shaken(5)
    ledger.walked[0] = replace(ledger.walked[0], content="changed")
    decided = make_event(seen=3).seen + 1
    report = check(ledger, since=decided)
    assert (report.whole, [one.checked for one in report.writers]) == (True, [3])
    later = check(ledger, since=NOW)
    assert (later.empty, [one.checked for one in later.writers]) == (True, [0])
    ledger.relink(2, hash=b"x" * 32)
    assert found(ledger, since=decided) == ["reordered: memory 3, decision d3"]


def test_one_writer_may_be_asked_for_by_name() -> None:
    ledger = Shaken(2)
    assert check(ledger, writer="memory").whole
    with pytest.raises(UserError, match="no writer 'memroy' has recorded anything\n    → did you mean 'memory'"):
        check(ledger, writer="memroy")
    with pytest.raises(UserError, match="no writer 'memory' has recorded anything\n    → nobody has yet"):
        check(MemoryLedger(), writer="memory")


def test_a_writer_whose_whole_chain_is_gone_is_known_by_its_head_from_before() -> None:
    known = heads(Shaken(2), NOW)
    assert found(MemoryLedger(), writer="memory", known=known) == ["rewritten: memory 2, decision d2"]


def rewritten(ledger: Shaken, place: int) -> None:
    """Another content from a place on, with all links after it made anew, as who knows the code could."""
    ledger.walked[place] = replace(ledger.walked[place], opened=b"z" * 32)
    before = ledger.walked[place - 1].link.hash if place else GENESIS
    for i, one in list(enumerate(ledger.walked))[place:]:
        assert one.opened is not None
        before = linked(before, one.link.sealed, one.opened)
        ledger.relink(i, hash=before)
    ledger.end = ledger.walked[-1].link


def test_a_history_rewritten_as_a_whole_is_found_by_a_head_from_before() -> None:
    ledger = Shaken(5)
    known = heads(ledger, NOW)
    assert check(ledger, known=known).whole
    rewritten(ledger, 1)
    assert check(ledger).whole
    assert found(ledger, known=known) == ["rewritten: memory 5, decision d5"]


def test_what_came_after_the_export_does_not_matter_and_what_is_cut_off_does() -> None:
    ledger = Shaken(5)
    shorter = ledger.first(3)
    assert found(ledger, known=heads(shorter, NOW)) == []
    assert found(shorter, known=heads(ledger, NOW)) == ["rewritten: memory 5, decision d5"]


def test_a_signature_holds_for_its_key_and_content_only() -> None:
    known = heads(Shaken(5), NOW)
    signed = known.signed(KEY)
    content = msgspec.json.encode(signed)
    assert read_heads(content, where="heads.json") == signed
    trust(signed, KEY, where="heads.json")
    trust(known, None, where="heads.json")
    for other, key in ((signed, KEY + b"x"), (msgspec.structs.replace(signed, erasures=1), KEY)):
        with pytest.raises(RefusedError, match=r"heads\.json: the signature does not fit"):
            trust(other, key, where="heads.json")
    with pytest.raises(RefusedError, match="the heads are not signed"):
        trust(known, KEY, where="heads.json")
    with pytest.raises(UserError, match="has 5 bytes, and at least 16 are needed\n    → make one: openssl rand"):
        known.signed(b"short")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"format":"x","at":1,"erasures":0,"heads":[]}'])
def test_other_files_are_no_heads(content: bytes) -> None:
    with pytest.raises(UserError, match="heads"):
        read_heads(content, where="notes.txt")


def test_a_break_is_said_in_words() -> None:
    assert str(Break(what="changed", writer="gate", seq=3, decision_id="d3")) == "changed: gate 3, decision d3"
