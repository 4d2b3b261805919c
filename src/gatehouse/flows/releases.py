"""From a pack to a release and from a release to a judge: what is bound together, stored, and put together again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gatehouse.detectors.actor import ActorDetector
from gatehouse.detectors.base import Detector
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import Fault, UserError
from gatehouse.features import define
from gatehouse.features import source as feature_files
from gatehouse.flows.bank_files import BANK_FILES, living, read_bank
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack, rule_schema
from gatehouse.policies.decide import bind
from gatehouse.ports.ledger import Registry
from gatehouse.ports.models import ModelFiles
from gatehouse.records.bank import EntryChange
from gatehouse.records.dataset import Model, ModelKind, Release, Transition
from gatehouse.records.policy import Point, Policy

FILES: dict[ModelKind, str] = {
    "linear": "model.bin",
    "actor": "actor.bin",
    "rules": "rules.yaml",
    "features": "features.yaml",
    "bank": BANK_FILES["bank"],
    "near": BANK_FILES["near"],
    "media": BANK_FILES["media"],
}
"""The file of each kind of version."""


@dataclass(frozen=True)
class Shelf:
    """Where versions are kept: their records in the registry, their files under the hash of their content."""

    registry: Registry
    files: ModelFiles


@dataclass(frozen=True)
class Learnt:
    """What a release is learnt of: the detector's file and its data set, and copies of other packs' by their names."""

    model: bytes
    dataset: str
    content: Mapping[str, bytes] = field(default_factory=dict)


def detectors_of(pack: Pack, learnt: Learnt) -> tuple[Detector, ...]:
    """A pack's detectors with what was learnt."""
    return tuple(
        _read(name, kind, file, pack.features, pack.policy) for name, (kind, file) in _contents(pack, learnt).items()
    )


def keep(shelf: Shelf, pack: Pack, learnt: Learnt, points: Sequence[Point], at: int, by: str) -> Release:
    """Store a pack's policy, detector files and points as a draft release; equal content is one release.

    Its banks hold what their files say and what their living entries changed since.
    """
    versions = {}
    for name, (kind, file) in _contents(pack, learnt, shelf.registry.entries(pack.name)).items():
        detector = _read(name, kind, file, pack.features, pack.policy)
        _keep_model(shelf, detector, kind, file, learnt.dataset if name == pack.recipe.detector else None)
        versions[name] = detector.version
    # Windows may count content scores, so what feature values mean depends on the detectors that gave them.
    features = pack.features.version_with(versions)
    shelf.registry.add_model(
        Model(
            name=f"{pack.name}.features",
            version=features,
            kind="features",
            labels=(),
            files=shelf.files.put({FILES["features"]: pack.texts["features.yaml"].encode()}),
        )
    )
    shelf.registry.add_policy(pack.policy)
    release = _release(pack.name, pack.policy.version, versions, features, tuple(points))
    shelf.registry.add_release(release, at=at, by=by, why="trained")
    return release


def with_entries(shelf: Shelf, release: Release) -> Release:
    """A release like this one whose banks hold what their living entries say by now; itself where they do."""
    changes = shelf.registry.entries(release.pack)
    policy = shelf.registry.policy(release.pack, release.policy_version)
    detectors = dict(release.detectors)
    for kind, file in BANK_FILES.items():
        name = f"{release.pack}.{kind}"
        if name not in detectors or not any(change.bank == kind for change in changes):
            continue
        before = shelf.files.get(f"{name}/{file}", shelf.registry.model(name, detectors[name]).files[file]).decode()
        text = living(before, kind, changes)
        if text != before:
            bank = read_bank(kind, text, name, name, policy)
            _keep_model(shelf, bank, kind, text.encode(), None)
            detectors[name] = bank.version
    return _release(release.pack, release.policy_version, detectors, release.features, release.points)


def _release(pack: str, policy: str, detectors: dict[str, str], features: str, points: tuple[Point, ...]) -> Release:
    version = Release.version_of(pack, policy, detectors, features, points)
    return Release(
        pack=pack, version=version, policy_version=policy, detectors=detectors, features=features, points=points
    )


