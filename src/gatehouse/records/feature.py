"""Features: what was known of one event, by name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class FeatureRow(Mapping[str, Any]):
    """One row of a batch of features; all rows share `places`, which says by name where each value stands.

    A dictionary of each row takes longer to make than all else that is recorded of it.
    """

    __slots__ = ("places", "row")

    def __init__(self, places: Mapping[str, int], row: Sequence[Any]) -> None:
        self.places = places
        self.row = row

    def __getitem__(self, name: str) -> Any:
        return self.row[self.places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return repr(dict(self))
