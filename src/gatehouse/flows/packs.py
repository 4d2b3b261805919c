"""Packs: one folder a harm, holding its policy, rules, banks, columns, recipe, examples and card as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

import pyarrow as pa

from gatehouse.detectors import banks_file
from gatehouse.detectors.rules import RulesDetector
from gatehouse.errors import Fault, Faults, UserError, did_you_mean
from gatehouse.features import define
from gatehouse.features import source as feature_files
from gatehouse.flows.bank_files import BANK_FILES, FORMS, Bank, open_bank, read_labels
from gatehouse.policies import load as policy_files
from gatehouse.records.bank import BankKind
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.records.policy import Example, Policy
from gatehouse.training import recipe as recipes

FILES = ("policy.yaml", "recipe.yaml", "features.yaml", "card.md")
"""What every pack holds."""

OF_TEXTS = ("rules.yaml", "bank.jsonl", "examples.jsonl")
"""What a pack holds besides that learns from texts; one that judges actors may."""

OPTIONAL = ("near.jsonl", "media.jsonl")
"""What any pack may hold."""

ENTRY_POINT = "gatehouse.packs"


@dataclass(frozen=True, eq=False)
class Pack:
    """One harm's definitions, read and checked; `texts` holds each file that is there as it was written.

    `banks` are those that have a file or that a step of the policy reads, by kind. A pack without a file of rules or
    examples has none of them.
    """

    name: str
    folder: Path
    policy: Policy
    recipe: recipes.Recipe
    features: define.FeatureSet
    rules: RulesDetector
    banks: Mapping[BankKind, Bank]
    examples: tuple[Example, ...]
    texts: dict[str, str]


def rule_schema(features: define.FeatureSet) -> pa.Schema:
    """The columns that a rule may name: the event's own but for those that pack several things into a text, the
    normalised text, and the declared ones."""
    columns = [field for field in EVENT_SCHEMA if field.name not in ("attributes", "media")]
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
    texts = {}
    faults = []
    for file in (*FILES, *OF_TEXTS, *OPTIONAL):
        if not (folder / file).is_file():
            continue
        try:
            texts[file] = (folder / file).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            faults.append(Fault(f"byte {error.start + 1} is not UTF-8", str(folder / file), "save the file as UTF-8"))
    needed = FILES if _judges_actors(texts) else (*FILES, *OF_TEXTS)
    faults += [
        Fault("the file is missing", str(folder / file), f"a pack holds {', '.join(needed)}")
        for file in needed
        if not (folder / file).is_file()
    ]
    if faults:
        raise UserError(faults)
    return _read(folder, texts)


def _judges_actors(texts: Mapping[str, str]) -> bool:
    try:
        return recipes.load(texts.get("recipe.yaml", ""), "recipe.yaml").learner == "actor"
    except UserError:
        return False


def _read(folder: Path, texts: dict[str, str]) -> Pack:
    where = {file: str(folder / file) for file in (*FILES, *OF_TEXTS, *OPTIONAL)}
    name = folder.name
    entries: dict[BankKind, Sequence[banks_file.Entry]] = {}
    faults = Faults()
    with faults.gather():
        policy = policy_files.load(texts["policy.yaml"], where["policy.yaml"])
    with faults.gather():
        recipe = recipes.load(texts["recipe.yaml"], where["recipe.yaml"])
    with faults.gather():
        features = feature_files.load(texts["features.yaml"], where["features.yaml"])
    for kind, file in BANK_FILES.items():
        with faults.gather():
            entries[kind] = banks_file.read(texts.get(file, ""), where[file], FORMS[kind])
    faults.raise_found()
    # What is checked against another file of the pack comes after it.
    rules = RulesDetector(f"{name}.rules", "none", [])
    examples: tuple[Example, ...] = ()
    if "rules.yaml" in texts:
        with faults.gather():
            rules = RulesDetector.from_yaml(texts["rules.yaml"], where["rules.yaml"], rules.name, rule_schema(features))
    if "examples.jsonl" in texts:
        with faults.gather():
            examples = policy_files.load_examples(texts["examples.jsonl"], where["examples.jsonl"], policy)
    for said, called, file in (
        (policy.name, "policy is called", "policy.yaml"),
        (recipe.pack, "recipe is for", "recipe.yaml"),
    ):
        if said != name:
            faults.add(f"the {called} '{said}', its folder '{name}'", where[file], "give them one name")
    faults.raise_found()
    banks = _banks(name, entries, texts, policy, recipe)
    speaks = {recipe.detector: recipe.labels}
    if "rules.yaml" in texts:
        speaks[rules.name] = rules.labels
    speaks |= {bank.name: bank.labels for bank in banks.values()}
    _steps_and_labels_meet(policy, speaks, where["policy.yaml"], faults)
    places = feature_files.declarations(texts["features.yaml"], where["features.yaml"])
    declared = {name: place for section, name, place in places if section == "scores"}
    _scores_are_given(features.scores, recipe, speaks, declared, faults)
    faults.raise_found()
    return Pack(name, folder, policy, recipe, features, rules, banks, examples, texts)


def _banks(
    pack: str,
    entries: Mapping[BankKind, Sequence[banks_file.Entry]],
    texts: Mapping[str, str],
    policy: Policy,
    recipe: recipes.Recipe,
) -> dict[BankKind, Bank]:
    """The banks of a pack; one without an entry yet speaks of those labels of the pack that the policy reads of it."""
    found: dict[BankKind, Bank] = {}
    for kind, file in BANK_FILES.items():
        name = f"{pack}.{kind}"
        read = read_labels(policy, name)
        if file in texts or read:
            found[kind] = open_bank(kind, entries[kind], name, [label for label in read if label in recipe.labels])
    return found


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
    recipe: recipes.Recipe,
    speaks: Mapping[str, Sequence[str]],
    declared: Mapping[str, str],
    faults: Faults,
) -> None:
    """Every score that windows count is one of a text, given by a detector that the pack learns or takes."""
    scoring = [recipe.detector] if recipe.learner == "linear" else [*recipe.content]
    gives = f"{_listed(scoring)} give{'s' * (len(scoring) == 1)} scores" if scoring else "name one as 'content'"
    for score in scores:
        what, where = f"score '{score.name}' is of '{score.detector}'", declared[score.name]
        if score.detector in recipe.content:
            continue
        if score.detector not in speaks:
            faults.add(f"{what}, which this pack does not have", where, did_you_mean(score.detector, speaks) + gives)
        elif score.detector not in scoring:
            why = "reads what windows count" if score.detector == recipe.detector else "matches or not"
            faults.add(f"{what}, which {why} and gives no score", where, gives)
        elif score.label not in speaks[score.detector]:
            known = ", ".join(speaks[score.detector])
            faults.add(f"{what}, which does not speak of the label '{score.label}'", where, f"it speaks of {known}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
