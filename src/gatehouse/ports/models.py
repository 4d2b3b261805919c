"""What the house asks of the place where the files of detector versions lie."""

from collections.abc import Mapping
from typing import Protocol


class ModelFiles(Protocol):
    """Files under the hash of their content."""

    def put(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store each file; gives back the SHA-256 of each by its name."""
        ...

    def get(self, name: str, digest: str) -> bytes:
        """The file with this content hash; raises OutsideError when it is missing, cut short or changed."""
        ...
