"""A Spark session: the one that is there, or one of our own."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_GIVEN = ("PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION")
"""Set where Python was started by spark-submit or Databricks, which bring master, Java and settings."""

_OWN = {
    "spark.app.name": "gatehouse",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "FATAL",
    "spark.sql.session.timeZone": "UTC",
}
_LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Spark's own choice, 200, is for a cluster: here it is mostly the starting of tasks.
    "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
}


def session(master: str | None = None, settings: Mapping[str, str] | None = None) -> "SparkSession":
    """The active Spark session, else that of spark-submit or Databricks, else a new one on `master` or all local cores.

    Raises UserError where pyspark or Java is missing, or where `master` is given but a session runs on another.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise UserError("pyspark is not installed", fix="pip install 'gatehouse[spark]'") from None
    there = SparkSession.getActiveSession()
    if there is not None or any(name in os.environ for name in _GIVEN):
        found = there or SparkSession.builder.getOrCreate()
        runs_on = found.conf.get("spark.master", None)
        if master is not None and runs_on != master:
            raise UserError(f"Spark already runs on {runs_on}", fix=f"leave --master {master} out")
        return found
    _require_java()
    # Workers must import what is installed beside this interpreter; a cluster's own choice of Python stands.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    chosen = {**_OWN, **(_LOCAL if (master or "local").startswith("local") else {}), **(settings or {})}
    builder = SparkSession.builder
    if master:
        builder = builder.master(master)
    for name, value in chosen.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def java() -> str | None:
    """The Java that Spark would start, or None."""
    home = os.environ.get("JAVA_HOME")
    if home:
        return shutil.which("java", path=str(Path(home) / "bin"))
    return shutil.which("java")


def _require_java() -> None:
    if java() is None:
        home = os.environ.get("JAVA_HOME")
        what = f"JAVA_HOME names {home}, where there is no bin/java" if home else "Spark needs Java, which is not here"
        fix = "install Java 17 (Debian: apt-get install openjdk-17-jre-headless; make setup does it), or set JAVA_HOME"
        raise UserError(what, fix=fix)
