"""What the page on enforcement shows works as it says."""

import re
import time
from pathlib import Path

from gatehouse.adapters.actuators import ByKind, load
from gatehouse.adapters.webhooks import sign
from gatehouse.enforcement.undo import TAKEN_BACK_BY
from gatehouse.flows.perform import Terms
from gatehouse.policies.load import load as load_policy
from gatehouse.testing.clock import Clock

PAGE = (Path(__file__).parents[2] / "docs" / "enforcement.md").read_text(encoding="utf-8")
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
