"""Packs: one folder a harm, holding its policy, rules, bank, columns, recipe, examples and card as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

import pyarrow as pa

from gatehouse.detectors.banks import BankDetector
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import Fault, Faults, UserError, did_you_mean
from gatehouse.features import define
from gatehouse.features import source as feature_files
from gatehouse.policies import load as policy_files
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.records.policy import Example, Policy
from gatehouse.training import recipe as recipes

FILES = ("policy.yaml", "recipe.yaml", "features.yaml", "rules.yaml", "bank.jsonl", "examples.jsonl", "card.md")
ENTRY_POINT = "gatehouse.packs"


@dataclass(frozen=True, eq=False)
class Pack:
    """One harm's definitions, read and checked; `texts` holds each file as it was written."""

    name: str
    folder: Path
    policy: Policy
    recipe: recipes.Recipe
    features: define.FeatureSet
    rules: RulesDetector
    bank: BankDetector
    examples: tuple[Example, ...]
    texts: dict[str, str]


def rule_schema(features: define.FeatureSet) -> pa.Schema:
    """The columns that a rule may name: the event's own, the normalised text, and the declared ones."""
    columns = [field for field in EVENT_SCHEMA if field.name != "attributes"]
    columns.append(pa.field("normalised", pa.string()))
    known = {field.name for field in columns}
    return pa.schema([*columns, *(field for field in features.schema if field.name not in known)])


def folders(roots: Sequence[Path] = ()) -> dict[str, Path]:
    """Every pack that can be found, by name: in the given folders, by entry point, and the shipped ones."""
    found: dict[str, Path] = {}
    shipped = Path(str(resources.files("gatehouse") / "packs"))
    offered = [Path(entry.load()) for entry in metadata.entry_points(group=ENTRY_POINT)]
    for folder in [*(path for root in (*roots, shipped) for path in _children(root)), *offered]:
        if (folder / "policy.yaml").is_file():
            found.setdefault(folder.name, folder)
    return dict(sorted(found.items()))


def _children(root: Path) -> list[Path]:
    if (root / "policy.yaml").is_file():
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def locate(name: str, roots: Sequence[Path] = ()) -> Path:
    """The folder of a pack given by its name or path; raises UserError, naming the known ones, when there is none."""
    if "/" in name or name.startswith("."):
        folder = Path(name)
        if (folder / "policy.yaml").is_file():
            return folder.resolve()
        raise UserError(
            f"no pack at {name}", where=str(folder / "policy.yaml"), fix="a pack's folder holds policy.yaml"
        )
    known = folders(roots)
    if name in known:
        return known[name]
    hint = did_you_mean(name, known)
    raise UserError(f"unknown pack '{name}'", fix=f"{hint}known packs: {', '.join(known)}; or give a folder's path")


def load(name: str, roots: Sequence[Path] = ()) -> Pack:
    """Read and check a pack; raises UserError with every fault of every file."""
    folder = locate(name, roots)
    faults = [
        Fault("the file is missing", str(folder / file), f"a pack holds {', '.join(FILES)}")
        for file in FILES
        if not (folder / file).is_file()
    ]
    if faults:
        raise UserError(faults)
    texts = {}
    for file in FILES:
        try:
            texts[file] = (folder / file).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            faults.append(Fault(f"byte {error.start + 1} is not UTF-8", str(folder / file), "save the file as UTF-8"))
    if faults:
        raise UserError(faults)
    return _read(folder, texts)


def _read(folder: Path, texts: dict[str, str]) -> Pack:
    where = {file: str(folder / file) for file in FILES}
    name = folder.name
    faults = Faults()
    with faults.gather():
        policy = policy_files.load(texts["policy.yaml"], where["policy.yaml"])
    with faults.gather():
        recipe = recipes.load(texts["recipe.yaml"], where["recipe.yaml"])
    with faults.gather():
        features = feature_files.load(texts["features.yaml"], where["features.yaml"])
    with faults.gather():
        bank = BankDetector.from_jsonl(texts["bank.jsonl"], where["bank.jsonl"], f"{name}.bank")
    faults.raise_found()
    # What is checked against another file of the pack comes after it.
    with faults.gather():
        rules = RulesDetector.from_yaml(
            texts["rules.yaml"], where["rules.yaml"], f"{name}.rules", rule_schema(features)
        )
    with faults.gather():
        examples = policy_files.load_examples(texts["examples.jsonl"], where["examples.jsonl"], policy)
    if policy.name != name:
        faults.add(
            f"the policy is called '{policy.name}', its folder '{name}'", where["policy.yaml"], "give them one name"
        )
    if recipe.pack != name:
        faults.add(
            f"the recipe is for '{recipe.pack}', its folder is '{name}'", where["recipe.yaml"], "give them one name"
        )
    faults.raise_found()
    speaks = {f"{name}.linear": recipe.labels, rules.name: rules.labels, bank.name: bank.labels}
    _steps_and_labels_meet(policy, speaks, where["policy.yaml"], faults)
    places = feature_files.declarations(texts["features.yaml"], where["features.yaml"])
    declared = {name: place for section, name, place in places if section == "scores"}
    _scores_are_given(features.scores, f"{name}.linear", speaks, declared, faults)
    faults.raise_found()
    return Pack(name, folder, policy, recipe, features, rules, bank, examples, texts)


def _steps_and_labels_meet(policy: Policy, speaks: Mapping[str, Sequence[str]], where: str, faults: Faults) -> None:
    """Every step reads a label that a detector of the pack gives, and every label is read by a step."""
    read = {(step.detector, step.label) for step in policy.steps}
    for step in policy.steps:
        if step.detector not in speaks:
            what = f"step '{step.name}' reads '{step.detector}', which this pack does not have"
            faults.add(what, where, f"the pack has {', '.join(speaks)}")
        elif step.label not in speaks[step.detector]:
            what = f"step '{step.name}' reads the label '{step.label}', of which '{step.detector}' does not speak"
            faults.add(what, where, f"it speaks of {', '.join(speaks[step.detector])}")
    for detector, labels in speaks.items():
        for label in labels:
            if (detector, label) not in read:
                what = f"no step reads the label '{label}' of '{detector}', so nobody would see it"
                faults.add(what, where, "add a step, for example one with review: true, or take the label out")


def _scores_are_given(
    scores: Sequence[define.ScoreColumn],
    scoring: str,
    speaks: Mapping[str, Sequence[str]],
    declared: Mapping[str, str],
    faults: Faults,
) -> None:
    """Every score that windows count is one that a detector of the pack gives; `scoring` is the one that gives any."""
    for score in scores:
        what, where = f"score '{score.name}' is of '{score.detector}'", declared[score.name]
        if score.detector not in speaks:
            fix = f"{did_you_mean(score.detector, speaks)}'{scoring}' gives scores"
            faults.add(f"{what}, which this pack does not have", where, fix)
        elif score.detector != scoring:
            faults.add(f"{what}, which matches or not and gives no score", where, f"'{scoring}' gives scores")
        elif score.label not in speaks[scoring]:
            known = ", ".join(speaks[scoring])
            faults.add(f"{what}, which does not speak of the label '{score.label}'", where, f"it speaks of {known}")
