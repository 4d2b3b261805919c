"""What each declared feature is and who reads it, gathered from the packs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from gatehouse.errors import Fault, UserError, did_you_mean
from gatehouse.features import sql
from gatehouse.features import text as text_columns
from gatehouse.features.define import ALWAYS, FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.plan import Plan, amount_name, code_name
from gatehouse.features.profile import TYPES
from gatehouse.features.source import declarations
from gatehouse.features.windows import Declaration, Distinct, RepeatShare, Sum, in_words
from gatehouse.features.words import definition_of, meaning_of, unknown_of
from gatehouse.flows import packs
from gatehouse.flows.packs import Pack
from gatehouse.records.event import EVENT_SCHEMA

_KINDS = {"Count": "count", "Distinct": "distinct", "Sum": "sum", "RepeatShare": "repeat_share", "Age": "age"}


@dataclass(frozen=True)
class RuleText:
    """A rule that reads a feature: its name with its detector's, the label that it gives, and its condition."""

    name: str
    label: str
    when: str


@dataclass(frozen=True)
class Use:
    """Where one pack declares a feature, and what there reads it; `steps` are those of the policy behind that."""

    pack: str
    declared: str
    owner: str | None
    rules: tuple[RuleText, ...]
    windows: tuple[str, ...]
    steps: tuple[str, ...]
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Carried:
    """How a window is computed: of what, over which time, from which coded columns, by which SQL, in how much memory.

    `scores` are the detectors' scores that it counts.
    """

    key: tuple[str, ...]
    under: tuple[str, ...]
    window: str
    definition: str
    unknown: str
    scores: tuple[str, ...]
    bytes_per_entity: int
    coded: dict[str, str]
    sql: str


@dataclass(frozen=True)
class Explained:
    """One feature with all that is to be known of it; `carried` only for windows."""

    name: str
    kind: str
    type: str
    meaning: str
    carried: Carried | None
    uses: tuple[Use, ...]


def load_all(roots: Sequence[Path]) -> tuple[list[Pack], list[Fault]]:
    """Every pack that can be found and loaded, and the faults of those that cannot."""
    loaded: list[Pack] = []
    faults: list[Fault] = []
    for folder in packs.folders(roots).values():
        try:
            loaded.append(packs.load(str(folder.resolve())))
        except UserError as error:
            faults += error.faults
    return loaded, faults


def features(known: Sequence[Pack]) -> list[Explained]:
    """Every feature that the packs declare; equal declarations are one feature with several uses."""
    found: dict[tuple[str, ...], Explained] = {}
    for pack in known:
        for one in _features(pack):
            said = (one.name, one.kind, one.type, one.carried.sql if one.carried else "")
            there = found.get(said)
            found[said] = replace(there, uses=(*there.uses, *one.uses)) if there else one
    return list(found.values())


def explain(name: str, known: Sequence[Pack]) -> list[Explained]:
    """What is declared under a name, one for each meaning; raises UserError where nothing is."""
    everything = features(known)
    if found := [one for one in everything if one.name == name]:
        return found
    if name in text_columns.COLUMNS:
        return [_text(name, ())]
    if name in (*EVENT_SCHEMA.names, *ALWAYS.names):
        raise UserError(f"'{name}' is a column of every event, no feature", fix="gatehouse features list names those")
    near = did_you_mean(name, [*(one.name for one in everything), *text_columns.COLUMNS])
    raise UserError(f"there is no feature '{name}'", fix=f"{near}gatehouse features list names all")


def _features(pack: Pack) -> Iterator[Explained]:
    declared = pack.features
    for name in declared.columns:
        yield _text(name, (_use(pack, name, None),))
    for column in declared.profile:
        meaning = column.field.metadata[b"meaning"].decode()
        yield Explained(column.name, "profile", column.kind, meaning, None, (_use(pack, column.name, None),))
    for score in declared.scores:
        meaning = f"Score of {score.detector} for '{score.label}' in whole thousandths, of earlier events only."
        yield Explained(score.name, "score", "BIGINT", meaning, None, (_use(pack, score.name, None),))
    for said in declared.windows:
        yield Explained(
            said.name,
            _KINDS[type(said).__name__],
            _type(declared.schema.field(said.name).type),
            said.meaning or meaning_of(said),
            _carried(said, declared),
            (_use(pack, said.name, said.owner),),
        )


def _text(name: str, uses: tuple[Use, ...]) -> Explained:
    column = text_columns.COLUMNS[name]
    return Explained(name, "text", _type(column.field.type), column.meaning, None, uses)


def _type(kind: pa.DataType) -> str:
    return next(name for name, known in TYPES.items() if known == kind)


def _use(pack: Pack, name: str, owner: str | None) -> Use:
    places = declarations(pack.texts["features.yaml"], str(pack.folder / "features.yaml"))
    reading = [rule for rule in pack.rules.rules if name in rule.when.columns]
    labels = {rule.label for rule in reading}
    detectors = (pack.recipe.detector,) if name in _learnt_of(pack) else ()
    return Use(
        pack=pack.name,
        declared=next(place for _, said, place in places if said == name),
        owner=owner or pack.features.owner,
        rules=tuple(
            RuleText(f"{pack.rules.name}.{rule.name}", rule.label, " ".join(rule.when.text.split())) for rule in reading
        ),
        windows=tuple(said.name for said in pack.features.windows if name in _reads(said, pack.features.plan)),
        steps=tuple(
            f"{pack.policy.name}.{step.name}"
            for step in pack.policy.steps
            if step.detector in detectors or (step.detector == pack.rules.name and step.label in labels)
        ),
        detectors=detectors,
    )


def _learnt_of(pack: Pack) -> tuple[str, ...]:
    """The columns that a detector of actors learns from: those that the recipe names, else all but texts."""
    if pack.recipe.actor is None:
        return ()
    counting = (field.name for field in pack.features.schema if not pa.types.is_string(field.type))
    return pack.recipe.actor.columns or tuple(counting)


def _reads(said: Declaration, plan: Plan) -> set[str]:
    """The columns that a window is computed from."""
    of = (said.of,) if isinstance(said, Sum) else said.of if isinstance(said, Distinct | RepeatShare) else ()
    condition = next((condition.columns for condition in plan.filters if condition.text == said.where), {})
    return {*said.key, *said.counted, *of, *condition}


def _carried(said: Declaration, declared: FeatureSet) -> Carried:
    alone = replace(declared, windows=(said,)).plan
    reads = _reads(said, alone)
    coded = {code_name(columns): f"hash of {' and '.join(columns)}" for columns in alone.codes}
    coded |= {f"f_{place}": condition.text for place, condition in enumerate(alone.filters)}
    coded |= {amount_name(column): column for column in alone.amounts}
    return Carried(
        key=said.key,
        under=said.counted,
        window=in_words(said.window),
        definition=definition_of(said),
        unknown=unknown_of(said),
        scores=tuple(f"{one.detector} ({one.label})" for one in declared.scores if one.name in reads),
        bytes_per_entity=LiveHistory(alone).bytes_per_entity()[said.name],
        coded=coded,
        sql=sql.query(alone),
    )
