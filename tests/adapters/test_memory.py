"""The doubles in memory keep the contracts that those on disk keep."""

import pytest

from gatehouse.testing.ledger_contract import LedgerContract
from gatehouse.testing.memory import MemoryLedger, MemoryModelFiles, MemoryRegistry
from gatehouse.testing.models_contract import ModelFilesContract
from gatehouse.testing.registry_contract import RegistryContract


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()


class TestMemoryRegistry(RegistryContract):
    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        return MemoryRegistry()


class TestMemoryModelFiles(ModelFilesContract):
    @pytest.fixture
    def files(self) -> MemoryModelFiles:
        return MemoryModelFiles()

    def spoil(self, files: MemoryModelFiles, digest: str, content: bytes | None) -> None:
        if content is None:
            del files.content[digest]
        else:
            files.content[digest] = content
