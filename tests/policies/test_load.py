import json
import re
import textwrap
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import Fault, UserError
from gatehouse.policies.load import load, load_examples
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Acceptance, Target

POLICY = """\
policy: adverts
title: Unwanted adverts
owner: trust-and-safety
missing: pass
text: |
  Do not sell to strangers.
clauses:
  - {id: A1, title: Adverts, text: "No adverts."}
  - {id: A2, title: Lures, text: "No lures."}
steps:
  - name: known_advert
    when: {detector: adverts.bank, label: advert}
    clause: A1
    enforce: remove
  - name: certain_advert
    when: {detector: adverts.linear, label: advert, precision_at_least: 0.95, confidence: 0.9}
    clause: A2
    enforce: limit
    review: true
    accept: {by: policy lead, reason: few appeals}
  - name: busy
    when: {detector: adverts.linear, label: advert, review_at_most: 400/day, traffic: 100_000/day}
    clause: A1
    review: true
"""


def faults(text, read=lambda text: load(text, "policy.yaml")):
    with pytest.raises(UserError) as error:
        read(text)
    return str(error.value)


def swapped(old, new):
    assert POLICY.count(old) == 1, old
    return POLICY.replace(old, new)


def test_a_policy_is_read_as_it_is_written():
    policy = load(POLICY, "policy.yaml")
    known, certain, busy = policy.steps
    assert (policy.name, policy.title, policy.owner, policy.missing) == (
        "adverts",
        "Unwanted adverts",
        "trust-and-safety",
        "pass",
    )
    assert policy.text == "Do not sell to strangers."
    assert [clause.id for clause in policy.clauses] == ["A1", "A2"]
    assert (known.detector, known.target, known.enforce, known.review) == ("adverts.bank", None, Kind.REMOVE, False)
    assert certain.target == Target(aim="precision_at_least", value=0.95, confidence=0.9)
    assert (certain.enforce, certain.review) == (Kind.LIMIT, True)
    assert certain.accept == Acceptance(by="policy lead", reason="few appeals")
    assert busy.target == Target(aim="review_at_most", value=400.0, traffic=100_000.0)
    assert busy.enforce is Kind.NONE


def test_the_policy_on_the_page_about_policies_is_one():
    page = Path(__file__).parents[2] / "docs" / "policies.md"
    written = re.search(r"```yaml\n(policy:.*?)```", page.read_text(), re.DOTALL).group(1)
    assert [step.name for step in load(written, "policies.md").steps] == [
        "known_advert",
        "certain_advert",
        "likely_advert",
    ]


def test_the_version_is_of_what_is_said_not_of_how_it_is_written():
    version = load(POLICY, "policy.yaml").version
    other = yaml.safe_dump(yaml.safe_load(POLICY), sort_keys=True, width=40)
    assert len(version) == 12
    assert load(f"# a comment\n{other}", "elsewhere.yaml").version == version
    assert load(swapped("No lures.", "No lure."), "policy.yaml").version != version
    assert load(swapped("0.95,", "0.951,"), "policy.yaml").version != version
    assert load(swapped("missing: pass", "missing: pass\nabstained: review"), "policy.yaml").version != version


