"""Which communities of a run are the ones that were known before: they keep their ids while most members stay."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gatehouse.ports.campaigns import Sighting
from gatehouse.records.community import Community


@dataclass(frozen=True)
class Earlier:
    """A community as the run before knew it; `merged_into` is the one that it became part of, if it did."""

    id: str
    members: frozenset[str]
    first_seen: int
    last_seen: int
    merged_into: str | None = None


@dataclass(frozen=True)
class _Match:
    earlier: Earlier
    found: Community
    common: int

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """Most members in common first, then the fewest others, then by name."""
        others = len(self.earlier.members) + len(self.found.members) - 2 * self.common
        return -self.common, others, self.earlier.id, self.found.id


def carry(earlier: Sequence[Earlier], found: Sequence[Community], run: str) -> list[Sighting]:
    """The communities found, with the ids of earlier ones where they are the same; in the order given.

    An earlier and a new community match when they share more than half of the smaller one's members. Of all matches
    the one with the most members in common is taken first, an id and a community only once; among equals the one with
    the fewest members that are not in common, then the one whose ids come first. An earlier community that matches but
    finds its match taken by another is merged into it; a new one that finds the id taken is split from it.
    """
    matches = sorted(_matches(earlier, found), key=lambda match: match.rank)
    by_id: dict[str, Earlier] = {}
    taken: set[str] = set()
    for match in matches:
        if match.found.id not in by_id and match.earlier.id not in taken:
            by_id[match.found.id] = match.earlier
            taken.add(match.earlier.id)
    merged, split = defaultdict[str, list[str]](list), dict[str, str]()
    for match in matches:
        keeps = by_id.get(match.found.id)
        if keeps is None:
            split.setdefault(match.found.id, match.earlier.id)
        elif match.earlier.id not in taken:
            taken.add(match.earlier.id)
            if match.earlier.merged_into != keeps.id:
                merged[keeps.id].append(match.earlier.id)
    used = {each.id for each in earlier}
    new_ids = {}
    for one in sorted(found, key=lambda one: one.id):
        if one.id not in by_id:
            new_ids[one.id] = _unused(one.id, run, used)
    return [
        _known(one, by_id[one.id], tuple(sorted(merged[by_id[one.id].id])))
        if one.id in by_id
        else _new(one, new_ids[one.id], split.get(one.id))
        for one in found
    ]


def _matches(earlier: Sequence[Earlier], found: Sequence[Community]) -> list[_Match]:
    where = defaultdict[str, list[int]](list)
    for place, each in enumerate(earlier):
        for member in each.members:
            where[member].append(place)
    matches = []
    for one in found:
        common = Counter(place for member in set(one.members) for place in where.get(member, ()))
        for place, n in common.items():
            if 2 * n > min(len(earlier[place].members), len(one.members)):
                matches.append(_Match(earlier[place], one, n))
    return matches


def _known(one: Community, before: Earlier, merged: tuple[str, ...]) -> Sighting:
    members = frozenset(one.members)
    return Sighting(
        community=msgspec.structs.replace(
            one,
            id=before.id,
            first_seen=min(before.first_seen, one.first_seen),
            last_seen=max(before.last_seen, one.last_seen),
        ),
        first=one.first_seen,
        last=one.last_seen,
        new=False,
        joined=tuple(sorted(members - before.members)),
        left=tuple(sorted(before.members - members)),
        merged=merged,
    )


def _new(one: Community, id_: str, split_from: str | None) -> Sighting:
    return Sighting(
        community=msgspec.structs.replace(one, id=id_),
        first=one.first_seen,
        last=one.last_seen,
        new=True,
        joined=tuple(sorted(one.members)),
        split_from=split_from,
    )


def _unused(id_: str, run: str, used: set[str]) -> str:
    """The id, or one made of it where an earlier community, which is another by now, already has it."""
    length = len(id_)
    while id_ in used:
        id_ = hashlib.sha256(f"{run} {id_}".encode()).hexdigest()[:length]
    used.add(id_)
    return id_
