"""Scoring a file of one's own and understanding the answers, as a new user would."""

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.entry.conftest import Command

CONTRACT = (
    "event_id policy detector detector_version label state score decision enforce reason".split()  # noqa: SIM905
)


TRACE = """\
EVENT w1 (post), found in the ledger
  text      gatehouse canary text: known spam sample 1
  actor     account:a-9
FEATURES
  char_count 42 · word_count 7 · url_count 0 · email_count 0 · phone_count 0 · digit_share 0.0278
  upper_share 0 · exclamation_count 0 · currency_count 0 · emoji_count 0 · mention_count 0
  hashtag_count 0 · longest_run 1 · distinct_word_share 1 · non_ascii_share 0 · changed_share 0
  messages_1h 0 · same_text_share_1d not known · recipients_1h 0 · known_seconds 0
  likely_spam_1d 0 · reports_received_7d 0 · language en
SIGNALS
  spam.linear …
    spam                   scored    P
      carried by WORDS
  spam.rules …
    spam                   abstained
  spam.bank …
    spam                   matched    (known-spam-01)
  spam.near …
    spam                   abstained
POLICIES
  spam …: violating
    why: 'spam.bank' matched for 'spam' (known_spam): removed (clause S1)
DECISION …: violating, remove (decided DATE)
  releases  spam …
  planned   remove for policy spam
  replayed  the same decision from its stored signals, and the same signals computed anew
"""


def write_jsonl(path: str, rows: list[object]) -> None:
    Path(path).write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def test_a_csv_is_scored_and_each_text_can_be_traced(with_spam: Command) -> None:
    Path("my.csv").write_text('id,text\nm1,"You won a prize, call 0900 000 000 now to claim it"\nm2,see you at lunch\n')
    answer = with_spam("score", "my.csv", "--out", "my.parquet")
    assert answer.code == 0, answer.err
    assert "2 events judged by spam" in answer.out
    assert "next: gatehouse trace ID" in answer.out
    rows = pq.read_table("my.parquet").to_pylist()
    assert list(rows[0])[:10] == CONTRACT
    assert {row["event_id"] for row in rows} == {"m1", "m2"}
    assert {row["detector"] for row in rows} == {"spam.linear", "spam.rules", "spam.bank", "spam.near"}

    answer = with_spam("trace", "m1")
    assert answer.code == 0, answer.err
    for said in (
        "EVENT m1 (post)",
        "You won a prize",
        "FEATURES",
        "SIGNALS",
        "carried by (log-odds):",
        "POLICIES",
        "why:",
        "(not recorded in the ledger)",
        "  would     ask a person for policy spam",
        "judged again from its source by the same releases: the same decision",
    ):
        assert said in answer.out
    assert "Y** w**" in with_spam("trace", "m1", "--mask").out


def test_recorded_decisions_replay_to_themselves(with_spam: Command) -> None:
    write_jsonl("in.jsonl", [{"id": "r1", "text": "FREE entry, txt WIN to 80000"}, {"id": "r2", "text": None}])
    assert with_spam("score", "in.jsonl", "--out", "o.parquet", "--record").code == 0
    for event in ("r1", "r2"):
        answer = with_spam("trace", event)
        assert "found in the ledger" in answer.out
        assert "replayed  the same decision from its stored signals, and the same signals computed anew" in answer.out
    assert "abstained" in with_spam("trace", "r2").out
    assert "clear" not in with_spam("trace", "r2").out.split("POLICIES")[1]


def test_bad_records_are_set_aside_with_their_reasons_and_the_rest_is_judged(with_spam: Command) -> None:
    write_jsonl(
        "in.jsonl",
        [
            {"id": "a", "text": "hello there"},
            '{"id": "b", "text": "cut sho',
            {"text": "no id"},
            {"id": "a", "text": "hello there"},
            {"id": "a", "text": "something else"},
            {"id": "n", "text": "nul \0 inside"},
            {"id": "z", "text": "last"},
        ],
    )
    answer = with_spam("score", "in.jsonl", "--out", "o.parquet")
    assert answer.code == 0, answer.err
    assert "2 events judged" in answer.out
    assert "set aside: 5 records, each with its reason" in answer.out
    rejects = [json.loads(line) for line in Path("o.rejects.jsonl").read_text().splitlines()]
    assert [reject["row"] for reject in rejects] == [2, 3, 4, 5, 6]
    reasons = [reject["reason"] for reject in rejects]
    assert reasons[1:] == [
        "the id is missing",
        "the id came before with the same content; it was judged once",
        "the id came before with other content; the first was judged",
        "the text holds a NUL character",
    ]
    assert {row["event_id"] for row in pq.read_table("o.parquet").to_pylist()} == {"a", "z"}


def test_an_id_that_the_ledger_knows_with_other_content_is_not_recorded_again(with_spam: Command) -> None:
    write_jsonl("one.jsonl", [{"id": "c1", "text": "first words"}])
    write_jsonl("two.jsonl", [{"id": "c1", "text": "other words"}, {"id": "c2", "text": "new"}])
    assert with_spam("score", "one.jsonl", "--out", "one.parquet", "--record").code == 0
    answer = with_spam("score", "two.jsonl", "--out", "two.parquet", "--record")
    assert answer.code == 0
    assert "set aside: 1 record, each" in answer.out
    assert "judged but not recorded" in Path("two.rejects.jsonl").read_text()
    assert "first words" in with_spam("trace", "c1").out
    assert "found in the ledger" in with_spam("trace", "c2").out