def _keep_model(shelf: Shelf, detector: Detector, kind: ModelKind, file: bytes, dataset: str | None) -> None:
    """Store a detector version; a bank's is of its entries, so one of another form or order is kept already."""
    if kind in BANK_FILES:
        with suppress(UserError):
            shelf.registry.model(detector.name, detector.version)
            return
    shelf.registry.add_model(
        Model(
            name=detector.name,
            version=detector.version,
            kind=kind,
            labels=detector.labels,
            files=shelf.files.put({FILES[kind]: file}),
            languages=tuple(sorted(detector.languages)),
            dataset=dataset,
        )
    )


def _contents(pack: Pack, learnt: Learnt, changes: Sequence[EntryChange] = ()) -> dict[str, tuple[ModelKind, bytes]]:
    """The kind and the file of each detector of a pack."""
    found: dict[str, tuple[ModelKind, bytes]] = {pack.recipe.detector: (pack.recipe.learner, learnt.model)}
    if "rules.yaml" in pack.texts:
        found[pack.rules.name] = ("rules", pack.texts["rules.yaml"].encode())
    for kind, bank in pack.banks.items():
        found[bank.name] = (kind, living(pack.texts.get(BANK_FILES[kind], ""), kind, changes).encode())
    return found | {name: ("linear", file) for name, file in learnt.content.items()}


def _read(
    name: str, kind: ModelKind, file: bytes, features: define.FeatureSet, policy: Policy, where: str = ""
) -> Detector:
    """The detector that a file of this kind holds."""
    match kind:
        case "linear":
            return LinearDetector.from_bytes(file, name)
        case "actor":
            return ActorDetector.from_bytes(file, name)
        case "rules":
            return RulesDetector.from_yaml(file.decode(), where or name, name, rule_schema(features))
        case "bank" | "near" | "media":
            return read_bank(kind, file.decode(), where or name, name, policy)
    raise ValueError(f"no detector is of kind {kind}")


@dataclass(frozen=True)
class Parts:
    """All that the judge of one release is built of; `files` holds contents as `DETECTOR/FILE`."""

    release: Release
    policy: Policy
    files: Mapping[str, bytes]


def parts_of(shelf: Shelf, release: Release) -> Parts:
    """What the judge of a release is built of, each file checked by its hash."""
    versions = {**release.detectors, _features_name(release): release.features}
    models = [shelf.registry.model(name, version) for name, version in versions.items()]
    files = {
        f"{model.name}/{file}": shelf.files.get(f"{model.name}/{file}", digest)
        for model in models
        for file, digest in model.files.items()
    }
    return Parts(release, shelf.registry.policy(release.pack, release.policy_version), files)


def assemble(releases: Sequence[Parts]) -> Judge:
    """The judge of these releases."""
    features = [_features(parts) for parts in releases]
    detectors: list[Detector] = []
    policies = []
    for parts, columns in zip(releases, features, strict=True):
        own = [_detector(parts, name, columns) for name in parts.release.detectors]
        policies.append(bind(parts.policy, parts.release.points, own))
        detectors.extend(own)
    return Judge(
        define.union(features),
        tuple(detectors),
        tuple(policies),
        {parts.release.pack: parts.release.version for parts in releases},
    )


def open_judge(shelf: Shelf, releases: Sequence[Release]) -> Judge:
    """The judge of these releases, each file checked by its hash."""
    return assemble([parts_of(shelf, release) for release in releases])


def _features_name(release: Release) -> str:
    return f"{release.pack}.features"


def _features(parts: Parts) -> define.FeatureSet:
    release = parts.release
    text = parts.files[f"{_features_name(release)}/features.yaml"].decode()
    features = feature_files.load(text, f"{release.pack}/features.yaml")
    if (version := features.version_with(release.detectors)) != release.features:
        raise UserError(
            f"release {release.version} of '{release.pack}' was made with columns of version {release.features}, "
            f"this Gatehouse computes version {version}",
            fix=f"train it again: gatehouse train {release.pack}",
        )
    return features


