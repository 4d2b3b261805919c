"""`gatehouse doctor` as a user runs it: what is there, what is missing, what is broken, and what mends it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.adapters.kafka.mock_broker import broker
from tests.entry.conftest import Command

from gatehouse.bootstrap import open_house
from gatehouse.entry import doctor
from gatehouse.entry.cli.show import now
from gatehouse.entry.observing import open_access
from gatehouse.flows.access import make_key
from gatehouse.settings import read

Found = dict[str, dict[str, str]]

WEBHOOKS = """\
actuators:
  platform: {webhook: {url: "https://trust.example.com/in", secret_file: key}}
  officer: {webhook: {url: "http://officer.test/in", secret_file: key, private: true}}
  file: {log: enforcements.jsonl}
otherwise: platform
"""


def found(command: Command, *arguments: str, code: int = 0) -> Found:
    answer = command("doctor", "--json", *arguments)
    assert answer.code == code, answer.out + answer.err
    return {one["name"]: one for one in json.loads(answer.out)["findings"]}


def test_an_empty_house_is_missing_things_and_nothing_is_broken(gatehouse: Command) -> None:
    before = found(gatehouse)
    assert (before["house"]["state"], before["house"]["mend"]) == ("missing", "gatehouse init")
    assert "ledger" not in before
    assert not Path(".gatehouse").exists()
    gatehouse("init")
    after = found(gatehouse)
    assert {after[name]["state"] for name in ("house", "ledger", "ledger writes", "outbox", "clock", "disk")} == {"ok"}
    for name, mend in {
        "keys": "gatehouse keys make NAME --scope SCOPE",
        "signing key": "openssl rand -hex 32 > FILE",
        "actuators": "docs/enforcement.md",
        "traces": "GATEHOUSE_OTEL_ENDPOINT",
        "pack spam": "gatehouse train spam && gatehouse promote spam",
        "data sms-spam": "gatehouse data fetch sms-spam",
    }.items():
        assert after[name]["state"] == "missing"
        assert mend in after[name]["mend"]


def test_keys_of_the_house_are_counted_and_never_shown(gatehouse: Command) -> None:
    gatehouse("init")
    made = make_key(open_access(read()).keys, "metrics", ["read"], now=now(), by="test")
    keys = found(gatehouse)["keys"]
    assert (keys["state"], keys["what"]) == ("ok", "1 API keys are good, for read")
    assert made.secret not in str(keys)


def test_a_signing_key_is_read_and_must_be_long_enough(gatehouse: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_SIGNING_KEY_FILE", "signing.key")
    assert "cannot be read: No such file" in found(gatehouse, code=2)["signing key"]["what"]
    Path("signing.key").write_text("short")
    assert "has 5 bytes of" in found(gatehouse, code=2)["signing key"]["what"]
    Path("signing.key").write_text("x" * 64)
    assert found(gatehouse)["signing key"]["state"] == "ok"


def test_actuators_are_read_and_hosts_looked_up_only_when_asked(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    gatehouse("init")
    looked: list[str] = []
    known = {"trust.example.com": "10.0.0.7"}

    def look(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked.append(host)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    monkeypatch.setattr(doctor.socket, "getaddrinfo", look)
    home = Path(".gatehouse")
    (home / "actuators.yaml").write_text(WEBHOOKS)
    assert "key cannot be read" in found(gatehouse, code=2)["actuators"]["what"]
    (home / "key").write_text("k" * 32)
    assert found(gatehouse)["actuators"]["what"].endswith("webhooks to trust.example.com, officer.test")
    assert looked == []
    reached = found(gatehouse, "--reach", code=2)
    assert set(looked) == {"trust.example.com", "officer.test"}
    assert "not of the public internet" in reached["webhook trust.example.com"]["what"]
    assert reached["webhook officer.test"]["what"] == "officer.test is no known host"
    known |= {"trust.example.com": "93.184.216.34", "officer.test": "10.0.0.8"}
    assert found(gatehouse, "--reach")["webhook officer.test"]["state"] == "ok"


def test_servers_that_are_away_are_degraded_with_what_mends_them(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("redis", reason="redis is not installed: pip install 'gatehouse[redis]'")
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 1.0)
    monkeypatch.setenv("GATEHOUSE_REDIS", "redis://user:hidden@127.0.0.1:1/0")
    monkeypatch.setenv("GATEHOUSE_BUS", "kafka://127.0.0.1:1/posts")
    away = found(gatehouse)
    assert (away["history"]["state"], away["bus"]["state"]) == ("degraded", "degraded")
    assert away["history"]["what"] == "Redis at 127.0.0.1:1: cannot be reached"
    assert "hidden" not in str(away)
    monkeypatch.setenv("GATEHOUSE_REDIS", "nonsense")
    assert "cannot be read" in found(gatehouse)["history"]["what"]


def test_a_bus_that_answers_says_how_many_partitions_a_topic_has(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")
    with broker() as brokers:
        monkeypatch.setenv("GATEHOUSE_BUS", f"kafka://{brokers}/posts")
        bus = found(gatehouse)["bus"]
    assert bus["state"] == "ok", bus
    assert "'posts' has partitions: " in bus["what"]


def test_a_bus_is_asked_with_the_settings_that_workers_are_given(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: pip install 'gatehouse[kafka]'")
    with broker() as brokers:
        monkeypatch.setenv("GATEHOUSE_BUS", f"kafka://{brokers}/posts")
        # A broker that wants TLS does not answer who speaks none, and the other way about.
        Path("kafka.properties").write_text("security.protocol=SSL\n")
        other = found(gatehouse, "--bus-options", "kafka.properties")["bus"]
        Path("kafka.properties").write_text("client.id=doctor\n")
        assert found(gatehouse, "--bus-options", "kafka.properties")["bus"]["state"] == "ok"
        Path("kafka.properties").write_text("no setting\n")
        wrong = found(gatehouse, "--bus-options", "kafka.properties")["bus"]
    assert other["state"] == "degraded"
    assert "kafka.properties:1: no setting" in wrong["what"]
    assert gatehouse("doctor", "--bus-options", "nowhere").code == 2


def test_an_extra_that_the_settings_need_is_broken_and_others_only_missing(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.setenv("GATEHOUSE_REDIS", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("GATEHOUSE_BUS", "kafka://127.0.0.1:1/posts")
    extras = {name: one for name, one in found(gatehouse, code=2).items() if name.startswith("extra ")}
    broken = {name for name, one in extras.items() if one["state"] == "broken"}
    assert broken == {"extra kafka", "extra redis"}
    assert extras["extra redis"]["mend"] == "pip install 'gatehouse[redis]'"
    assert extras["extra spark"]["state"] == "missing"


def test_a_sqlite_that_may_damage_a_ledger_of_several_processes_is_told_of(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sqlite" not in found(gatehouse)
    monkeypatch.setattr(doctor, "SOUND", (99, 0, 0))
    said = found(gatehouse)["sqlite"]
    assert said["state"] == "degraded"
    assert said["what"].startswith(f"SQLite {doctor.driver.sqlite_version} can, very rarely, damage a file")
    assert "GATEHOUSE_LEDGER" in said["mend"]


def test_a_mapping_of_attributes_is_held_against_the_live_detectors(with_spam: Command) -> None:
    assert "perspective" not in found(with_spam)
    path = Path(".gatehouse/perspective.yaml")
    path.write_text("SPAM: spam.linear/spam\nTOXICITY: toxicity.linear/toxic\n")
    assert found(with_spam)["perspective"]["what"].endswith("attributes that can be asked for: SPAM")
    path.write_text("SPAM: spam.linear/spm\n")
    wrong = found(with_spam, code=2)["perspective"]
    assert "'spam.linear' knows no label 'spm', which SPAM names" in wrong["what"]
    assert wrong["mend"].startswith("did you mean 'spam'")
    path.write_text("SPAM: [\n")
    assert "not valid YAML" in found(with_spam, code=2)["perspective"]["what"]


def test_a_changed_model_file_is_told_of(with_spam: Command) -> None:
    house = open_house(read())
    assert found(with_spam)["models"]["state"] == "ok"
    release = house.shelf.registry.live("spam")
    assert release is not None
    (digest,) = house.shelf.registry.model("spam.linear", release.detectors["spam.linear"]).files.values()
    path = Path(".gatehouse") / "models" / digest[:2] / digest[2:4] / digest
    path.write_bytes(path.read_bytes()[:-1])
    models = found(with_spam)["models"]
    assert (models["state"], "was cut short or changed" in models["what"]) == ("degraded", True)


def test_a_right_to_write_that_another_holds_is_named_and_costs_no_other_check(
    gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 1.5)
    monkeypatch.setenv("COLUMNS", "200")
    gatehouse("init")
    holds = "import sqlite3, sys; c = sqlite3.connect('.gatehouse/ledger.sqlite', isolation_level=None); "
    holds += "c.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        answer = gatehouse("doctor")
        other.communicate()
    assert answer.code == 0, answer.out + answer.err
    (degraded,) = [line.split() for line in answer.out.splitlines() if line.split()[:1] == ["degraded"]]
    assert " ".join(degraded[1:7]) == "ledger writes: has not answered for"
    assert "which program holds its right to write" in answer.out


def test_people_see_a_table(gatehouse: Command) -> None:
    answer = gatehouse("doctor")
    assert answer.code == 0
    assert "what mends it" in answer.out
    assert "no ledger at" in answer.out
