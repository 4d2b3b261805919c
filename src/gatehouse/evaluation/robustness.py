"""What disguises do to a detector: how much of what it finds is lost, and which benign texts it then flags."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.evaluation.attacks import FAMILIES, Family, Picks, disguised, long_words
from gatehouse.evaluation.estimate import FEWEST, Estimate, share

Mask = npt.NDArray[np.bool_]


class AttackFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one family does at one threshold.

    `found` positives were flagged as written and are changed by the family; `still` of them are flagged afterwards,
    which is `kept`. `quiet` benign texts were not flagged as written and are changed; `raised` of them are flagged
    afterwards, which is `added`. `small` says why a family is not ranked.
    """

    family: str
    sample: str
    found: int
    still: int
    quiet: int
    raised: int
    kept: Estimate | None = None
    added: Estimate | None = None
    small: str = ""


class AttackReport(msgspec.Struct, frozen=True, kw_only=True):
    """All families, the one that hides most first and those that cannot be ranked last.

    `positives` of the sample were flagged as written and `benign` ones were not: no family has more to change.
    """

    positives: int
    benign: int
    families: tuple[AttackFigures, ...]

    @property
    def minimum(self) -> AttackFigures | None:
        """The family that hides most, where any can be ranked."""
        return next((one for one in self.families if not one.small), None)

    @property
    def in_words(self) -> str:
        """What was disguised, the family that hides most, and which change nothing."""
        said = [
            f"{self.positives:,} positives that are flagged as written and {self.benign:,} benign texts that are not, "
            f"under {len(self.families)} families."
        ]
        if self.minimum is not None:
            said.append(f"The minimum: {self.minimum.family}, under which {self.minimum.kept} are still flagged.")
        idle = [one.family for one in self.families if not one.found]
        if idle:
            said.append(f"No flagged text is changed by: {', '.join(idle)}.")
        return " ".join(said)


@dataclass(frozen=True, eq=False)
class Disguised:
    """What one family made of a sample: which texts it changed, and each text afterwards."""

    family: Family
    texts: tuple[str, ...]
    changed: Mask


def disguise(texts: Sequence[str], picks: Sequence[Picks] | None = None, seed: int = 0) -> list[Disguised]:
    """Every family on every text; `picks` says for each text which of its words are attacked, else all long ones."""
    chosen = [long_words] * len(texts) if picks is None else picks
    # Asked once a text: what carries a score takes far longer to say than to disguise.
    places = [pick(text) for text, pick in zip(texts, chosen, strict=True)]
    made = []
    for family in FAMILIES:
        after = tuple(disguised(text, family, own, seed) for text, own in zip(texts, places, strict=True))
        changed = np.array([new != old for new, old in zip(after, texts, strict=True)], bool)
        made.append(Disguised(family, after, changed))
    return made


def figures(positive: Mask, before: Mask, disguised: Sequence[Disguised], after: Sequence[Mask]) -> AttackReport:
    """Figures by family; `before` and each of `after` are the flags of the sample as written and as disguised."""
    found = [_family(one, positive, before, flags) for one, flags in zip(disguised, after, strict=True)]
    found.sort(key=lambda one: (bool(one.small), one.kept.value if one.kept else 1.0))
    return AttackReport(
        positives=int(np.sum(positive & before)), benign=int(np.sum(~positive & ~before)), families=tuple(found)
    )


def _family(one: Disguised, positive: Mask, before: Mask, after: Mask) -> AttackFigures:
    caught, quiet = positive & before & one.changed, ~positive & ~before & one.changed
    found, still = int(caught.sum()), int((caught & after).sum())
    passed, raised = int(quiet.sum()), int((quiet & after).sum())
    return AttackFigures(
        family=one.family.name,
        sample=one.family.sample,
        found=found,
        still=still,
        quiet=passed,
        raised=raised,
        kept=share(still, found) if found >= FEWEST else None,
        added=share(raised, passed) if passed >= FEWEST else None,
        small=_small(found),
    )


def _small(found: int) -> str:
    if not found:
        return "changes no text that was flagged"
    if found < FEWEST:
        changed = "1 text that was" if found == 1 else f"{found:,} texts that were"
        return f"changes only {changed} flagged, {FEWEST} are needed"
    return ""
