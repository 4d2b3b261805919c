"""Features explained: what is gathered of each from all packs, and what is said of a name that nobody declares."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from gatehouse.errors import UserError
from gatehouse.features.source import load
from gatehouse.flows import packs
from gatehouse.flows.explain_features import explain, features, load_all
from gatehouse.flows.packs import Pack
from gatehouse.training.recipe import ActorRecipe


@pytest.fixture(scope="module")
def spam() -> Pack:
    return packs.load("spam")


@pytest.fixture(scope="module")
def sexism() -> Pack:
    return packs.load("sexism")


def test_every_declared_feature_is_there_once_with_its_kind(spam: Pack, sexism: Pack) -> None:
    found = features([spam, sexism])
    assert len({one.name for one in found}) == len(found)
    declared = [*spam.features.schema.names, *(score.name for score in spam.features.scores)]
    assert set(declared) <= {one.name for one in found}
    kinds = {one.name: (one.kind, one.type) for one in found}
    assert kinds["url_count"] == ("text", "BIGINT")
    assert kinds["upper_share"] == ("text", "DOUBLE")
    assert kinds["spam_score"] == ("score", "BIGINT")
    assert kinds["messages_1h"] == ("count", "BIGINT")
    assert kinds["same_text_share_1d"] == ("repeat_share", "DOUBLE")
    assert kinds["recipients_1h"] == ("distinct", "BIGINT")
    assert kinds["known_seconds"] == ("age", "BIGINT")


def test_a_window_is_explained_from_its_meaning_to_the_steps_behind_it(spam: Pack) -> None:
    [one] = explain("likely_spam_1d", [spam])
    assert one.meaning == "Number of earlier events of the same actor in the last day where spam_score >= 800"
    assert one.carried
    assert one.carried.scores == ("spam.linear (spam)",)
    assert one.carried.coded == {"k_actor": "hash of actor", "f_0": "spam_score >= 800"}
    assert one.carried.sql.startswith("WITH ")
    assert "AS likely_spam_1d" in one.carried.sql
    assert one.carried.bytes_per_entity > 0
    [use] = one.uses
    lines = spam.texts["features.yaml"].splitlines()
    line = next(i for i, text in enumerate(lines, 1) if "name: likely_spam_1d" in text)
    assert use.declared == f"{spam.folder / 'features.yaml'}:{line}:5"
    assert use.owner == "trust-and-safety"
    assert [rule.name for rule in use.rules] == ["spam.rules.bad_week_and_a_lure"]
    assert use.rules[0].when == (
        "(likely_spam_1d >= 5 OR reports_received_7d >= 3) AND (url_count > 0 OR phone_count > 0)"
    )
    assert use.steps == ("spam.spam_pattern",)


def test_what_only_windows_read_names_those_windows(spam: Pack) -> None:
    [score] = explain("spam_score", [spam])
    assert score.meaning == "Score of spam.linear for 'spam' in whole thousandths, of earlier events only."
    assert (score.uses[0].rules, score.uses[0].windows) == ((), ("likely_spam_1d",))


def test_a_column_of_several_packs_is_one_feature_with_the_use_of_each(spam: Pack, sexism: Pack) -> None:
    [one] = explain("url_count", [spam, sexism])
    assert [use.pack for use in one.uses] == ["spam", "sexism"]
    assert {rule.label for rule in one.uses[0].rules} == {"spam"}


def test_two_meanings_of_one_name_are_told_apart_and_owners_are_each_ones_own(spam: Pack) -> None:
    text = "owner: a\nwindows: [{name: messages_1h, owner: b, count: {key: target, window: 1h}}]"
    other = replace(spam, name="other", features=load(text, "f"), texts={**spam.texts, "features.yaml": text})
    first, second = explain("messages_1h", [spam, other])
    assert (first.uses[0].pack, second.uses[0].pack) == ("spam", "other")
    assert second.uses[0].owner == "b"
    assert second.meaning == "Number of earlier events of the same target in the last hour"


def test_a_column_of_the_text_is_explained_where_no_pack_declares_it() -> None:
    [one] = explain("emoji_count", [])
    assert (one.meaning, one.uses) == ("Number of emoji; a joined sequence or a flag is one.", ())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mesages_1h", "there is no feature 'mesages_1h'\n    → did you mean 'messages_1h'? gatehouse features list"),
        ("zzzz", "there is no feature 'zzzz'\n    → gatehouse features list names all"),
        ("actor", "'actor' is a column of every event, no feature\n    → gatehouse features list names those"),
    ],
)
def test_a_name_that_is_no_feature_gets_the_next_step(spam: Pack, name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        explain(name, [spam])
    assert str(caught.value).startswith(message)


def test_a_pack_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    shutil.copytree(packs.locate("spam"), tmp_path / "broken")
    (tmp_path / "broken" / "features.yaml").write_text("columms: []\n", encoding="utf-8")
    loaded, faults = load_all([tmp_path])
    assert {"spam", "sexism", "toxicity"} <= {pack.name for pack in loaded}
    assert [fault.what for fault in faults if "broken" in fault.where] == ["unknown key 'columms'"]


def test_a_feature_of_actors_names_the_detector_that_reads_it_and_the_steps_behind_that() -> None:
    bots = packs.load("bots")
    [followers] = explain("followers_count", [bots])
    assert followers.uses[0].detectors == ("bots.actor",)
    assert "bots.likely_bot" in followers.uses[0].steps
    named = replace(bots, recipe=msgspec.structs.replace(bots.recipe, actor=ActorRecipe(columns=("friends_count",))))
    [followers] = explain("followers_count", [named])
    assert followers.uses[0].detectors == ()
