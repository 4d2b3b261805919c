"""A judge that travels is the same judge, or none at all."""

import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from gatehouse.bootstrap import House
from gatehouse.errors import OutsideError
from gatehouse.flows import releases, spec
from gatehouse.flows.spec import JudgeSpec, build, pack_files
from gatehouse.records.event import Event, to_batch
from gatehouse.records.score import score_rows

EVENTS = to_batch(
    [
        Event(id="1", text="You won a prize, call 0900 000 000 now to claim it"),
        Event(id="2", text="gatehouse canary text: known spam sample 1"),
        Event(id="3", text=None),
    ]
)


@pytest.fixture(autouse=True)
def nothing_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has built no judge yet."""
    monkeypatch.setattr(spec, "_built", spec._Built())


def brought(folder: Path, bundle: bytes) -> Path:
    path = folder / "judge.zip"
    path.write_bytes(bundle)
    return path


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_what_is_built_elsewhere_judges_as_what_is_opened_here(house: House, tmp_path: Path) -> None:
    live = releases.live(house.shelf, ["spam", "sexism"])
    here = releases.open_judge(house.shelf, live)
    said, bundle = pack_files(house.shelf, live)
    there = build(msgspec.json.decode(msgspec.json.encode(said), type=JudgeSpec), brought(tmp_path, bundle))
    uses = {bound.policy.name: frozenset(step.detector for step in bound.policy.steps) for bound in here.policies}
    assert score_rows(there(EVENTS), uses).equals(score_rows(here(EVENTS), uses))
    assert there.releases == here.releases == said.releases
    assert there.features_version == here.features_version


def test_equal_files_are_equal_bundles_and_one_judge_a_process(house: House, tmp_path: Path) -> None:
    live = releases.live(house.shelf, ["spam"])
    said, bundle = pack_files(house.shelf, live)
    assert pack_files(house.shelf, live) == (said, bundle)
    assert pack_files(house.shelf, releases.live(house.shelf, ["sexism"]))[0].hash != said.hash
    path = brought(tmp_path, bundle)
    judge = build(said, path)
    path.unlink()
    assert build(said, path) is judge


def test_every_changed_or_missing_file_is_named(house: House, tmp_path: Path) -> None:
    said, bundle = pack_files(house.shelf, releases.live(house.shelf, ["spam"]))
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert list(files) == list(said.packs[0].files)
    files["spam/spam.linear/model.bin"] += b" "
    del files["spam/policy.json"]
    path = brought(tmp_path, zipped(files))
    with pytest.raises(OutsideError) as refused:
        build(said, path)
    assert [fault.what for fault in refused.value.faults] == [
        "spam/policy.json is missing",
        "spam/spam.linear/model.bin was changed: it has another SHA-256",
    ]
    assert {fault.where for fault in refused.value.faults} == {str(path)}


@pytest.mark.parametrize("cut", [0, 100])
def test_a_bundle_that_is_cut_short_or_not_there_is_refused(house: House, tmp_path: Path, cut: int) -> None:
    said, bundle = pack_files(house.shelf, releases.live(house.shelf, ["spam"]))
    path = brought(tmp_path, bundle[:cut])
    if not cut:
        path.unlink()
    with pytest.raises(OutsideError, match=r"judge\.zip: the judge's files cannot be read"):
        build(said, path)


def test_another_gatehouse_is_refused(house: House, tmp_path: Path) -> None:
    said, bundle = pack_files(house.shelf, releases.live(house.shelf, ["spam"]))
    other = msgspec.structs.replace(said, gatehouse="0.0.1")
    with pytest.raises(OutsideError, match=r"the judge comes from Gatehouse 0\.0\.1, here runs"):
        build(other, brought(tmp_path, bundle))
