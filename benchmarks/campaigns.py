"""Campaigns among benign crowds: how many are found, how pure what is found is, and whether a crowd is called one.

Simulated platforms: campaigns of four shapes and 5 to 100 accounts; members with communities and homes; fandoms that
answer an idol for weeks, petitions with copied texts, breaking news, giveaways with the same enthusiasts, links that a
few or hundreds share of their own accord. What is measured is the finding of these shapes among these crowds, never a
quality on a real platform.

A campaign is found when at least half of its accounts stand in one community. A crowd is called a campaign when a
community of which most accounts are no campaign's holds more of the crowd than of anything else. Settings were chosen
on the seeds CHOSEN_ON, of which --sweep runs two; the seeds reported are others.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.detectors.coordination import DAY, HOUR, MINUTE, Found, Settings
from gatehouse.detectors.coordination.acts import read
from gatehouse.detectors.coordination.finding import find_in
from gatehouse.simulation.bursts import BreakingNews, Fandom, Giveaway, Petition
from gatehouse.simulation.campaigns import Campaigns
from gatehouse.simulation.cast import Cast
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.events import Names, batches
from gatehouse.simulation.links import Links
from gatehouse.simulation.members import Members
from gatehouse.simulation.platform import Simulated, simulate
from gatehouse.stats.bounds import clopper_pearson_lower, clopper_pearson_upper

SEEDS, CHOSEN_ON = range(11, 21), (1, 2, 3, 4)
MEMBERS, DAYS, LINKS = 30_000, 14, 600
SHAPES = {"lockstep": 12, "jittered": 12, "slow_drip": 13, "copied_text": 13}
SIZES = ((5, 9), (10, 19), (20, 49), (50, 100))
LARGE, RECALL, PRECISION = 20, 0.90, 0.98
SWEEP: dict[str, Settings] = {
    "as it is": Settings(),
    "buckets of a minute": Settings(lengths=(MINUTE,)),
    "buckets of an hour": Settings(lengths=(HOUR,)),
    "buckets of a day": Settings(lengths=(DAY,)),
    "false ties 0.1 %": Settings(false_ties=0.001),
    "false ties 10 %": Settings(false_ties=0.1),
    "significance 1e-6": Settings(significance=1e-6),
    "significance 5 %": Settings(significance=0.05),
    "2 things in common": Settings(fewest=2),
    "4 things in common": Settings(fewest=4),
    "5 things in common": Settings(fewest=5),
    "crowds from 50": Settings(crowd=50),
    "crowds from 500": Settings(crowd=500),
    "nothing passes": Settings(passing=0),
    "passes in 2 days": Settings(passing=2 * DAY),
    "no common ties asked": Settings(common=0.0),
}


def world(seed: int) -> Simulated:
    casts = [Campaigns(shape=shape, count=count) for shape, count in SHAPES.items()]
    crowds: list[Cast] = [Fandom(), Petition(), BreakingNews(), Giveaway(), Links(count=LINKS, start=(0, DAYS - 1))]
    return simulate(seed, DAYS, [Members(MEMBERS), *casts, *crowds], Corpus())


def measured(simulated: Simulated, found: Found) -> dict[str, Any]:
    """What became of each campaign and crowd, and of whom each community is made."""
    names = Names(simulated)
    groups = [(group, set(names.accounts(np.array(group.members)).to_pylist())) for group in simulated.world.campaigns]
    bad = set().union(*(members for group, members in groups if group.harmful))
    held = [set(community.members) for community in found.communities]
    campaigns = [
        {"shape": group.shape, "size": len(who), "best": max((len(who & members) for members in held), default=0)}
        for group, who in groups
        if group.harmful
    ]
    crowds = Counter(group.shape for group, _ in groups if not group.harmful)
    called = []
    for members in held:
        if 2 * len(members & bad) < len(members):
            shape, part = max(
                ((group.shape, len(who & members)) for group, who in groups if not group.harmful),
                key=lambda one: one[1],
            )
            called.append({"size": len(members), "mostly": shape if part else "members", "of": part})
    return {
        "campaigns": campaigns,
        "crowds": dict(crowds),
        "called": called,
        "right": sum(len(members & bad) for members in held),
        "held": sum(map(len, held)),
        "communities": len(held),
        "impure": sum(1 for members in held if members - bad),
    }


def child(seed: int, sweep: bool) -> None:
    """One seed in this process: prints what was found as JSON, a line for each setting."""
    began = time.perf_counter()
    simulated = world(seed)
    names = Names(simulated)
    acts = read(lambda: batches(simulated, names), Settings())
    for name, settings in (SWEEP if sweep else {"as it is": Settings()}).items():
        found = find_in(acts, DuckDbEngine(threads=1), settings)
        said = {"seed": seed, "settings": name, "events": len(simulated.acts), **measured(simulated, found)}
        print(json.dumps({**said, "seconds": time.perf_counter() - began}), flush=True)


def run(seed: int, sweep: bool = False) -> list[dict[str, Any]]:
    """One seed in a process of its own."""
    command = [sys.executable, __file__, "--child", str(seed), *(["--sweep"] if sweep else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"seed {seed} failed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def share(hits: int, n: int) -> str:
    """A share with its one-sided 95 % bound from below (Clopper-Pearson)."""
    if not n:
        return "none"
    return f"{hits:3} of {n:3} = {hits / n:.3f}, at least {float(clopper_pearson_lower(hits, n)):.3f}"


def is_found(campaign: Mapping[str, Any]) -> bool:
    return bool(2 * campaign["best"] >= campaign["size"])


def report(runs: list[dict[str, Any]]) -> bool:
    campaigns = [{**campaign, "seed": run["seed"]} for run in runs for campaign in run["campaigns"]]
    large = [campaign for campaign in campaigns if campaign["size"] >= LARGE]
    hits = sum(map(is_found, large))
    print(f"\n{len(campaigns)} campaigns among {MEMBERS * len(runs):,} members and newcomers, {len(runs)} seeds")
    print(f"campaigns of {LARGE} accounts or more found: {share(hits, len(large))}")
    for shape in SHAPES:
        for low, high in SIZES:
            some = [one for one in campaigns if one["shape"] == shape and low <= one["size"] <= high]
            print(f"  {shape:>11}, {low:3} to {high:3} accounts: {share(sum(map(is_found, some)), len(some))}")
    for one in campaigns:
        if one["size"] >= LARGE and not is_found(one):
            print(
                f"  missed: {one['shape']} of {one['size']}, {one['best']} of them in one community, seed {one['seed']}"
            )
    right, held, communities, impure = (
        sum(run[name] for run in runs) for name in ("right", "held", "communities", "impure")
    )
    print(f"accounts in communities that are a campaign's: {share(right, held)}, if accounts were drawn one by one")
    upper = float(clopper_pearson_upper(impure, communities)) if communities else 1.0
    print(f"communities with another account: {impure} of {communities}, at most {upper:.4f}")
    crowds = Counter[str]()
    for one in runs:
        crowds.update(one["crowds"])
    called = [{**one, "seed": run["seed"]} for run in runs for one in run["called"]]
    mostly = Counter(one["mostly"] for one in called)
    for shape, n in sorted(crowds.items()):
        upper = float(clopper_pearson_upper(min(mostly[shape], n), n))
        print(f"  {shape:>13}: {mostly[shape]} of {n} called a campaign, at most {upper:.3f}")
    for one in called:
        print(f"  called: {one['size']} accounts, {one['of']} of {one['mostly']}, seed {one['seed']}")
    recall = float(clopper_pearson_lower(hits, len(large))) if large else 0.0
    precision = right / held if held else 0.0
    met = recall >= RECALL and precision >= PRECISION and not called
    print(json.dumps({"recall_at_least": recall, "precision": precision, "called": len(called), "met": met}))
    return met


def sweep() -> None:
    for seed in CHOSEN_ON[:2]:
        for one in run(seed, sweep=True):
            large = [campaign for campaign in one["campaigns"] if campaign["size"] >= LARGE]
            small = [campaign for campaign in one["campaigns"] if campaign["size"] < LARGE]
            print(
                f"{one['settings']:>22}: {sum(map(is_found, large)):2} of {len(large)} large, "
                f"{sum(map(is_found, small)):2} of {len(small)} small, precision "
                f"{one['right'] / max(one['held'], 1):.4f} ({one['held']} accounts), {len(one['called'])} called",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--sweep", action="store_true", help="other settings, on a seed that is not reported")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, given.sweep)
        return
    if given.sweep:
        sweep()
        return
    runs = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for (one,) in pool.map(run, SEEDS[:1] if given.quick else SEEDS):
            runs.append(one)
            print(
                f"seed {one['seed']}: {one['events']:,} events, {one['communities']} communities, "
                f"{one['seconds']:.0f} s",
                flush=True,
            )
    sys.exit(0 if report(runs) else 1)


if __name__ == "__main__":
    main()
