"""What a run of scoring reads: the files that a path means, and the columns that they share."""

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatehouse.errors import Faults, UserError
from gatehouse.features.profile import ProfileColumn
from gatehouse.flows.intake import columns_for


def files_of(source: Path) -> list[Path]:
    """The files that a path means, in order: the file itself, all of a folder, or those that a pattern matches.

    In folders what begins with `_` or `.` is passed over, as Spark does. Raises UserError where there is none.
    """
    if source.is_file():
        return [source]
    found = [source] if source.is_dir() else [Path(match) for match in glob.glob(str(source), recursive=True)]
    files = sorted({file for place in found for file in _within(place)})
    if not files:
        fix = "check the path; a pattern such as 'events/*.csv' stands in quotation marks"
        raise UserError("there is no file to read", where=str(source), fix=fix)
    return files


def _within(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    below = (path for path in place.rglob("*") if path.is_file())
    return [path for path in below if not any(part[0] in "_." for part in path.relative_to(place).parts)]


def shared_columns(
    files: Sequence[Path], given: Mapping[str, str], profile: Sequence[ProfileColumn] = ()
) -> dict[str, str]:
    """Which column serves for each column of an event, the same in all files.

    Raises UserError with the faults of every file; a column that only some of them have would be lost in the others.
    """
    faults = Faults()
    found: dict[Path, dict[str, str]] = {}
    for file in files:
        with faults.gather():
            found[file] = columns_for(file, given, profile)
    everywhere = dict(next(iter(found.values()), {}))
    for mapping in found.values():
        everywhere |= mapping
    for file, mapping in found.items():
        if missing := sorted(everywhere.keys() - mapping.keys()):
            what = f"there is no column for {', '.join(missing)}, which other files have"
            faults.add(what, str(file), "write the same columns in all files, or score them apart")
    faults.raise_found()
    return everywhere