def test_the_same_file_recorded_twice_is_one_decision_an_event(with_spam: Command) -> None:
    write_jsonl("in.jsonl", [{"id": "t1", "text": "claim your voucher now"}])
    ids = []
    for out in ("a.parquet", "b.parquet"):
        assert with_spam("score", "in.jsonl", "--out", out, "--record").code == 0
        ids.append(json.loads(with_spam("trace", "t1", "--json").out)["decision"]["id"])
    assert ids[0] == ids[1]


def test_columns_of_other_names_are_mapped_and_a_misspelt_one_is_named(with_spam: Command) -> None:
    Path("my.csv").write_text("key,body\n1,hello\n")
    answer = with_spam("score", "my.csv", "--out", "o.parquet")
    assert answer.code == 2
    assert "no column 'id' for id" in answer.err
    assert "the file has key, body" in answer.err
    answer = with_spam("score", "my.csv", "--out", "o.parquet", "--map", "id=key", "--map", "text=bodi")
    assert answer.code == 2
    assert "did you mean --map text=body?" in answer.err
    assert with_spam("score", "my.csv", "--out", "o.parquet", "--map", "id=key", "--map", "text=body").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("score", "nothere.csv", "--out", "o.parquet"), "nothere.csv"),
        (("score", "my.csv", "--out", "o.csv"), "end --out in .parquet"),
        (("score", "my.parquet", "--out", "./my.parquet"), "the scores would replace the file that is read"),
        (("score", "my.csv", "--out", "o.parquet", "--pack", "spma"), "did you mean 'spam'?"),
        (("score", "my.csv", "--out", "o.parquet", "--pack", "toxicity"), "gatehouse train toxicity"),
        (("score", "my.csv", "--out", "o.parquet", "--map", "text"), "write it as text=COLUMN"),
        (("score", "my.csv", "--out", "o.parquet", "--engine", "spark", "--record"), "use --engine local"),
        (("score", "my.csv", "--out", "o.parquet", "--master", "local[2]"), "add --engine spark"),
        (("score", "my.csv", "--out", "o.parquet", "--engine", "flink"), "'local', 'spark'"),
        (("trace", "nobody"), "no event 'nobody' was found in the ledger"),
        (("trace", "m", "--in", "my.csv"), "cannot be read as Parquet"),
    ],
)
def test_mistakes_are_answered_with_the_next_step(with_spam: Command, arguments: tuple[str, ...], said: str) -> None:
    Path("my.csv").write_text("id,text\n1,hello\n")
    pq.write_table(pa.table({"id": ["1"], "text": ["hello"]}), "my.parquet")
    answer = with_spam(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_a_failed_run_leaves_no_file_of_scores(with_spam: Command) -> None:
    Path("my.csv").write_text("key,text\n1,hello\n")
    assert with_spam("score", "my.csv", "--out", "o.parquet").code == 2
    assert not list(Path.cwd().glob("o.*"))


def test_nothing_live_says_what_to_do(gatehouse: Command) -> None:
    Path("my.csv").write_text("id,text\n1,hello\n")
    answer = gatehouse("score", "my.csv", "--out", "o.parquet")
    assert answer.code == 2
    assert "no pack is live yet" in answer.err
    assert "gatehouse train spam && gatehouse promote spam" in answer.err


def test_a_trace_tells_the_whole_way_in_words(with_spam: Command) -> None:
    write_jsonl("in.jsonl", [{"id": "w1", "text": "gatehouse canary text: known spam sample 1", "actor": "a-9"}])
    assert with_spam("score", "in.jsonl", "--out", "o.parquet", "--record").code == 0
    shown = re.sub(r"\b[0-9a-f]{12,27}\b", "…", with_spam("trace", "w1").out)
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "DATE", re.sub(r"0\.\d{3}\b", "P", shown))
    shown = re.sub(r"carried by .*", "carried by WORDS", shown)
    assert shown == TRACE


def test_rejects_are_those_of_the_scores_beside_them(with_spam: Command) -> None:
    write_jsonl("bad.jsonl", [{"id": "a", "text": "hello"}, {"text": "no id"}])
    write_jsonl("good.jsonl", [{"id": "a", "text": "hello"}])
    assert with_spam("score", "bad.jsonl", "--out", "o.parquet").code == 0
    assert Path("o.rejects.jsonl").exists()
    assert with_spam("score", "good.jsonl", "--out", "o.parquet").code == 0
    assert not list(Path.cwd().glob("o.rejects*"))


def test_what_the_columns_leave_unknown_is_said(with_spam: Command) -> None:
    write_jsonl("in.jsonl", [{"id": "a", "text": "hello"}])
    said = "are NULL throughout: the file has no column for actor; rules that ask for them do not match by them"
    assert said in " ".join(with_spam("score", "in.jsonl", "--out", "o.parquet").out.split())
    (remark,) = json.loads(with_spam("score", "in.jsonl", "--out", "o.parquet", "--json").out)["remarks"]
    assert said in remark
    write_jsonl("in.jsonl", [{"id": "a", "text": "hello", "actor": "a", "target": "b"}])
    assert "note:" not in with_spam("score", "in.jsonl", "--out", "o.parquet").out
