"""Shared fixtures: where the public data lies, and skips that say why."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[1]

# A release is judged by the same examples twice; the search for new ones goes on wherever people run the tests.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def data_root() -> Path | None:
    """Folder with the public data sets, or None."""
    for candidate in (os.environ.get("GATEHOUSE_DATA"), ROOT.parent / "shared" / "data"):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The public data sets; skips with the reason when they are not there."""
    found = data_root()
    if found is None:
        pytest.skip("public data not found: set GATEHOUSE_DATA to the folder that holds it")
    return found


@pytest.fixture(scope="session")
def spark() -> "Iterator[SparkSession]":
    """The one Spark session of a run: two cores, four attempts a task. Skips with the reason where it cannot start.

    Tests that use it are marked `engines` and `xdist_group("spark")`, so that one worker starts it.
    """
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'gatehouse[spark]'")
    from gatehouse.adapters.spark.session import java, session

    if java() is None:
        pytest.skip("Spark needs Java, which is not here: make setup installs it, or set JAVA_HOME")
    few = {"spark.sql.shuffle.partitions": "2", "spark.driver.memory": "1g"}
    # What runs for a minute gains nothing from Java's second compiler, which takes as long again.
    quick = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    started = session("local[2,4]", {**few, **quick})
    yield started
    started.stop()
