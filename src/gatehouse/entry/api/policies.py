"""`/v1/policies` and `/v1/releases`: what is in force, in words for people and in numbers."""

from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from gatehouse.entry.api.errors import missing
from gatehouse.entry.api.parts import Parts
from gatehouse.errors import suggestion
from gatehouse.policies.explain import consequence, point_in_words
from gatehouse.records.api import PointAnswer, PolicyAnswer, PolicySummary, ReleaseAnswer, StepAnswer
from gatehouse.records.dataset import Release
from gatehouse.records.policy import Point, Policy, Step
from gatehouse.records.signal import State
from gatehouse.stats.intervals import clopper_pearson


@get("/v1/policies", opt={"scope": "read"}, sync_to_thread=True)
def policies(parts: NamedDependency[Parts]) -> list[PolicySummary]:
    """The policies that are in force, with their versions and releases."""
    return [
        PolicySummary(
            name=policy.name, title=policy.title, owner=policy.owner, version=policy.version, release=release.version
        )
        for release, policy in _in_force(parts)
    ]


@get("/v1/policies/{name:str}", opt={"scope": "read"}, sync_to_thread=True)
def policy(parts: NamedDependency[Parts], name: FromPath[str]) -> PolicyAnswer:
    """A policy that is in force: its text and clauses, its steps, and the points behind them with their evidence."""
    found = {policy.name: (release, policy) for release, policy in _in_force(parts)}
    if name not in found:
        raise missing("no policy of this name is in force", fix=suggestion(name[:100], found))
    release, said = found[name]
    points = {point.step: point for point in release.points}
    return PolicyAnswer(
        name=said.name,
        title=said.title,
        owner=said.owner,
        version=said.version,
        release=release.version,
        text=said.text,
        notes=said.notes,
        missing=said.where_missing(State.FAILED),
        abstained=said.where_missing(State.ABSTAINED),
        clauses=said.clauses,
        steps=tuple(_step(step, points.get(step.name)) for step in said.steps),
    )


@get("/v1/releases", opt={"scope": "read"}, sync_to_thread=True)
def releases(parts: NamedDependency[Parts]) -> list[ReleaseAnswer]:
    """All releases of all packs, newest first, with the state of each and who put it there."""
    return [
        ReleaseAnswer(
            pack=release.pack,
            version=release.version,
            policy_version=release.policy_version,
            detectors=release.detectors,
            state=last.state,
            at=last.at,
            by=last.by,
            why=last.why,
        )
        for release, last in parts.house.shelf.registry.releases()
    ]


def _in_force(parts: Parts) -> list[tuple[Release, Policy]]:
    """What this process decides by."""
    registry = parts.house.shelf.registry
    found = [registry.release(pack, version) for pack, version in sorted(parts.judge().releases.items())]
    return [(release, registry.policy(release.pack, release.policy_version)) for release in found]


def _step(step: Step, point: Point | None) -> StepAnswer:
    return StepAnswer(
        name=step.name,
        clause=step.clause,
        detector=step.detector,
        label=step.label,
        enforce=step.enforce.word,
        review=step.review,
        then=consequence(step, point),
        point=None if point is None else _point(point),
    )


def _point(point: Point) -> PointAnswer:
    low, high = None, None
    if point.flagged:
        low, high = map(float, clopper_pearson(point.flagged - point.errors, point.flagged))
    return PointAnswer(
        words=point_in_words(point),
        aim=point.aim,
        value=point.value,
        threshold=point.threshold,
        provisional=point.status == "provisional",
        population=point.population,
        dataset=point.dataset,
        n=point.n,
        positives=point.positives,
        flagged=point.flagged,
        errors=point.errors,
        precision_low=low,
        precision_high=high,
        bound=point.bound,
        confidence=point.confidence,
        missing_labels=point.missing_labels,
    )


ROUTES: list[HTTPRouteHandler] = [policies, policy, releases]
