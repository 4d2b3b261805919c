"""The terminal, driven by keys: covered texts, every answer written at once, and going on where one stopped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatehouse.entry.cli.label_terminal import KEYS, Sitting, Terminal, covered, opening, plain, sit
from gatehouse.flows.labelling import questions
from gatehouse.flows.labels_file import LabelsFile, Texts
from gatehouse.testing.makers import make_policy

POLICY = make_policy()
TEXTS = {"m1": "win a prize now", "m2": "see you at lunch", "m3": "call me"}


class Desk:
    """A person who presses these keys, one every two seconds, and what they see."""

    def __init__(self, folder: Path, labels: tuple[str, ...] = ("spam",)) -> None:
        self.folder, self.labels = folder, labels
        self.seen: list[str] = []
        self.time = 0.0

    def press(self, keys: str, rater: str = "ann", again: int = 0, stop: type[BaseException] = EOFError) -> Sitting:
        texts = Texts(self.folder / "t.csv", TEXTS, {"m1": "0.5"})
        self.file = LabelsFile.open(self.folder / "l.csv", texts, self.labels)
        pressed: Iterator[str] = iter(keys)
        self.seen.clear()

        def key() -> str:
            self.time += 2
            found = next(pressed, None)
            if found is None:
                raise stop
            return found

        terminal = Terminal(key, self.seen.append, lambda: 1_000 + int(self.time), lambda: self.time)
        queue = questions(list(TEXTS), self.labels, rater, again)
        return sit(queue, texts, self.file, POLICY, rater, terminal)

    def said(self, rater: str = "ann", look: int = 1) -> dict[tuple[str, str], str]:
        return {key: answer.value for key, answer in self.file.of(rater, look).items()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_every_answer_is_written_with_who_when_under_what_and_how_long(desk: Desk) -> None:
    assert desk.press("y") == Sitting(1, 0, True)
    answer = desk.file.of("ann")["m1", "spam"]
    assert (answer.value, answer.at, answer.seconds) == ("yes", 1_002, 2.0)
    assert (answer.policy, answer.policy_version, answer.chance) == ("spam", "p1", "0.5")
    assert (desk.folder / "l.csv").read_text().count("\n") == 2


def test_texts_are_covered_until_asked_for_and_the_next_one_is_covered_again(desk: Desk) -> None:
    desk.press("yt")
    assert desk.seen[0] == "\nw** a p**** n**"
    assert desk.seen[-3:] == ["\ns** y** a* l****", "[2 of 3] spam?", "see you at lunch"]
    assert TEXTS["m1"] not in desk.seen


def test_it_goes_on_where_it_stopped_and_skipped_ones_come_again(desk: Desk) -> None:
    assert desk.press("ys") == Sitting(1, 1, True)
    assert desk.press("nu") == Sitting(2, 0, False)
    assert desk.said() == {("m1", "spam"): "yes", ("m2", "spam"): "no", ("m3", "spam"): "unsure"}
    assert desk.press("") == Sitting(0, 0, False), "nothing is left to ask"


def test_back_corrects_and_says_what_was_said(desk: Desk) -> None:
    desk.press("bynbbn")
    assert "this is the first question" in desk.seen
    assert "[1 of 3] spam? (you said yes)" in desk.seen
    assert desk.said() == {("m1", "spam"): "no", ("m2", "spam"): "no"}
    assert desk.seen[-2:] == ["\nc*** m*", "[3 of 3] spam?"], "after the correction it goes on with what is open"


def test_keys_that_mean_nothing_say_which_do(desk: Desk) -> None:
    assert desk.press("7").answered == 0
    assert desk.seen[-1] == f"keys: {KEYS}"


@pytest.mark.parametrize("stop", [EOFError, KeyboardInterrupt])
def test_stopping_in_any_way_keeps_what_was_answered(desk: Desk, stop: type[BaseException]) -> None:
    assert desk.press("yn", stop=stop).quit
    assert len(desk.said()) == 2
    assert desk.press("q").quit


def test_two_raters_label_the_same_file_without_seeing_each_other(desk: Desk) -> None:
    desk.press("yyy")
    desk.press("nnn", rater="ben")
    assert not [line for line in desk.seen if "said" in line]
    assert set(desk.said("ann").values()) == {"yes"}
    assert set(desk.said("ben").values()) == {"no"}


def test_a_second_look_is_not_told_and_is_kept_apart(desk: Desk) -> None:
    desk.press("yyynn", again=2)
    assert "[5 of 5] spam?" in desk.seen
    assert not [line for line in desk.seen if "you said" in line]
    assert len(desk.said(look=2)) == 2
    assert set(desk.said().values()) == {"yes"}


def test_each_label_is_asked_and_the_text_shown_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ("spam", "scam"))
    desk.press("yn")
    assert desk.seen == [
        "\nw** a p**** n**",
        "[1 of 6] spam?",
        "yes",
        "[2 of 6] scam?",
        "no",
        "\ns** y** a* l****",
        "[3 of 6] spam?",
    ]


def test_the_opening_names_policy_clauses_keys_and_where_one_stands() -> None:
    assert opening(POLICY, ("spam",), 300, 12).splitlines() == [
        "Spam and scams (policy spam p1)",
        "  S1  Unsolicited offers",
        "labels: spam; 300 questions; 12 are answered, so it goes on from there",
        f"keys: {KEYS}",
        "Texts are covered. Show one only when you are ready to read it.",
    ]


def test_a_text_can_do_nothing_to_the_terminal() -> None:
    assert plain("a\x1b[2Jb\u202ec\r\n\u200d") == "a\\u001b[2Jb\\u202ec\\u000d\n\u200d"
    assert "\x1b" not in covered("\x1b[31mred text")
