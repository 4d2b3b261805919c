"""The page of campaigns: what a person reads and sees, with nothing of a text that could act."""

import html
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from tests.flows.communities import make_community, make_kept, make_sighting, make_ties, names

from gatehouse.evaluation import campaign_page
from gatehouse.evaluation.campaign_figures import MOST_LINES, MOST_NODES, as_png, graph, timeline
from gatehouse.evaluation.campaign_layout import layout
from gatehouse.evaluation.campaign_words import chance, cut, setting, span, together
from gatehouse.evaluation.report import RunInfo
from gatehouse.ports.campaigns import TIE_SCHEMA, Kept, Known, Verdict
from gatehouse.records.community import Evidence
from gatehouse.testing.makers import NOW

INFO = RunInfo(made=NOW, version="0.1.0", seed=0, draws=0)
BAD = "<script>alert('x')</script>"


def known(kept: Kept, *verdicts: Verdict) -> dict[str, Known]:
    ids = [each.community.id for each in kept.sightings]
    return {id_: Known(id_, ((kept.run, each),), verdicts) for id_, each in zip(ids, kept.sightings, strict=True)}


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace("&nbsp;", " ")


def test_a_community_is_told_in_words_with_its_evidence_and_two_pictures() -> None:
    kept = make_kept(make_sighting(make_community("ring", names(0, 6))), left_out={"the actor is missing": 3})
    said = Verdict(community="ring", verdict="benign", why="fans of one team", by="sam", at=NOW)
    page = campaign_page.page(kept, known(kept, said), INFO)
    text = text_of(page)
    for sentence in (
        "1 community stands out among 30 accounts with 100 events",
        "It is no proof of intent and no verdict.",
        "6 accounts, 10 minutes",
        "together 12 events with shared texts, from 14 November 2023, 22:13 UTC",
        "Benign , says sam (14 November 2023, 22:13 UTC): Fans of one team.",
        "6 accounts wrote nearly the same text within a minute.",
        "a text of theirs , A text of theirs! .",
        "3: the actor is missing",
        "lengths 1 minute",
        "nothing is enforced by it",
    ):
        assert sentence in text
    assert page.count("<svg") == 2
    assert "<script" not in page
    assert "2.5e-09" in text


def test_nothing_stood_out_is_said_with_what_was_looked_at() -> None:
    page = text_of(campaign_page.page(make_kept(), {}, INFO))
    assert "Nothing stood out. 100 events of 30 accounts were looked at" in page
    assert "stand out among" not in page
    assert "fewest 3" in page


def test_names_texts_and_evidence_cannot_act_and_long_texts_are_cut() -> None:
    long = f"{BAD} " + "word " * 60
    shown = Evidence(means="text", what=long, at=NOW, members=(), event_ids=("e1", BAD), said=f"they wrote {long}")
    community = make_community("ring", [BAD, "account:<b>", "account:1"], evidence=(shown,))
    kept = make_kept(make_sighting(community), texts={"e1": long}, source=BAD, by=BAD, left_out={BAD: 1})
    said = Verdict(community="ring", verdict="benign", why=BAD, by=BAD, at=NOW)
    page = campaign_page.page(kept, known(kept, said), INFO)
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page
    assert "word " * 25 not in page
    assert re.search(r"they wrote .{119}…", html.unescape(text_of(page)), re.IGNORECASE)
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ET.fromstring(svg)


def test_a_page_with_many_communities_draws_the_least_likely_and_lists_all() -> None:
    every = [make_sighting(make_community(f"c{i:03}", names(9 * i, 9 * i + 4), p=10.0 ** -(90 - i))) for i in range(60)]
    kept = make_kept(*every)
    page = campaign_page.page(kept, known(kept), INFO)
    assert page.count("<svg") == 2 * campaign_page.MOST_IN_FULL
    assert all(f"c{i:03}" in page for i in range(60))
    assert 'id="c000"' in page
    assert 'id="c059"' not in page


