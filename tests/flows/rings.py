"""A made-up history of accounts, a third of which send in bursts, and a pack that learns to tell them."""

import csv
from pathlib import Path

import numpy as np

START, DAY, MINUTE = 1_750_000_000_000_000, 86_400_000_000, 60_000_000
LURE = "Claim your free prize now at win.example"

FILES = {
    "recipe.yaml": """
pack: rings
dataset: our-week
labels: [abusive]
actor: {content: [spam.linear], trees: 30, leaves: 5}
""",
    "features.yaml": """
owner: trust-and-safety
profile:
  - {name: followers, type: BIGINT, meaning: Accounts that follow the account.}
scores:
  - {name: post_spam, detector: rings.spam, label: spam}
windows:
  - name: sent_1h
    count: {key: actor, window: 1h, where: kind = 'message'}
  - name: likely_spam_posts_1d
    count: {key: actor, window: 1d, where: post_spam >= 700}
""",
    "policy.yaml": """
policy: rings
title: Accounts that send in bursts
owner: trust-and-safety
missing: review
text: |
  Purpose. To try how accounts are judged.
clauses:
  - {id: R1, title: No bursts, text: Do not send in bursts to strangers.}
steps:
  - name: sure
    when: {detector: rings.actor, label: abusive, precision_at_least: 0.9}
    clause: R1
    enforce: limit
    review: true
  - name: likely
    when: {detector: rings.actor, label: abusive, recall_at_least: 0.8}
    clause: R1
    review: true
""",
    "card.md": """
# rings
## What it must not be used for
- Judging people who exist.
## Limits
- Nobody in its data exists.
""",
}


def write_pack(folder: Path) -> Path:
    """The pack `rings` in a folder of that name; its path."""
    pack = folder / "rings"
    pack.mkdir(parents=True)
    for name, text in FILES.items():
        (pack / name).write_text(text.lstrip())
    return pack


def write_history(folder: Path, accounts: int = 900) -> None:
    """`events.csv` and `labels.csv`: every third account sends many messages within minutes, mostly one text.

    One in ten of either kind acts like the other, so that no score is perfect.
    """
    rng = np.random.default_rng(5)
    rows, labels = [], []
    for account in range(accounts):
        bad = account % 3 == 0
        bursts = bad != (rng.random() < 0.1)
        at = START + int(rng.integers(0, 6 * DAY))
        for _ in range(int(rng.integers(6, 16) if bursts else rng.integers(1, 6))):
            at += int(rng.integers(1, MINUTE if bursts else 120 * MINUTE))
            text = LURE if bursts and rng.random() < 0.7 else f"note {rng.integers(1_000)} on lunch and trains"
            followers = int(rng.integers(0, 40) if bad else rng.integers(5, 300))
            rows.append([text, f"account:u{account}", f"account:t{rng.integers(60)}", at, followers])
        labels.append((f"account:u{account}", "abusive", int(bad)))
    rows.sort(key=lambda row: row[3])
    events = [(f"e{place}", "message", *row) for place, row in enumerate(rows)]
    _write(folder / "events.csv", ("id", "kind", "text", "actor", "target", "occurred", "followers"), events)
    _write(folder / "labels.csv", ("subject", "label", "value"), labels)


def _write(path: Path, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
