"""What the house asks of the place where batch scores are written and read."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa


class ScoreWriter(Protocol):
    """A file of scores that appears whole when it is closed, or not at all when the writing failed."""

    def __enter__(self) -> "ScoreWriter": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, rows: pa.Table) -> None:
        """Append rows in SCORE_SCHEMA."""
        ...


class Lake(Protocol):
    """Files of scores, each with a note of the run that wrote it."""

    def writer(self, out: Path, run: Mapping[str, Any]) -> ScoreWriter:
        """Open a file of scores for writing; `run` is kept inside it."""
        ...

    def run(self, out: Path) -> dict[str, Any]:
        """The note of the run that wrote this file; raises UserError when the file is not one of scores."""
        ...

    def rows(self, out: Path, event_id: str) -> list[dict[str, Any]]:
        """The rows of one event."""
        ...
