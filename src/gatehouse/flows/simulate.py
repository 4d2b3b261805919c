"""Simulating a platform: from a scenario to a folder of events and of what is true of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.simulation import tables
from gatehouse.simulation.corpus import PUBLIC, Corpus, public_rows
from gatehouse.simulation.platform import Enforcer, simulate
from gatehouse.simulation.scenario import Scenario

if TYPE_CHECKING:
    from gatehouse.datasets.event_sets import EventSet

LICENCE = "simulated; texts of public corpora keep their licences"
POPULATION = "a simulated platform: no real person, and no detector's quality"


def run(
    scenario: Scenario,
    out: Path,
    roots: Sequence[Path] = (),
    *,
    enforcer: Enforcer | None = None,
    said: Callable[[str], None] = lambda what: None,
    progress: Callable[[int, int], None] = lambda done, days: None,
) -> tables.About:
    """Simulate and write the folder `out`; `roots` are searched for public corpora, without them texts are built in.

    `enforcer` enforces instead of the one that the scenario names. Raises UserError where `out` holds something.
    """
    tables.refuse_taken(out)
    said("gathering texts")
    rows = public_rows(roots)
    said(f"simulating {scenario.days} days of {scenario.accounts:,} members")
    simulated = simulate(
        scenario.seed,
        scenario.days,
        scenario.casts(),
        Corpus(rows),
        enforcer=enforcer or _enforcer(scenario),
        said=lambda day, acts: progress(day + 1, scenario.days),
    )
    said(f"writing {len(simulated.acts):,} events")
    texts = {f"{topic} in {language}": len(some) for (topic, language), some in sorted(rows.items())}
    return tables.write(simulated, out, {**scenario.data(), "public_texts": texts})


def keep(folder: Path, root: Path, name: str) -> "tuple[EventSet, Path]":
    """Make a simulation's folder an imported history below `root`, with its labels, as any other history is."""
    from gatehouse.datasets import event_sets
    from gatehouse.datasets.event_source import EventBlock

    read = tables.read(folder)
    return event_sets.write(
        (EventBlock(batch) for batch in read.events()),
        read.table("labels"),
        root,
        name=name,
        title=f"A simulated platform, seed {read.about.seed}, {read.about.days} days",
        licence=LICENCE,
        population=POPULATION,
        notes=(
            "Simulated: it proves estimators, plumbing and recovery; no detector's quality may be quoted from it",
            *(f"Texts came from the test part of {name}" for name in _sources(read.about)),
        ),
    )


def _sources(about: tables.About) -> list[str]:
    return list(dict.fromkeys(known.source for known in PUBLIC)) if about.settings.get("public_texts") else []


def _enforcer(scenario: Scenario) -> Enforcer | None:
    from gatehouse.simulation.enforcement import Enforcement

    return Enforcement(scenario.seed) if scenario.enforcement == "usual" else None
