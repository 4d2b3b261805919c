"""The page that is mailed around: its words, what it hides, and that it needs nothing else and runs nothing."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest

from gatehouse.evaluation.evaluate import LabelReport
from gatehouse.evaluation.pack_report import PackReport
from gatehouse.evaluation.report import MOST_EXAMPLES, STRONG, RunInfo, card, mask, render, shown, spans

Makes = Callable[..., PackReport]
HOSTILE = "Claim now <script>alert(1)</script></svg></style>${process.exit()}\" onload='x' {{ 7 * 7 }} prize"
RUN = RunInfo(
    made=1_790_000_000_000_000,
    version="0.1.0",
    seed=7,
    draws=200,
    commands=(("gatehouse score FILE --out OUT", "Judge a file of your own."),),
)
SENTENCE = (
    "Precision at least 95 %: threshold 0.830, 97 flagged, 1 error on 780 labelled rows "
    "(base rate 12.9 %); provisional."
)
VOID = {"meta", "br", "wbr"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order; keeps text, attributes and tables."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if self.rows and {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return plain(" ".join(self.words))

    @property
    def table_rows(self) -> list[list[str]]:
        return [[plain(cell) for cell in row] for row in self.rows]


def plain(text: str) -> str:
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture(scope="module")
def page(make_pack: Makes) -> Page:
    return Page(render([make_pack()], RUN))


def test_the_page_says_what_it_is_and_what_it_is_not(page: Page) -> None:
    assert "Gatehouse 0.1.0, 21 September 2026, 14:13 UTC" in page.text
    assert "What this is not. It is no licence to enforce." in page.text
    assert "a figure speaks only of the population that is named beside it" in page.text
    assert "SMS Spam Collection (CC BY 4.0): text messages of volunteers. 3,000 texts: train 1,500," in page.text
    assert "200 bootstrap draws (seed 7)" in page.text


def test_the_policy_is_read_as_it_was_written(make_pack: Makes) -> None:
    policy = msgspec.structs.replace(
        make_pack().policy, text="Purpose. People must\nread.\n\nDefinitions.\n- Bulk: one\n  text.\n- Lure: bait."
    )
    html = render([msgspec.structs.replace(make_pack(), policy=policy)], RUN)
    assert "<p>Purpose. People must read.</p>" in html
    assert "<p>Definitions.</p>" in html
    assert "<ul><li>Bulk: one text.</li><li>Lure: bait.</li></ul>" in html
    assert "<dt>S1 No spam</dt>" in html


def test_every_figure_stands_with_n_and_interval(page: Page, spam: LabelReport) -> None:
    assert spam.pr_auc is not None
    rows = page.table_rows
    summary, labels = rows[1], next(row for row in rows[2:] if row[0] == "spam")
    assert summary == [
        "Spam and scams",
        "spam",
        "600",
        "19.5 %",
        str(spam.pr_auc).replace(" [", "[", 1),
        "2 of 3 found, all provisional",
        "violating 120 (20 %)clear 480 (80 %)",
    ]
    assert labels[:3] == ["spam", "600", "11719.5 %"]
    figures = (spam.pr_auc, spam.roc_auc, spam.macro_f1, spam.brier, spam.ece)
    expected = [str(figure).replace(" [", "[", 1) for figure in figures]
    expected[2] += "at likely_spam ≥ 0.300"
    assert labels[3:] == expected


def test_a_rare_label_shows_counts_and_why_there_are_no_figures(page: Page, rare: LabelReport) -> None:
    said = f"Counts only: {rare.positives} positives among 600 scored test texts, and a figure needs at least 50."
    assert ["rare", "600", f"{rare.positives}0.667 %", said] in page.table_rows


def test_points_are_said_in_words_and_measured_on_the_test_part(page: Page, spam: LabelReport) -> None:
    rows = {row[0]: row for row in page.table_rows}
    at = spam.points[0]
    assert rows["certain_spamspam"][1:4] == [
        SENTENCE,
        f"{at.flagged}{at.hits} positive",
        str(at.precision).replace(" [", "[", 1),
    ]
    assert rows["sure_spamspam"][2] == "No threshold: a person looks where it is more likely than not."


def test_decisions_are_compared_with_the_labels(page: Page) -> None:
    assert (
        "Violating: 120 of 600 texts, .200 [.169, .234]. Of the 118 with a label, 108 are positives: .915 [.850, .959]."
        in page.text
    )
    assert "Clear: 480 of 600 texts, .800 [.766, .831]. Of the 480 with a label, 6 are positives:" in page.text
    assert any(row[:2] == ["violating", "age gate, a person looks"] for row in page.table_rows)


def test_an_example_says_what_was_decided_why_and_by_which_words(page: Page) -> None:
    assert "Violating under S1. Certain_spam: score .972 is at least .830. Score for spam: 0.972." in page.text
    assert "Heaviest: prize +1.20, now +0.20. The pack's author says: spam. A prize that does not exist." in page.text
    marks = [attrs for tag, attrs in page.elements if tag == "mark"]
    assert marks[:2] == [{"class": "for s3", "title": "+1.20"}, {"class": "for s1", "title": "+0.20"}]
    assert sum(tag == "article" for tag, _ in page.elements) == MOST_EXAMPLES


def test_versions_limits_and_next_commands_are_named(page: Page) -> None:
    rows = page.table_rows
    assert ["Release of spam", "e" * 12] in rows
    assert ["Detector spam.linear", "b" * 12] in rows
    assert ["Data set sms-spam", "c" * 12] in rows
    assert "Not for: Closing accounts. English only." in page.text
    assert "gatehouse score FILE --out OUT Judge a file of your own." in page.text


def test_the_page_needs_and_runs_nothing(make_pack: Makes, page: Page) -> None:
    fetching = {"src", "href", "xlink:href", "srcset", "data", "action", "poster"}
    for tag, attrs in page.elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "foreignobject"}
        assert not [name for name in attrs if name.startswith("on")]
        assert all((value or "").startswith("#") for name, value in attrs.items() if name in fetching)
    html = render([make_pack()], RUN)
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_the_page_can_be_read_without_eyes(page: Page) -> None:
    assert page.headings[:3] == ["h1", "h2", "h3"]
    assert page.headings.count("h1") == 1
    figures = [attrs for tag, attrs in page.elements if tag == "figure"]
    assert len(figures) == 5
    assert all(attrs.get("aria-label") for attrs in figures)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table") == 6
    assert all("scope" in attrs for tag, attrs in page.elements if tag == "th")


def test_nan_and_none_never_show(make_pack: Makes, rare: LabelReport) -> None:
    pack = msgspec.structs.replace(make_pack(), labels=(rare,), telling={}, decisions=(), examples=(), points=())
    for text in (Page(render([make_pack()], RUN)).text, Page(render([pack], RUN)).text, card(make_pack()), card(pack)):
        assert not re.search(r"\b(nan|NaN|None|inf)\b", text)


def test_figures_from_examples_are_called_that(make_pack: Makes) -> None:
    pack = make_pack(from_examples=True)
    said = "They show that the parts work together, not how good the detector is."
    assert "Spam and scams: no public data was found." in Page(render([pack], RUN)).text
    assert said in Page(render([pack], RUN)).text
    assert said in plain(card(pack).replace(">", ""))


def test_hostile_texts_stay_texts(make_pack: Makes) -> None:
    pack = make_pack(text=HOSTILE, word="<script>alert(1)</script>", title=HOSTILE)
    html = render([pack], RUN)
    page = Page(html)
    assert "<script" not in html
    assert HOSTILE in page.text
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert "<script" not in card(pack)


def test_strong_words_of_a_sensitive_pack_are_masked_everywhere(make_pack: Makes) -> None:
    open_page = render([make_pack(word="dullard")], RUN)
    masked = render([make_pack(word="dullard", sensitive=True)], RUN)
    assert "dullard" in open_page
    assert "dullard" not in masked
    text = Page(masked).text
    assert text.count("d******") == 1 + 2 * MOST_EXAMPLES  # the chart; each example's text and heaviest pieces
    assert {"h***", "t**"} <= set(text.split())  # a word that tells against one label can be the crude one of another
    assert "your prize now" in text


@pytest.mark.parametrize(
    ("piece", "masked"),
    [
        ("dullard", "d******"),
        ("you dullard", "y** *******"),
        ("d.u.l.l", "d******"),
        ("d\u200bull", "d****"),
        ("düll", "d***"),
        ("", ""),
    ],
)
def test_a_masked_piece_keeps_its_first_character_its_length_and_its_spaces(piece: str, masked: str) -> None:
    assert mask(piece) == masked
    assert len(mask(piece)) == len(piece)


def test_pieces_are_masked_where_a_sensitive_pack_weighs_them_strongly_either_way() -> None:
    assert shown("dullard", STRONG, True) == shown("dullard", -STRONG, True) == "d******"
    assert shown("dullard", STRONG / 2, True) == "dullard"
    assert shown("dullard", 3 * STRONG, False) == "dullard"


def test_spans_put_the_text_together_again_and_the_heavier_piece_wins(make_pack: Makes) -> None:
    example = make_pack().examples[0]
    assert "".join(span.text for span in spans(example, False)) == example.text
    text = "win a prize"
    pieces = [
        msgspec.structs.replace(example.contributions[0], piece=text[a:b], start=a, end=b, weight=weight)
        for a, b, weight in ((0, 11, 0.2), (6, 11, -0.9), (9, 40, 0.1))
    ]
    cut = spans(msgspec.structs.replace(example, text=text, contributions=tuple(pieces)), False)
    assert [(span.text, span.weight, span.strength) for span in cut] == [("win a ", 0.2, 1), ("prize", -0.9, 3)]
    assert spans(msgspec.structs.replace(example, text="", contributions=()), False) == []


def test_a_card_says_what_the_detector_is_for_how_good_it_is_and_its_limits(
    make_pack: Makes, spam: LabelReport, rare: LabelReport
) -> None:
    text = card(make_pack())
    heads = [line for line in text.splitlines() if line.startswith("#")]
    assert heads == [
        "# Spam and scams",
        "## What it is for",
        "## What it is not for",
        "## Data",
        "## How good it is",
        "## Operating points",
        "## Known limits",
        "## Versions",
    ]
    assert (
        f"| spam | 600 | 117 (19.5 %) | {spam.pr_auc} | {spam.roc_auc} | {spam.macro_f1} at likely_spam ≥ 0.300 "
        f"| {spam.brier} | {spam.ece} |" in text
    )
    assert f"| rare | 600 | {rare.positives} (0.667 %) | counts only: {rare.positives} positives among 600" in text
    at = spam.points[0]
    assert (
        f"- **certain_spam** (spam): {SENTENCE} On the test part (n = 600) it flags "
        f"{at.flagged}, {at.hits} of them positives: precision {at.precision}, recall {at.recall}, "
        f"false positive rate {at.false_positive_rate}." in text
    )
    assert "- English only." in text
    assert "- Release of spam: `eeeeeeeeeeee`" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    figures, elsewhere = tables[: 2 + len(make_pack().labels)], tables[2 + len(make_pack().labels) :]
    assert {line.count("|") for line in figures} == {9}
    assert elsewhere[0] == "| step | 10 % positive | 1 % positive | 0.1 % positive |"
    assert {line.count("|") for line in elsewhere} == {5}


def test_a_card_keeps_its_table_whole_whatever_a_label_is_called(make_pack: Makes, rare: LabelReport) -> None:
    pack = msgspec.structs.replace(make_pack(), labels=(msgspec.structs.replace(rare, name="a|b\n<i>"),))
    assert "| a\\|b &lt;i> | 600 |" in card(pack)
