"""Reports, appeals and cases in a SQL database: beside the ledger's `cases`, in the same transactions' order."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, and_, delete, exists, func, insert, select, tuple_, update

from gatehouse.adapters.sql.cases_tables import appeals, at_present, closings, labels, notices, reports, spoken_cases
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.faults import unkept
from gatehouse.adapters.sql.lookup import among
from gatehouse.adapters.sql.tables import cases, decisions, events
from gatehouse.errors import Fault, UserError
from gatehouse.ports.cases import ContradictionError, Filed, Spoken, Taken
from gatehouse.records.case import Appeal, Case, Closing, Label, Notice, Report
from gatehouse.records.event import ERASED
from gatehouse.records.standing import Reporter
from gatehouse.review.open import joined, opened_by_appeal, opened_by_report

_NEW_ID = "send another report or appeal under another id"


class SqlCases:
    """Reports, appeals and cases, in the ledger's own database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def report(self, report: Report) -> Taken:
        """Record a report; the event's open case that it belongs to, or a new one, takes it, or it waits."""
        _check([report])
        with self._database.writing() as connection:
            known = connection.execute(select(reports).where(reports.c.id == report.id)).one_or_none()
            if known is not None:
                gone = exists().where(events.c.id == report.event_id, events.c.kind == ERASED)
                was = _report(known)
                _same(was, was.left_of(report, event_erased=bool(connection.scalar(select(gone)))))
                return Taken(known.case_id, True)
            case_id = _case_of(connection, report)
            connection.execute(insert(reports), {**msgspec.structs.asdict(report), "case_id": case_id})
        return Taken(case_id, False)

    def join(self, most: int = 1_000) -> int:
        """Bring waiting reports whose events have come by now to their cases, oldest first."""
        come = exists().where(decisions.c.event_id == reports.c.event_id, decisions.c.mode == "live")
        waiting = select(reports).where(reports.c.case_id.is_(None), come).order_by(reports.c.number).limit(most)
        with self._database.reading() as connection:
            if connection.execute(waiting.limit(1)).first() is None:
                return 0
        with self._database.writing() as connection:
            found = connection.execute(waiting).all()
            for row in found:
                case_id = _case_of(connection, _report(row))
                connection.execute(update(reports).where(reports.c.id == row.id).values(case_id=case_id))
        return len(found)

    def reported(self, id: str) -> tuple[Report, str | None] | None:
        """A report and the id of its case, or None."""
        with self._database.reading() as connection:
            row = next(among(connection, select(reports), reports.c.id, [id]), None)
        return None if row is None else (_report(row), row.case_id)

    def appeal(self, appeal: Appeal) -> Taken:
        """Record an appeal and open its case."""
        _check([appeal])
        with self._database.writing() as connection:
            known = connection.execute(select(appeals).where(appeals.c.id == appeal.id)).one_or_none()
            if known is not None:
                _same(_appeal(known), appeal)
                return Taken(known.case_id, True)
            of_it = select(appeals.c.id).where(appeals.c.decision_id == appeal.decision_id)
            still_open = connection.scalar(of_it.where(~_closed(appeals.c.case_id)).limit(1))
            if still_open is not None:
                what = f"appeal {still_open!r} of this decision is open"
                raise ContradictionError(what, where="decision_id", fix="wait until it is decided")
            case = opened_by_appeal(appeal)
            _open(connection, case, appeal.at)
            connection.execute(insert(appeals), {**msgspec.structs.asdict(appeal), "case_id": case.id})
        return Taken(case.id, False)

    def appealed(self, id: str) -> tuple[Appeal, str] | None:
        """An appeal and the id of its case, or None."""
        with self._database.reading() as connection:
            row = next(among(connection, select(appeals), appeals.c.id, [id]), None)
        return None if row is None else (_appeal(row), row.case_id)

    def place_in_log(self, decision_id: str) -> int | None:
        """The number, in the ledger's log, of the event that a live decision is about; None where there is none."""
        about = and_(events.c.id == decisions.c.event_id, events.c.revision == decisions.c.revision)
        wanted = select(events.c.number).join(decisions, about).where(decisions.c.mode == "live")
        with self._database.reading() as connection:
            row = next(among(connection, wanted, decisions.c.id, [decision_id]), None)
        return None if row is None else int(row.number)

    def find(self, case_id: str, most: int = 100) -> Filed | None:
        """A case with at most so many of its reports, or None."""
        with self._database.reading() as connection:
            row = next(among(connection, _of_cases(), cases.c.id, [case_id]), None)
            return None if row is None else _filed(connection, row, most)

    def cases(self, ids: Sequence[str]) -> dict[str, Case]:
        """The cases with these ids, with their present states."""
        with self._database.reading() as connection:
            return {row.id: _case(row) for row in among(connection, _of_cases(), cases.c.id, ids)}

    def spoken(self) -> list[Spoken]:
        """All open cases that somebody reported or that appeals opened."""
        by_case = reports.c.case_id == spoken_cases.c.case_id
        said = select(spoken_cases.c.case_id, spoken_cases.c.opened, reports.c.reporter, appeals.c.id.label("appeal"))
        said = said.join(reports, by_case, isouter=True)
        said = said.join(appeals, appeals.c.case_id == spoken_cases.c.case_id, isouter=True)
        with self._database.reading() as connection:
            rows = connection.execute(said.distinct().order_by(spoken_cases.c.case_id, reports.c.reporter)).all()
        return [
            Spoken(id_, some[0].opened, some[0].appeal is not None, tuple(row.reporter for row in some if row.reporter))
            for id_, some in ((id_, list(group)) for id_, group in groupby(rows, key=lambda row: row.case_id))
        ]

    def unspoken(self, after: tuple[int, str] | None, most: int) -> list[tuple[int, Case]]:
        """The other open cases after a time and id, with when they were opened, oldest first."""
        opened = decisions.c.decided
        wanted = _of_cases().where(closings.c.case_id.is_(None), spoken_cases.c.case_id.is_(None))
        if after is not None:
            wanted = wanted.where(opened >= after[0], tuple_(opened, cases.c.id) > tuple_(*after))
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(opened, cases.c.id).limit(most)).all()
        return [(row.decided, _case(row)) for row in rows]

    def closed(self, before: tuple[int, str] | None, most: int) -> list[tuple[int, Case]]:
        """Closed cases before a time and id, with when they were closed, latest first."""
        at = closings.c.at
        wanted = _of_cases().where(closings.c.case_id.is_not(None))
        if before is not None:
            wanted = wanted.where(at <= before[0], tuple_(at, cases.c.id) < tuple_(*before))
        with self._database.reading() as connection:
            rows = connection.execute(wanted.order_by(at.desc(), cases.c.id.desc()).limit(most)).all()
        return [(row.closed, _case(row)) for row in rows]

    def close(self, closing: Closing, labels_: Sequence[Label]) -> bool:
        """Close a case, with what is found to be true; gives back whether it was open."""
        _check([closing, *labels_])
        with self._database.writing() as connection:
            if connection.scalar(select(closings.c.case_id).where(closings.c.case_id == closing.case_id)) is not None:
                return False
            connection.execute(insert(closings), msgspec.structs.asdict(closing))
            connection.execute(delete(spoken_cases).where(spoken_cases.c.case_id == closing.case_id))
            if labels_:
                rows = [{**msgspec.structs.asdict(one), "case_id": closing.case_id} for one in labels_]
                connection.execute(insert(labels), rows)
        return True

    def settle(self, case_id: str, at: int, decision_id: str | None, notice: Notice | None) -> None:
        """Say that all that follows from a closing was done."""
        open_still = and_(closings.c.case_id == case_id, closings.c.settled.is_(None))
        _check([] if notice is None else [notice])
        with self._database.writing() as connection:
            done = connection.execute(update(closings).where(open_still).values(settled=at, decision_id=decision_id))
            if done.rowcount and notice is not None:
                connection.execute(insert(notices), msgspec.structs.asdict(notice))

    def unsettled(self) -> list[str]:
        """The closed cases from which not all has followed yet, oldest first."""
        wanted = select(closings.c.case_id).where(closings.c.settled.is_(None)).order_by(closings.c.at)
        with self._database.reading() as connection:
            return list(connection.scalars(wanted))

    def closers(self, event_id: str) -> list[str]:
        """Who closed cases of an event, each once."""
        wanted = select(closings.c.by).join(cases, cases.c.id == closings.c.case_id)
        wanted = wanted.join(decisions, decisions.c.id == cases.c.decision_id).distinct()
        with self._database.reading() as connection:
            return sorted(row.by for row in among(connection, wanted, decisions.c.event_id, [event_id]))

    def labels(self, event_id: str) -> list[Label]:
        """What people found to be true of an event, oldest first."""
        wanted = select(labels).order_by(labels.c.number)
        with self._database.reading() as connection:
            found = among(connection, wanted, labels.c.event_id, [event_id])
            return [Label(**_said(row, "number", "case_id")) for row in found]

    def reporters(self, names: Sequence[str]) -> dict[str, Reporter]:
        """How the reports of these reporters ended, by the latest finding on each event and policy; one a case counts.

        A finding on all policies speaks for itself; one on a policy until another is made on it, as on appeal.
        """
        said = and_(labels.c.event_id == reports.c.event_id, labels.c.label == closings.c.policy)
        last = select(labels.c.value).where(said).order_by(labels.c.number.desc()).limit(1).scalar_subquery()
        wanted = select(reports.c.reporter, reports.c.case_id, closings.c.finding, last.label("value"))
        wanted = wanted.join(closings, closings.c.case_id == reports.c.case_id).distinct()
        ends: dict[str, list[bool]] = {}
        with self._database.reading() as connection:
            for row in among(connection, wanted, reports.c.reporter, names):
                upheld = row.finding == "violating" if row.value is None else bool(row.value)
                ends.setdefault(row.reporter, []).append(upheld)
        return {name: Reporter(sum(found), len(found) - sum(found)) for name, found in ends.items()}


