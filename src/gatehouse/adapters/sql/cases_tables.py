"""Tables of reports, appeals and what people found, beside the ledger's `cases`."""

from typing import Any

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, Select, Table, Text, case, select

from gatehouse.adapters.sql.tables import cases, metadata

# A report whose event is not known has no case, and gets one when the event has come.
reports = Table(
    "reports",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("event_id", Text, nullable=False),
    Column("reporter", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("policy", Text),
    Column("category", Text),
    Column("comment", Text),
    Column("occurred", BigInteger),
    Column("case_id", Text, ForeignKey("cases.id")),
    Index("reports_case", "case_id", "number"),
    Index("reports_reporter", "reporter", "case_id"),
)

appeals = Table(
    "appeals",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("event_id", Text, nullable=False),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("by", Text, nullable=False),
    Column("statement", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("vouched", Text, nullable=False),
    Column("case_id", Text, ForeignKey("cases.id"), nullable=False, unique=True),
    Index("appeals_decision", "decision_id"),
)

# Cases that are reported or appealed and not closed; a row goes when its case is closed, so that it stays small. What a
# policy opened and nobody spoke of stands in no table but `cases`.
spoken_cases = Table(
    "spoken_cases",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id"), primary_key=True),
    Column("opened", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# The key lets a case be closed once. `settled` is when all that follows was done, and `decision_id` what it led to.
closings = Table(
    "closings",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id"), primary_key=True),
    Column("finding", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("policy", Text),
    Column("step", Text),
    Column("settled", BigInteger),
    Column("decision_id", Text, ForeignKey("decisions.id")),
    Index("closings_at", "at", "case_id"),
    Index("closings_settled", "settled"),
)

labels = Table(
    "labels",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("value", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("rater", Text),
    Column("votes", Integer, nullable=False),
    Column("at", BigInteger),
    Column("policy_version", Text),
    Column("chance", Double),
    Column("case_id", Text, ForeignKey("cases.id"), nullable=False),
    Index("labels_event", "event_id", "label", "number"),
)

notices = Table(
    "notices",
    metadata,
    Column("case_id", Text, ForeignKey("cases.id"), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)


def at_present() -> Select[Any]:
    """Cases with the states in which they are now; `cases` keeps them as they were opened."""
    now = case((closings.c.case_id.is_(None), cases.c.state), else_="closed").label("state")
    said = [now if column.name == "state" else column for column in cases.c]
    return select(*said).select_from(cases).join(closings, closings.c.case_id == cases.c.id, isouter=True)
