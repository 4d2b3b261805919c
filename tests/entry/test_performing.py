"""A performer of the house looks each policy version up once."""

from gatehouse.entry.performing import remembered
from gatehouse.records.policy import Policy
from gatehouse.testing.makers import make_policy


def test_a_version_is_looked_up_until_it_is_known_and_then_no_more() -> None:
    on_record: dict[tuple[str, str], Policy] = {}
    asked: list[tuple[str, str]] = []

    def look_up(name: str, version: str) -> Policy | None:
        asked.append((name, version))
        return on_record.get((name, version))

    policy = remembered(look_up)
    assert policy("spam", "p1") is None
    on_record["spam", "p1"] = known = make_policy()
    assert policy("spam", "p1") is policy("spam", "p1") is known
    assert policy("spam", "p2") is None
    assert asked == [("spam", "p1")] * 2 + [("spam", "p2")]