def _case_of(connection: Connection, report: Report) -> str | None:
    """The open case that a report belongs to, opened now where there is none; None while its event is not known."""
    later = decisions.alias()
    head = select(decisions).where(decisions.c.event_id == report.event_id, decisions.c.mode == "live")
    head = head.where(~exists().where(later.c.supersedes == decisions.c.id)).order_by(decisions.c.revision.desc())
    standing = connection.execute(head.limit(1)).first()
    if standing is None:
        return None
    of_event = and_(decisions.c.event_id == report.event_id, decisions.c.revision == standing.revision)
    opened = _of_cases().where(of_event, decisions.c.mode == "live", closings.c.case_id.is_(None))
    found = connection.execute(opened.order_by(decisions.c.place, cases.c.place))
    case = joined(report, map(_case, found.all()))
    if case is None:
        case = opened_by_report(report, standing.id)
        _open(connection, case, report.at)
    elif connection.scalar(select(spoken_cases.c.case_id).where(spoken_cases.c.case_id == case.id)) is None:
        connection.execute(insert(spoken_cases), {"case_id": case.id, "opened": report.at})
    return case.id


def _open(connection: Connection, case: Case, at: int) -> None:
    """Put a case behind those of its decision."""
    last = select(func.coalesce(func.max(cases.c.place), -1) + 1).where(cases.c.decision_id == case.decision_id)
    connection.execute(insert(cases).values(**msgspec.structs.asdict(case), place=last.scalar_subquery()))
    connection.execute(insert(spoken_cases), {"case_id": case.id, "opened": at})


