"""The plan of the house holds: sizes, names, and documents that keep up with the code."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatehouse.entry.cli.main import COMMANDS
from gatehouse.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "gatehouse").rglob("*.py"))
PYTHON = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
DOCS = "\n".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])


def test_no_file_is_over_400_lines() -> None:
    long = {str(path.relative_to(ROOT)): n for path in PYTHON if (n := path.read_text().count("\n")) > 400}
    assert not long


def test_no_function_is_over_50_lines() -> None:
    long = {}
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                if (length := (node.end_lineno or 0) - body[0].lineno + 1) > 50:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length
    assert not long


def test_no_room_for_odds_and_ends() -> None:
    forbidden = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert not [path for path in PYTHON if path.stem in forbidden]


def test_tests_mirror_the_tree() -> None:
    rooms = {path.name for path in (ROOT / "src" / "gatehouse").iterdir() if path.is_dir()} - {"__pycache__"}
    tested = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} - {"__pycache__", "faults"}
    assert tested <= rooms, "a folder of tests has no room in the house"


def test_every_command_and_variable_is_in_the_docs() -> None:
    missing = [name for name in COMMANDS if not re.search(rf"gatehouse (\w+ ?\| ?)*{name}\b|`{name}\b", DOCS)]
    missing += [name for name in VARIABLES if name not in DOCS]
    assert not missing


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text())
        here = [target for target in targets if "://" not in target]
        broken += [f"{path.name}: {target}" for target in here if not (path.parent / target).exists()]
    assert not broken


@pytest.mark.parametrize("heavy", ["sklearn", "altair", "sqlalchemy", "sqlglot", "numba", "pyarrow"])
def test_help_answers_without_loading(heavy: str) -> None:
    code = f"from gatehouse.entry.cli.main import run; import sys; run(['--help']); assert '{heavy}' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "score" in done.stdout
