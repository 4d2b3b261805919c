"""Logs: whatever goes wrong with a text, none of it is in a line."""

import ast
import errno
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient
from sqlalchemy.exc import OperationalError
from tests.flows.remembering import FEATURES, make_post

from gatehouse.adapters import logs
from gatehouse.entry.api.errors import HANDLERS
from gatehouse.errors import OutsideError
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Unrecorded
from gatehouse.flows.live_gate import LiveGate
from gatehouse.policies.decide import bind
from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import Decision
from gatehouse.records.policy import Step
from gatehouse.records.signal import Signals
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW, make_policy
from gatehouse.testing.memory import MemoryLedger

SAID = "zebra-crossing"
"""What somebody wrote."""

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Loggers as they were, when a test ends."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook
    yield
    root.handlers, root.level, threading.excepthook = before
    structlog.reset_defaults()
    for name in (*logs.SILENT, "uvicorn", "uvicorn.error"):
        logging.getLogger(name).propagate = True


def configured(*, human: bool = False) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream, human=human, level="DEBUG")
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise KeyError(text) from error


def test_only_known_keys_with_values_of_their_form_get_through() -> None:
    stream = configured()
    structlog.get_logger().info(
        "kept", counts={"spam": 3}, stage="judge", decisions=["0123456789abcdef"], seconds=0.5, kinds=["ValueError"],
        where="flows/live.py:88",
    )  # fmt: skip
    structlog.get_logger().info("left out", text=SAID, stage=SAID * 9, decisions=[SAID], counts={SAID: SAID}, where=3)
    kept, out = lines(stream)
    assert kept.pop("time").endswith("Z")
    assert kept == {
        "level": "info", "event": "kept", "counts": {"spam": 3}, "stage": "judge", "seconds": 0.5,
        "decisions": ["0123456789abcdef"], "kinds": ["ValueError"], "where": "flows/live.py:88",
    }  # fmt: skip
    assert {name: out[name] for name in out if name != "time"} == {"level": "info", "event": "left out", "left_out": 5}


@pytest.mark.parametrize("human", [False, True])
def test_an_exception_is_told_by_kind_and_place_with_what_it_came_from(human: bool) -> None:
    stream = configured(human=human)
    try:
        fail_with(SAID)
    except KeyError:
        structlog.get_logger().exception("it failed")
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        logging.getLogger("sqlalchemy.engine").warning("INSERT %s", SAID, exc_info=True)
    written = stream.getvalue()
    assert SAID not in written
    assert written.count("KeyError:adapters/test_logs.py:") == 3
    assert written.count("ValueError:adapters/test_logs.py:") == 3
    assert "Exception in ASGI application" in written
    assert "INSERT" not in written


def test_requests_are_not_logged_and_other_libraries_by_name_and_place_alone() -> None:
    stream = configured()
    logging.getLogger("uvicorn.access").info("GET /v1/entities/%s", SAID)
    logging.getLogger("httpx").info(SAID)
    logging.getLogger("some.client").error(f"cannot read {SAID}")
    (line,) = lines(stream)
    assert (line["logger"], line["event"]) == ("some.client", "said something")
    assert line["where"].startswith("adapters/test_logs.py:")


def test_sentences_of_the_house_are_one_line_each_and_not_too_long() -> None:
    stream = configured()
    say = logs.sayer("worker")
    say("the ledger cannot be used\n    → make room on the disk")
    say("x" * 2_000)
    first, second = lines(stream)
    assert (first["event"], first["logger"]) == (
        "the ledger cannot be used → make room on the disk",
        "gatehouse.worker",
    )
    assert len(second["event"]) == logs.LONGEST_EVENT + 2


class Failing:
    """A detector that quotes what it fails at."""

    name, version, labels, languages = "demo.rules", "d1", ("lure",), frozenset[str]()

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        raise ValueError(str(events.column("text").to_pylist()))


class Full(MemoryLedger):
    """A ledger on a full disk, whose driver quotes what it could not write."""

    def commit(self, judged: Any) -> list[Decision]:
        quoted = [one.event.text for one in judged if isinstance(one, Judged)]
        raise OutsideError("the disk is full") from OperationalError("INSERT", quoted, Exception(str(quoted)))