def _detector(parts: Parts, name: str, features: define.FeatureSet) -> Detector:
    kind = next(kind for kind, file in FILES.items() if f"{name}/{file}" in parts.files)
    where = f"{name} {parts.release.detectors[name]}"
    return _read(name, kind, parts.files[f"{name}/{FILES[kind]}"], features, parts.policy, where)


def live(shelf: Shelf, packs: Sequence[str]) -> list[Release]:
    """The live release of each pack; raises UserError, naming those without one and the next step."""
    found = {pack: shelf.registry.live(pack) for pack in packs}
    missing = [pack for pack, release in found.items() if release is None]
    if missing:
        steps = "; ".join(f"gatehouse train {pack} && gatehouse promote {pack}" for pack in missing)
        raise UserError(f"nothing is live for {', '.join(missing)}", fix=steps)
    return [release for release in found.values() if release is not None]


def promote(shelf: Shelf, pack: str, version: str | None, *, at: int, by: str, why: str) -> Transition:
    """Make a release live: the newest one, or the one with this version; the one that was live is retired.

    Where entries of its banks have come or gone since it was made, one like it goes live whose banks hold those of now.
    """
    known = shelf.registry.releases(pack)
    if not known:
        raise UserError(f"no release of '{pack}' yet", fix=f"gatehouse train {pack}")
    chosen = shelf.registry.release(pack, version) if version else known[0][0]
    if (current := with_entries(shelf, chosen)).version != chosen.version:
        chosen = current
        shelf.registry.add_release(chosen, at=at, by=by, why="the banks' entries of now")
    transition = Transition(pack=pack, version=chosen.version, state="live", at=at, by=by, why=why)
    if (now := shelf.registry.live(pack)) and now.version == chosen.version:
        return transition
    refuse_clash(shelf, chosen)
    shelf.registry.move(transition)
    return transition


def refuse_clash(shelf: Shelf, release: Release) -> None:
    """Raises UserError where a pack that decides means something else by a name of this release: one row holds both."""
    own = _declared(shelf, release)
    for other, last in shelf.registry.releases():
        if last.state not in ("live", "canary") or other.pack == release.pack:
            continue
        try:
            define.union([_declared(shelf, other), own])
        except UserError as clash:
            where = f"'{release.pack}' beside '{other.pack}', which is {last.state}"
            fix = "give it another name in features.yaml, and train again"
            raise UserError([Fault(fault.what, where, fix) for fault in clash.faults]) from None


def _declared(shelf: Shelf, release: Release) -> define.FeatureSet:
    name, file = _features_name(release), FILES["features"]
    model = shelf.registry.model(name, release.features)
    return feature_files.load(shelf.files.get(f"{name}/{file}", model.files[file]).decode(), f"{name}/{file}")


def rollback(shelf: Shelf, pack: str, *, at: int, by: str, why: str) -> Transition:
    """Make the release live again that was live before the present one; a second time goes one further back."""
    was_live: list[str] = []
    for change in shelf.registry.life(pack):
        if change.state != "live":
            continue
        if was_live[-2:-1] == [change.version]:
            was_live.pop()
        elif was_live[-1:] != [change.version]:
            was_live.append(change.version)
    if len(was_live) < 2:
        raise UserError(
            f"'{pack}' has no earlier live release to go back to",
            fix=f"gatehouse promote {pack} VERSION chooses one of its releases",
        )
    transition = Transition(pack=pack, version=was_live[-2], state="live", at=at, by=by, why=why)
    refuse_clash(shelf, shelf.registry.release(pack, transition.version))
    shelf.registry.move(transition)
    return transition


def versions_in_words(releases: Mapping[str, str]) -> str:
    """Releases as one line for people: `spam 1a2b3c, toxicity 4d5e6f`."""
    return ", ".join(f"{pack} {version}" for pack, version in sorted(releases.items()))