def _of_cases() -> Select[Any]:
    """Cases with when their decisions were made, when somebody spoke of them, and how they ended."""
    ended = [closings.c[name].label("closed" if name == "at" else name) for name in ("at", "finding", "by", "why")]
    more = (closings.c.policy.label("found"), closings.c.step, closings.c.settled)
    wanted = at_present().add_columns(decisions.c.decided, spoken_cases.c.opened, *ended, *more)
    wanted = wanted.add_columns(closings.c.decision_id.label("led_to"))
    wanted = wanted.join(decisions, decisions.c.id == cases.c.decision_id)
    return wanted.join(spoken_cases, spoken_cases.c.case_id == cases.c.id, isouter=True)


def _case(row: Row[Any]) -> Case:
    """The case of a row of `_of_cases`, as it stands."""
    return Case(**{name: row._mapping[name] for name in Case.__struct_fields__})


def _filed(connection: Connection, row: Row[Any], most: int) -> Filed:
    of_case = reports.c.case_id == row.id
    some = connection.execute(select(reports).where(of_case).order_by(reports.c.number).limit(max(most, 1))).all()
    reported = connection.scalar(select(func.count()).select_from(reports).where(of_case)) or 0
    appeal = connection.execute(select(appeals).where(appeals.c.case_id == row.id)).one_or_none()
    told = connection.execute(select(notices).where(notices.c.case_id == row.id)).one_or_none()
    begun = appeal or (some[0] if row.opened_by == "report" else None)
    return Filed(
        case=_case(row),
        opened=row.decided if begun is None else begun.at,
        reported=reported,
        reports=tuple(map(_report, some[:most])),
        appeal=None if appeal is None else _appeal(appeal),
        closing=None if row.closed is None else _closing(row),
        settled=row.settled,
        decision_id=row.led_to,
        notice=None if told is None else Notice(**told._mapping),
    )


def _closing(row: Row[Any]) -> Closing:
    return Closing(
        case_id=row.id, finding=row.finding, by=row.by, why=row.why, at=row.closed, policy=row.found, step=row.step
    )


def _report(row: Row[Any]) -> Report:
    return Report(**_said(row, "number", "case_id"))


def _appeal(row: Row[Any]) -> Appeal:
    return Appeal(**_said(row, "number", "case_id"))


def _closed(case_id: Any) -> Any:
    return exists().where(closings.c.case_id == case_id)


def _same(known: Report | Appeal, now: Report | Appeal) -> None:
    if known.content != now.content:
        what = f"{type(now).__name__.lower()} {now.id!r} is known with other content"
        raise ContradictionError(what, where="id", fix=_NEW_ID)


def _check(records: Iterable[msgspec.Struct]) -> None:
    """Raise UserError for texts that would not come back as they are."""
    found = [Fault(what, type(one).__name__.lower(), fix) for one in records for what, fix in unkept(one)]
    if found:
        raise UserError(found)


def _said(row: Row[Any], *keys: str) -> Mapping[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in keys}
