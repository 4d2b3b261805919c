"""Six roles of one influence operation: how many of each role's accounts stand in a community, and by what evidence.

The set holds accounts of the Internet Research Agency alone: there is no benign account in it, so nothing here is a
precision, and a detector that tells these accounts from those of another source has learnt the source. Targets and
addresses are not known, so all ties are by texts. No text of the set is printed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from _data import data_root
from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.datasets.ira import SOURCE
from gatehouse.detectors.coordination import Found, Settings, find
from gatehouse.evaluation.campaign_words import chance
from gatehouse.evaluation.estimate import share

ROLES = ("right_troll", "left_troll", "hashtag_gamer", "fearmonger", "news_feed", "commercial")
EXAMPLES = 5


def events(folder: Path) -> Iterator[pa.RecordBatch]:
    for block in SOURCE.read(folder):
        yield block.events


def roles(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for claim in SOURCE.labels(folder).to_pylist():
        if claim["value"]:
            found[claim["label"]].add(claim["subject"])
    return found


def report(found: Found, by_role: dict[str, set[str]]) -> None:
    tied = {member for community in found.communities for member in community.members}
    print(f"{len(found.communities):,} communities with {len(tied):,} accounts, {len(found.ties):,} ties")
    print("role: accounts, share that stands in a community (recall with its exact 95 % interval)")
    for role in (*ROLES, *sorted(by_role.keys() - set(ROLES))):
        accounts = by_role.get(role, set())
        hits, n = len(accounts & tied), len(accounts)
        note = "" if role in ROLES else "  (not one of the six roles)"
        print(f"    {role:14} n = {n:4}: {hits:4} found, {share(hits, n)}{note}")
    print("largest communities: accounts by role, when, p, ties")
    for community in found.communities[:EXAMPLES]:
        whose = Counter(role for role, accounts in by_role.items() for who in community.members if who in accounts)
        listed = ", ".join(f"{n} {role}" for role, n in whose.most_common())
        when = f"{day(community.first_seen)} to {day(community.last_seen)}"
        print(f"    {community.id}: {listed}; {when}; p = {chance(community.p)}, {community.ties:,} ties")
        for shown in community.evidence[:2]:
            ids = ", ".join(shown.event_ids[:3])
            print(f"        {len(shown.members)} accounts, one text, {day(shown.at)}: {ids} ...")


def day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fewest", type=int, default=Settings().fewest, help="things that two accounts must share")
    asked = options.parse_args()
    folder = data_root() / SOURCE.name
    started = time.perf_counter()
    found = find(lambda: events(folder), DuckDbEngine(), Settings(means=("text",), fewest=asked.fewest))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{time.perf_counter() - started:.0f} s, {memory:.1f} GB at most")
    report(found, roles(folder))
    print("no precision: there is no benign account here, and whoever tells these from another source has learnt that")


if __name__ == "__main__":
    main()
