"""Communities over all runs that are kept: which there are, what became of them, and what people say of them."""

from typing import Any

import msgspec

from gatehouse.errors import UserError, did_you_mean
from gatehouse.ports.campaigns import CampaignRun, Campaigns, Known, Said, Sighting, Verdict
from gatehouse.records.community import Community


def known(kept: Campaigns) -> dict[str, Known]:
    """Every community that any run saw, by its id, in the order in which they were first seen by one."""
    seen: dict[str, list[tuple[CampaignRun, Sighting]]] = {}
    merged: dict[str, str] = {}
    for run in kept.runs():
        for sighting in kept.sightings(run.id):
            id_ = sighting.community.id
            seen.setdefault(id_, []).append((run, sighting))
            merged.pop(id_, None)
            merged.update(dict.fromkeys(sighting.merged, id_))
    verdicts = kept.verdicts()
    return {
        id_: Known(id_, tuple(sightings), tuple(verdicts.get(id_, ())), merged.get(id_))
        for id_, sightings in seen.items()
    }


def one(kept: Campaigns, id_: str) -> Known:
    """The community with this id, or the only one whose id begins so; raises UserError where there is none."""
    every = known(kept)
    if found := every.get(id_):
        return found
    beginning = [name for name in every if id_ and name.startswith(id_)]
    if len(beginning) == 1:
        return every[beginning[0]]
    if beginning:
        raise UserError(f"'{id_}' begins the ids of {len(beginning)} communities", fix=f"say {' or '.join(beginning)}")
    fix = "gatehouse campaigns list names all" if every else "gatehouse campaigns find SOURCE looks for some"
    raise UserError(f"there is no community '{id_}'", fix=did_you_mean(id_, every) + fix)


def run_named(kept: Campaigns, id_: str | None) -> CampaignRun:
    """The run with this id, or the only one whose id begins so; without an id the newest. Raises UserError for none."""
    runs = kept.runs()
    if not runs:
        raise UserError("no run is kept yet", fix="gatehouse campaigns find SOURCE makes one")
    if id_ is None:
        return runs[-1]
    found = [run for run in runs if run.id == id_] or [run for run in runs if id_ and run.id.startswith(id_)]
    if len(found) == 1:
        return found[0]
    names = [run.id for run in found or runs]
    if found:
        raise UserError(f"'{id_}' begins the ids of {len(found)} runs", fix=f"say {' or '.join(names)}")
    fix = did_you_mean(id_, names) + "gatehouse campaigns list --runs names all"
    raise UserError(f"there is no run '{id_}'", fix=fix)


def decide(kept: Campaigns, id_: str, verdict: Said, why: str, *, by: str, at: int) -> Verdict:
    """Record what a person says of a community. Nothing is enforced by it."""
    if not why.strip():
        raise UserError("a verdict has a reason", where="--why", fix="say in a sentence what you saw")
    said = Verdict(community=one(kept, id_).id, verdict=verdict, why=why.strip(), by=by, at=at)
    kept.decide(said)
    return said


def copied_texts(kept: Campaigns, community: Known) -> list[str]:
    """The texts that members had in common, whole, as the latest run found them: one wording of each."""
    table = kept.read(community.run.id).texts
    texts = dict(zip(table["event_id"].to_pylist(), table["text"].to_pylist(), strict=True))
    found = []
    for shown in community.latest.community.evidence:
        wordings = (texts.get(id_) for id_ in shown.event_ids if shown.means == "text")
        found += [text for text in wordings if text and text.strip()][:1]
    return list(dict.fromkeys(found))


def text_events(community: Community) -> list[str]:
    """The events whose texts show what members had in common."""
    return [id_ for shown in community.evidence if shown.means == "text" for id_ in shown.event_ids]


def in_words(sighting: Sighting) -> list[str]:
    """What changed about a community in a run, a sentence each; nothing where nothing did."""
    if sighting.new:
        whence = f", split from {sighting.split_from}" if sighting.split_from else ""
        return [f"found for the first time{whence}"]
    said = [f"{n:,} {what}" for n, what in ((len(sighting.joined), "joined"), (len(sighting.left), "left")) if n]
    return [*said, *(f"{id_} is part of it now" for id_ in sighting.merged)] or ["the same members as before"]


def as_data(each: Known) -> dict[str, Any]:
    """A community over its runs, for programs."""
    data: dict[str, Any] = msgspec.to_builtins(each.latest.community)
    history = [
        {
            "run": run.id,
            "at": run.at,
            "members": len(sighting.community.members),
            "first": sighting.first,
            "last": sighting.last,
            "p": sighting.community.p,
            "said": in_words(sighting),
        }
        for run, sighting in each.seen
    ]
    return {**data, "merged_into": each.merged_into, "history": history, "verdicts": list(each.verdicts)}
