"""From a pack to a release and from a release to a judge: what is bound together, stored, and put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gatehouse.detectors.banks import BankDetector
from gatehouse.detectors.base import Detector
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import UserError
from gatehouse.features import define
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack, rule_schema
from gatehouse.policies.decide import bind
from gatehouse.ports.ledger import Registry
from gatehouse.ports.models import ModelFiles
from gatehouse.records.dataset import Model, Release, Transition
from gatehouse.records.policy import Point


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
    shelf.registry.add_model(
        Model(
            name=f"{pack.name}.features",
            version=pack.features.version,
            kind="features",
            labels=(),
            files=shelf.files.put({"features.yaml": pack.texts["features.yaml"].encode()}),
        )
    )
    shelf.registry.add_policy(pack.policy)
    versions = {detector.name: detector.version for detector in detectors}
    said = (pack.name, pack.policy.version, versions, pack.features.version, tuple(points))
    release = Release(
        pack=pack.name,
        version=Release.version_of(*said),
        policy_version=pack.policy.version,
        detectors=versions,
        features=pack.features.version,
        points=tuple(points),
    )
    shelf.registry.add_release(release, at=at, by=by, why="trained")
    return release


def open_judge(shelf: Shelf, releases: Sequence[Release]) -> Judge:
    """The judge of these releases, each file checked by its hash."""
    features = [_features(shelf, release) for release in releases]
    detectors: list[Detector] = []
    policies = []
    for release, columns in zip(releases, features, strict=True):
        own = [_detector(shelf, release, name, columns) for name in release.detectors]
        policy = shelf.registry.policy(release.pack, release.policy_version)
        policies.append(bind(policy, release.points, own))
        detectors.extend(own)
    return Judge(
        define.union(features),
        tuple(detectors),
        tuple(policies),
        {release.pack: release.version for release in releases},
    )


def _features(shelf: Shelf, release: Release) -> define.FeatureSet:
    text = _file(shelf, f"{release.pack}.features", release.features, "features.yaml").decode()
    features = define.load(text, f"{release.pack}/features.yaml")
    if features.version != release.features:
        raise UserError(
            f"release {release.version} of '{release.pack}' was made with columns of version {release.features}, "
            f"this Gatehouse computes version {features.version}",
            fix=f"train it again: gatehouse train {release.pack}",
        )
    return features


def _detector(shelf: Shelf, release: Release, name: str, features: define.FeatureSet) -> Detector:
    version = release.detectors[name]
    model = shelf.registry.model(name, version)
    if model.kind == "linear":
        return LinearDetector.from_bytes(_file(shelf, name, version, "model.bin"), name)
    if model.kind == "rules":
        text = _file(shelf, name, version, "rules.yaml").decode()
        return RulesDetector.from_yaml(text, f"{name} {version}", name, rule_schema(features))
    text = _file(shelf, name, version, "bank.jsonl").decode()
    return BankDetector.from_jsonl(text, f"{name} {version}", name)


def _file(shelf: Shelf, name: str, version: str, file: str) -> bytes:
    model = shelf.registry.model(name, version)
    return shelf.files.get(f"{name}/{file}", model.files[file])


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
