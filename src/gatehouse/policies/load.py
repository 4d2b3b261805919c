"""Policies from YAML and their worked examples from JSONL, with every fault of a file at once."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from typing import cast, get_args

import msgspec
import yaml

from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.policies.source import Source
from gatehouse.records.enforcement import NEEDS_A_PERSON, Kind
from gatehouse.records.policy import (
    Acceptance,
    Aim,
    Breaker,
    Clause,
    Example,
    GateRules,
    Missing,
    Policy,
    Quota,
    Step,
    Target,
)
from gatehouse.records.standing import Ladder, Rung

AIMS: tuple[Aim, ...] = get_args(Aim)
_KINDS = {kind.word: kind for kind in Kind}
_SCORING = frozenset({"linear"})
_MATCHING = frozenset({"bank", "rules"})
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_DETECTOR = re.compile(r"[a-z][a-z0-9_-]*\.[a-z][a-z0-9_-]*")
_RUNGS = tuple(kind.word for kind in (Kind.WARN, Kind.LIMIT, Kind.SUSPEND, Kind.TERMINATE))
_ENDING = (Kind.LIMIT.word, Kind.SUSPEND.word)
_UNDER_WHEN = dict.fromkeys((*AIMS, "detector", "label", "confidence", "traffic"), "the step's 'when'")


def load(text: str, where: str) -> Policy:
    """The policy that a YAML text says; raises UserError with every fault, its line and column, and a suggestion.

    The version is a hash of what the policy says, so white space, comments and key order do not change it.
    """
    source = Source(text, where)
    required = ("policy", "title", "owner", "text", "clauses", "steps")
    fields = source.fields(
        source.root, "the policy", required, ("missing", "abstained", "notes", "gate", "ladder", "quota", "breaker")
    )
    clauses = _clauses(source, fields.get("clauses"))
    steps = _steps(source, fields.get("steps"), {clause.id for clause in clauses})
    policy = Policy(
        name=_name(source, fields.get("policy"), "policy"),
        version="",
        title=source.text(fields.get("title"), "title"),
        text=source.text(fields.get("text"), "text"),
        owner=source.text(fields.get("owner"), "owner"),
        clauses=clauses,
        steps=steps,
        missing=_missing(source, fields.get("missing"), "missing"),
        abstained=_missing(source, fields["abstained"], "abstained") if "abstained" in fields else msgspec.UNSET,
        notes=source.text(fields.get("notes"), "notes"),
        gate=_gate(source, fields.get("gate")),
        ladder=_ladder(source, fields.get("ladder"), steps),
        quota=_quota(source, fields.get("quota")),
        breaker=_breaker(source, fields.get("breaker"), steps),
    )
    source.finish()
    return msgspec.structs.replace(policy, version=hashlib.sha256(msgspec.json.encode(policy)).hexdigest()[:12])


def _name(source: Source, node: yaml.Node | None, what: str) -> str:
    name = source.text(node, what)
    if node is not None and name and not _NAME.fullmatch(name):
        plain = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-0123456789") or "spam"
        source.fault(node, f"{what} '{name}' is not a plain name", f"small letters, digits, '_' and '-': '{plain}'")
    return name


def _missing(source: Source, node: yaml.Node | None, name: str) -> Missing:
    return "pass" if source.choice(node, name, get_args(Missing)) == "pass" else "review"


def _gate(source: Source, node: yaml.Node | None) -> GateRules:
    if node is None:
        return GateRules()
    shares, times = ("recall_loss", "false_positives_added", "alpha"), ("slower", "larger")
    fields = source.fields(node, "'gate'", (), (*shares, *times, "accept_cannot_tell"))
    said: dict[str, float] = {name: source.share(fields[name], name) for name in shares if name in fields}
    said |= {name: source.times(fields[name], name) for name in times if name in fields}
    return GateRules(**said, accept_cannot_tell=source.flag(fields.get("accept_cannot_tell"), "accept_cannot_tell"))


def _ladder(source: Source, node: yaml.Node | None, steps: Sequence[Step]) -> Ladder | msgspec.UnsetType:
    if node is None:
        return msgspec.UNSET
    fields = source.fields(node, "'ladder'", ("rungs",), ("expires",))
    rungs: list[Rung] = []
    for item in source.items(fields.get("rungs"), "rungs"):
        said = source.fields(item, "the rung", ("strikes", "enforce"), ("for",))
        rung = Rung(
            strikes=source.whole(said["strikes"], "strikes") if "strikes" in said else 0,
            enforce=source.choice(said.get("enforce"), "enforcement of a rung", _RUNGS),
            seconds=source.seconds(said["for"], "for") if "for" in said else None,
        )
        if rungs and 0 < rung.strikes <= rungs[-1].strikes:
            what = f"the rung of {rung.strikes} strikes does not stand over the one before it"
            source.fault(said["strikes"], what, "write rungs with the fewest strikes first, each number once")
        if "for" in said and rung.enforce and rung.enforce not in _ENDING:
            what = f"'{rung.enforce}' does not end by itself"
            source.fault(said["for"], what, f"remove 'for'; {' and '.join(_ENDING)} end")
        rungs.append(rung)
    if not any(step.enforce is Kind.STRIKE for step in steps):
        source.fault(node, "a ladder, but no step gives strikes", "add 'enforce: strike' to a step, or remove 'ladder'")
    return Ladder(
        rungs=tuple(rungs), expires=source.seconds(fields["expires"], "expires") if "expires" in fields else None
    )


def _quota(source: Source, node: yaml.Node | None) -> Quota | msgspec.UnsetType:
    if node is None:
        return msgspec.UNSET
    fields = source.fields(node, "'quota'", (), ("hour", "day"))
    said = {name: source.whole(field, name) for name, field in fields.items()}
    if isinstance(node, yaml.MappingNode) and not node.value:
        source.fault(node, "'quota' says nothing", "write 'hour: 500' or 'day: 2000'")
    if len(said) == 2 and said["hour"] > said["day"]:
        source.fault(fields["hour"], "more in an hour than in a day", "an hour's number is at most the day's")
    return Quota(**said)


def _breaker(source: Source, node: yaml.Node | None, steps: Sequence[Step]) -> Breaker | msgspec.UnsetType:
    if node is None:
        return msgspec.UNSET
    fields = source.fields(node, "'breaker'", ("share",), ("minutes", "least", "exempt"))
    names = [step.name for step in steps]
    exempt = [source.choice(item, "step", names) for item in source.items(fields.get("exempt"), "exempt")]
    said = {name: source.whole(fields[name], name) for name in ("minutes", "least") if name in fields}
    share = source.share(fields["share"], "share") if "share" in fields else 0.0
    return Breaker(share=share, exempt=tuple(exempt), **said)


def _clauses(source: Source, node: yaml.Node | None) -> tuple[Clause, ...]:
    found: dict[str, Clause] = {}
    for item in source.items(node, "clauses"):
        fields = source.fields(item, "the clause", ("id", "title", "text"))
        id_ = source.text(fields.get("id"), "id")
        clause = Clause(
            id=id_, title=source.text(fields.get("title"), "title"), text=source.text(fields.get("text"), "text")
        )
        if id_ in found:
            source.fault(fields["id"], f"clause '{id_}' is there twice", "give each clause an id of its own")
        elif id_:
            found[id_] = clause
    return tuple(found.values())


def _steps(source: Source, node: yaml.Node | None, clauses: Collection[str]) -> tuple[Step, ...]:
    found: dict[str, Step] = {}
    for item in source.items(node, "steps"):
        required, optional = ("name", "when", "clause"), ("enforce", "review", "accept")
        fields = source.fields(item, "the step", required, optional, _UNDER_WHEN)
        step = _step(source, fields, clauses)
        _check_step(source, item, fields, step)
        if step.name in found:
            source.fault(fields["name"], f"step '{step.name}' is there twice", "give each step a name of its own")
        elif step.name:
            found[step.name] = step
    return tuple(found.values())


def _step(source: Source, fields: dict[str, yaml.Node], clauses: Collection[str]) -> Step:
    detector, label, target = _when(source, fields.get("when"))
    clause = fields.get("clause")
    enforce = source.choice(fields.get("enforce"), "enforcement", _KINDS)
    return Step(
        name=_name(source, fields.get("name"), "name"),
        detector=detector,
        label=label,
        clause=source.choice(clause, "clause", clauses) if clauses else source.text(clause, "clause"),
        target=target,
        enforce=_KINDS[enforce] if enforce else Kind.NONE,
        review=source.flag(fields.get("review"), "review"),
        accept=_acceptance(source, fields.get("accept")),
    )


def _check_step(source: Source, item: yaml.Node, fields: dict[str, yaml.Node], step: Step) -> None:
    """What only shows when the parts of a step are seen together."""
    name = f"step '{step.name}'" if step.name else "the step"
    understood = isinstance(item, yaml.MappingNode) and step.enforce.word == getattr(
        fields.get("enforce"), "value", "none"
    )
    if understood and step.enforce is Kind.NONE and not step.review:
        fix = "add 'enforce: remove' (or another kind) or 'review: true'"
        source.fault(item, f"{name} neither enforces nor asks for review", fix)
    if step.enforce in NEEDS_A_PERSON and not step.review:
        what = f"{name} would {step.enforce.word} without a person"
        source.fault(fields["enforce"], what, "add 'review: true': a person decides, the step proposes")
    if step.accept is not None and step.target is None and "when" in fields:
        source.fault(fields["accept"], f"{name} matches and has no point to accept", "remove 'accept'")
    elif step.accept is not None and step.enforce is Kind.NONE and understood:
        source.fault(fields["accept"], f"{name} only asks for review, which needs no acceptance", "remove 'accept'")


def _when(source: Source, node: yaml.Node | None) -> tuple[str, str, Target | None]:
    if node is None:
        return "", "", None
    fields = source.fields(node, "'when'", ("detector", "label"), (*AIMS, "confidence", "traffic"))
    detector = source.text(fields.get("detector"), "detector")
    if detector and not _DETECTOR.fullmatch(detector):
        fix = "write pack.kind, for example 'spam.linear'"
        source.fault(fields["detector"], f"'{detector}' names no detector", fix)
    aims = [aim for aim in AIMS if aim in fields]
    if len(aims) > 1:
        names = " and ".join(f"'{aim}'" for aim in aims)
        source.fault(fields[aims[1]], f"{len(aims)} aims in one 'when': {names}", "keep one, or write two steps")
    kind = detector.rpartition(".")[2]
    if aims and kind in _MATCHING:
        what = f"'{detector}' matches and gives no score, so '{aims[0]}' means nothing"
        source.fault(fields[aims[0]], what, "remove the aim: the step fires where the detector matched")
    misspelt = isinstance(node, yaml.MappingNode) and len(node.value) > len(fields)
    if not aims and kind in _SCORING and not misspelt:
        fix = "add an aim, for example 'precision_at_least: 0.95'"
        source.fault(node, f"'{detector}' gives scores, so the step must say which outcome it wants", fix)
    target = _target(source, fields, aims[0] if aims else None)
    return detector, source.text(fields.get("label"), "label"), target


def _target(source: Source, fields: dict[str, yaml.Node], aim: Aim | None) -> Target | None:
    # A guarantee of fixed-sequence testing is proven for a confidence above 3/4 (policies/points.py).
    confidence = source.share(fields["confidence"], "confidence", 0.75) if "confidence" in fields else 0.95
    traffic = source.per_day(fields["traffic"], "traffic") if "traffic" in fields else None
    if "confidence" in fields and aim in (None, "score_at_least"):
        source.fault(fields["confidence"], "'confidence' without a promise that it could be for", "remove it")
    if "traffic" in fields and aim != "review_at_most":
        source.fault(fields["traffic"], "'traffic' is only for 'review_at_most'", "remove it")
    if aim is None:
        return None
    node = fields[aim]
    if aim == "review_at_most":
        value = source.per_day(node, aim)
        if traffic is not None and value >= traffic:
            source.fault(node, "review_at_most is not below the traffic", "a smaller number, or no step at all")
    elif aim == "score_at_least":
        value = source.share(node, aim, ends=True)
    else:
        value = source.share(node, aim)
    return Target(aim=aim, value=value, confidence=confidence, traffic=traffic)


def _acceptance(source: Source, node: yaml.Node | None) -> Acceptance | None:
    if node is None:
        return None
    fields = source.fields(node, "'accept'", ("by", "reason"))
    return Acceptance(by=source.text(fields.get("by"), "by"), reason=source.text(fields.get("reason"), "reason"))


def load_examples(text: str, where: str, policy: Policy) -> tuple[Example, ...]:
    """A policy's worked examples from JSONL; raises UserError with every fault and its line."""
    faults: list[Fault] = []
    found: dict[str, Example] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{where}:{number}"
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            column = getattr(error, "colno", 1)
            what = f"not valid JSON: {getattr(error, 'msg', 'nested too deeply')}"
            faults.append(Fault(what, f"{place}:{column}", "write one JSON object a line"))
            continue
        wrong = _example_faults(said, policy)
        if not wrong and said["id"] in found:
            wrong = [(f"example '{said['id']}' is there twice", "give each example an id of its own")]
        faults += [Fault(what, place, fix) for what, fix in wrong]
        if not wrong:
            found[said["id"]] = msgspec.convert({"clause": None, **said}, Example)
    if faults:
        raise UserError(faults)
    return tuple(found.values())


