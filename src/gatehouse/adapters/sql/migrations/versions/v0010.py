"""One row for each decision, with its link and what it was decided on; keys that can be destroyed commit to content.

Decisions are linked anew from what stands, so heads that were exported before no longer compare.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

from gatehouse.adapters.sql.blobs import Repeated, blobs_of, features_of, layout_of, policies_of, signals_of
from gatehouse.adapters.sql.rows import event_of
from gatehouse.adapters.sql.seals import KEY_BYTES, decision_seal, event_seal, open_part
from gatehouse.records.decision import PolicyOutcome
from gatehouse.records.hash_chain import GENESIS, linked
from gatehouse.records.signal import Signal

revision = "0010"
down_revision = "0009"

OLD = ("hash_chain", "signals", "policy_outcomes", "feature_rows")
NEW = ("erased", "erasures", "holds", "matched", "layouts", "chain_ends", "actor_keys")

OF_EVENTS = (("key", sa.BigInteger()), ("sealed", sa.LargeBinary()), ("amended", sa.LargeBinary()))
OF_DECISIONS = (
    ("seq", sa.BigInteger()),
    ("number", sa.BigInteger()),
    ("planned", sa.Integer()),
    ("policies", sa.LargeBinary()),
    ("layout", sa.LargeBinary()),
    ("sealed", sa.LargeBinary()),
    ("hash", sa.LargeBinary()),
    ("amended", sa.LargeBinary()),
    ("features", sa.LargeBinary()),
    ("signals", sa.LargeBinary()),
)
MAY_BE_NULL = frozenset({"key", "number", "amended", "features", "signals"})

SAID = ("id", "event_id", "revision", "track", "place", "mode", "outcome", "enforce", "releases", "decided")
SEALED = ("id", "decision_id", "event_id", "policy", "kind", "state", "policy_version", "subject", "step", "until")

AT_ONCE = 500

Rows = Mapping[str, Any]


def upgrade() -> None:
    """Move rows into blobs, make keys and link all decisions, then drop what they stood in."""
    _make_new_tables()
    for table, columns in (("events", OF_EVENTS), ("decisions", OF_DECISIONS)):
        for name, kind in columns:
            null = name in MAY_BE_NULL
            default = None if null else "" if isinstance(kind, sa.LargeBinary) else "0"
            op.add_column(table, sa.Column(name, kind, nullable=null, server_default=default))
    _seal_events()
    _link_decisions()
    op.create_index("events_key", "events", ["key"])
    named = sa.text("target IS NOT NULL")
    op.create_index("events_target", "events", ["target"], sqlite_where=named, postgresql_where=named)
    op.create_index("decisions_link", "decisions", ["writer", "seq"], unique=True)
    op.drop_column("events", "digest")
    for name in OLD:
        op.drop_table(name)


def downgrade() -> None:
    """Move blobs back into rows; keys, links and what erasures are known by are gone."""
    op.add_column("events", sa.Column("digest", sa.Text(), nullable=False, server_default=""))
    _make_old_tables()
    _unseal_events()
    _spread_decisions()
    for name in ("events_key", "events_target"):
        op.drop_index(name, "events")
    op.drop_index("decisions_link", "decisions")
    for table, columns in (("events", OF_EVENTS), ("decisions", OF_DECISIONS)):
        for name, _ in columns:
            op.drop_column(table, name)
    for name in NEW:
        op.drop_table(name)


def _tables(*names: str) -> list[sa.Table]:
    found = sa.MetaData()
    found.reflect(op.get_bind(), only=names)
    return [found.tables[name] for name in names]


def _blocks(wanted: "sa.Select[Any]", column: "sa.Column[Any]") -> Iterator[Sequence["sa.RowMapping"]]:
    """Rows in the order of a unique column, so many at a time, for all at once would not fit into memory."""
    after = None
    while True:
        later = wanted if after is None else wanted.where(column > after)
        block = op.get_bind().execute(later.order_by(column).limit(AT_ONCE)).mappings().all()
        if not block:
            return
        yield block
        after = block[-1][column.name]


def _by_decision(table: sa.Table, ids: Sequence[str]) -> dict[str, list["sa.RowMapping"]]:
    found: dict[str, list[sa.RowMapping]] = {}
    wanted = sa.select(table).where(table.c.decision_id.in_(ids))
    if "place" in table.c:
        wanted = wanted.order_by(table.c.place)
    for row in op.get_bind().execute(wanted).mappings():
        found.setdefault(row["decision_id"], []).append(row)
    return found


def _seal_events() -> None:
    events, keys = _tables("events", "actor_keys")
    known: dict[str, tuple[int, bytes]] = {}
    change = (
        sa.update(events)
        .where(events.c.id == sa.bindparam("of"), events.c.revision == sa.bindparam("its"))
        .values(key=sa.bindparam("by"), sealed=sa.bindparam("seal"))
    )
    wanted = sa.select(events.c.id, events.c.revision, events.c.actor, events.c.digest, events.c.seen, events.c.number)
    for block in _blocks(wanted, events.c.number):
        made, changes = [], []
        for row in block:
            owner = row["actor"] or f"event:{row['id']}"
            if owner not in known:
                known[owner] = (len(known) + 1, secrets.token_bytes(KEY_BYTES))
                made.append({"id": len(known), "owner": owner, "key": known[owner][1], "made": row["seen"]})
            id_, key = known[owner]
            seal = event_seal(key, row["digest"])
            changes.append({"of": row["id"], "its": row["revision"], "by": id_, "seal": seal})
        if made:
            op.get_bind().execute(sa.insert(keys), made)
        op.get_bind().execute(change, changes)


def _link_decisions() -> None:
    """Links follow the order that they had; decisions that had none come before, by their time."""
    decisions, chain, layouts, ends = _tables("decisions", "hash_chain", "layouts", "chain_ends")
    made = decisions.c
    stored: set[bytes] = set()
    end: tuple[str, int, bytes] = ("", 0, GENESIS)
    ended: dict[str, dict[str, Any]] = {}
    for block in _in_order(decisions, chain):
        changes, matches = [], []
        repeated: dict[bytes, str] = {}
        for row, rows in zip(block, _rows_of(block), strict=True):
            blobs, policies, change = _linked(row, rows)
            if end[0] != row["writer"]:
                end = (row["writer"], 0, GENESIS)
            end = (end[0], end[1] + 1, linked(end[2], change["sealed"], change.pop("opened")))
            changes.append({"of": row["id"], **change, "seq": end[1], "hash": end[2]})
            ended[end[0]] = {"writer": end[0], "seq": end[1], "decision_id": row["id"], "hash": end[2]}
            repeated |= {one.digest: one.content.decode() for one in (blobs.layout, policies)}
            matches += [
                {"decision_id": row["id"], "place": place, "detector": name, "evidence": said}
                for place, name, said in blobs.matched
            ]
        names = [name for name, _ in OF_DECISIONS if name != "amended"]
        update = sa.update(decisions).where(made.id == sa.bindparam("of"))
        op.get_bind().execute(update.values({name: sa.bindparam(f"new_{name}") for name in names}), _new(changes))
        new = [{"digest": key, "content": said} for key, said in repeated.items() if key not in stored]
        stored |= repeated.keys()
        for name, values in ((layouts, new), (_tables("matched")[0], matches)):
            if values:
                op.get_bind().execute(sa.insert(name), values)
    if ended:
        op.get_bind().execute(sa.insert(ends), list(ended.values()))


def _in_order(decisions: sa.Table, chain: sa.Table) -> Iterator[list[Rows]]:
    """Decisions as they are linked, with what their links knew: how many deeds came `with` it, and which came first."""
    made, before = decisions.c, chain.c
    first = sa.func.row_number().over(
        partition_by=(made.event_id, made.revision), order_by=(made.decided, made.place, made.id)
    )
    wanted = sa.select(made.id, first.label("nth"), before.planned.label("with"))
    wanted = wanted.join(chain, before.decision_id == made.id, isouter=True)
    order = (made.writer, sa.func.coalesce(before.seq, 0), made.decided, made.place, made.id)
    ids = op.get_bind().execute(wanted.order_by(*order)).all()
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        found = op.get_bind().execute(sa.select(decisions).where(made.id.in_([row.id for row in part]))).mappings()
        rows = {row["id"]: row for row in found}
        yield [{**rows[one.id], **one._mapping} for one in part]


def _new(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parameters must have other names than the columns that they are for."""
    return [{name if name == "of" else f"new_{name}": value for name, value in one.items()} for one in changes]


