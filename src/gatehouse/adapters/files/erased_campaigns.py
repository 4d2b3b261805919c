"""Runs of `campaigns find` forget: an actor leaves the communities, their ties, texts and evidence."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gatehouse.adapters.files.campaigns import COMMUNITIES, RUN, VERDICTS, digest_of
from gatehouse.adapters.files.erased_scores import MEND
from gatehouse.adapters.files.whole import write_anew, written_anew
from gatehouse.errors import OutsideError
from gatehouse.ports.campaigns import Sighting
from gatehouse.ports.erasing import NOBODY, Reached, Whom
from gatehouse.records.event import Entity

TIES, TEXTS = "ties.parquet", "texts.parquet"


class CampaignFolders:
    """Runs in folders, as `adapters.files.campaigns` keeps them; each stays readable at every moment but the last step.

    Its note, with the hashes of its files, is written last: a run that was cut off is whole again when it is repeated.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: a run does not say whose each event was."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Take it out of each run, and its name out of what people said."""
        for folder in sorted(path.parent for path in self._root.glob(f"*/{RUN}")):
            if not folder.name.startswith("."):
                yield Reached("campaigns", str(folder), _forget(folder, whom, dry))
        verdicts = self._root / VERDICTS
        if verdicts.exists():
            yield Reached("campaigns", str(verdicts), _reworded(verdicts, whom, dry))


def _forget(folder: Path, whom: Whom, dry: bool) -> int:
    try:
        seen = [msgspec.json.decode(line, type=Sighting) for line in (folder / COMMUNITIES).read_bytes().splitlines()]
        ties, texts = pq.read_table(folder / TIES), pq.read_table(folder / TEXTS)
        note = json.loads((folder / RUN).read_bytes())
    except (OSError, ValueError, pa.ArrowException) as error:
        raise OutsideError(f"the run cannot be read ({error})", where=str(folder), fix=MEND) from error
    left = [_without(sighting, whom) for sighting in seen]
    names = pa.array([str(whom.entity)])
    tied = pc.or_(pc.is_in(ties["a"], value_set=names), pc.is_in(ties["b"], value_set=names))
    quoted = pc.is_in(texts["event_id"], value_set=pa.array(sorted(whom.ids), pa.string()))
    found = sum(one != other for one, other in zip(left, seen, strict=True))
    found += (pc.sum(tied).as_py() or 0) + (pc.sum(quoted).as_py() or 0)
    if dry:
        return found
    if found:
        write_anew(folder / COMMUNITIES, b"".join(msgspec.json.encode(one) + b"\n" for one in left))
        for name, table in ((TIES, ties.filter(pc.invert(tied))), (TEXTS, texts.filter(pc.invert(quoted)))):
            with written_anew(folder / name) as beside:
                pq.write_table(table, beside, compression="zstd")
    hashes = {name: digest_of(folder / name) for name in note["files"]}
    # What an erasure cut off left with the hashes of before is made whole here, too.
    if hashes != note["files"]:
        write_anew(folder / RUN, json.dumps({**note, "files": hashes}, indent=2, ensure_ascii=False).encode() + b"\n")
    return found


def _without(sighting: Sighting, whom: Whom) -> Sighting:
    """A sighting without it, and without evidence in which it took part or which shows one of its events."""

    def others(members: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(member for member in members if member not in whom.names)

    community = sighting.community
    evidence = tuple(
        one
        for one in community.evidence
        if whom.names.isdisjoint({*one.members, one.what}) and whom.ids.isdisjoint({*one.event_ids, one.what})
    )
    community = msgspec.structs.replace(community, members=others(community.members), evidence=evidence)
    return msgspec.structs.replace(
        sighting, community=community, joined=others(sighting.joined), left=others(sighting.left)
    )


def _reworded(path: Path, whom: Whom, dry: bool) -> int:
    """Lines of verdicts that give it by its whole name in their reasons."""
    name = str(whom.entity).encode()
    lines = path.read_bytes().splitlines(keepends=True)
    found = sum(name in line for line in lines)
    if found and not dry:
        write_anew(path, b"".join(line.replace(name, NOBODY.encode()) for line in lines))
    return found
