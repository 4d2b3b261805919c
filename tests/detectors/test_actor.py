"""The actor detector: the trees that were trained, alike in any batch; of whom it is silent, and why it said so."""

import hashlib
import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import onnx
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.actor import ActorDetector
from gatehouse.detectors.actor_file import ActorModel, Calibration, Column, Header
from gatehouse.detectors.base import Detector, ExplainsFeatures
from gatehouse.detectors.run import run_all
from gatehouse.errors import GatehouseError, OutsideError, UserError
from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Count, duration
from gatehouse.flows.judge import Judge, judge
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.records.signal import Signals, State
from gatehouse.training.actor_onnx import Forest, to_onnx

COLUMNS = (
    Column(name="friends", type="int64", needed=True),
    Column(name="made_at", type="int64", needed=False),
    Column(name="share", type="double", needed=False),
    Column(name="verified", type="bool", needed=False),
)
SCHEMA = pa.schema(
    [
        ("share", pa.float64()),
        ("friends", pa.int64()),
        ("verified", pa.bool_()),
        ("text", pa.string()),
        ("made_at", pa.int64()),
    ]
)
LABELS = ("bot", "loud")
LINES = ((0.8, -0.3), (1.7, 0.4))
LARGE = 2**53
HEAVY = "[name for name in ('lightgbm', 'onnx', 'onnxruntime') if name in sys.modules]"
"""Python that says which heavy libraries are loaded."""


def trained(label: int) -> lightgbm.Booster:
    """Trees over small and very large numbers, of which all but the first column are sometimes not known."""
    rng = np.random.default_rng(label)
    x = np.column_stack(
        [
            rng.integers(-100, 100, 800),
            LARGE + rng.integers(0, 2**12, 800) * 2,
            rng.normal(size=800),
            rng.random(800) < 0.5,
        ]
    ).astype(float)
    x[:, 1:][rng.random((800, 3)) < 0.2] = np.nan
    late = np.where(np.isnan(x[:, 1]), rng.random(800) < 0.5, x[:, 1] > LARGE + 2**12)
    y = (x[:, 0] / 50 + late + np.nan_to_num(x[:, 2]) + rng.normal(size=800) > 1).astype(float)
    said = {"objective": "binary", "num_leaves": 9, "num_threads": 1, "verbosity": -1, "deterministic": True}
    rows = lightgbm.Dataset(x, y, feature_name=[column.name for column in COLUMNS])
    return lightgbm.train({**said, "seed": label, "force_row_wise": True}, rows, 25)


@cache
def boosters() -> tuple[lightgbm.Booster, ...]:
    return trained(0), trained(1)


@cache
def file() -> bytes:
    calibration = tuple(
        Calibration(slope=slope, offset=offset, fitted_positives=9, fitted_negatives=9, positives=9, negatives=9)
        for slope, offset in LINES
    )
    made = {"dataset": "made", "dataset_version": "d1", "recipe": "r1", "sizes": ()}
    header = Header(labels=LABELS, columns=COLUMNS, calibration=calibration, **made)
    forests = [
        Forest([tree["tree_structure"] for tree in one.dump_model()["tree_info"]], *line)
        for one, line in zip(boosters(), LINES, strict=True)
    ]
    texts = tuple(one.model_to_string().encode() for one in boosters())
    return ActorModel(header, to_onnx(forests, range(len(COLUMNS))), texts).to_bytes()


@cache
def detector() -> ActorDetector:
    return ActorDetector.from_bytes(file(), "made.actor")


def events(n: int, actor: str | None = "account:a") -> pa.RecordBatch:
    return to_batch([Event(id=str(i), actor=Entity.parse(actor) if actor else None) for i in range(n)])


whole = st.one_of(
    st.none(), st.integers(-(2**62), 2**62), st.integers(LARGE, LARGE + 2**13), st.integers(1 << 50, 1 << 51)
)
row = st.fixed_dictionaries(
    {
        "friends": st.one_of(st.integers(-120, 120), st.integers(-(2**62), 2**62)),
        "made_at": whole,
        "share": st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
        "verified": st.one_of(st.none(), st.booleans()),
        "text": st.none(),
    }
)


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def log_odds(rows: list[dict[str, object]]) -> np.ndarray:
    """What LightGBM itself says, calibrated, with whole numbers as float64."""
    x = [[np.nan if row[column.name] is None else float(row[column.name]) for column in COLUMNS] for row in rows]  # type: ignore[arg-type]
    return np.column_stack(
        [
            slope * one.predict(np.array(x), raw_score=True, num_threads=1) + offset
            for one, (slope, offset) in zip(boosters(), LINES, strict=True)
        ]
    )


def test_it_keeps_the_promises_of_a_detector_that_explains() -> None:
    found: Detector = detector()
    assert isinstance(found, ExplainsFeatures)
    assert (found.name, found.labels, found.languages) == ("made.actor", LABELS, frozenset())
    assert detector().columns == ("friends", "made_at", "share", "verified")