def _rows_of(block: Sequence[Rows]) -> Iterator[dict[str, Any]]:
    """All rows that belong to each decision of a block."""
    ids = [row["id"] for row in block]
    tables = dict(zip(OLD[1:], _tables(*OLD[1:]), strict=True))
    found = {name: _by_decision(table, ids) for name, table in tables.items()}
    (planned,) = _tables("enforcements")
    deeds = _by_decision(planned, ids)
    events, keys = _tables("events", "actor_keys")
    wanted = sa.select(events, keys.c.key.label("by")).join(keys, keys.c.id == events.c.key)
    wanted = wanted.where(events.c.id.in_({row["event_id"] for row in block}))
    of = {(event["id"], event["revision"]): event for event in op.get_bind().execute(wanted).mappings()}
    for row in block:
        said = {name: rows.get(row["id"], []) for name, rows in found.items()}
        yield {**said, "planned": deeds.get(row["id"], []), "event": of[row["event_id"], row["revision"]]}


def _linked(row: Rows, rows: Rows) -> tuple[Any, Repeated, dict[str, Any]]:
    """What becomes of a decision: its blobs, its policies, and the new columns up to its place in a chain."""
    event = rows["event"]
    features = msgspec.json.decode(rows["feature_rows"][0]["features"]) if rows["feature_rows"] else {}
    said = [
        Signal(event_id=row["event_id"], **{name: one[name] for name in Signal.__struct_fields__[1:]})
        for one in rows["signals"]
    ]
    outcomes = [
        PolicyOutcome(**{name: one[name] for name in PolicyOutcome.__struct_fields__})
        for one in rows["policy_outcomes"]
    ]
    blobs, policies = blobs_of(features, said), Repeated.of(outcomes)
    number = event["number"] if row["nth"] == 1 else None
    deeds = rows["planned"] if row["with"] is None else rows["planned"][: row["with"]]
    columns = [row[name] for name in (*SAID, "supersedes", "writer")]
    part = (number, event["seen"], event["imported"])
    opened = open_part(columns, number, len(deeds), policies.digest, blobs.layout.digest, part)
    planned = [[deed[name] for name in (*SEALED, "undoes", "follows", "place")] for deed in deeds]
    content = (blobs.features, blobs.signals, blobs.matched, planned)
    change = {
        "number": number,
        "planned": len(deeds),
        "policies": policies.digest,
        "layout": blobs.layout.digest,
        "sealed": decision_seal(bytes(event["by"]), bytes(event["sealed"]), opened, content),
        "features": blobs.features,
        "signals": blobs.signals,
        "opened": opened,
    }
    return blobs, policies, change