def _example_faults(said: object, policy: Policy) -> list[tuple[str, str]]:
    if not isinstance(said, dict):
        return [("not a JSON object", 'write {"id": ..., "text": ..., "labels": [...], "why": ...}')]
    known = Example.__struct_fields__
    wrong = [(f"unknown key '{key}'", suggestion(key, known)) for key in said if key not in known]
    for name in ("id", "text", "why"):
        if name not in said:
            wrong.append((f"'{name}' is missing", f'add "{name}"'))
        elif not isinstance(said[name], str) or not said[name].strip():
            wrong.append((f"'{name}' must be text with something in it", f'write "{name}": "..."'))
        elif not _encodable(said[name]):
            wrong.append((f"'{name}' holds half a character (a lone surrogate)", "write the whole character"))
    labels = {step.label for step in policy.steps}
    given = said.get("labels")
    if not isinstance(given, list) or not all(isinstance(label, str) for label in given):
        wrong.append(("'labels' must be a list of labels", 'write "labels": [] where none holds'))
    else:
        strange = [cast(str, label) for label in given if label not in labels]
        wrong += [(f"label '{label}' is in no step of '{policy.name}'", suggestion(label, labels)) for label in strange]
    clause, ids = said.get("clause"), [clause.id for clause in policy.clauses]
    if clause is not None and clause not in ids:
        wrong.append((f"unknown clause '{clause}'", suggestion(str(clause), ids)))
    return wrong


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