def test_every_fault_of_a_file_is_said_at_once_with_its_place():
    text = """\
    policy: adverts
    title: Unwanted adverts
    onwer: trust-and-safety
    text: No adverts.
    clauses:
      - {id: A1, title: Adverts, text: "No adverts."}
      - {id: A1, title: Lures, text: "No lures."}
    steps:
      - name: certain
        when: {detector: adverts.linear, label: advert, precision_at_least: 95, recall_at_least: 0.9}
        clause: A7
        enforce: remvoe
      - name: certain
        when: {detector: adverts.linear, label: advert, precison_at_least: 0.9}
        clause: A1
        enforce: suspend
      - name: likely
        when: {detector: adverts.rules, label: advert}
        clause: A1
    """
    assert (
        faults(textwrap.dedent(text))
        == textwrap.dedent("""\
    policy.yaml:3:1: unknown key 'onwer' in the policy
        → did you mean 'owner'?
    policy.yaml:7:10: clause 'A1' is there twice
        → give each clause an id of its own
    policy.yaml:10:73: precision_at_least is 95, which is not between 0 and 1
        → write it as a share: 0.95
    policy.yaml:10:94: 2 aims in one 'when': 'precision_at_least' and 'recall_at_least'
        → keep one, or write two steps
    policy.yaml:11:13: unknown clause 'A7'
        → known: A1
    policy.yaml:12:14: unknown enforcement 'remvoe'
        → did you mean 'remove'?
    policy.yaml:13:11: step 'certain' is there twice
        → give each step a name of its own
    policy.yaml:14:53: unknown key 'precison_at_least' in 'when'
        → did you mean 'precision_at_least'?
    policy.yaml:16:14: step 'certain' would suspend without a person
        → add 'review: true': a person decides, the step proposes
    policy.yaml:17:5: step 'likely' neither enforces nor asks for review
        → add 'enforce: remove' (or another kind) or 'review: true'
    """).rstrip()
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("400/day", "400", "policy.yaml:22:69: review_at_most must be a number of events a day, not '400'\n"
         "    → write 'review_at_most: 400/day'"),
        ("400/day", "200000/day", "review_at_most is not below the traffic"),
        ("100_000/day", "many", "traffic must be a number of events a day, not 'many'"),
        ("confidence: 0.9", "confidence: 0.5", "confidence is 0.5, which is not between 0.75 and 1"),
        ("confidence: 0.9", "traffic: 9/day", "'traffic' is only for 'review_at_most'"),
        ("precision_at_least: 0.95, ", "", "'confidence' without a promise that it could be for"),
        (", precision_at_least: 0.95, confidence: 0.9", "", "'adverts.linear' gives scores, so the step must say"),
        ("bank, label: advert", "bank, label: advert, recall_at_least: 0.9", "matches and gives no score"),
        ("precision_at_least: 0.95", "precision_at_least: most", "precision_at_least must be a number, not 'most'"),
        ("precision_at_least: 0.95", "precision_at_least: .nan", "must be a number, not '.nan'"),
        ("precision_at_least: 0.95", "precision_at_least: [0.95]", "must be a number, not a list"),
        ("adverts.bank", "bank", "'bank' names no detector\n    → write pack.kind, for example 'spam.linear'"),
        ("missing: pass", "missing: allow", "unknown missing 'allow'\n    → known: pass, review"),
        ("missing: pass", "abstained: look", "unknown abstained 'look'\n    → known: pass, review"),
        ("title: Unwanted adverts", "title: 2024", 'title must be text, not a number\n    → put it in quotes: "2024"'),
        ("title: Unwanted adverts", "title: ", "title must be text, not empty"),
        ("title: Unwanted adverts\n", "", "policy.yaml:1:1: the policy has no 'title'\n    → add 'title: ...'"),
        ("policy: adverts", "policy: My Adverts!", "'My Adverts!' is not a plain name\n"
         "    → small letters, digits, '_' and '-': 'my_adverts'"),
        ("    enforce: remove\n", "    enforce: remove\n    precision_at_least: 0.9\n",
         "'precision_at_least' does not belong to the step\n    → move it to the step's 'when'"),
        ("    enforce: remove\n", "    enforce: remove\n    enforce: warn\n", "'enforce' is given twice in the step"),
        ("    enforce: remove\n", "    enforce: remove\n    accept: {by: me, reason: so}\n", "has no point to accept"),
        ("    enforce: limit\n", "", "only asks for review, which needs no acceptance"),
        ("{by: policy lead, reason: few appeals}", "{by: policy lead}", "'accept' has no 'reason'"),
        ("review: true\n    accept", "review: often\n    accept", "review must be true or false, not text"),
        ("clause: A2", "clause: [A2]", "clause must be text, not a list"),
        ("  - {id: A1, title: Adverts, text: \"No adverts.\"}\n", "  - A1\n", "the clause must be a mapping"),
        ("title: Unwanted adverts", "title: [", "policy.yaml:4:8: not valid YAML: expected"),
        ("title: Unwanted adverts", "title: \x07", "policy.yaml:2:8: a character that YAML does not allow"),
    ],
)  # fmt: skip
def test_a_fault_says_what_to_do(old, new, said):
    assert said in faults(swapped(old, new))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "policy.yaml:1:1: the file is empty\n    → start with 'policy: NAME'"),
        ("- 1", "policy.yaml:1:1: the policy must be a mapping of keys to values, not a list"),
        ("[" * 1_000, "policy.yaml:1:1: nested too deeply to be read"),
        ("a: 1\n---\nb: 2", "policy.yaml:2:1: not valid YAML: but found another document"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(text, said):
    assert said in faults(text)


def test_empty_parts_are_refused():
    said = faults("policy: a\ntitle: b\nowner: c\ntext: d\nclauses: []\nsteps: {}\n")
    assert "policy.yaml:5:10: clauses is an empty list" in said
    assert "policy.yaml:6:8: steps must be a list, not a mapping" in said


def test_suspension_with_a_person_is_allowed():
    policy = load(swapped("enforce: limit", "enforce: suspend").replace("    accept", "    # accept"), "policy.yaml")
    assert policy.steps[1].enforce is Kind.SUSPEND


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet=":-[]{}#&*!|>'\"% \n\tabc019.é\x00", max_size=60) | st.binary(max_size=60).map(bytes.hex))
def test_any_text_is_a_policy_or_a_fault_with_a_place(text):
    with pytest.raises(UserError) as error:
        load(text, "policy.yaml")
    assert all(fault.where.startswith("policy.yaml:") for fault in error.value.faults)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_policy_with_a_piece_cut_out_is_read_or_refused_with_a_place(data):
    start = data.draw(st.integers(0, len(POLICY)))
    length = data.draw(st.integers(1, 40))
    found: tuple[Fault, ...] = ()
    try:
        load(POLICY[:start] + POLICY[start + length :], "policy.yaml")
    except UserError as error:
        found = error.faults
    assert all(fault.where.startswith("policy.yaml:") for fault in found)


