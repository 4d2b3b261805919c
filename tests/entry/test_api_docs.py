"""docs/api.md says what the code does."""

from pathlib import Path

from gatehouse.client import clients
from gatehouse.entry.api import gathering, limits, protocol

PAGE = " ".join((Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text().split())


def test_figures_are_those_of_the_code() -> None:
    terms = gathering.Terms()
    for said in (
        f"an event; a list; events of a list | {limits.LARGEST_BODY >> 20} MiB; {limits.LARGEST_LIST >> 20} MiB; "
        f"{limits.MOST_EVENTS:,} |",
        f"of all clients | {limits.MOST_HELD >> 20} MiB, else 503",
        f"after its body | {protocol.LONGEST_HEADERS >> 10} KiB (431), headers whole within "
        f"{protocol.HEADERS_SECONDS:g} s (408)",
        f"whole within {protocol.BODY_SECONDS:g} s of its headers (408)",
        f"an answer that is not read | {protocol.UNREAD_SECONDS:g} s",
        f"connections | {protocol.MOST_CONNECTIONS:,} (503)",
        f"an answer | {terms.deadline:g} s, else 503",
        f"of at most {terms.most} events unless one list alone has more",
        f"At most {terms.waiting:,} events wait",
        f"A **list** of at most {limits.MOST_EVENTS:,} events",
    ):
        assert said in PAGE, said
    assert clients.TRIES == 4
    assert "four times at most" in PAGE
    assert terms.deadline < clients.TIMEOUT_SECONDS
