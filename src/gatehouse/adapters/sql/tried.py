"""Decisions of a SQL ledger by the releases that made them."""

import msgspec
from sqlalchemy import func, select

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.reading import Reader
from gatehouse.adapters.sql.rows import to_json
from gatehouse.adapters.sql.tables import decisions, events
from gatehouse.ports.tried import Beside, Made


class SqlTried:
    """What releases decided, as it stands in a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = Reader(database.where)

    def made(self, pack: str) -> list[Made]:
        """What each release of a pack decided, by version and mode; superseded decisions count."""
        kept = decisions.c
        wanted = select(kept.releases, kept.mode, func.count(), func.min(kept.decided), func.max(kept.decided))
        found: dict[tuple[str, str], Made] = {}
        with self._database.reading() as connection:
            for releases, mode, n, first, last in connection.execute(wanted.group_by(kept.releases, kept.mode)):
                version = msgspec.json.decode(releases, type=dict[str, str]).get(pack)
                if version is None:
                    continue
                was = found.get((version, mode))
                if was is not None:
                    n, first, last = n + was.decisions, min(first, was.first), max(last, was.last)
                found[version, mode] = Made(version, mode, n, first, last)
        return [found[key] for key in sorted(found)]

    def beside(self, pack: str, version: str, since: int = 0, most: int = 20_000) -> list[Beside]:
        """The latest decisions of a release in shadow since then, oldest first, each with the live one that stands."""
        kept = decisions.c
        latest = (
            select(kept.id, kept.event_id, kept.revision)
            .where(kept.mode == "shadow", kept.releases == to_json({pack: version}), kept.decided >= since)
            .order_by(kept.decided.desc(), kept.id)
            .limit(most)
        )
        with self._database.reading() as connection:
            rows = connection.execute(latest).all()[::-1]
            ids = [row.event_id for row in rows]
            live = {
                (row.event_id, row.revision): row.id
                for row in among(
                    connection,
                    select(kept.id, kept.event_id, kept.revision).where(kept.mode == "live").order_by(kept.place),
                    kept.event_id,
                    ids,
                )
            }
            actors = {
                (row.id, row.revision): row.actor
                for row in among(connection, select(events.c.id, events.c.revision, events.c.actor), events.c.id, ids)
            }
            pairs = [(row, live[key]) for row in rows if (key := (row.event_id, row.revision)) in live]
            whole = self._reader.decisions(connection, [id_ for row, other in pairs for id_ in (row.id, other)])
        return [Beside(actors[row.event_id, row.revision], whole[row.id], whole[other]) for row, other in pairs]
