"""Speed of 200 rules on one core: one event at a time, in batches of 64 and of 500, and where the two forms cross.

The peer is what people write without a rule language: one Python lambda a rule, made by `eval`, over dicts, with its
own checks for missing values. Times are CPU time of this process, the best of several rounds.
Exits 1 when one event at a time is under 5 M rule evaluations a second, or batches of 500 under 30 M.
"""

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from gatehouse.expressions import CompiledSet, Place, read_expression, row_values

RULES = 200
ROUNDS = 7
SIZES = (1, 16, 64, 128, 256, 500)
FLOOR_SINGLE = 5e6
FLOOR_BATCH = 30e6

NUMBERS = [f"count_{i}" for i in range(12)]
SHARES = [f"share_{i}" for i in range(6)]
KINDS = ["post", "message", "comment", "profile"]
WORDS = "the a to and you is it for on this with free prize win claim call today account offer see later ok".split()  # noqa: SIM905
SCHEMA = pa.schema(
    [(name, pa.int64()) for name in NUMBERS]
    + [(name, pa.float64()) for name in SHARES]
    + [("kind", pa.string()), ("language", pa.string()), ("text", pa.string()), ("imported", pa.bool_())]
)


def make_rules(random_: random.Random) -> list[tuple[str, str]]:
    """Conditions of two to four parts, as expressions and as the Python that a person would write for them."""
    rules = []
    for _ in range(RULES):
        parts = [_part(random_) for _ in range(random_.randint(2, 4))]
        if random_.random() < 0.15:  # what looks into the text stands behind what is cheap, in both
            parts.append(_text_part(random_))
        rules.append((" AND ".join(part[0] for part in parts), " and ".join(part[1] for part in parts)))
    return rules


def _part(random_: random.Random) -> tuple[str, str]:
    draw = random_.random()
    if draw < 0.75:
        name = random_.choice(NUMBERS if draw < 0.5 else SHARES)
        sign = random_.choice(["<", ">", ">=", "<="])
        value: float = random_.randint(0, 10) if name in NUMBERS else round(random_.random(), 2)
        return f"{name} {sign} {value}", f"(r[{name!r}] is not None and r[{name!r}] {sign} {value})"
    if draw < 0.9:
        kind = random_.choice(KINDS)
        return f"kind = '{kind}'", f"r['kind'] == {kind!r}"
    if draw < 0.95:
        return "language IN ('en', 'es')", "r['language'] in ('en', 'es')"
    return "NOT imported", "r['imported'] is False"


def _text_part(random_: random.Random) -> tuple[str, str]:
    word = random_.choice(WORDS)
    return f"text LIKE '%{word}%'", f"(r['text'] is not None and {word!r} in r['text'])"


def make_rows(random_: random.Random, n: int) -> list[dict[str, Any]]:
    """Random events; one value in twenty is missing."""
    rows = []
    for _ in range(n):
        row: dict[str, Any] = {name: random_.randint(0, 10) for name in NUMBERS}
        row |= {name: random_.random() for name in SHARES}
        row |= {"kind": random_.choice(KINDS), "language": random_.choice(["en", "de", "pt"])}
        row |= {"text": " ".join(random_.choices(WORDS, k=15)), "imported": random_.random() < 0.5}
        rows.append({name: None if random_.random() < 0.05 else value for name, value in row.items()})
    return rows


def seconds(run: Callable[[], object]) -> float:
    """CPU time of a run, the best of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    random_ = random.Random(7)
    rules = make_rules(random_)
    rows = make_rows(random_, 2_000)
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    expressions = [read_expression(text, SCHEMA, Place.of(text, "rules")) for text, _ in rules]
    compiled = CompiledSet(expressions)
    values = row_values(batch, compiled.used)
    lambdas = [eval(f"lambda r: {python}") for _, python in rules]

    wanted = [[i for i, rule in enumerate(lambdas) if rule(row)] for row in rows]
    if wanted != [compiled.row(row)[0] for row in values]:
        print("the rules and their lambdas disagree")
        return 1

    def in_batches(size: int, run: Callable[[pa.RecordBatch], object]) -> float:
        batches = [batch.slice(start, size) for start in range(0, len(batch) - size + 1, size)]
        taken = seconds(lambda: [run(one) for one in batches])
        return len(batches) * size * RULES / taken

    def by_rows(one: pa.RecordBatch) -> list[object]:
        return [compiled.row(row) for row in row_values(one, compiled.used)]

    single = len(rows) * RULES / seconds(lambda: [compiled.row(row) for row in values])
    peer = len(rows) * RULES / seconds(lambda: [[i for i, rule in enumerate(lambdas) if rule(row)] for row in rows])
    speed = {size: (in_batches(size, by_rows), in_batches(size, compiled.columns)) for size in SIZES}

    print(f"{RULES} rules, {len(batch):,} events, M rule evaluations/s of one core (CPU time)")
    print(f"  one event at a time, values in a tuple     {single / 1e6:7.1f}   (at least {FLOOR_SINGLE / 1e6:.0f})")
    print(f"  the same with one Python lambda a rule     {peer / 1e6:7.1f}   ({single / peer:.1f} times slower)")
    print("  from Arrow batches of              row form   column form")
    for size, (row_form, column_form) in speed.items():
        print(f"    {size:4d}                             {row_form / 1e6:9.1f} {column_form / 1e6:13.1f}")
    print(f"  the floor for the column form in batches of 500 is {FLOOR_BATCH / 1e6:.0f}")
    return 0 if single >= FLOOR_SINGLE and speed[500][1] >= FLOOR_BATCH else 1


if __name__ == "__main__":
    sys.exit(main())
