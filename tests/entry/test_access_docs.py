"""docs/access.md says what the code does."""

import re
from pathlib import Path

from gatehouse.flows import access, audit, rate
from gatehouse.flows.key_form import new_key
from gatehouse.records.access import SCOPES

PAGE = " ".join((Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text().split())


def test_the_pattern_for_scanners_finds_every_key() -> None:
    (pattern,) = re.findall(r"finds it by (gh_\S+)", PAGE)
    for _ in range(20):
        id_, key = new_key()
        assert re.fullmatch(pattern, key)
        assert key.startswith(f"gh_{id_}_")


def test_scopes_and_figures_are_those_of_the_code() -> None:
    assert re.findall(r"\| `(\w+)` \|", PAGE.split("## Scopes")[1].split("None holds another")[0]) == list(SCOPES)
    for said in (
        f"refused within {access.KNOWN_SECONDS} s by every process",
        f"A new key is good within {access.UNKNOWN_SECONDS} s",
        f"reads them again every {access.LOOK_AGAIN_SECONDS} s",
        f"{rate.RATE:,} unless given",
        f"{audit.MOST_WAITING:,} at most",
        f"({access.OVERLAP // 3_600_000_000} h unless given",
    ):
        assert said in PAGE, said
