"""How far the labels of starscout follow from the counts alone: "fewest events first", which learns nothing.

PR-AUC and ROC-AUC on the fixed test part with 95 % bootstrap intervals, of all accounts and of those with more than 3
events. Where so little does so well, a figure measured against these labels says little of fake engagement.
"""

import json

import numpy as np

from _data import data_root
from gatehouse.datasets import event_sources, histories
from gatehouse.datasets.split import part_of
from gatehouse.stats.intervals import bootstrap
from gatehouse.stats.metrics import Ranked

DRAWS, FEW = 1_000, 3


def main() -> None:
    history = histories.find(event_sources.starscout.SOURCE.name, data_root() / "none", (data_root(),))
    assert history is not None
    claims = history.labels()
    holds = dict(zip(claims["subject"].to_pylist(), claims["value"].to_pylist(), strict=True))
    rows = [
        (holds[actor], sum(json.loads(said).values()))
        for batch in history.events()
        for actor, said in zip(batch["actor"].to_pylist(), batch["attributes"].to_pylist(), strict=True)
        if said and actor in holds and part_of(actor.removeprefix("account:")) == "test"
    ]
    truth, events = np.array(rows, np.float64).T
    print(f"starscout, fixed test part, fewest events first, {DRAWS:,} draws")
    for name, among in (("all accounts", events >= 0), (f"more than {FEW} events", events > FEW)):
        ranked = Ranked(truth[among], -events[among])
        pr, roc = (
            bootstrap(measure, int(among.sum()), np.random.default_rng(7), draws=DRAWS)
            for measure in (ranked.pr_auc, ranked.roc_auc)
        )
        print(
            f"{name:22}n {among.sum():6,}  positives {int(truth[among].sum()):6,}"
            f"  PR-AUC {pr.estimate:.3f} [{pr.low:.3f}, {pr.high:.3f}]"
            f"  ROC-AUC {roc.estimate:.3f} [{roc.low:.3f}, {roc.high:.3f}]"
        )


if __name__ == "__main__":
    main()
