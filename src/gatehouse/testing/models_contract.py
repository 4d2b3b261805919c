"""What every store of model files promises; whoever writes one subclasses ModelFilesContract and gets the tests."""

import hashlib

import pytest

from gatehouse.errors import OutsideError
from gatehouse.ports.models import ModelFiles

CONTENT = b"\x00weights\xff" * 100


class ModelFilesContract:
    """Subclass it, give the fixture `files` (an empty store) and say how a test spoils one of its files."""

    @pytest.fixture
    def files(self) -> ModelFiles:
        """An empty store."""
        raise NotImplementedError("give a fixture `files`")

    def spoil(self, files: ModelFiles, digest: str, content: bytes | None) -> None:
        """Put other content where this file lies, or take it away (None)."""
        raise NotImplementedError("say how a file is spoilt")

    def test_files_come_back_by_their_hash(self, files: ModelFiles) -> None:
        """Names are for people: equal content has one hash under any name."""
        digests = files.put({"linear.bin": CONTENT, "empty": b"", "copy.bin": CONTENT})
        digest = hashlib.sha256(CONTENT).hexdigest()
        assert digests == {"linear.bin": digest, "empty": hashlib.sha256(b"").hexdigest(), "copy.bin": digest}
        assert files.get("linear.bin", digest) == CONTENT
        assert files.get("empty", digests["empty"]) == b""
        assert files.put({"linear.bin": CONTENT}) == {"linear.bin": digest}

    @pytest.mark.parametrize(
        ("spoilt", "message"),
        [
            (None, "linear.bin is missing"),
            (b"", "linear.bin was cut short or changed"),
            (CONTENT[:-1], "linear.bin was cut short or changed"),
            (CONTENT[:-1] + b"\x00", "linear.bin was cut short or changed"),
        ],
    )
    def test_a_spoilt_file_is_never_given(self, files: ModelFiles, spoilt: bytes | None, message: str) -> None:
        """It says which file, where it should lie and how to make it again; storing it again mends it."""
        digest = files.put({"linear.bin": CONTENT})["linear.bin"]
        self.spoil(files, digest, spoilt)
        with pytest.raises(OutsideError, match=message) as caught:
            files.get("linear.bin", digest)
        assert digest in caught.value.faults[0].where
        assert "gatehouse train PACK" in caught.value.faults[0].fix
        files.put({"linear.bin": CONTENT})
        assert files.get("linear.bin", digest) == CONTENT

    @pytest.mark.parametrize("digest", ["", "00" * 32, "../../../etc/hostname"])
    def test_what_was_never_stored_is_missing(self, files: ModelFiles, digest: str) -> None:
        """Also where the hash is none."""
        with pytest.raises(OutsideError):
            files.get("linear.bin", digest)
