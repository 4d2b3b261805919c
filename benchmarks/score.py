"""A million short texts through all packs by `gatehouse score`: seconds, memory, and the share of each stage.

Real texts of the public data are repeated with new ids. The command runs in a process of its own, whose peak memory
and time are read; its peer in the same run is pyarrow alone, which only reads the same file and writes one column.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

ROWS = 1_000_000
LONGEST = 160
SECONDS, GIGABYTES = 30.0, 1.0


def data_root() -> Path:
    """Folder of the public data."""
    for place in (os.environ.get("GATEHOUSE_DATA"), "../shared/data"):
        if place and Path(place).is_dir():
            return Path(place).resolve()
    sys.exit("skipped: public data not found; set GATEHOUSE_DATA to the folder that holds it")


def write_texts(root: Path, path: Path) -> None:
    """A million short texts of three public sets as CSV."""
    from gatehouse.datasets import build

    texts = [
        text
        for name in ("sms-spam", "edos", "jigsaw-slice")
        for text in build.build(name, root).rows["text"].to_pylist()
        if len(text) <= LONGEST
    ]
    repeated = (texts * (ROWS // len(texts) + 1))[:ROWS]
    table = pa.table({"id": [f"t{i}" for i in range(ROWS)], "text": repeated})
    pyarrow.csv.write_csv(table, path)
    print(
        f"{ROWS:,} texts from {len(texts):,} distinct ones of at most {LONGEST} characters, "
        f"{path.stat().st_size / 1e6:.0f} MB"
    )


def gatehouse(home: Path, *arguments: str) -> tuple[float, float, float]:
    """Run the command; wall seconds, CPU seconds and peak gigabytes of memory."""
    environment = {**os.environ, "GATEHOUSE_HOME": str(home), "GATEHOUSE_DATA": str(data_root())}
    began = time.perf_counter()
    running = psutil.Popen(
        [str(Path(sys.executable).with_name("gatehouse")), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak, cpu = 0, 0.0
    while running.poll() is None:
        try:
            peak = max(peak, running.memory_info().rss)
            times = running.cpu_times()
            cpu = times.user + times.system
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            break
        time.sleep(0.05)
    out, err = running.communicate()
    if running.returncode:
        sys.exit(f"gatehouse {' '.join(arguments)} failed:\n{out}{err}")
    return time.perf_counter() - began, cpu, peak / 2**30


def read_and_write(source: Path, out: Path) -> float:
    """Seconds that pyarrow alone takes to read the texts and write them."""
    began = time.perf_counter()
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    pq.write_table(pyarrow.csv.read_csv(source, parse_options=options), out)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        source, out, home = place / "texts.csv", place / "scores.parquet", place / "home"
        write_texts(data_root(), source)
        for pack in ("spam", "sexism", "toxicity"):
            gatehouse(home, "train", pack)
            gatehouse(home, "promote", pack)
        wall, cpu, peak = gatehouse(home, "score", str(source), "--out", str(out), "--json")
        peer = read_and_write(source, place / "copy.parquet")
        rows = pq.ParquetFile(out).metadata.num_rows
        print(f"gatehouse score, all packs: {wall:.1f} s wall, {cpu:.1f} CPU-s, peak {peak:.2f} GB (start included)")
        print(f"  {ROWS / wall:,.0f} texts/s, {rows:,} rows written, {out.stat().st_size / 1e6:.0f} MB")
        print(f"pyarrow reading and writing the texts: {peer:.1f} s, so scoring takes {wall / peer:.0f} times as long")
        ok = wall < SECONDS and peak < GIGABYTES
        print(
            json.dumps({"wall_s": round(wall, 1), "peak_gb": round(peak, 2), "target": [SECONDS, GIGABYTES], "met": ok})
        )
        sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
