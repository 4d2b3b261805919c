"""How `--set NAME=VALUE` becomes the settings of a search for campaigns."""

import dataclasses
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gatehouse.errors import Faults, suggestion

if TYPE_CHECKING:
    from gatehouse.detectors.coordination import Settings

_UNITS = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def settings_of(said: Sequence[str]) -> "Settings":
    """The usual settings with what was said otherwise; raises UserError with all that cannot be.

    Lists are separated by commas, lengths of time have a unit: `lengths=5m,1h`, `means=target,text`, `fewest=4`.
    """
    from gatehouse.detectors.coordination import Settings

    usual = {field.name: field.default for field in dataclasses.fields(Settings)}
    faults, given = Faults(), dict[str, Any]()
    for pair in said:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            faults.add(f"'{pair}' says not what is what", "--set", "write NAME=VALUE, for example fewest=4")
        elif name not in usual:
            faults.add(f"there is no setting '{name}'", "--set", suggestion(name, usual))
        else:
            try:
                given[name] = _value(name, value, usual[name])
            except ValueError as error:
                faults.add(f"{name} cannot be '{value}'", "--set", str(error))
    faults.raise_found()
    return Settings(**given)


def _value(name: str, value: str, usual: object) -> object:
    if name == "passing":
        return _length(value)
    if name == "lengths":
        return tuple(_length(each.strip()) for each in value.split(","))
    if isinstance(usual, tuple) or usual is None:
        return None if value == "all" else tuple(each.strip() for each in value.split(",") if each.strip())
    for kind, what in ((int, "a whole number"), (float, "a number")):
        if isinstance(usual, kind):
            try:
                return kind(value.replace("_", ""))
            except ValueError:
                raise ValueError(f"give {what}, as {usual} is") from None
    raise ValueError("it cannot be set here")


def _length(said: str) -> int:
    found = re.fullmatch(r"(\d+)([smhd])", said)
    if not found:
        raise ValueError("write lengths of time as 30s, 5m, 1h or 1d")
    return int(found.group(1)) * _UNITS[found.group(2)]
