"""Readers of public data sets on small files of their published formats: what they claim, and what they refuse."""

import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets import build, sources
from gatehouse.datasets.bias_templates import TemplateText, read_templates
from gatehouse.datasets.items import Claim, Item
from gatehouse.datasets.toxic_spans import MarkedSpan, RaterSpans, read_rater_spans, read_spans
from gatehouse.errors import UserError


def items(name: str, folder: Path) -> list[Item]:
    return list(sources.SOURCES[name].read(folder))


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


DAVIDSON = ",count,hate_speech,offensive_language,neither,class,tweet"


def test_davidson_counts_the_votes_for_hate_and_for_either(tmp_path: Path) -> None:
    write(tmp_path / "labeled_data.csv", DAVIDSON, "7,3,1,2,0,1,you *****", '9,3,0,0,3,2,"tea, please"')
    first, second = items("davidson", tmp_path)
    assert (first.id, first.text) == ("davidson-7", "you *****")
    assert first.claims == (
        Claim("hate", 1, votes=1),
        Claim("hate", 0, votes=2),
        Claim("hate_or_offensive", 1, votes=3),
    )
    assert second.claims == (Claim("hate", 0, votes=3), Claim("hate_or_offensive", 0, votes=3))


def test_davidson_refuses_a_count_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "labeled_data.csv", DAVIDSON, "7,3,some,2,0,1,you")
    with pytest.raises(UserError, match=r"labeled_data.csv:2: 'some' is neither 0 nor 1"):
        items("davidson", tmp_path)


def test_told_br_counts_three_raters_and_calls_toxic_what_one_of_them_saw(tmp_path: Path) -> None:
    header = "text,homophobia,obscene,insult,racism,misogyny,xenophobia"
    write(tmp_path / "ToLD-BR.csv", header, "que dia,0.0,0.0,0.0,0.0,0.0,0.0", "seu chato,0.0,1.0,3.0,0.0,0.0,0.0")
    calm, rude = items("told-br", tmp_path)
    assert calm.claims[0] == Claim("toxic", 0)
    assert all(claim.value == 0 and claim.votes == 3 for claim in calm.claims[1:])
    assert rude.claims[0] == Claim("toxic", 1)
    assert [claim for claim in rude.claims if claim.label in ("obscene", "insult")] == [
        Claim("obscene", 1, votes=1),
        Claim("obscene", 0, votes=2),
        Claim("insult", 1, votes=3),
    ]
    _, y = build.targets(build.build("told-br", tmp_path), rude_part(tmp_path), ("toxic", "obscene", "insult"))
    assert [1.0, 0.0, 1.0] in y.tolist()


def rude_part(folder: Path) -> str:
    rows = build.build("told-br", folder).rows.to_pylist()
    return next(row["part"] for row in rows if row["text"] == "seu chato")


def test_vicomtech_claims_nothing_of_sentences_that_need_others_and_leaves_out_what_raters_set_aside(
    tmp_path: Path,
) -> None:
    write(
        tmp_path / "sentences.csv",
        "file_id,user_id,subforum_id,num_contexts,label,text",
        "1_1,u1,5,0,noHate,Good morning .",
        "1_2,u1,5,0,hate,They are all ***** .",
        "1_3,u1,5,1,relation,And so are these .",
        "2_1,u2,5,0,idk/skip,Bonjour .",
    )
    found = items("vicomtech", tmp_path)
    assert [(item.id, item.author, item.claims) for item in found] == [
        ("1_1", "u1", (Claim("hate", 0),)),
        ("1_2", "u1", (Claim("hate", 1),)),
        ("1_3", "u1", ()),
    ]
    dataset = build.build("vicomtech", tmp_path)
    [part] = set(dataset.rows["part"].to_pylist())
    assert np.isnan(build.targets(dataset, part, ("hate",))[1]).sum() == 1


@pytest.fixture
def spans(tmp_path: Path) -> Path:
    write(
        tmp_path / "comments.csv",
        "comment_id,comment_text",
        "11,What a fool you are",
        "12,Nothing here",
        "13,fool and clown",
        "14,not in the split",
    )
    write(tmp_path / "tsd_train.csv", "spans,text", '"[7, 8, 9, 10]",What a fool you are')
    write(tmp_path / "tsd_trial.csv", "spans,text", "[],Nothing here")
    write(tmp_path / "tsd_test.csv", "spans,text", '"[0, 1, 2, 3, 9, 10, 11, 12, 13]",fool and clown')
    write(
        tmp_path / "annotations.csv",
        "annotation,comment_id,worker,country,all toxic,not toxic",
        "0,11,501,USA,False,False",
        "1,12,502,USA,True,True",
        "2,14,501,USA,False,False",
    )
    write(tmp_path / "spans.csv", "annotation,type,start,end", "0,Insult,7,11", "0,,0,4", "2,Insu,0,3")
    return tmp_path


def test_toxic_spans_come_as_places_in_the_text_with_the_official_parts(spans: Path) -> None:
    train, trial, test = read_spans(spans)
    assert (train.id, train.text, train.spans) == ("11", "What a fool you are", ((7, 11),))
    assert (trial.spans, trial.part) == ((), "points")
    assert (test.spans, test.part) == (((0, 4), (9, 14)), "test")
    assert [test.text[start:end] for start, end in test.spans] == ["fool", "clown"]
    assert [item.claims for item in items("toxic-spans", spans)] == [
        (Claim("toxic", 1),),
        (Claim("toxic", 0),),
        (Claim("toxic", 1),),
    ]


