"""What stands in the home folder beside the ledger forgets: logs of enforcements, snapshots, data sets."""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from gatehouse.adapters.files.whole import write_anew
from gatehouse.datasets import erase
from gatehouse.errors import OutsideError
from gatehouse.flows.local_history import FORGOTTEN
from gatehouse.ports.erasing import NOBODY, Reached, Whom
from gatehouse.records.event import Entity


class EnforcementLogs:
    """Files to which enforcements are written line by line."""

    def __init__(self, files: Callable[[], Sequence[Path]]) -> None:
        self._files = files

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: what is enforced is in the ledger."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Write over the name where it is the subject; lines keep their place, so that others may append meanwhile."""
        for file in self._files():
            if file.exists():
                yield Reached("enforcement log", str(file), _over(file, str(whom.entity), dry))


def _over(file: Path, name: str, dry: bool) -> int:
    """Put NOBODY over a subject in place, with spaces behind the value for what it is shorter."""
    said = b'"subject":' + msgspec.json.encode(name)
    instead = b'"subject":' + msgspec.json.encode(NOBODY if len(NOBODY) <= len(name) else "")
    found = 0
    with file.open("rb" if dry else "r+b") as opened:
        start = 0
        for line in opened.readlines():
            if (place := line.find(said)) >= 0:
                found += 1
                if not dry:
                    opened.seek(start + place)
                    opened.write(instead.ljust(len(said)))
            start += len(line)
        if found and not dry:
            opened.flush()
            os.fsync(opened.fileno())
    return found


class Snapshots:
    """Snapshots of what was counted before, from which processes start; without one they count the ledger anew."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def ids(self, entity: Entity) -> frozenset[str]:
        """None: they hold hashes and counts."""
        return frozenset()

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Remove them all, and have processes that run save none: what they counted is of before."""
        # Said first to whoever is writing one, and again to whoever has started meanwhile from one.
        if not dry:
            self._say_so()
        for file in sorted(self._home.glob("history*.snapshot")):
            if not dry:
                file.unlink(missing_ok=True)
            yield Reached("snapshots", str(file), 1, "counted anew from the ledger at the next start")
        if not dry:
            self._say_so()

    def _say_so(self) -> None:
        write_anew(self._home / FORGOTTEN, f"{secrets.token_hex(8)}\n".encode())


class DatasetFolders:
    """Frozen data sets and imported histories: those on record, and those in the home folder."""

    def __init__(self, root: Path, recorded: Callable[[], Sequence[Path]]) -> None:
        self._root, self._recorded = root, recorded

    def ids(self, entity: Entity) -> frozenset[str]:
        """Ids of rows of this author and of events of this actor."""
        whom = Whom(entity, frozenset())
        return frozenset(id_ for folder in self._folders() for id_ in erase.ids(folder, whom))

    def forget(self, whom: Whom, *, at: int, dry: bool) -> Iterator[Reached]:
        """Write each folder anew without them, with a note of how many went."""
        for folder in self._folders():
            if not folder.is_dir():
                yield Reached("data sets", str(folder), 0, "no longer there")
                continue
            try:
                rows = erase.erase(folder, whom, at=at, dry=dry)
            except OSError as error:
                fix = "see that the folder may be written, then erase again: what was done stays done"
                raise OutsideError(f"cannot be written: {error.strerror}", where=str(folder), fix=fix) from error
            yield Reached("data sets", str(folder), rows)

    def _folders(self) -> list[Path]:
        for folder in {*self._recorded(), *erase.cut_off(self._root)}:
            erase.recover(folder)
        own = [one for one in sorted(self._root.glob("*")) if one.is_dir() and not one.name.startswith(".")]
        return list(dict.fromkeys(path.resolve() for path in (*self._recorded(), *own)))
