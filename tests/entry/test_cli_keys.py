"""`gatehouse keys` and `gatehouse reads` as an operator uses them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from gatehouse.adapters.sql.access import SqlKeys, SqlReads
from gatehouse.adapters.sql.engine import Database
from gatehouse.entry.cli.keys import SCOPES, duration, keys
from gatehouse.entry.cli.reads import reads
from gatehouse.errors import UserError
from gatehouse.flows.key_form import hash_of
from gatehouse.records import access as records
from gatehouse.settings import Settings
from gatehouse.testing.access_contract import make_read
from gatehouse.testing.makers import NOW

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Database(tmp_path / "ledger.sqlite").close()
    return tmp_path


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")

    def go(command: click.Command, *arguments: str) -> Result:
        return CliRunner().invoke(command, list(arguments), obj=Settings(home=home), catch_exceptions=True)

    return go


def kept(home: Path) -> list[records.Key]:
    database = Database(home / "ledger.sqlite")
    found = SqlKeys(database).all()
    database.close()
    return found


def test_the_scopes_of_the_command_are_those_of_the_records() -> None:
    assert SCOPES == records.SCOPES


def test_a_key_is_printed_once_and_only_its_hash_is_kept(run: Run, home: Path) -> None:
    answer = run(keys, "make", "site", "--scope", "ingest", "--scope", "read", "--rate", "50", "--expires", "90d")
    secret = answer.stdout.strip()
    (key,) = kept(home)
    assert re.fullmatch(rf"gh_{key.id}_\w{{43}}", secret), "standard output is the key alone, for a pipe"
    assert "the key of site for ingest, read, until " in answer.stderr
    assert f"gatehouse keys revoke {key.id} ends it" in answer.stderr
    assert key.hash == hash_of(secret)
    assert (key.scopes, key.rate) == (("ingest", "read"), 50)
    assert key.expires == key.made + 90 * 86_400_000_000
    assert secret.encode() not in (home / "ledger.sqlite").read_bytes()
    listed = run(keys, "list").output
    assert key.id in listed
    assert "ingest read" in listed
    assert "ending" in listed
    for told in (listed, run(keys, "list", "--json").output):
        assert secret.split("_")[2] not in told
        assert key.hash not in told


def test_as_json(run: Run) -> None:
    made = json.loads(run(keys, "make", "site", "--scope", "read", "--json").stdout)
    assert made["key"].startswith(f"gh_{made['made']['id']}_")
    assert json.loads(run(keys, "list", "--json").stdout) == {"keys": [made["made"]], "rate": 20_000}
    assert "hash" not in made["made"]


def test_what_is_wrong_is_said_at_once(run: Run, home: Path) -> None:
    error = run(keys, "make", "site", "--scope", "raed", "--rate", "0").exception
    assert isinstance(error, UserError)
    assert [fault.what for fault in error.faults] == ["no scope 'raed'", "a rate of 0"]
    assert "did you mean 'read'?" in str(error)
    assert "a key that may do nothing" in str(run(keys, "make", "site").exception)
    assert kept(home) == []


def test_rotating_prints_a_new_key_and_the_old_one_ends_after_the_overlap(run: Run, home: Path) -> None:
    run(keys, "make", "site", "--scope", "ingest", "--rate", "7")
    (old,) = kept(home)
    answer = run(keys, "rotate", old.id, "--overlap", "2h")
    new, ended = sorted(kept(home), key=lambda key: key.replaces is None)
    assert answer.stdout.strip().startswith(f"gh_{new.id}_")
    assert (new.replaces, new.rate, new.scopes, new.name) == (old.id, 7, ("ingest",), "site")
    assert ended.expires == new.made + 2 * 3_600_000_000
    assert "was rotated before" in str(run(keys, "rotate", old.id).exception)
    assert run(keys, "rotate", new.id).exit_code == 0


def test_revoking_ends_all_that_are_named_or_none(run: Run, home: Path) -> None:
    for name in ("a", "b"):
        run(keys, "make", name, "--scope", "read")
    first, second = kept(home)
    assert "no key 'nokey'" in str(run(keys, "revoke", first.id, "nokey").exception)
    assert [key.revoked for key in kept(home)] == [None, None]
    answer = run(keys, "revoke", first.id, second.id)
    assert answer.output == "2 keys revoked; servers refuse them within 5 s\n"
    assert all(key.revoked for key in kept(home))
    assert run(keys, "list").output.count("revoked 20") == 2


def test_lengths_of_time() -> None:
    assert [duration(said, "--x") for said in ("90d", "24h", "30m", "10s", "0s")] == [
        7_776_000_000_000,
        86_400_000_000,
        1_800_000_000,
        10_000_000,
        0,
    ]
    for said in ("", "90", "d", "-1d", "1.5h", "1w", "1d ", "9" * 10 + "d"):
        with pytest.raises(UserError, match="is no length of time"):
            duration(said, "--x")


def test_without_a_ledger_the_next_step_is_named(tmp_path: Path) -> None:
    for command, arguments in ((keys, ["list"]), (reads, [])):
        answer = CliRunner().invoke(command, arguments, obj=Settings(home=tmp_path / "none"))
        assert "gatehouse init" in str(answer.exception)


def test_who_looked_is_listed_newest_first(run: Run, home: Path) -> None:
    database = Database(home / "ledger.sqlite")
    SqlReads(database).add([make_read("e1"), make_read("e2", by="kim", at=NOW + 60_000_000)])
    database.close()
    lines = run(reads).output.splitlines()
    assert [line.split() for line in lines if "2023-11-14" in line] == [
        ["2023-11-14", "22:14", "UTC", "kim", "k1", "event", "e2"],
        ["2023-11-14", "22:13", "UTC", "site", "k1", "event", "e1"],
    ]
    assert "kim" not in run(reads, "--event", "e1").output
    assert "site" not in run(reads, "--by", "kim").output
    since = json.loads(run(reads, "--since", "2023-11-14T22:14:00Z", "--json").stdout)
    assert [one["which"] for one in since["reads"]] == ["e2"]
    assert "the newest 1; --limit shows more" in run(reads, "--limit", "1").output
