import json
from pathlib import Path

import pytest

from gatehouse.adapters.actuators import ByKind, CallableActuator, LogActuator, load
from gatehouse.adapters.webhooks import WebhookActuator
from gatehouse.enforcement.undo import undoing
from gatehouse.errors import RefusedError, UserError
from gatehouse.testing.clock import Clock
from gatehouse.testing.outbox_contract import make_enforcement

FILE = """\
actuators:
  file: {log: enforcements.jsonl}
  platform:
    webhook: {url: https://hooks.example/in, secret_from: HOOK_SECRET, timeout: 3}
kinds: {remove: platform, limit: platform}
otherwise: file
"""


def test_a_log_is_a_line_each_that_a_program_reads(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    actuator = LogActuator(path, Clock(7))
    assert actuator.act(make_enforcement(), "n1") == "log.jsonl"
    actuator.act(undoing(make_enforcement()), "n1-undo")
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["at"], first["key"], first["act"], first["subject"]) == (8, "n1", "remove", "event:e1")
    assert (second["act"], second["undoes"]) == ("restore", "n1")


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"at": 1, "ke')
    LogActuator(path, Clock()).act(make_enforcement(), "n1")
    cut, whole = path.read_text().splitlines()
    assert cut == '{"at": 1, "ke'
    assert json.loads(whole)["key"] == "n1"


def test_a_log_that_cannot_be_written_is_not_done(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        LogActuator(tmp_path / "no" / "log.jsonl", Clock()).act(make_enforcement(), "n1")


def test_each_kind_goes_to_its_own(tmp_path: Path) -> None:
    one, other = (CallableActuator(lambda deed, key, name=name: f"{name} {key}") for name in ("one", "other"))
    both = ByKind({"remove": one}, other)
    assert both.act(make_enforcement(), "a") == "one a"
    assert both.act(make_enforcement(kind="warn"), "b") == "other b"
    with pytest.raises(RefusedError, match="nothing carries out 'warn'\n    → name an actuator for it"):
        ByKind({"remove": one}).act(make_enforcement(kind="warn"), "b")


def test_a_file_names_them(tmp_path: Path) -> None:
    made = load(FILE, "actuators.yaml", folder=tmp_path, clock=Clock(), environment={"HOOK_SECRET": "x" * 16})
    assert isinstance(made, ByKind)
    assert isinstance(made._by_kind["remove"], WebhookActuator)
    assert made._by_kind["remove"] is made._by_kind["limit"]
    assert made.act(make_enforcement(kind="warn"), "n1") == "enforcements.jsonl"
    assert (tmp_path / "enforcements.jsonl").exists()


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "hook.secret").write_text("y" * 20 + "\n")
    text = FILE.replace("secret_from: HOOK_SECRET", "secret_file: hook.secret")
    made = load(text, "actuators.yaml", folder=tmp_path, clock=Clock(), environment={})
    assert isinstance(made, ByKind)
    hook = made._by_kind["remove"]
    assert isinstance(hook, WebhookActuator)
    assert hook._webhook.secret == b"y" * 20


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = """\
actuators:
  file: {log: a.jsonl, webhook: {}}
  hook: {webhook: {url: http://hooks.example/in, secret_from: NOT_THERE}}
  plain: {webhook: {url: http://hooks.example/in, secret_from: THERE}}
  none: {webhook: {url: https://hooks.example/in}}
  lost: {webhook: {url: https://hooks.example/in, secret_file: lost.secret}}
  slow: {webhook: {url: https://hooks.example/in, secret_from: THERE, timeout: 60}}
kinds: {remvoe: file, limit: fle}
otherwise: plan
"""
    with pytest.raises(UserError) as caught:
        load(text, "actuators.yaml", folder=tmp_path, clock=Clock(), environment={"THERE": "top-secret-value-here"})
    said = str(caught.value)
    assert said == (
        "actuators.yaml:2:9: 'file' must say either 'log' or 'webhook'\n    → write 'log: enforcements.jsonl'\n"
        "actuators.yaml:3:25: a webhook goes over https\n    → http is for private addresses: allow them\n"
        "actuators.yaml:3:63: the environment has no variable 'NOT_THERE'\n"
        "    → set it to what the server checks signatures with\n"
        "actuators.yaml:4:26: a webhook goes over https\n    → http is for private addresses: allow them\n"
        "actuators.yaml:5:19: a webhook has one secret, from the environment or a file\n"
        "    → add 'secret_from: NAME_OF_A_VARIABLE' or 'secret_file: PATH'\n"
        f"actuators.yaml:6:64: {tmp_path / 'lost.secret'} cannot be read (FileNotFoundError)\n"
        "    → set it to what the server checks signatures with\n"
        "actuators.yaml:7:80: timeout may be 25 s at most\n"
        "    → let the server answer at once and do the deed after that\n"
        "actuators.yaml:8:9: unknown key 'remvoe' in 'kinds'\n    → did you mean 'remove'?\n"
        "actuators.yaml:8:30: unknown actuator 'fle'\n    → did you mean 'file'?\n"
        "actuators.yaml:9:12: unknown actuator 'plan'\n    → did you mean 'plain'?"
    )
    assert "top-secret" not in said
