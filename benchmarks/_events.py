"""Events as a platform sends them: the population that the live benchmarks decide on.

Where a pack's public data are, its texts and its accounts' profiles are rows of their test part, which nothing was
learnt from: of the texts VIOLATING_TEXTS and of the accounts VIOLATING_ACCOUNTS are rows labelled as violating, all
others rows labelled as not. The packs' texts come evenly. An account keeps its profile, which holds what each pack of
actors reads; two packs that read one attribute see one value, and what a simulated platform says counts last. Where no
data are, small talk and made-up profiles stand in, with every attribute that the packs read. Nobody's language is
changed for a pack: what one does not know it abstains from, as it does on a platform of many languages.

Nothing of it is written but to a temporary file of the run.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc

from gatehouse.datasets.truth import targets
from gatehouse.flows import demo_platform, packs
from gatehouse.flows.learn import Learned
from gatehouse.records.event import Entity, Event

VIOLATING_TEXTS, VIOLATING_ACCOUNTS = 0.03, 0.01
ACCOUNTS = 20_000
TARGETED, LANGUAGE_SAID = 0.3, 0.5
"""Of the events, those that are aimed at an account, and those that say their language where it is known."""

AT_ADDRESS = 3
"""Accounts that come from one address, each from a device of its own."""

TALK = (  # noqa: SIM905
    "good morning everyone see you at lunch tomorrow the meeting moved to three please bring the notes "
    "great match yesterday who is in for the weekend thanks that helped a lot i will look at it tonight"
).split()
SPAM = "winner claim your free prize now call 0900 000 000 or text WIN to 80082"

WORDS = (*TALK, *["win", "a", "free", "prize", "now", "reply", "to", "claim", "it", "call", "this", "number"])
"""Words of small talk and of spam."""

Said = dict[str, Any]
Draw = Callable[[random.Random, bool], Said]
"""What a row says, drawn from those that violate or from those that do not."""


@dataclass(frozen=True, eq=False)
class Population:
    """As many events as accounts, one each; `source` says in words where they come from."""

    source: str
    events: list[Said]

    def write(self, path: Path) -> Path:
        """Writes them as JSON lines without ids; gives back the path."""
        path.write_bytes(b"\n".join(map(msgspec.json.encode, self.events)))
        return path


def population(learned: Sequence[Learned], accounts: int = ACCOUNTS, seed: int = 7) -> Population:
    """What the accounts of a platform say of themselves and in their posts, for the packs that were learnt."""
    chance = random.Random(seed)
    of_name = {one.dataset.info.name: one for one in reversed(learned) if not one.from_examples}
    known = sorted(of_name.values(), key=lambda one: one.dataset.info.name == demo_platform.NAME)
    texts = [_texts(one) for one in known if one.pack.recipe.learner == "linear"]
    profiles = [_profiles(one) for one in known if one.pack.recipe.learner == "actor"]
    rest = profile_of([one.pack.name for one in learned if one.from_examples and one.pack.recipe.learner == "actor"])
    if rest:
        profiles.insert(0, lambda chance, violating: made_up_profile(rest, chance, violating))
    events = []
    for number in range(accounts):
        says = chance.choice(texts or [small_talk])(chance, chance.random() < VIOLATING_TEXTS)
        if chance.random() >= LANGUAGE_SAID:
            says.pop("language", None)
        if chance.random() < TARGETED:
            says["target"] = f"account:{chance.randrange(accounts)}"
        attributes: Said = {}
        violating = chance.random() < VIOLATING_ACCOUNTS
        for draw in profiles:
            attributes = draw(chance, violating) | attributes
        place = {"address": f"address-{number // AT_ADDRESS}", "device": f"device-{number}"}
        events.append({"actor": f"account:{number}", "attributes": attributes, **place, "kind": "post", **says})
    return Population(_source(known, bool(rest)), events)


def _source(known: Sequence[Learned], rest: bool) -> str:
    """Where texts and profiles come from, in words."""
    said = []
    for learner, what, share in (("linear", "texts", VIOLATING_TEXTS), ("actor", "accounts", VIOLATING_ACCOUNTS)):
        names = [one.dataset.info.name for one in known if one.pack.recipe.learner == learner]
        names += ["made up"] if not names or (rest and learner == "actor") else []
        said.append(f"{what} {', '.join(names)} ({share:.0%} violating)")
    return "; ".join(said)


def _texts(one: Learned) -> Draw:
    """Texts of a set's test part."""
    texts, languages = (_tested(one).column(name).to_pylist() for name in ("text", "language"))
    return _drawn(one, [{"text": text} | _said({"language": in_}) for text, in_ in zip(texts, languages, strict=True)])


