"""What counts as acting together, and how sure to be of it."""

from dataclasses import dataclass
from typing import get_args

from gatehouse.errors import Faults, suggestion
from gatehouse.records.community import Means

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MEANS: tuple[Means, ...] = get_args(Means)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How accounts that act together are looked for.

    - `lengths`: of time buckets, microseconds; two acts are at one time when they lie in one bucket of a grid or of the
      same grid moved by half a length. Each length finds other campaigns, and pays for being looked at.
    - `means`: by what accounts may be tied; `kinds`: kinds of events whose targets count (None: all).
    - `similar`: the share of common 5-byte pieces from which two texts are one; `shortest`: texts of fewer characters,
      once normalised, are too common to tell anything.
    - `passing`: a thing that came and went within this time (microseconds; less where the events cover less than three
      times as much) ties those who share many such, however long they take over each; such things form bundles by the
      accounts that came to them, and a bundle ties those who came to several of it.
    - `crowd`: a thing on which more accounts act within one bucket tells nothing about any two of them and is left out
      of counting; a thing with fewer accounts is judged by its like more than by itself.
    - `fewest`: different things that two accounts must share, so that no single event, however moving, ties anyone;
      also the things of a bundle, and the accounts that two things of it must share.
    - `most_pairs`: pairs that are counted for one length; above it the crowd is taken smaller, so that time and memory
      stay bounded on any input.
    - `false_ties`: the share of false ones among ties that is put up with (Benjamini and Hochberg 1995, over all pairs
      that could be tied); `significance`: of a community, corrected for all groups that could be formed.
    - `common`: the share of the accounts tied to the lesser of two tied ones that must be tied to both.
    - `smallest`: members of a community; `shown`: pieces of evidence for each.
    """

    lengths: tuple[int, ...] = (MINUTE, HOUR, DAY)
    means: tuple[Means, ...] = MEANS
    kinds: tuple[str, ...] | None = None
    similar: float = 0.6
    shortest: int = 20
    passing: int = 4 * DAY
    crowd: int = 200
    fewest: int = 3
    most_pairs: int = 20_000_000
    false_ties: float = 0.01
    significance: float = 0.001
    common: float = 0.3
    smallest: int = 4
    shown: int = 12

    def __post_init__(self) -> None:
        """Raise UserError with every setting that cannot be."""
        faults = Faults()
        if not self.lengths or any(length < 2 or length % 2 for length in self.lengths):
            faults.add("a bucket has no length", "lengths", "give even whole numbers of microseconds, from 2 on")
        if len(set(self.lengths)) < len(self.lengths):
            faults.add("a length stands there twice", "lengths", "give each length once")
        for word in self.means:
            if word not in MEANS:
                faults.add(f"unknown means '{word}'", "means", suggestion(word, MEANS))
        if not self.means or len(set(self.means)) < len(self.means):
            faults.add("each means stands there once, and at least one", "means", f"known: {', '.join(MEANS)}")
        least = {"shortest": 0, "passing": 0, "crowd": 2, "fewest": 1, "most_pairs": 1, "smallest": 2, "shown": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                faults.add(f"{name} is {getattr(self, name)}", name, f"give {low} or more")
        for name in ("similar", "false_ties", "significance"):
            if not 0 < getattr(self, name) <= 1:
                faults.add(f"{name} is {getattr(self, name)}", name, "give a share above 0 and at most 1")
        if not 0 <= self.common <= 1:
            faults.add(f"common is {self.common}", "common", "give a share from 0 to 1")
        faults.raise_found()
