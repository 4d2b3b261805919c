"""What the page on enforcement shows works as it says."""

import json
import re
import time
from pathlib import Path
from typing import Any

from gatehouse.adapters.actuators import ByKind, load
from gatehouse.adapters.webhooks import LONGEST, Webhook, sign
from gatehouse.enforcement.undo import TAKEN_BACK_BY, act_of
from gatehouse.flows.perform import Terms
from gatehouse.policies.load import load as load_policy
from gatehouse.records.enforcement import Enforcement, Told
from gatehouse.testing.clock import Clock

PAGE = (Path(__file__).parents[2] / "docs" / "enforcement.md").read_text(encoding="utf-8")
WEBHOOK = Webhook("https://trust.example.com/in", bytes(16))
POLICY = """\
policy: adverts
title: Adverts
owner: us
text: No adverts.
clauses: [{id: A1, title: Adverts, text: No adverts.}]
steps: [{name: known_spam, when: {detector: adverts.bank, label: advert}, clause: A1, enforce: strike}]
"""


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_snippet_knows_what_is_genuine() -> None:
    (snippet,) = shown("python")
    names: dict[str, object] = {}
    exec(snippet, names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    body, now = b'{"a": 1}', int(time.time())
    headers = {
        "webhook-id": "n1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(b"secret", "n1", now, body),
    }
    assert is_genuine(b"secret", headers, body)
    assert not is_genuine(b"secret", headers, body + b" ")
    assert not is_genuine(b"another", headers, body)
    assert not is_genuine(b"secret", {**headers, "webhook-timestamp": str(now - 301)}, body)
    assert not is_genuine(b"secret", {**headers, "webhook-timestamp": "soon"}, body)
    assert not is_genuine(b"secret", {**headers, "webhook-signature": "v1,\xe9"}, body)
    assert not is_genuine(b"secret", {}, body)


def test_the_message_shown_has_the_fields_that_are_sent() -> None:
    (message,) = (json.loads(one) for one in shown("json"))
    assert message["type"] == f"enforcement.{act_of(Enforcement(**without(message['data'], 'notice')))}"
    assert set(message["data"]) == {*Told.__struct_fields__} - {"state"}
    assert f"({WEBHOOK.timeout:g} s, {LONGEST:g} at most)" in PAGE


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


def test_the_bounds_and_the_actuators_shown_are_read(tmp_path: Path) -> None:
    bounds, actuators = shown("yaml")
    assert load_policy(POLICY + bounds, "policy.yaml").quota
    (tmp_path / "officer.secret").write_text("y" * 32)
    made = load(actuators, "a.yaml", folder=tmp_path, clock=Clock(), environment={"PLATFORM_SECRET": "x" * 32})
    assert isinstance(made, ByKind)


def test_the_table_of_kinds_is_whole() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (?:event|actor).*? \| `(\w+)` \|$", PAGE, re.MULTILINE))
    assert rows == {kind.word: back for kind, back in TAKEN_BACK_BY.items()}
    assert f"After {Terms().tries} tries" in PAGE
