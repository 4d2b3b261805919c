"""Banks on one core: a million PDQ hashes, and near-duplicates among ten thousand known texts.

PDQ: time to build, memory held, time a query (CPU time, one query at a time; random ones, ones near a known hash, and
ones in a bank of few clusters, where many hashes share chunks), and whether every hash planted within distance 31 is
found. The peer is NumPy's scan of all hashes in the same run. Near-duplicates: texts a second in batches and one by
one, copies found and others matched by mistake at similarity .8, of copies that truly are at least so similar. The
peer compares the shingles of every known text as Python sets. Hashes and texts are drawn at random with a fixed seed.
Exits 1 when a million hashes take 200 MB or more, one planted hash is missed, or a query's p99 is 5 ms or more.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.media import MediaDetector, MediaEntry
from gatehouse.detectors.media_index import NEAR, PdqIndex
from gatehouse.detectors.near import NearDetector, NearEntry
from gatehouse.records.event import Event, to_batch
from gatehouse.stats.intervals import wilson

Words = npt.NDArray[np.uint64]

MOST_BYTES = 200e6
SLOWEST = 5e-3
QUERIES = 2_000
KNOWN_TEXTS = 10_000
ASKED_TEXTS = 2_000


def flipped(hashes: Words, bits: int, draw: np.random.Generator) -> Words:
    """Each hash with so many different bits turned over."""
    turned = hashes.copy()
    for row in turned:
        for bit in draw.choice(256, bits, replace=False):
            row[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return turned


def clusters(n: int, draw: np.random.Generator) -> Words:
    """Hashes around fifty others, each with up to sixty bits turned over."""
    centres = draw.integers(0, 2**64, (50, 4), np.uint64)
    hashes = centres[draw.integers(0, 50, n)]
    for _ in range(60):
        bit = draw.integers(0, 256, n)
        hashes[np.arange(n), bit // 64] ^= np.uint64(1) << (bit % 64).astype(np.uint64)
    return hashes


def timed(index: PdqIndex, queries: Words, title: str) -> float:
    """Print the CPU time of single queries; gives back the 99th percentile in seconds."""
    index.within(queries[0], NEAR)
    times = []
    for query in queries:
        start = time.thread_time_ns()
        index.within(query, NEAR)
        times.append((time.thread_time_ns() - start) / 1e9)
    p50, p99 = np.percentile(times, [50, 99])
    print(f"  {title:<42} p50 {p50 * 1e3:.3f} ms, p99 {p99 * 1e3:.3f} ms (n = {len(times):,})")
    return float(p99)


def by_numpy(hashes: Words, query: Words) -> npt.NDArray[np.intp]:
    """The peer: all hashes within NEAR by one pass of NumPy."""
    return np.flatnonzero(_popcount(hashes ^ query) <= NEAR)


def _popcount(words: Words) -> npt.NDArray[np.uint64]:
    return np.bitwise_count(words).sum(axis=1, dtype=np.uint64)


def pdq(n: int) -> bool:
    """The measures of a bank of n PDQ hashes; whether all floors are kept."""
    draw = np.random.default_rng(5)
    hashes = draw.integers(0, 2**64, (n, 4), np.uint64)
    PdqIndex(hashes[:5_000]).within(hashes[0], NEAR)
    start = time.process_time()
    index = PdqIndex(hashes)
    built = time.process_time() - start
    entries = [
        MediaEntry(f"known-{row:07}", "known", f"pdq:{digits.hex()}", NEAR)
        for row, digits in enumerate(hashes.astype(">u8").view("V32").ravel().tolist())
    ]
    start = time.process_time()
    detector = MediaDetector("images.media", entries)
    whole = time.process_time() - start
    print(f"{n:,} PDQ hashes: index {built:.2f} s and {index.nbytes / 1e6:.0f} MB, ", end="")
    print(f"detector with ids and labels {whole:.2f} s and {detector.nbytes / 1e6:.0f} MB")
    planted = draw.integers(0, n, QUERIES)
    near = flipped(hashes[planted], NEAR, draw)
    slowest = max(
        timed(index, draw.integers(0, 2**64, (QUERIES, 4), np.uint64), "random query"),
        timed(index, near, "query at distance 31 of a known hash"),
    )
    found = sum(row in index.within(query, NEAR)[0] for row, query in zip(planted, near, strict=True))
    print(f"  planted at distance 31 and found: {of(found, QUERIES)}")
    peer = queries_a_second(lambda query: by_numpy(hashes, query), near[:20])
    print(f"  ratio to NumPy's scan: {queries_a_second(lambda query: index.within(query, NEAR), near) / peer:.0f}")
    skewed = clusters(n, draw)
    index = PdqIndex(skewed)
    slowest = max(slowest, timed(index, skewed[draw.integers(0, n, QUERIES)], "query in a bank of 50 clusters"))
    few = hashes & draw.integers(0, 2**64, (n, 4), np.uint64)
    slowest = max(
        slowest, timed(PdqIndex(few), few[draw.integers(0, n, QUERIES)], "query where a quarter of bits is set")
    )
    same = hashes.copy()
    same[:, :2] = hashes[0, :2]
    slowest = max(slowest, timed(PdqIndex(same), same[draw.integers(0, n, QUERIES)], "query where all share half"))
    return detector.nbytes < MOST_BYTES and found == QUERIES and slowest < SLOWEST


def of(hits: int, n: int) -> str:
    """A count and the 95 % interval of its share."""
    low, high = wilson(hits, n)
    return f"{hits:,} of {n:,} [{float(low):.4f}, {float(high):.4f}]"


def queries_a_second(ask: Callable[[Words], object], queries: Words) -> float:
    """Queries a second of CPU time."""
    start = time.process_time()
    for query in queries:
        ask(query)
    return len(queries) / (time.process_time() - start)


def shingles(text: str) -> set[str]:
    """Character 5-grams."""
    return {text[i : i + 5] for i in range(len(text) - 4)}


def altered(text: str, draw: random.Random, vocabulary: list[str]) -> str:
    """A copy with one to four of its words exchanged."""
    words = text.split()
    for place in draw.sample(range(len(words)), draw.randint(1, 4)):
        words[place] = draw.choice(vocabulary)
    return " ".join(words)


def texts_a_second(detector: NearDetector, texts: list[str], size: int) -> float:
    """Texts a second of CPU time in batches of a size."""
    batches = []
    for start in range(0, len(texts), size):
        some = texts[start : start + size]
        events = to_batch([Event(id=str(i)) for i in range(len(some))])
        batches.append((events, pa.RecordBatch.from_pydict({"normalised": some})))
    detector.signals(*batches[0])
    start_time = time.process_time()
    for batch in batches:
        detector.signals(*batch)
    return len(texts) / (time.process_time() - start_time)


def near_duplicates() -> None:
    """The measures of a bank of near-duplicates."""
    draw = random.Random(5)
    vocabulary = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(3_000)]
    known = [" ".join(draw.choices(vocabulary, k=25)) for _ in range(KNOWN_TEXTS)]
    others = [" ".join(draw.choices(vocabulary, k=25)) for _ in range(ASKED_TEXTS)]
    copies = [(i, altered(known[i], draw, vocabulary)) for i in draw.sample(range(KNOWN_TEXTS), ASKED_TEXTS)]
    sets = [shingles(text) for text in known]
    alike = [len((own := shingles(copy)) & sets[i]) / len(own | sets[i]) >= 0.8 for i, copy in copies]
    start = time.process_time()
    detector = NearDetector("x.near", [NearEntry(str(i), "known", text) for i, text in enumerate(known)])
    print(f"{KNOWN_TEXTS:,} known texts of about {sum(map(len, known)) // len(known)} characters: ", end="")
    print(f"built in {time.process_time() - start:.1f} s (with loading the kernels)")
    for size in (1, 64, 500):
        print(
            f"  batches of {size:>3}: {texts_a_second(detector, [copy for _, copy in copies], size):,.0f} copies/s, ",
            end="",
        )
        print(f"{texts_a_second(detector, others, size):,.0f} other texts/s")
    hits = [{id_ for id_, _ in detector.matching(copy, ())} for _, copy in copies]
    right = sum(str(i) in hit for (i, _), hit, same in zip(copies, hits, alike, strict=True) if same)
    wrong = sum(str(i) in hit for (i, _), hit, same in zip(copies, hits, alike, strict=True) if not same)
    print(f"  copies at similarity .8 or more and found: {of(right, sum(alike))}")
    print(f"  copies under .8 and matched: {wrong:,} of {len(alike) - sum(alike):,}")
    false = sum(bool(detector.matching(text, ())) for text in others)
    print(f"  other texts matched by mistake: {of(false, len(others))}")
    start = time.process_time()
    for text in others[:20]:
        own = shingles(text)
        [other for other in sets if len(own & other) >= 0.8 * len(own | other)]
    rate = 20 / (time.process_time() - start)
    print(f"  ratio to Python sets, one by one: {texts_a_second(detector, others, 1) / rate:.0f}")


def main() -> None:
    """Print all measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    kept = pdq(parser.parse_args().hashes)
    near_duplicates()
    if not kept:
        print("a floor was missed", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
