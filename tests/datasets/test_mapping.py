"""What a person writes about a file's columns is understood, or every fault of it is named."""

import pytest

from gatehouse.datasets.mapping import FileMap, LabelColumn, parse
from gatehouse.errors import UserError

NAMES = ("post_id", "body", "user", "class", "hate_votes", "count", "tags", "a:b/c", "is spam")


def read(*labels: str, maps: tuple[str, ...] = ("text=body",)) -> FileMap:
    return parse(NAMES, dict.fromkeys(NAMES, ()), maps, labels, "f.csv")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("spam=is spam", LabelColumn("spam", "is spam")),
        ("class", LabelColumn("class", "class")),
        ("hate=class:hate", LabelColumn("hate", "class", yes=frozenset({"hate"}))),
        ("bad=class:0,1/2", LabelColumn("bad", "class", yes=frozenset("01"), no=frozenset("2"))),
        (
            "sexist=class:sexist/not sexist",
            LabelColumn("sexist", "class", frozenset({"sexist"}), frozenset({"not sexist"})),
        ),
        ("hate=hate_votes/count", LabelColumn("hate", "hate_votes", total="count")),
        ("hate=hate_votes/3", LabelColumn("hate", "hate_votes", total="3")),
        ("toxic=tags has very toxic", LabelColumn("toxic", "tags", has="very toxic")),
        ("odd=a:b/c", LabelColumn("odd", "a:b/c")),
        ("odd=a:b/c:x/y", LabelColumn("odd", "a:b/c", yes=frozenset("x"), no=frozenset("y"))),
    ],
)
def test_each_way_to_write_a_label_is_understood(said, meant):
    assert read(said).labels == (meant,)
    assert read(str(meant)).labels == (meant,)


def test_obvious_columns_are_found_and_said_to_be_guessed():
    found = parse(["Tweet", "user", "rewire_id", "when"], dict.fromkeys(["Tweet", "user", "rewire_id", "when"], ()))
    assert found.columns == {"text": "Tweet", "id": "rewire_id", "author": "user"}
    assert found.guessed == {"text", "id", "author"}
    assert read(maps=("text=body", "author=class")).columns == {"text": "body", "author": "class", "id": "post_id"}


@pytest.mark.parametrize(
    ("column", "values", "labels"),
    [
        ("Toxic", ["1", "0", None], ["toxic=Toxic"]),
        ("label", ["spam", "ham"], ["spam=label:spam/ham"]),
        ("class", ["hate", "noHate", "offensive"], ["hate=class:hate", "offensive=class:offensive"]),
        ("label", ["sexist", "not sexist"], ["sexist=label:sexist/not sexist"]),
        ("label", [str(i) for i in range(50)], []),
        ("colour", ["red", "blue"], []),
        ("bad", [*"1010101010", "perhaps"], ["bad=bad"]),
        ("likes", [*"1010101010", "7"], []),
    ],
)
def test_labels_are_guessed_from_their_values(column, values, labels):
    found = parse(["text", column], {"text": ["a"], column: values})
    assert [str(spec) for spec in found.labels] == labels


def test_all_faults_are_named_at_once_with_the_nearest_name():
    with pytest.raises(UserError) as error:
        read("spam=clas:x", "Hate Speech=class", "x=class?", "y=hate_votes/cout", maps=("txt=body", "id=post_idd"))
    assert str(error.value) == (
        "txt=body: there is nothing called 'txt' to map\n    → did you mean 'text'?\n"
        "--map id=post_idd: there is no column 'post_idd'\n    → did you mean 'post_id'?\n"
        "--label spam=clas:x: there is no column 'clas'\n    → did you mean 'class'?\n"
        "--label Hate Speech=class: 'Hate Speech' is no name for a label\n"
        "    → write it as hate_speech=class: small letters, digits and _\n"
        "--label x=class?: there is no column 'class?'\n    → did you mean 'class'?\n"
        "--label y=hate_votes/cout: '/cout' cannot be read\n"
        "    → write LABEL=COLUMN:YES/NO, LABEL=COLUMN/TOTAL or 'LABEL=COLUMN has VALUE'"
    )


def test_a_file_without_text_says_how_to_name_it():
    with pytest.raises(UserError, match="no column is known to hold the text") as error:
        parse(["words"], {"words": ()}, where="f.csv")
    assert error.value.faults[0].fix == "say which: --map text=COLUMN; the file has words"


def test_a_label_is_mapped_once():
    with pytest.raises(UserError, match="a label is mapped twice"):
        read("hate=class:hate", "hate=tags has hate")