def test_what_each_rater_marked_is_read_with_the_kind_of_harm(spans: Path) -> None:
    assert list(read_rater_spans(spans)) == [
        RaterSpans("11", "501", False, False, (MarkedSpan(7, 11, "insult"), MarkedSpan(0, 4, None))),
        RaterSpans("12", "502", True, True, ()),
        RaterSpans("14", "501", False, False, (MarkedSpan(0, 3, "insult"),)),
    ]


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("tsd_test.csv", '"[3, 99]",fool and clown', r"tsd_test.csv:2: a span lies outside its text"),
        ("tsd_test.csv", "here,fool and clown", r"tsd_test.csv:2: spans: "),
        ("tsd_test.csv", "[],somebody else's text", r"tsd_test.csv:2: the text is not in comments.csv"),
        ("spans.csv", "0,Insult,seven,11", r"spans.csv:2: 'seven' is no place in a text"),
        ("spans.csv", "0,Cheek,7,11", r"spans.csv:2: 'Cheek' is neither Insult nor Threat"),
        ("annotations.csv", "0,11,501,USA,perhaps,False", r"annotations.csv:2: 'perhaps' is neither True nor False"),
    ],
)
def test_spans_that_cannot_be_so_are_named_with_their_line(spans: Path, file: str, line: str, said: str) -> None:
    header = (spans / file).read_text().splitlines()[0]
    write(spans / file, header, line)
    with pytest.raises(UserError, match=said):
        read_all(spans)


def read_all(folder: Path) -> None:
    for reader in (read_spans, read_rater_spans):
        list(reader(folder))


def templates(folder: Path, madlibs: Iterable[str], sentences: Iterable[str] = ()) -> None:
    for name, header, lines in (
        ("bias_madlibs_77k.csv.gz", "Text,Label,Template", madlibs),
        ("en_sentence_templates.csv.gz", "template,toxicity,phrase", sentences),
    ):
        (folder / name).write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode()))


def test_templates_say_which_identity_they_hold(tmp_path: Path) -> None:
    templates(
        tmp_path,
        [
            "hug middle aged,NOT_BAD,verb_adj",
            "Being deaf is vile.,BAD,being_adj",
            "You are a kind barber,NOT_BAD,you_occupation",
        ],
        [
            "name_adj,toxic,Ana is a nasty african american",
            "am_hate_adj,nontoxic,I am old",
            "you_are_adj,nontoxic,You are a great sikh",
        ],
    )
    found = list(read_templates(tmp_path))
    assert found[0] == TemplateText("madlibs-1", "hug middle aged", False, "verb_adj", "middle aged", "madlibs")
    assert [(one.toxic, one.identity) for one in found[1:]] == [
        (True, "deaf"),
        (False, None),
        (True, "african american"),
        (False, "old"),
        (False, "sikh"),
    ]
    assert {item.part for item in items("bias-templates", tmp_path)} == {"test"}


def test_a_template_text_of_another_shape_is_named_with_its_line(tmp_path: Path) -> None:
    templates(tmp_path, ["hug old,NOT_BAD,verb_adj", "old,NOT_BAD,verb_adj"])
    with pytest.raises(UserError, match=r"bias_madlibs_77k.csv.gz:3: the text does not fit the template 'verb_adj'"):
        list(read_templates(tmp_path))


def test_a_broken_record_of_a_packed_file_is_refused_and_not_left_out(tmp_path: Path) -> None:
    templates(tmp_path, ["hug old,NOT_BAD"])
    with pytest.raises(UserError, match=r"bias_madlibs_77k.csv.gz:2: 2 fields where the header has 3"):
        list(read_templates(tmp_path))
    templates(tmp_path, ["hug old,,verb_adj"])
    with pytest.raises(UserError, match=r"bias_madlibs_77k.csv.gz:2: there is no Label"):
        list(read_templates(tmp_path))


def prompts(folder: Path, name: str, texts: list[str], labels: list[int]) -> None:
    pq.write_table(pa.table({"text": texts, "label": pa.array(labels, pa.int64())}), folder / f"{name}.parquet")


def test_prompt_injections_give_up_some_of_train_and_nothing_of_test(tmp_path: Path) -> None:
    prompts(tmp_path, "train", [f"prompt number {i}" for i in range(300)], [i % 2 for i in range(300)])
    prompts(tmp_path, "test", ["forget it all", "how are you"], [1, 0])
    found = items("deepset-prompt-injections", tmp_path)
    parts = [item.part for item in found]
    assert set(parts[:300]) == {"train", "calibration", "points"}
    assert found[300:] == [
        Item("test-1", "forget it all", (Claim("injection", 1),), "test"),
        Item("test-2", "how are you", (Claim("injection", 0),), "test"),
    ]


def test_a_prompt_with_another_label_is_named_with_its_row(tmp_path: Path) -> None:
    prompts(tmp_path, "train", ["a", "b"], [0, 2])
    with pytest.raises(UserError, match=r"train.parquet:2: '2' is neither 0 nor 1"):
        items("deepset-prompt-injections", tmp_path)
