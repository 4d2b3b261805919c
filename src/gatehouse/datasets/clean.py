"""What is mended when a data set is built, and counted for its card; texts are otherwise kept as they stand."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gatehouse.datasets.items import Claim, Item
from gatehouse.datasets.split import part_of
from gatehouse.records.dataset import Part

_HELD_BACK: tuple[Part, ...] = ("test", "points", "calibration", "train")


@dataclass(frozen=True)
class Cleaned:
    """One item per text, each with its part, and sentences that say what was mended."""

    items: list[Item]
    parts: list[Part]
    notes: tuple[str, ...]


def once_per_text(items: Iterable[Item]) -> Cleaned:
    """Keep each text once, with all the claims made about it, on the side that is held back furthest.

    Claims of one value about one label by one rater (or by none) become one with their votes added, so a text
    that was labelled twice keeps both votes, also where they contradict each other. Items without text are left out.
    """
    groups: dict[str, list[Item]] = defaultdict(list)
    empty = broken = 0
    for item in items:
        if not item.text.strip():
            empty += 1
            continue
        broken += "\ufffd" in item.text
        groups[item.text].append(item)
    kept: list[Item] = []
    parts: list[Part] = []
    repeated = crossed = contradicted = 0
    for group in groups.values():
        sides = [item.part or part_of(item.author or item.text) for item in group]
        part = next(part for part in _HELD_BACK if part in sides)
        parts.append(part)
        # The item whose side it is: with another's author, an author would stand on two sides.
        own = group[sides.index(part)]
        if len(group) == 1:
            kept.append(own)
            continue
        repeated += len(group) - 1
        crossed += len(set(sides)) > 1
        contradicted += _contradict(group)
        kept.append(own._replace(claims=_added(claim for item in group for claim in item.claims)))
    return Cleaned(kept, parts, _notes(empty, broken, repeated, crossed, contradicted))


def _added(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    votes: Counter[tuple[str, int, str | None]] = Counter()
    for claim in claims:
        votes[claim.label, claim.value, claim.rater] += claim.votes
    return tuple(Claim(label, value, count, rater) for (label, value, rater), count in votes.items())


def _contradict(group: list[Item]) -> bool:
    """Whether the items' own majorities differ on a label."""
    verdicts: dict[str, set[bool]] = defaultdict(set)
    for item in group:
        balance: Counter[str] = Counter()
        for claim in item.claims:
            balance[claim.label] += claim.votes if claim.value else -claim.votes
        for label, sum_of_votes in balance.items():
            verdicts[label].add(sum_of_votes >= 0)
    return any(len(said) > 1 for said in verdicts.values())


def _notes(empty: int, broken: int, repeated: int, crossed: int, contradicted: int) -> tuple[str, ...]:
    said = (
        (empty, "without text were left out"),
        (broken, "hold bytes that were not UTF-8, shown as U+FFFD"),
        (repeated, "repeated an earlier text and were merged into it with their labels"),
        (crossed, "texts stood on two sides of the split and were kept on the one held back further"),
        (contradicted, "texts were labelled differently where they repeat; both labels were kept"),
    )
    return tuple(f"{count:,} {'rows ' if i < 3 else ''}{what}" for i, (count, what) in enumerate(said) if count)