def _profiles(one: Learned) -> Draw:
    """Profiles of a set's test part."""
    assert one.dataset.features is not None
    names = [column.name for column in one.pack.features.profile]
    rows = one.dataset.features.filter(pc.equal(one.dataset.rows["part"], "test")).select(names).to_pylist()
    return _drawn(one, [_said(row) for row in rows])


def _tested(one: Learned) -> Any:
    return one.dataset.rows.filter(pc.equal(one.dataset.rows["part"], "test"))


def _drawn(one: Learned, rows: Sequence[Said]) -> Draw:
    _, truth = targets(one.dataset, "test", one.pack.recipe.labels)
    violates = np.nanmax(truth, axis=1, initial=0.0) > 0
    sides = [[row for row, of in zip(rows, violates.tolist(), strict=True) if of is side] for side in (False, True)]
    return lambda chance, violating: dict(chance.choice(sides[violating]))


def _said(row: Mapping[str, Any]) -> Said:
    return {name: value for name, value in row.items() if value is not None}


def small_talk(chance: random.Random, violating: bool) -> Said:
    """A made-up text."""
    return {"text": SPAM if violating else " ".join(chance.choices(TALK, k=chance.randint(5, 30))), "language": "en"}


def profile_of(names: Sequence[str]) -> dict[str, str]:
    """Every attribute that these packs read, with its type."""
    return {column.name: column.kind for name in names for column in packs.load(name).features.profile}


def made_up_profile(profile: Mapping[str, str], chance: random.Random, violating: bool) -> Said:
    """A value for each attribute, of its type; those of accounts that violate differ from all others."""
    values: dict[str, Callable[[], Any]] = {
        "BIGINT": lambda: chance.randint(0, 50) if violating else chance.randint(100, 5_000),
        "DOUBLE": lambda: chance.uniform(0.9, 1.0) if violating else chance.uniform(0.0, 0.8),
        "VARCHAR": lambda: chance.choice(TALK),
        "BOOLEAN": lambda: violating or chance.random() < 0.5,
    }
    return {name: values[kind]() for name, kind in profile.items()}


def made_up(
    count: int, profile: Mapping[str, str], violating: float = VIOLATING_ACCOUNTS, seed: int = 1
) -> tuple[list[Event], list[bool]]:
    """Events of a few thousand accounts with all of a profile, and of each whether its account violates."""
    chance = random.Random(seed)
    truth = [chance.random() < violating for _ in range(count)]
    events = [
        Event(
            id=f"event-{seed}-{number}",
            kind=chance.choice(("post", "message", "comment", "star")),
            text=" ".join(chance.choices(WORDS, k=chance.randint(5, 30))),
            language="en" if chance.random() < 0.75 else None,
            occurred=1_769_860_800_000_000 + number,
            seen=number + 1,
            actor=Entity("account", str(chance.randint(1, 4_000))),
            target=Entity("account", str(chance.randint(1, 4_000))),
            address=f"address-{chance.randint(1, 2_000)}",
            attributes=made_up_profile(profile, chance, violates) or None,
        )
        for number, violates in enumerate(truth)
    ]
    return events, truth
