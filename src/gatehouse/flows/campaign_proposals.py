"""From a community to a bank: the texts that its members copied, put forward for a person to accept."""

from dataclasses import dataclass

from gatehouse.detectors.near import SHORTEST
from gatehouse.errors import UserError
from gatehouse.flows import banks
from gatehouse.flows.known_communities import copied_texts
from gatehouse.flows.releases import Shelf
from gatehouse.ports.campaigns import Campaigns, Known
from gatehouse.records.bank import EntryChange
from gatehouse.text.normalise import normalise_text


@dataclass(frozen=True)
class Proposed:
    """What was put forward, and how many texts were not: too short to be known by, or known to the bank already."""

    entries: tuple[EntryChange, ...]
    too_short: int
    known: int


def propose(
    shelf: Shelf, kept: Campaigns, community: Known, pack: str, label: str, *, at: int, by: str, why: str
) -> Proposed:
    """Put the texts that members copied forward for a pack's near-duplicate bank; they match nothing until accepted.

    Raises UserError where they copied none, or none that is long enough, and as `banks.propose` does.
    """
    texts = copied_texts(kept, community)
    if not texts:
        fix = f"gatehouse campaigns show {community.id} says by what they are tied"
        raise UserError(f"the members of {community.id} have no text in common", fix=fix)
    long_enough = [text for text in texts if len(normalise_text(text)) >= SHORTEST]
    if not long_enough:
        what = f"all texts that {community.id} copied are shorter than {SHORTEST} characters once normalised"
        raise UserError(what, fix="such texts are nearly the same as too much: write a rule instead")
    changed = banks.propose(
        shelf,
        pack,
        [{"label": label, "text": text} for text in long_enough],
        bank="near",
        at=at,
        by=by,
        why=why,
        source=f"community {community.id} of run {community.run.id}",
    )
    return Proposed(changed.entries, len(texts) - len(long_enough), len(long_enough) - len(changed.entries))
