"""What benchmarks/feast.py asks of Feast; runs in Feast's own environment and prints one JSON object.

Run by it as: python -I _feast_side.py online|join FOLDER
"""

import json
import resource
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas
from feast.types import Int64

import feast

READS = {1: 300, 100: 40}
ROUNDS = 3


def opened(folder: Path, source: Path) -> tuple[Any, list[str]]:
    """A store of one feature view over this Parquet file, and the references of its features."""
    names = [name for name in pandas.read_parquet(source).columns if name not in ("actor", "event_timestamp")]
    config = feast.RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
    store = feast.FeatureStore(config=config)
    actor = feast.Entity(name="actor", join_keys=["actor"], value_type=feast.ValueType.STRING)
    view = feast.FeatureView(
        name="windows",
        entities=[actor],
        ttl=timedelta(days=365),
        schema=[feast.Field(name=name, dtype=Int64) for name in names],
        source=feast.FileSource(path=str(source), timestamp_field="event_timestamp"),
        online=True,
    )
    store.apply([actor, view])
    return store, [f"windows:{name}" for name in names]


def online(folder: Path) -> dict[str, float]:
    """CPU seconds of one read of all features, for each number of entities; the best of several rounds."""
    store, features = opened(folder, folder / "online.parquet")
    rows = pandas.read_parquet(folder / "online.parquet")
    store.write_to_online_store("windows", rows)
    actors = rows["actor"].tolist()
    found: dict[str, float] = {}
    for size, reads in READS.items():
        asked = [[{"actor": actors[(i * size + j) % len(actors)]} for j in range(size)] for i in range(reads)]
        known = store.get_online_features(features=features, entity_rows=asked[0]).to_dict()
        if any(value is None for values in known.values() for value in values):
            sys.exit("Feast gives no value for an entity that was written")
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.process_time()
            for entities in asked:
                store.get_online_features(features=features, entity_rows=entities).to_dict()
            best = min(best, (time.process_time() - start) / reads)
        found[str(size)] = best
    return found


def join(folder: Path) -> dict[str, float]:
    """Seconds, CPU seconds, peak memory and rows of the point-in-time join."""
    store, features = opened(folder, folder / "values.parquet")
    entities = pandas.read_parquet(folder / "entities.parquet")
    start, cpu = time.perf_counter(), time.process_time()
    rows = store.get_historical_features(entity_df=entities, features=features).to_df()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "rows": len(rows),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({"online": online, "join": join}[sys.argv[1]](Path(sys.argv[2]))))