def _unseal_events() -> None:
    (events,) = _tables("events")
    change = (
        sa.update(events)
        .where(events.c.id == sa.bindparam("of"), events.c.revision == sa.bindparam("its"))
        .values(digest=sa.bindparam("said"))
    )
    for block in _blocks(sa.select(events), events.c.number):
        changes = [{"of": row["id"], "its": row["revision"], "said": event_of(row).digest()} for row in block]
        op.get_bind().execute(change, changes)


def _spread_decisions() -> None:
    decisions, layouts, features, outcomes, signals = _tables("decisions", "layouts", *reversed(OLD[1:]))
    for block in _blocks(sa.select(decisions), decisions.c.id):
        named = {bytes(row[name]) for row in block for name in ("policies", "layout")}
        found = op.get_bind().execute(sa.select(layouts).where(layouts.c.digest.in_(named)))
        repeated = {bytes(row.digest): row.content for row in found}
        values: dict[sa.Table, list[dict[str, Any]]] = {features: [], outcomes: [], signals: []}
        for row in block:
            layout, key = layout_of(repeated[bytes(row["layout"])]), {"decision_id": row["id"]}
            kept = {} if row["features"] is None else features_of(layout, row["features"])
            values[features].append({**key, "features": msgspec.json.encode(kept).decode()})
            said = () if row["signals"] is None else signals_of(layout, row["signals"], row["event_id"])
            for place, one in enumerate(said):
                of = {name: getattr(one, name) for name in Signal.__struct_fields__[1:]}
                values[signals].append({**key, "place": place, **of})
            for place, outcome in enumerate(policies_of(repeated[bytes(row["policies"])])):
                values[outcomes].append({**key, "place": place, **msgspec.structs.asdict(outcome)})
        for table, rows in values.items():
            if rows:
                op.get_bind().execute(sa.insert(table), rows)


def _make_new_tables() -> None:
    op.create_table(
        "actor_keys",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("actor_keys_owner", "actor_keys", ["owner"], unique=True)
    op.create_table(
        "chain_ends",
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("writer"),
    )
    op.create_table(
        "layouts",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "matched",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id", "place"),
        sqlite_with_rowid=False,
    )
    _make_tables_of_erasures()


def _make_tables_of_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("covered", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "erased",
        sa.Column("erasure", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["erasure"], ["erasures.number"]),
        sa.PrimaryKeyConstraint("erasure", "what", "place"),
        sqlite_with_rowid=False,
    )
    op.create_index("erased_place", "erased", ["place"])
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("holds_entity", "holds", ["entity"])


def _make_old_tables() -> None:
    op.create_table(
        "feature_rows",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_table(
        "policy_outcomes",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("policy", "policy_version", "outcome", "enforce")),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("clause", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signals",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("detector", "detector_version", "label", "state")),
        sa.Column("score", sa.Double()),
        sa.Column("evidence", sa.Text()),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hash_chain",
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("writer", "seq"),
        sqlite_with_rowid=False,
    )