@pytest.mark.parametrize("ledger", [MemoryLedger(), Full()])
def test_failing_detectors_and_full_disks_leave_no_content_in_logs(
    ledger: MemoryLedger, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = configured()
    step = Step(name="lure", detector="demo.rules", label="lure", clause="S1")
    judge = Judge(FEATURES, (Failing(),), (bind(make_policy("demo", steps=(step,)), (), (Failing(),)),), {"demo": "r"})
    gate = LiveGate(judge, ledger, None, Clock(NOW))
    answers = gate.decide([make_post("e1", text=SAID), make_post("e2", text=SAID * 2)])
    for answer in answers:
        if isinstance(answer, Unrecorded):
            logging.getLogger("gatehouse.worker").error("not recorded", exc_info=answer.error)
    assert SAID not in stream.getvalue() + "".join(capfd.readouterr())
    assert ("OutsideError:" in stream.getvalue()) == isinstance(ledger, Full)
    assert ("OperationalError:" in stream.getvalue()) == isinstance(ledger, Full)


@post("/broken")
async def broken(data: JSONBody[dict[str, Any]]) -> None:
    fail_with(str(data))


def test_bad_requests_leave_no_content_in_logs(capfd: pytest.CaptureFixture[str]) -> None:
    app = Litestar([broken], exception_handlers=HANDLERS, logging_config=None, openapi_config=None)
    with TestClient(app, raise_server_exceptions=False) as client:
        stream = configured()
        assert client.post("/broken", json={"text": SAID}).status_code == 500
        assert client.post("/broken", content=f'{{"{SAID}"').status_code == 400
        assert client.get(f"/{SAID}").status_code == 404
    assert SAID not in stream.getvalue() + "".join(capfd.readouterr())
    assert "KeyError at adapters/test_logs.py" in stream.getvalue()


def test_a_log_that_cannot_be_written_tells_nobody_what_it_would_have_said(capfd: pytest.CaptureFixture[str]) -> None:
    class FullDisk(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "no space left on device")

    logs.configure(FullDisk(), human=False)
    try:
        fail_with(SAID)
    except KeyError:
        structlog.get_logger().exception("it failed", text=SAID)
        logging.getLogger("other").exception("%s", SAID)
    assert capfd.readouterr() == ("", "")


def test_a_thread_that_ends_by_an_exception_tells_its_kind_alone(capfd: pytest.CaptureFixture[str]) -> None:
    stream = configured()
    thread = threading.Thread(target=fail_with, args=(SAID,))
    thread.start()
    thread.join()
    (line,) = lines(stream)
    assert line["event"] == "a thread ended"
    assert [one.partition(":")[0] for one in line["raised"]] == ["KeyError", "ValueError"]
    assert SAID not in stream.getvalue() + "".join(capfd.readouterr())


def test_lines_are_for_people_on_a_terminal_and_for_programs_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert logs.configure() is True
    structlog.get_logger().info("ready", counts={"spam": 1})
    assert "ready" in sys.stderr.getvalue()
    assert not sys.stderr.getvalue().startswith("{")
    assert logs.configure(io.StringIO()) is False


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just(SAID + " and more")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.one_of(st.sampled_from(sorted(set(logs.KEYS) - {"event"})), st.text(max_size=8)), _VALUES))
def test_no_value_of_another_form_passes_under_a_known_key(event: dict[str, Any]) -> None:
    told = dict(logs.only_known(None, "info", {**event, "event": "said"}))
    told.pop("left_out", None)
    assert set(told) <= set(logs.KEYS)
    for key, value in told.items():
        assert logs.KEYS[key](value) is not None
    assert len(told) + dict(logs.only_known(None, "info", {**event, "event": "said"})).get("left_out", 0) == len(
        {**event, "event": "said"}
    )


def test_what_our_code_logs_begins_with_words_of_its_own() -> None:
    """An event made of values could hold content: it is written out in the code, and values stand beside it."""
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    made = []
    for path in sorted((ROOT / "src" / "gatehouse").rglob("*.py")):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)) if "logging" in text or "structlog" in text else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            owner = node.func.value
            named = isinstance(owner, ast.Name) and owner.id.strip("_").lower() in {"log", "logger", "logging"}
            if named and node.func.attr in levels and not isinstance(node.args[0], ast.Constant):
                made.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not made
