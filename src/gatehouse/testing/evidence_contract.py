"""What every ledger promises of what was decided on; a part of the contract of ledgers."""

from typing import Any

import pytest

from gatehouse.errors import UserError
from gatehouse.ports.ledger import Judged, Ledger, Matches
from gatehouse.testing.makers import make_decision, make_event, make_judged, make_signal


class EvidenceContract:
    """The tests of signals and matches, on the fixture `ledger`."""

    def test_matches_are_counted_by_their_evidence(self, ledger: Ledger) -> None:
        """Of standing live decisions only; another detector's and other states do not count."""

        def judged(id_: str, evidence: str | None, **said: Any) -> Judged:
            event = make_event(id_)
            known = {"detector": "spam.near", "state": "matched", "score": None, "evidence": evidence, **said}
            decision = make_decision(event, decided=event.seen + len(id_))
            return make_judged(event, decision=decision, signals=(make_signal(id_, **known),))

        superseded = judged("e", "a at similarity 0.90")
        ledger.commit(
            [
                judged("ee", "a at similarity 0.90"),
                judged("eeee", "a at similarity 0.90"),
                judged("eee", "b at similarity 1.00"),
                judged("other", "a at similarity 0.90", detector="spam.bank"),
                judged("scored", None, state="abstained"),
                superseded,
            ]
        )
        after = make_decision(superseded.event, id="after", supersedes=superseded.decision.id)
        ledger.commit([make_judged(superseded.event, decision=after, signals=())])
        at = make_event().seen
        assert list(ledger.matches("spam.near")) == [
            Matches("a at similarity 0.90", 2, at + 2, at + 4),
            Matches("b at similarity 1.00", 1, at + 3, at + 3),
        ]
        assert list(ledger.matches("spam.media")) == []

    def test_what_a_signal_says_comes_back_in_every_state(self, ledger: Ledger) -> None:
        """A score beside another state, a minus zero and no signals at all."""
        said = [
            make_signal(state="matched", score=0.25, evidence="é"),
            make_signal(state="failed", score=None, evidence="it raised"),
            make_signal(state="skipped", score=None),
            make_signal(score=-0.0),
        ]
        ledger.commit([make_judged(signals=said), make_judged(make_event("none"), signals=(), features={})])
        found, none = ledger.find("e1"), ledger.find("none")
        assert found is not None
        assert list(found.signals) == said
        assert none is not None
        assert (list(none.signals), none.features) == ([], {})
        with pytest.raises(UserError, match=r"the state 'odd' of spam\.linear is none"):
            ledger.commit([make_judged(make_event("odd"), signals=[make_signal("odd", state="odd")])])
