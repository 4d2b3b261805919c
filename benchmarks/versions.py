"""What releases tried beside the live ones cost, and how soon and how wrongly a canary is halted.

    python benchmarks/versions.py [--events 1500] [--packs spam,sexism,toxicity] [--folder FOLDER] [--without-halts]

Milliseconds of `LiveGate.decide` for single events, one after the other, on SQLite with synchronous=FULL; the release
that is tried is the live one again, so that it costs what a real one would. Ways take turns, each on its own ledger.

Then the halt, on simulated pairs with fixed seeds and looked at after each of them: how often a canary is halted that
fails as often as the live release, or by no more than the margin; and after how many actors one that fails more is.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from _events import made_up
from _house import judge_of, now, prepared
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.flows.arms import Arms, Canary
from gatehouse.flows.halt import HaltRules, Watch
from gatehouse.flows.judge import Judge
from gatehouse.flows.live_gate import LiveGate
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Tally
from gatehouse.flows.shadow import Shadow
from gatehouse.records.event import Event
from gatehouse.settings import Settings
from gatehouse.stats import sequential

AT_ONCE = 50
RUNS = 1_000
ROWS = 20_000
PERCENT = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_500)
    parser.add_argument("--packs", default="spam,sexism,toxicity")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where ledgers are written, a temporary one if absent"
    )
    parser.add_argument("--without-halts", action="store_true", help="only what it costs")
    options = parser.parse_args()
    events, _ = made_up(options.events, {})
    with TemporaryDirectory(dir=options.folder) as name:
        names = options.packs.split(",")
        judge = judge_of(*prepared(Settings(Path(name) / "home"), names))
        other = judge_of(*prepared(Settings(Path(name) / "other"), names[:1]))
        tried = replace(other, releases={names[0]: "tried"})
        found = decided(judge, tried, events, Path(name))
    print(f"{options.events:,} single events, packs {options.packs}: ms of LiveGate.decide")
    print(f"{'':<18}{'least':>8}{'median':>8}{'p95':>8}{'p99':>8}")
    for way, seconds in found.items():
        figures = np.quantile(seconds, (0.0, 0.5, 0.95, 0.99)) * 1e3
        print(f"{way:<18}" + "".join(f"{figure:>8.2f}" for figure in figures))
    if not options.without_halts:
        halts()


WAYS = {"nothing tried": (0.0, False), "canary of 5 %": (0.05, False), "canary of all": (1.0, False)}
WAYS["a shadow"] = (0.0, True)


def decided(judge: Judge, tried: Judge, events: list[Event], folder: Path) -> dict[str, list[float]]:
    """Seconds of each event's decision by each way, some events by one way and then by the next."""
    (pack,) = tried.releases
    replaced = frozenset(detector.name for detector in tried.detectors)
    gates, found = {}, {way: list[float]() for way in WAYS}
    for way, (share, shadow) in WAYS.items():
        place = folder / way
        place.mkdir()
        ledger = SqlLedger(Database(place / "ledger.db"))
        canary = Canary(pack, "tried", share, tried, replaced, Watch(pack, "tried"))
        arms = Arms((canary,) if share else (), (Shadow(pack, "tried", tried),) if shadow else ())
        history = LocalHistory(ledger, judge, place / "history.snapshot")
        gates[way] = LiveGate(judge, ledger, history, now, arms=arms)
        gates[way].warm()
    for start in range(0, len(events), AT_ONCE):
        for way, gate in gates.items():
            for event in events[start : start + AT_ONCE]:
                begun = time.perf_counter()
                gate.decide([event])
                found[way].append(time.perf_counter() - begun)
            # The next way must not pay for this one's shadow.
            gate._shadow.drain(60)
    for gate in gates.values():
        gate.close()
        assert isinstance(gate.observer, Tally)
        assert gate.observer.counts["decided"] == len(events), gate.observer.counts
    return found


def halts() -> None:
    """False and late alarms of the test that halts a canary for failing signals."""
    rules = HaltRules()
    alpha = rules.alpha / len(rules.questions)
    print(
        f"\nhalt for failing: margin {rules.failing:.2%}, alpha {alpha:.2%} of {rules.alpha:.0%}; {RUNS:,} runs of "
        f"{ROWS:,} actors, looked at after each"
    )
    print(f"{'live, canary':<34}{'halted':>8}{'median':>8}{'p90':>8}{'p99':>8}  actors until then")
    cases = {
        "1 %, 1 % of others": (0.01 * 0.99, 0.01 * 0.99),
        "1 %, 1.25 %: at the margin": (0.0125, 0.01),
        "1 %, 3 %, its own and live's": (0.02, 0.0),
        "1 %, 3 % of others": (0.03 * 0.99, 0.01 * 0.97),
        "0 %, 10 %": (0.1, 0.0),
        "0 %, 100 %": (1.0, 0.0),
    }
    for number, (name, (up, down)) in enumerate(cases.items()):
        firsts = first_alarms(up, down, rules.failing, alpha, seed=number)
        seen = firsts[firsts > 0]
        delays = "".join(f"{delay:>8,.0f}" for delay in np.quantile(seen, (0.5, 0.9, 0.99))) if len(seen) else ""
        print(f"{name:<34}{PERCENT * len(seen) / RUNS:>7.1f}%{delays}")


def first_alarms(up: float, down: float, margin: float, alpha: float, seed: int) -> npt.NDArray[np.int64]:
    """After how many rows each run speaks; 0 where it never does."""
    found = np.zeros(RUNS, np.int64)
    chance = np.random.default_rng(seed)
    for run in range(RUNS):
        drawn = chance.random(ROWS)
        steps = np.flatnonzero((drawn < up) | (drawn > 1 - down))
        ups = np.cumsum(drawn[steps] < up)
        # Between two rows that differ the wealth only falls, so it is enough to look at those.
        for place, row in enumerate(steps.tolist()):
            rows = sequential.Tally(row + 1, int(ups[place]), place + 1 - int(ups[place]))
            if rows.mean > margin and sequential.above(rows, margin, alpha):
                found[run] = row + 1
                break
    return found


if __name__ == "__main__":
    main()
