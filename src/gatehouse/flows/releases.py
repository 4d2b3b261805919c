"""From a pack to a release and from a release to a judge: what is bound together, stored, and put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatehouse.detectors.banks import BankDetector
from gatehouse.detectors.base import Detector
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import UserError
from gatehouse.features import define
from gatehouse.features import source as feature_files
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack, rule_schema
from gatehouse.policies.decide import bind
from gatehouse.ports.ledger import Registry
from gatehouse.ports.models import ModelFiles
from gatehouse.records.dataset import Model, Release, Transition
from gatehouse.records.policy import Point, Policy


@dataclass(frozen=True)
class Shelf:
    """Where versions are kept: their records in the registry, their files under the hash of their content."""

    registry: Registry
    files: ModelFiles


def detectors_of(pack: Pack, linear: bytes) -> tuple[Detector, ...]:
    """A pack's detectors with the given linear model file."""
    return (LinearDetector.from_bytes(linear, f"{pack.name}.linear"), pack.rules, pack.bank)


def keep(shelf: Shelf, pack: Pack, linear: bytes, dataset: str, points: Sequence[Point], at: int, by: str) -> Release:
    """Store a pack's policy, detector files and points as a draft release; equal content is one release."""
    detectors = detectors_of(pack, linear)
    contents = {
        f"{pack.name}.linear": ("linear", "model.bin", linear),
        f"{pack.name}.rules": ("rules", "rules.yaml", pack.texts["rules.yaml"].encode()),
        f"{pack.name}.bank": ("bank", "bank.jsonl", pack.texts["bank.jsonl"].encode()),
    }
    for detector in detectors:
        kind, file, content = contents[detector.name]
        model = Model(
            name=detector.name,
            version=detector.version,
            kind=kind,  # type: ignore[arg-type]
            labels=detector.labels,
            files=shelf.files.put({file: content}),
            languages=tuple(sorted(detector.languages)),
            dataset=dataset if kind == "linear" else None,
        )
        shelf.registry.add_model(model)
    versions = {detector.name: detector.version for detector in detectors}
    # Windows may count content scores, so what feature values mean depends on the detectors that gave them.
    features = pack.features.version_with(versions)
    shelf.registry.add_model(
        Model(
            name=f"{pack.name}.features",
            version=features,
            kind="features",
            labels=(),
            files=shelf.files.put({"features.yaml": pack.texts["features.yaml"].encode()}),
        )
    )
    shelf.registry.add_policy(pack.policy)
    said = (pack.name, pack.policy.version, versions, features, tuple(points))
    release = Release(
        pack=pack.name,
        version=Release.version_of(*said),
        policy_version=pack.policy.version,
        detectors=versions,
        features=features,
        points=tuple(points),
    )
    shelf.registry.add_release(release, at=at, by=by, why="trained")
    return release


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
    where = f"{name} {parts.release.detectors[name]}"
    if (linear := parts.files.get(f"{name}/model.bin")) is not None:
        return LinearDetector.from_bytes(linear, name)
    if (rules := parts.files.get(f"{name}/rules.yaml")) is not None:
        return RulesDetector.from_yaml(rules.decode(), where, name, rule_schema(features))
    return BankDetector.from_jsonl(parts.files[f"{name}/bank.jsonl"].decode(), where, name)


def live(shelf: Shelf, packs: Sequence[str]) -> list[Release]:
    """The live release of each pack; raises UserError, naming those without one and the next step."""
    found = {pack: shelf.registry.live(pack) for pack in packs}
    missing = [pack for pack, release in found.items() if release is None]
    if missing:
        steps = "; ".join(f"gatehouse train {pack} && gatehouse promote {pack}" for pack in missing)
        raise UserError(f"nothing is live for {', '.join(missing)}", fix=steps)
    return [release for release in found.values() if release is not None]


def promote(shelf: Shelf, pack: str, version: str | None, *, at: int, by: str, why: str) -> Transition:
    """Make a release live: the newest one, or the one with this version; the one that was live is retired."""
    known = shelf.registry.releases(pack)
    if not known:
        raise UserError(f"no release of '{pack}' yet", fix=f"gatehouse train {pack}")
    chosen = shelf.registry.release(pack, version) if version else known[0][0]
    transition = Transition(pack=pack, version=chosen.version, state="live", at=at, by=by, why=why)
    if (now := shelf.registry.live(pack)) and now.version == chosen.version:
        return transition
    shelf.registry.move(transition)
    return transition


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
    shelf.registry.move(transition)
    return transition


def versions_in_words(releases: Mapping[str, str]) -> str:
    """Releases as one line for people: `spam 1a2b3c, toxicity 4d5e6f`."""
    return ", ".join(f"{pack} {version}" for pack, version in sorted(releases.items()))
