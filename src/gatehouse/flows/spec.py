"""A judge that travels: its files in one bundle, and the hashes by which another process builds the same judge."""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gatehouse import __version__
from gatehouse.errors import Fault, OutsideError
from gatehouse.flows.judge import Judge
from gatehouse.flows.releases import Parts, Shelf, assemble, parts_of
from gatehouse.records.dataset import Release
from gatehouse.records.policy import Policy

BROUGHT_AGAIN = "bring the bundle again: gatehouse score writes it from the files of the live releases"

# A zip keeps the time of each file: the same one for all, so that equal files make equal bundles.
_ALWAYS = (1980, 1, 1, 0, 0, 0)


class PackFiles(msgspec.Struct, frozen=True):
    """One pack's release, and the SHA-256 of each file that it is built of by its name in the bundle.

    `PACK/release.json` holds the points, `PACK/policy.json` the policy; the rest are `PACK/DETECTOR/FILE`.
    """

    pack: str
    version: str
    files: dict[str, str]


class JudgeSpec(msgspec.Struct, frozen=True):
    """All that says which judge is meant: the Gatehouse that made it, and the files of each pack by their hashes."""

    gatehouse: str
    packs: tuple[PackFiles, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of everything in it, as hex digits."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    @property
    def releases(self) -> dict[str, str]:
        """The release of each pack."""
        return {pack.pack: pack.version for pack in self.packs}


def pack_files(shelf: Shelf, releases: Sequence[Release]) -> tuple[JudgeSpec, bytes]:
    """The spec of the judge of these releases, and a zip of the files that it is built of; equal files, equal bytes."""
    contents = {release.pack: dict(_files(parts_of(shelf, release))) for release in releases}
    packs = (
        PackFiles(release.pack, release.version, {name: _sha256(file) for name, file in contents[release.pack].items()})
        for release in releases
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as bundle:
        for files in contents.values():
            for name, content in files.items():
                bundle.writestr(zipfile.ZipInfo(name, _ALWAYS), content)
    return JudgeSpec(__version__, tuple(packs)), stream.getvalue()


@dataclass
class _Built:
    """The judge that this process built last."""

    hash: str = ""
    judge: Judge | None = None


_built = _Built()


def build(spec: JudgeSpec, bundle: Path) -> Judge:
    """The judge of a spec, built once a process.

    Raises OutsideError, naming every file of the bundle that is missing or changed, or when the Gatehouse here is
    another than the one that made the spec.
    """
    if _built.judge is None or _built.hash != spec.hash:
        if spec.gatehouse != __version__:
            raise OutsideError(
                f"the judge comes from Gatehouse {spec.gatehouse}, here runs {__version__}",
                fix=f"install gatehouse=={spec.gatehouse} on every machine that judges",
            )
        _built.judge, _built.hash = assemble(_opened(spec, bundle)), spec.hash
    return _built.judge


def _files(parts: Parts) -> Iterator[tuple[str, bytes]]:
    pack = parts.release.pack
    yield f"{pack}/release.json", msgspec.json.encode(parts.release)
    yield f"{pack}/policy.json", msgspec.json.encode(parts.policy)
    yield from ((f"{pack}/{name}", content) for name, content in parts.files.items())


def _opened(spec: JudgeSpec, bundle: Path) -> list[Parts]:
    faults: list[Fault] = []
    releases = []
    try:
        with zipfile.ZipFile(bundle) as archive:
            for pack in spec.packs:
                files = {name: _checked(archive, name, digest, faults) for name, digest in pack.files.items()}
                releases.append((pack.pack, files))
    except (OSError, zipfile.BadZipFile) as error:
        what = f"the judge's files cannot be read: {getattr(error, 'strerror', None) or error}"
        raise OutsideError(what, where=str(bundle), fix=BROUGHT_AGAIN) from error
    if faults:
        raise OutsideError([Fault(fault.what, str(bundle), BROUGHT_AGAIN) for fault in faults])
    return [_parts(pack, files) for pack, files in releases]


def _checked(archive: zipfile.ZipFile, name: str, digest: str, faults: list[Fault]) -> bytes:
    try:
        content = archive.read(name)
    except KeyError:
        faults.append(Fault(f"{name} is missing"))
        return b""
    except zipfile.BadZipFile:
        # The zip's own checksum found the change first.
        content = b""
    if _sha256(content) != digest:
        faults.append(Fault(f"{name} was changed: it has another SHA-256"))
    return content


def _parts(pack: str, files: dict[str, bytes]) -> Parts:
    release = msgspec.json.decode(files[f"{pack}/release.json"], type=Release)
    policy = msgspec.json.decode(files[f"{pack}/policy.json"], type=Policy)
    models = {name.removeprefix(f"{pack}/"): content for name, content in files.items() if name.count("/") == 2}
    return Parts(release, policy, models)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
