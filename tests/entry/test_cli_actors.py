"""A pack that judges actors, as a user goes its way: history, training, report, score, trace, gate."""

import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.entry.conftest import Command
from tests.flows.rings import write_history, write_pack

from gatehouse.entry.cli.main import run

ABOUT = ("--name", "our-week", "--licence", "own", "--population", "made-up accounts")
IMPORT = ("data", "import", "events.csv", "--events", "--labels", "labels.csv", "--pack", "./rings", *ABOUT)


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory, trained_home: Path) -> Path:
    """A folder with the pack `rings` and its history, in whose home `spam` and `rings` were learnt and are live."""
    here = tmp_path_factory.mktemp("rings")
    write_pack(here)
    write_history(here)
    shutil.copytree(trained_home, here / ".gatehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        for name in ("GATEHOUSE_HOME", "GATEHOUSE_DATA", "GATEHOUSE_PACKS"):
            patch.delenv(name, raising=False)
        for arguments in (IMPORT, ("train", "./rings"), ("promote", "./rings")):
            assert run(arguments) == 0
    return here


@pytest.fixture
def rings(gatehouse: Command, ready: Path) -> Command:
    """The command in a folder of its own with all that `ready` holds; the home's paths lead there too."""
    shutil.copytree(ready, Path.cwd(), dirs_exist_ok=True)
    return gatehouse


def test_a_history_is_imported_with_its_labels_and_profile_and_trained_on(with_spam: Command) -> None:
    write_pack(Path.cwd())
    write_history(Path.cwd(), accounts=300)
    answer = with_spam(*IMPORT)
    assert answer.code == 0, answer.err
    assert "abusive: holds for 100 of 300 entities" in answer.out
    answer = with_spam("train", "./rings")
    assert answer.code == 0, answer.err
    assert re.search(r"rings release \w{12} \(draft\), learnt from our-week", answer.out)
    assert "NOTE: the public data was not found" not in answer.out
    first = json.loads(with_spam("train", "./rings", "--json").out)
    assert first["from_examples"] is False
    assert sorted(first["release"]["detectors"]) == ["rings.actor", "rings.spam"]
    again = json.loads(with_spam("train", "./rings", "--json").out)
    assert again["release"]["version"] == first["release"]["version"], "equal rows give an equal release"
    card = (Path(".gatehouse/datasets") / f"our-week-{first['dataset']['version']}" / "CARD.md").read_text()
    assert "imported from events.csv, SHA-256" in card
    assert "split by" in card


def test_a_report_shows_what_tells_slices_and_single_accounts_and_says_what_does_not_apply(rings: Command) -> None:
    answer = rings("evaluate", "./rings", "--draws", "50", "--out", "report.html", "--card", "card.md")
    assert answer.code == 0, answer.err
    assert "what moves the score for 'abusive' most (mean log-odds, whichever way): " in answer.out
    assert "precision if positive are" in answer.out
    page = Path("report.html").read_text()
    for said in (
        "What moves the score for “abusive” most",
        "Number of earlier events of the same actor in the last hour where kind = &#39;message&#39;",
        "Why single accounts were decided as they were",
        "there is nothing to disguise",
        "0.1 % positive",
        "The data set says “abusive” holds",
    ):
        assert said in page
    for of_texts in ("Why single texts", "Under disguise", "Functional checks", "Golden items", "Texts that mention"):
        assert of_texts not in page
    assert re.search(r"[\d,]+ accounts: train", page)
    card = Path("card.md").read_text()
    assert "## What moves the score for abusive most" in card
    assert "nothing to disguise" in card
    data = json.loads(rings("evaluate", "./rings", "--draws", "20", "--json").out)
    assert data["rows_are"] == "accounts"
    assert data["actors"][0]["carried"][0]["words"].endswith(f"{data['actors'][0]['carried'][0]['weight']:+.2f}")


def test_an_account_is_scored_traced_with_reasons_and_replayed_to_the_same(rings: Command) -> None:
    answer = rings("score", "events.csv", "--pack", "./rings", "--out", "scores.parquet", "--record")
    assert answer.code == 0, answer.err
    rows = pq.read_table("scores.parquet").filter(
        pq.read_table("scores.parquet")["detector"].to_numpy() == "rings.actor"
    )
    highest = max(rows.to_pylist(), key=lambda row: row["score"])
    said = rings("trace", highest["event_id"]).out
    assert f"scored    {highest['score']:.3f}" in said
    assert re.search(r"carried by \(log-odds\):\n +\S.*: raises, \+\d", said)
    assert re.search(r"\d+ earlier events of the same actor in the last hour where kind = 'message': raises", said)
    assert "replayed  the same decision from its stored signals, and the same signals computed anew" in said
    told = json.loads(rings("trace", highest["event_id"], "--json").out)["reasons"]["rings.actor/abusive"]
    assert {"feature", "value", "weight", "words"} == set(told[0])
    elsewhere = rings("trace", highest["event_id"], "--in", "scores.parquet").out
    assert "judged again from its source by the same releases: the same decision" in elsewhere
    assert "earlier events of the same actor in the last hour" in elsewhere
    policy = Path("rings/policy.yaml")
    policy.write_text(policy.read_text().replace("0.9}", "0.5}"))
    answer = rings("replay", str(policy), "--since", "2020-01-01")
    assert answer.code == 0, answer.err
    assert "decided again" in answer.out


def test_a_candidate_is_gated_on_the_same_accounts_and_other_columns_are_refused(
    rings: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_PACKS", str(Path.cwd()))
    recipe, features = Path("rings/recipe.yaml"), Path("rings/features.yaml")
    recipe.write_text(recipe.read_text().replace("trees: 30", "trees: 40"))
    assert rings("train", "rings").code == 0
    answer = rings("gate", "rings")
    assert answer.code in (0, 1), answer.err
    assert "one account alone, the middle of the times" in answer.out
    assert re.search(r"recall at (sure|likely)", answer.out)
    features.write_text(features.read_text().replace("window: 1h", "window: 2h"))
    assert rings("train", "rings").code == 0
    answer = rings("gate", "rings")
    assert answer.code == 2
    assert "reads sent_1h, of which the rows of data set 'our-week'" in answer.err


def test_features_of_actors_name_the_detector_that_reads_them(rings: Command) -> None:
    said = rings("features", "explain", "likely_spam_posts_1d", "--pack", "./rings").out
    assert "detector  rings.actor" in said
    assert "steps     rings.sure, rings.likely" in said
    assert "scores    of earlier events, by rings.spam (spam)" in said
    assert "read by   nothing" not in said


def test_a_suite_of_texts_is_refused(rings: Command) -> None:
    Path("suite.csv").write_text("text,expected,functionality\nhello,0,greeting\n")
    answer = rings("evaluate", "./rings", "--suite", "suite.csv")
    assert answer.code == 2
    assert "'rings' judges accounts by their features, and a suite holds texts" in answer.err


def test_another_history_is_judged_by_the_release_and_a_set_of_texts_is_none(rings: Command) -> None:
    write_history(Path.cwd(), accounts=200)
    other = tuple("next-week" if one == "our-week" else one for one in IMPORT)
    assert rings(*other).code == 0
    answer = rings("evaluate", "./rings", "--on", "next-week", "--draws", "20")
    assert answer.code == 0, answer.err
    assert "on the test part of next-week" in answer.out
    answer = rings("evaluate", "./rings", "--on", "sms-spam")
    assert answer.code == 2
    assert "error: 'sms-spam' is a set of texts, and 'rings' judges actors by their events" in answer.err


@pytest.mark.parametrize(
    ("before", "after", "said", "step"),
    [
        ("our-week", "our-weak", "there is no history 'our-weak'", "did you mean 'our-week'?"),
        ("our-week", "starscout", "the files of 'starscout' are not there", "they come from https://"),
        (
            "spam.linear",
            "spam.liner",
            "'content' names 'spam.liner', which is not there",
            "did you mean 'spam.linear'?",
        ),
        ("spam.linear", "spam.rules", "'spam.rules', which gives no score of a text", "spam.linear"),
        (
            "[spam.linear]",
            "[hate.linear]",
            "nothing is live for hate",
            "gatehouse train hate && gatehouse promote hate",
        ),
    ],
)
def test_what_a_recipe_names_and_is_not_there_is_said_with_the_next_step(
    rings: Command, before: str, after: str, said: str, step: str
) -> None:
    for file in ("recipe.yaml", "features.yaml"):
        path = Path("rings") / file
        text = path.read_text().replace(before, after)
        path.write_text(text.replace("rings.spam", "rings.hate") if "hate" in after else text)
    answer = rings("train", "./rings")
    assert answer.code == 2
    assert said in answer.err
    assert step in answer.err


def test_a_history_without_labels_says_how_they_come_in(rings: Command) -> None:
    bare = [one for one in IMPORT if one not in ("--labels", "labels.csv")]
    assert rings(*["unlabelled" if one == "our-week" else one for one in bare]).code == 0
    recipe = Path("rings/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("our-week", "unlabelled"))
    answer = rings("train", "./rings")
    assert answer.code == 2
    assert "recipe.yaml: history 'unlabelled' says nothing of its actors" in answer.err
    assert "--events --labels FILE --name unlabelled" in answer.err


def test_labels_that_are_none_are_all_named_with_their_line(with_spam: Command) -> None:
    write_pack(Path.cwd())
    write_history(Path.cwd(), accounts=30)
    Path("labels.csv").write_text("subject,label,value,at\nu1,abusive,maybe,\n,abusive,1,\nu2,,0,yesterday\n")
    answer = with_spam(*IMPORT)
    assert answer.code == 2
    assert "labels.csv:2: the value 'maybe' is neither 1 nor 0" in answer.err
    assert "labels.csv:3: the subject is missing" in answer.err
    assert "labels.csv:4: the label is missing" in answer.err
    assert "labels.csv:4: the time 'yesterday' is not ISO 8601" in answer.err
    assert not list(Path(".gatehouse/datasets").glob("our-week-*"))
