"""Which Java Spark would start, and what is said where there is none."""

from pathlib import Path

import pytest

from gatehouse.adapters.spark.session import java, session
from gatehouse.errors import UserError


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No session, no Java on the PATH; gives back the only folder that is on it."""
    pyspark = pytest.importorskip("pyspark.sql")
    monkeypatch.setattr(pyspark.SparkSession, "getActiveSession", lambda: None)
    for name in ("JAVA_HOME", "PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def a_java(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    (place / "java").touch(0o755)
    return place / "java"


def test_without_java_the_next_step_is_named(no_spark: Path) -> None:
    with pytest.raises(UserError) as refused:
        session()
    assert str(refused.value) == (
        "Spark needs Java, which is not here\n"
        "    → install Java 17 (Debian: apt-get install openjdk-17-jre-headless; make setup does it), or set JAVA_HOME"
    )


def test_java_home_goes_before_the_path(no_spark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert java() is None
    found = a_java(no_spark)
    assert java() == str(found)
    monkeypatch.setenv("JAVA_HOME", str(no_spark / "jdk"))
    assert java() is None
    with pytest.raises(UserError, match="where there is no bin/java"):
        session()
    home = a_java(no_spark / "jdk" / "bin")
    assert java() == str(home)


@pytest.mark.engines
@pytest.mark.xdist_group("spark")
def test_a_session_that_is_there_is_used(spark: object) -> None:
    assert session() is spark
    assert session("local[2,4]") is spark
    with pytest.raises(UserError, match=r"Spark already runs on local\[2,4\]"):
        session("spark://elsewhere:7077")
