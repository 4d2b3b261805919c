from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.records.dataset import Release
from gatehouse.testing.makers import make_point, make_release

NAMES = st.text("abcdef.", min_size=1, max_size=6)


@given(st.dictionaries(NAMES, NAMES, max_size=5), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_version_does_not_depend_on_the_order_of_detectors(detectors: dict[str, str], random: Random) -> None:
    shuffled = list(detectors.items())
    random.shuffle(shuffled)
    assert make_release(detectors=dict(shuffled)).version == make_release(detectors=detectors).version


@pytest.mark.parametrize(
    "changed",
    [
        make_release("sexism"),
        make_release(policy_version="p2", points=make_release().points),
        make_release(detectors={"spam.linear": "d9", "spam.rules": "d2"}),
        make_release(detectors={"spam.linear": "d1"}),
        make_release(features="f2"),
        make_release(points=()),
        make_release(points=(make_point(threshold=0.84),)),
        make_release(points=(make_point(status="confirmed"),)),
    ],
)
def test_whatever_changes_makes_another_release(changed: Release) -> None:
    assert changed.version != make_release().version


def test_a_release_that_was_written_and_read_keeps_its_version() -> None:
    release = make_release()
    back = msgspec.json.decode(msgspec.json.encode(release), type=Release)
    assert back == release
    assert back.version == Release.version_of(
        back.pack, back.policy_version, back.detectors, back.features, back.points
    )
    assert len(release.version) == 12
    assert int(release.version, 16) >= 0