def test_pictures_are_written_as_svg_and_png(tmp_path: Path) -> None:
    kept = make_kept(make_sighting(make_community("ring", names(0, 6))))
    paths = campaign_page.write_pictures(kept, known(kept), tmp_path / "pictures")
    expected = ["ring-graph.png", "ring-graph.svg", "ring-timeline.png", "ring-timeline.svg"]
    assert sorted(path.name for path in paths) == expected
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths if path.suffix == ".png")


def test_the_same_graph_is_drawn_the_same_and_within_its_frame() -> None:
    community = make_community("ring", names(0, 40))
    first = graph(make_sighting(community), make_ties(community))
    assert first == graph(make_sighting(community), make_ties(community))
    assert first.title == "Who with whom: 40 accounts, 39 ties"
    dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([^"]+)" cy="([^"]+)"', first.svg)]
    assert len(dots) == len(set(dots)) == 40
    assert all(0 < x < 460 and 0 < y < 340 for x, y in dots)


def test_a_graph_too_large_to_draw_shows_the_most_tied_and_says_so() -> None:
    members = names(0, 400)
    rows = [
        {"a": members[i], "b": members[j], "together": 1 + j, "expected": 0.1, "p": 0.001}
        for i in range(400)
        for j in range(i + 1, min(i + 12, 400))
    ]
    ties = TIE_SCHEMA.empty_table().from_pylist(rows, schema=TIE_SCHEMA)
    figure = graph(make_sighting(make_community("big", members)), ties)
    assert figure.svg.count("<circle") == MOST_NODES
    assert figure.svg.count("<path") == MOST_LINES
    assert f"Drawn are the {MOST_NODES} most tied accounts and their {MOST_LINES:,} strongest ties." in figure.note


def test_tied_accounts_lie_nearer_than_others() -> None:
    edges = np.array([(a + k, b + k) for k in (0, 6) for a in range(6) for b in range(a)] + [(0, 6)], np.int64)
    at = layout(12, edges)
    apart = np.linalg.norm(at[:, None] - at[None], axis=2)
    inside = np.concatenate([apart[:6, :6][np.triu_indices(6, 1)], apart[6:, 6:][np.triu_indices(6, 1)]])
    assert inside.mean() < apart[:6, 6:].mean() / 2
    assert layout(1, np.empty((0, 2), np.int64)).tolist() == [[0.5, 0.5]]
    assert np.isfinite(layout(5, np.empty((0, 2), np.int64))).all()


def test_a_timeline_says_when_most_was_done() -> None:
    sighting = make_sighting(make_community("ring", names(0, 6)))
    figure = timeline(sighting, make_kept(sighting).activity)
    assert figure.title == "When: at most 9 of the members' 45 events within 1 minute"
    assert "Everybody else did 41 in the members' busiest step." in figure.note
    ET.fromstring(figure.svg)
    assert as_png(figure.svg).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("p", "said"), [(0.034, ".034"), (1.0, "1"), (2.5e-9, "2.5e-09"), (1e-300, "under 1e-300"), (0.001, ".001")]
)
def test_a_chance_is_written_with_two_digits(p: float, said: str) -> None:
    assert chance(p) == said


def test_lengths_texts_and_settings_in_words() -> None:
    assert span(0) == "less than a second"
    assert span(61_000_000) == "1 minute 1 second"
    assert span(2 * 86_400_000_000 + 5) == "2 days"
    assert cut("a\n b") == "a b"
    assert len(cut("x" * 500)) == 120
    assert setting("kinds", None) == "all"
    assert setting("lengths", [60_000_000, 3_600_000_000]) == "1 minute, 1 hour"
    assert together(make_community("c", names(0, 3), acts={"target": 31, "text": 2, "address": 0})) == (
        "31 events on shared targets, 2 with shared texts"
    )