def test_its_version_is_the_hash_of_its_file() -> None:
    assert detector().version == hashlib.sha256(file()).hexdigest()[:12]


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(row, min_size=1, max_size=30))
def test_its_graph_is_the_trained_trees_whatever_the_numbers(rows: list[dict[str, object]]) -> None:
    found = detector().signals(events(len(rows)), batch(rows))
    np.testing.assert_allclose(found.score, 1 / (1 + np.exp(-log_odds(rows))), rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(row, min_size=2, max_size=40), start=st.integers(0, 8))
def test_a_batch_of_one_scores_the_same_bits_as_any_batch(rows: list[dict[str, object]], start: int) -> None:
    features = batch(rows).slice(min(start, len(rows) - 1))
    many = detector().signals(events(len(features)), features).score
    alone = [detector().signals(events(1), features.slice(i, 1)).score[0] for i in range(len(features))]
    np.testing.assert_array_equal(many, alone)


def test_numbers_that_float32_cannot_tell_apart_fall_on_their_own_sides() -> None:
    rows = [dict.fromkeys(SCHEMA.names) | {"friends": 5, "made_at": LARGE + 2 * step} for step in range(2**12)]
    score = detector().signals(events(len(rows)), batch(rows)).score[:, 0]
    assert len({float(np.float32(row["made_at"])) for row in rows}) < len(np.unique(score))  # type: ignore[arg-type]
    assert score[0] < score[-1]


def test_its_graph_is_a_sound_onnx_model() -> None:
    onnx.checker.check_model(onnx.load_from_string(ActorModel.from_bytes(file(), "made.actor").onnx))


def test_an_empty_batch_has_no_signals() -> None:
    assert detector().signals(events(0), batch([])).score.shape == (0, 2)


def test_an_event_without_an_actor_and_a_value_that_is_needed_are_abstentions_with_their_reasons() -> None:
    known = {"friends": 3, "made_at": 1, "share": 0.5, "verified": True, "text": None}
    rows = [known, known, known | {"friends": None}, dict.fromkeys(SCHEMA.names)]
    actors = [Event(id=str(i), actor=None if i == 1 else Entity("account", "a")) for i in range(4)]
    found = detector().signals(to_batch(actors), batch(rows))
    assert found.state[:, 0].tolist() == [State.SCORED, *[State.ABSTAINED] * 3]
    assert np.isnan(found.score[1:]).all()
    assert [found.of(row, "e")[1].evidence for row in range(4)] == [
        None,
        "no actor",
        "not known: friends",
        "not known: friends",
    ]


def test_columns_that_could_not_be_had_are_failures_that_name_them_and_never_scores() -> None:
    features = batch([dict.fromkeys(SCHEMA.names)] * 2).select(["friends", "share", "text"])
    one = to_batch([Event(id="1", actor=Entity("account", "a")), Event(id="2")])
    found = detector().signals(one, features)
    assert [found.of(row, "e")[0].state for row in range(2)] == ["failed", "abstained"]
    assert [found.of(row, "e")[0].evidence for row in range(2)] == [
        "value unavailable for made_at, verified",
        "no actor",
    ]
    assert np.isnan(found.score).all()


def test_rows_without_any_column_fail_by_the_names_of_all() -> None:
    features = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))
    found = ActorDetector.from_bytes(file(), "made.actor").signals(events(2), features)
    assert found.of(1, "e")[1].evidence == "value unavailable for friends, made_at, share, verified"


def test_a_column_of_another_type_is_a_failure_that_says_so() -> None:
    rows = batch([dict.fromkeys(SCHEMA.names)])
    wrong = rows.set_column(1, "friends", pa.array(["3"])).set_column(2, "verified", pa.array([1], pa.int64()))
    found = detector().signals(events(1), wrong)
    assert (
        found.of(0, "e")[0].evidence
        == "friends is string, the model reads int64; verified is int64, the model reads bool"
    )
    assert detector().signals(events(1), rows).state[0, 0] == State.ABSTAINED, "and is forgotten with the next batch"


@settings(deadline=None, max_examples=25)
@given(one=row, label=st.integers(0, 1))
def test_an_explanation_adds_up_to_the_log_odds_heaviest_first(one: dict[str, object], label: int) -> None:
    found = detector().explain_features(batch([one]), LABELS[label])
    told = sum(weight.weight for weight in found) + detector().bias(LABELS[label])
    assert told == pytest.approx(log_odds([one])[0, label], abs=1e-9)
    assert [abs(weight.weight) for weight in found] == sorted((abs(weight.weight) for weight in found), reverse=True)


