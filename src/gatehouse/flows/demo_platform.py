"""The second half of the main job: a simulated week, the actors in it, who acted together, and what people met."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatehouse.detectors.coordination import Settings as Search
from gatehouse.errors import UserError
from gatehouse.evaluation.safety import SafetyReport, safety
from gatehouse.flows import campaign_events, campaigns, simulate
from gatehouse.flows.safety import of_simulation
from gatehouse.ports.campaigns import Campaigns, Kept
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.simulation.campaigns import MANNERS
from gatehouse.simulation.scenario import Scenario, Strength
from gatehouse.simulation.tables import About, read

NAME = "simulated-week"
"""The history that the pack `abusive-accounts` learns from."""

ACCOUNTS = 4_000

CAMPAIGNS = {f"campaigns_{shape}": Strength(often=2, size=(20, 40)) for shape in MANNERS}
"""More and larger groups that act together than so small a platform would have by itself."""


@dataclass(frozen=True, eq=False)
class Week:
    """A simulated week: its folder of tables, what is true of it, and its accounts that acted together on purpose."""

    folder: Path
    about: About
    harmful: tuple[frozenset[str], ...]


def simulate_week(
    folder: Path, histories: Path, roots: tuple[Path, ...], seed: int, said: Callable[[str], None]
) -> Week:
    """Simulate a week into a folder, over one of an earlier demo, and import it as a history with its labels."""
    if folder.exists():
        if not (folder / "simulation.json").is_file():
            fix = "remove it, or choose another --out"
            raise UserError("the folder holds something that is no simulation", where=str(folder), fix=fix)
        shutil.rmtree(folder)
    about = simulate.run(Scenario(seed=seed, days=7, accounts=ACCOUNTS, groups=CAMPAIGNS), folder, roots, said=said)
    simulate.keep(folder, histories, NAME)
    groups = read(folder).table("campaigns")
    harmful = groups.filter(groups["harmful"])["members"].to_pylist()
    return Week(folder, about, tuple(frozenset(members) for members in harmful))


def find_campaigns(
    week: Week, kept: Campaigns, engine: SqlEngine, scratch: Path, *, at: int, by: str, said: Callable[[str], None]
) -> Kept:
    """Look for accounts that acted together in the week, and keep the run."""
    said("looking for accounts that acted together")
    blocks = campaign_events.from_files([week.folder / "events.parquet"], {}, at)
    events = campaign_events.read(NAME, blocks, scratch)
    return campaigns.find(
        events, kept, engine, Search(), engine_name="local", since=None, until=None, at=at, by=by, said=said
    )


def found_again(week: Week, kept: Kept) -> tuple[int, int]:
    """How many of the groups that truly acted together stand with at least half in one community, and how many are not.

    A community that is mostly of no harmful group counts among the second.
    """
    communities = [frozenset(each.community.members) for each in kept.sightings]
    found = sum(any(2 * len(group & one) >= len(group) for one in communities) for group in week.harmful)
    mistaken = sum(not any(2 * len(group & one) >= len(one) for group in week.harmful) for one in communities)
    return found, mistaken


def measure_safety(week: Week, said: Callable[[str], None]) -> SafetyReport:
    """What people met on the simulated platform before something was done, against the truth."""
    said("measuring safety")
    return safety(of_simulation(week.folder))