EXAMPLE = {"id": "e1", "text": "Buy now", "labels": ["advert"], "clause": "A1", "why": "It sells."}


def examples(*lines):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return load_examples(text, "examples.jsonl", load(POLICY, "policy.yaml"))


def test_examples_are_read():
    benign = {"id": "e2", "text": "Hello", "labels": [], "clause": None, "why": "A greeting."}
    first, second = examples(EXAMPLE, "", benign, "  ")
    assert (first.id, first.labels, first.clause) == ("e1", ("advert",), "A1")
    assert (second.labels, second.clause) == ((), None)


def test_every_fault_of_the_examples_is_said_at_once():
    with pytest.raises(UserError) as error:
        examples(
            EXAMPLE,
            EXAMPLE,
            "{",
            "[1]",
            {**EXAMPLE, "id": "e3", "labels": ["advrt"], "clause": "B1"},
            {"id": "e4", "txt": "x", "labels": "advert", "why": ""},
            {**EXAMPLE, "id": "e5", "text": "\ud83d"},
        )
    assert (
        str(error.value)
        == textwrap.dedent("""\
    examples.jsonl:2: example 'e1' is there twice
        → give each example an id of its own
    examples.jsonl:3:2: not valid JSON: Expecting property name enclosed in double quotes
        → write one JSON object a line
    examples.jsonl:4: not a JSON object
        → write {"id": ..., "text": ..., "labels": [...], "why": ...}
    examples.jsonl:5: label 'advrt' is in no step of 'adverts'
        → did you mean 'advert'?
    examples.jsonl:5: unknown clause 'B1'
        → known: A1, A2
    examples.jsonl:6: unknown key 'txt'
        → did you mean 'text'?
    examples.jsonl:6: 'text' is missing
        → add "text"
    examples.jsonl:6: 'why' must be text with something in it
        → write "why": "..."
    examples.jsonl:6: 'labels' must be a list of labels
        → write "labels": [] where none holds
    examples.jsonl:7: 'text' holds half a character (a lone surrogate)
        → write the whole character
    """).rstrip()
    )


def test_what_a_gate_holds_a_candidate_to_is_read_or_refused_with_its_place():
    gate = "gate: {recall_loss: 0.03, slower: 2, accept_cannot_tell: true}\n"
    rules = load(POLICY + gate, "policy.yaml").gate
    assert (rules.recall_loss, rules.slower, rules.accept_cannot_tell) == (0.03, 2.0, True)
    assert rules.false_positives_added == 0.02
    with pytest.raises(UserError) as caught:
        load(POLICY + "gate: {recall_los: 0.03, slower: 0.5, alpha: 2}\n", "policy.yaml")
    said = str(caught.value)
    assert "did you mean 'recall_loss'" in said
    assert "slower must be a number from 1 on" in said
    assert "alpha is 2, which is not between 0 and 1" in said
