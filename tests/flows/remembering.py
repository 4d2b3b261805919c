"""A small judge whose rules look at what came before, and streams of events for it."""

from hypothesis import strategies as st

from gatehouse.detectors.rules import RulesDetector
from gatehouse.features.define import FeatureSet
from gatehouse.features.windows import Age, Count, Distinct, RepeatShare, Sum, duration
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import rule_schema
from gatehouse.policies.decide import bind
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import Entity, Event
from gatehouse.records.policy import Step
from gatehouse.testing.makers import make_policy

START = 1_700_000_000_000_000

FEATURES = FeatureSet(
    columns=("url_count",),
    windows=(
        Count(name="posts_1h", key=("actor",), window=duration("1h")),
        Sum(name="paid_1d", key=("actor",), window=duration("1d"), of="amount"),
        Distinct(name="recipients_1h", key=("actor",), window=duration("1h"), of=("target",), cap=3),
        RepeatShare(name="same_text_1d", key=("actor",), window=duration("1d"), of=("text_hash",), cap=8),
        Age(name="known_seconds", key=("actor",), window=duration("1d")),
    ),
)
WINDOWS = tuple(FEATURES.plan.schema.names)

RULES = """\
rules:
  - {name: burst, label: burst, when: posts_1h >= 2, why: The third post within an hour.}
  - {name: lure, label: lure, when: "text LIKE '%prize%'", why: A prize.}
"""


def make_judge() -> Judge:
    """A judge that limits a lure and removes a burst."""
    rules = RulesDetector.from_yaml(RULES, "rules.yaml", "demo.rules", rule_schema(FEATURES))
    steps = tuple(
        Step(name=label, detector="demo.rules", label=label, clause="S1", enforce=deed)
        for label, deed in (("burst", Kind.REMOVE), ("lure", Kind.LIMIT))
    )
    return Judge(FEATURES, (rules,), (bind(make_policy("demo", steps=steps), (), (rules,)),), {"demo": "r1"})


def make_post(id_: str, seconds: float = 0, actor: str = "a1", text: str = "hello", **said: object) -> Event:
    """A post of an account, some seconds after the start."""
    return Event(id=id_, text=text, actor=Entity("account", actor), seen=START + round(seconds * 1_000_000), **said)


_POSTS = st.tuples(
    st.sampled_from([0, 0, 1, 59, 61, 3_599, 3_661, -120, 90_000]),
    st.sampled_from("aab"),
    st.sampled_from(["hello", "hello", "a prize"]),
    st.sampled_from([None, "x", "y", "z", "w"]),
    st.sampled_from([None, 0, 5]),
)


@st.composite
def post_batches(draw: st.DrawFn) -> list[list[Event]]:
    """Batches of posts with ties, late ones, edits, and gaps after which nothing is remembered; ids in no order."""
    batches, seconds = [], 0
    ids = iter(draw(st.permutations(range(40))))
    for size in draw(st.lists(st.integers(1, 5), min_size=2, max_size=8)):
        batch = []
        for _ in range(size):
            gap, actor, text, target, amount = draw(_POSTS)
            to = Entity("account", target) if target else None
            post = make_post(f"e{next(ids):02}", max(seconds + gap, 0), actor, text, target=to, amount=amount)
            seconds = max(seconds, seconds + gap)
            batch.append(post)
            if draw(st.integers(0, 7)) == 0:
                batch.append(make_post(post.id, seconds, actor, "edited", revision=1))
        batches.append(batch)
    return batches
