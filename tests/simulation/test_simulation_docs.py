"""The examples of docs/simulation.md work as they stand there."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from gatehouse.simulation import tables
from gatehouse.simulation.acts import Harm
from gatehouse.simulation.scenario import Scenario, Strength, read_scenario

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_cast_of_the_page_acts(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(example("python"), names)
    simulated = names["simulated"]
    assert np.bincount(simulated.acts.harm)[Harm.SPAM] == 9
    assert tables.write(simulated, tmp_path / "out").prevalence["spam"].events == 9


def test_the_scenario_of_the_page_is_the_usual_one_with_other_groups(tmp_path: Path) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(example("yaml"), encoding="utf-8")
    scenario = read_scenario(path)
    assert scenario.groups["campaigns_slow_drip"] == Strength(3.0, (20, 60))
    assert Scenario(groups=scenario.groups, bursts=scenario.bursts) == scenario


def test_every_table_and_column_is_on_the_page() -> None:
    for name, schema in tables.SCHEMAS.items():
        assert f"| `{name}` |" in PAGE
        if name not in ("events", "labels"):
            assert [column for column in schema.names if f"`{column}`" not in PAGE] == []