def test_an_explanation_tells_the_values_as_they_were() -> None:
    one = {"friends": 7, "made_at": 2**62 + 1, "share": None, "verified": False, "text": "x"}
    values = {weight.feature: weight.value for weight in detector().explain_features(batch([one]), "loud")}
    assert values == {"friends": 7, "made_at": 2**62 + 1, "share": None, "verified": False}
    assert values["verified"] is False


def test_what_cannot_be_explained_says_why() -> None:
    rows = batch([dict.fromkeys(SCHEMA.names)])
    with pytest.raises(UserError, match=r"made\.actor knows no label 'bott'"):
        detector().explain_features(rows, "bott")
    with pytest.raises(UserError, match="cannot be explained: value unavailable for share"):
        detector().explain_features(rows.select(["friends", "made_at", "verified"]), "bot")


def test_in_the_judge_a_history_that_could_not_be_asked_fails_it_and_nothing_else() -> None:
    kinds = {"made_at": "BIGINT", "share": "DOUBLE", "verified": "BOOLEAN"}
    profile = tuple(ProfileColumn(name, kind) for name, kind in kinds.items())  # type: ignore[arg-type]
    declared = FeatureSet(profile=profile, windows=(Count(name="friends", key=("actor",), window=duration("1h")),))
    said = [Event(id="1", actor=Entity("account", "a"), attributes={"made_at": LARGE, "verified": True}), Event(id="2")]
    whole = Judge(declared, (detector(),), (), {})
    prepared = whole.prepare(to_batch(said))
    lost = whole.conclude(prepared, whole.whole(prepared, None)).signals[0]
    assert [lost.of(row, "e")[0].evidence for row in range(2)] == ["value unavailable for friends", "no actor"]
    there = judge(to_batch(said), batch([{"friends": 2, "made_at": LARGE, "verified": True}] * 2), [detector()], [])
    assert [there.signals[0].of(row, "e")[0].state for row in range(2)] == ["scored", "abstained"]


def test_run_with_others_it_answers_as_alone() -> None:
    features = batch([{"friends": 2, "made_at": LARGE, "verified": True}] * 3)
    found: Signals = run_all([detector()], events(3), features.append_column("language", pa.array(["en", None, "pt"])))[
        0
    ]
    np.testing.assert_array_equal(found.score, detector().signals(events(3), features).score)


def _sealed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (lambda data: data[:-70], OutsideError, "cut short or was changed"),
        (lambda data: data[:20], OutsideError, "cut short after 20 bytes"),
        (lambda data: data[:500] + b"?" + data[501:], OutsideError, "cut short or was changed"),
        (
            lambda data: _sealed(data[:8] + b"\x09\x00" + data[10:-32]),
            UserError,
            "format 9, this version reads format 1",
        ),
        (lambda data: b"GHLINEAR" + data[8:], UserError, "this is no actor model's file"),
        (lambda data: _sealed(data[:-32] + b"more"), UserError, "header does not describe its content"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(
    damage: Callable[[bytes], bytes], kind: type[GatehouseError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        ActorDetector.from_bytes(damage(file()), "bots.actor")
    assert caught.value.faults[0].fix == "train it again: gatehouse train bots"


def test_a_header_with_fields_of_another_version_is_refused() -> None:
    head, header = struct.Struct("<8sHI"), msgspec.json.encode({"labels": ["bot"], "new": 1})
    with pytest.raises(UserError, match="the model file's header is of another version"):
        ActorModel.from_bytes(_sealed(head.pack(b"GHACTORS", 1, len(header)) + header), "bots.actor")


def test_a_graph_that_cannot_be_read_is_refused() -> None:
    model = ActorModel.from_bytes(file(), "made.actor")
    with pytest.raises(
        UserError, match=r"made\.actor: the model's ONNX graph cannot be read: it is no graph"
    ) as caught:
        ActorDetector.from_bytes(ActorModel(model.header, b"no graph", model.boosters).to_bytes(), "made.actor")
    assert caught.value.faults[0].fix == "train it again: gatehouse train made"


def test_to_score_loads_neither_a_runtime_nor_a_trainer(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(file())
    with pa.ipc.new_file(tmp_path / "rows", SCHEMA) as rows:
        rows.write_batch(batch([dict.fromkeys(SCHEMA.names) | {"friends": 3}]))
    code = (
        "import pathlib, sys, pyarrow as pa; from gatehouse.detectors.actor import ActorDetector\n"
        "from gatehouse.records.event import Entity, Event, to_batch\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "found = ActorDetector.from_bytes((here / 'model').read_bytes(), 'made.actor')\n"
        "events = to_batch([Event(id='1', actor=Entity('account', 'a'))])\n"
        "score = found.signals(events, pa.ipc.open_file(here / 'rows').get_batch(0)).score[0, 0]\n"
        f"print(0 < score < 1, {HEAVY})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"


def test_to_know_of_it_loads_nothing_heavy() -> None:
    code = f"import gatehouse.detectors.actor, sys; print({HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
