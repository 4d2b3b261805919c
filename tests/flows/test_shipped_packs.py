"""What every pack that comes with Gatehouse keeps, whoever adds the next one."""

import re
from pathlib import Path

import numpy as np
import pytest

from gatehouse.bootstrap import open_house
from gatehouse.datasets import build, event_sources, sources
from gatehouse.features import define
from gatehouse.flows import learn, packs
from gatehouse.flows.assess import assess
from gatehouse.flows.releases import open_judge
from gatehouse.flows.subject import Subject
from gatehouse.records.signal import State
from gatehouse.settings import Settings

SHIPPED = sorted(packs.folders())
NEW = ("hate", "extremism", "toxicity-pt", "injection")
OF_ACTORS = ("bots", "fake-engagement")
SIMULATED = "abusive-accounts"
OF_TEXTS = [name for name in SHIPPED if name not in (*OF_ACTORS, SIMULATED)]


def test_seven_packs_of_texts_are_shipped_and_three_of_actors() -> None:
    assert OF_TEXTS == ["extremism", "hate", "injection", "sexism", "spam", "toxicity", "toxicity-pt"]
    assert {name for name in SHIPPED if packs.load(name).recipe.learner == "actor"} == {*OF_ACTORS, SIMULATED}


@pytest.mark.parametrize("name", OF_TEXTS)
def test_a_pack_learns_from_a_known_public_set_in_the_languages_of_its_texts(name: str) -> None:
    pack = packs.load(name)
    source = sources.SOURCES[pack.recipe.dataset]
    assert set(pack.recipe.labels) <= set(source.labels)
    assert source.language is None or pack.recipe.languages == (source.language,)


@pytest.mark.parametrize("name", OF_ACTORS)
def test_a_pack_of_actors_learns_from_a_public_history_and_reads_all_that_it_says_of_profiles(name: str) -> None:
    pack = packs.load(name)
    source = event_sources.EVENT_SOURCES[pack.recipe.dataset]
    brings = {column.name: column.kind for column in source.profile}
    assert {column.name: column.kind for column in pack.features.profile} == brings
    assert all(column.meaning for column in pack.features.profile)


@pytest.mark.parametrize("name", [*OF_ACTORS, SIMULATED])
def test_nothing_is_done_to_an_account_on_a_score_without_a_person(name: str) -> None:
    pack = packs.load(name)
    for step in pack.policy.steps:
        assert step.review, step.name
        assert step.enforce.word in ("none", "label", "limit"), step.name
    exceptions = [clause for clause in pack.policy.clauses if clause.title.startswith("Not a violation")]
    assert exceptions or "Not a violation." in pack.policy.text


@pytest.mark.data
@pytest.mark.parametrize(("name", "least", "rows"), [("bots", 0.95, 364), ("fake-engagement", 0.87, 3_962)])
def test_a_pack_of_actors_tells_accounts_that_nobody_trained_on(
    public_data: Path, tmp_path: Path, name: str, least: float, rows: int
) -> None:
    pack, house = packs.load(name), open_house(Settings(home=tmp_path / "home"))
    dataset, examples = learn.dataset_for(pack, house.shelf, tmp_path / "sets", (public_data,), house.engine)
    assert (examples, dataset.info.parts["test"]) == (False, rows)
    release = learn.train(pack, dataset, examples, house.shelf, at=1, by="test").release
    report = assess(Subject(pack, dataset, False, release, open_judge(house.shelf, [release])), draws=100, seed=1)
    assert report.labels[0].pr_auc is not None
    assert report.labels[0].pr_auc.low > least
    assert report.closer is not None
    assert report.closer.slices
    assert report.actors
    assert len(report.features[pack.recipe.labels[0]]) > 3


@pytest.mark.parametrize("name", OF_TEXTS)
def test_a_pack_shows_violations_of_each_label_and_as_many_harmless_look_alikes(name: str) -> None:
    pack = packs.load(name)
    bad = [example for example in pack.examples if example.labels]
    assert len(bad) >= 10
    assert len(pack.examples) - len(bad) >= 10
    for label in pack.recipe.labels:
        assert any(label in example.labels for example in bad), label
    assert {example.clause for example in pack.examples if not example.labels} & {
        clause.id for clause in pack.policy.clauses if clause.title.startswith("Not a violation")
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_removed_on_less_than_a_strict_promise_and_no_account_is_touched(name: str) -> None:
    for step in packs.load(name).policy.steps:
        word = step.enforce.word if step.enforce else None
        assert word in (None, "label", "blur", "limit", "remove"), step.name
        if word == "remove" and step.target:
            assert (step.target.aim, step.target.value >= 0.95) == ("precision_at_least", True), step.name


@pytest.mark.parametrize("name", [*NEW, *OF_ACTORS])
def test_a_figure_on_a_card_stands_with_its_count_interval_and_command(name: str) -> None:
    card = packs.load(name).texts["card.md"]
    figures = card.split("## Figures")[1].split("\n## ")[0]
    assert f"gatehouse train {name}" in figures
    assert f"gatehouse evaluate {name}" in figures
    rows = [line for line in figures.splitlines() if line.startswith("| `")]
    assert rows
    for row in rows:
        assert re.search(r"\| \d[\d,]* \| \d[\d,]* \| (\d?\.\d+ \[\d?\.\d+, \d?\.\d+\]|–) \|", row), row


@pytest.mark.parametrize(("name", "other"), [("hate", "extremism"), ("extremism", "hate")])
def test_two_definitions_of_hate_are_kept_apart_in_words(name: str, other: str) -> None:
    pack = packs.load(name)
    for text in (pack.policy.text, pack.texts["card.md"], " ".join(sources.SOURCES[pack.recipe.dataset].limits)):
        assert re.search(rf"{other}|{packs.load(other).recipe.dataset}", text)
        assert re.search(r"(must|do) not (be )?pool", " ".join(text.split()))


@pytest.mark.data
@pytest.mark.parametrize("name", NEW)
def test_what_the_rules_find_on_texts_nobody_chose_them_on_holds_far_more_often_than_elsewhere(
    public_data: Path, name: str
) -> None:
    pack = packs.load(name)
    dataset = build.build(pack.recipe.dataset, public_data)
    events = learn.as_events(dataset, "points")
    found = pack.rules.signals(events, pack.features.compute(events)).state[:, 0] == State.MATCHED
    _, truth = build.targets(dataset, "points", pack.rules.labels)
    known = ~np.isnan(truth[:, 0])
    right, everywhere = truth[found & known, 0].mean(), truth[known, 0].mean()
    assert found.sum() >= 5
    assert right > everywhere + 0.25


def test_all_shipped_packs_can_be_live_together() -> None:
    columns = define.union(packs.load(name).features for name in packs.folders())
    assert len(set(columns.schema.names)) == len(columns.schema.names)
