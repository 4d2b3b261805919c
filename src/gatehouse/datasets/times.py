"""Times of a file's column as microseconds UTC; what is not a time with a zone is named."""

import datetime
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

EARLIEST = -62_135_596_800_000_000
LATEST = 253_402_300_799_999_999
"""The first and the last microsecond of the years 1 to 9999."""

DAY = 86_400_000_000

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def microseconds(column: pa.Array) -> tuple[pa.Array, dict[int, str]]:
    """The column as int64 microseconds since 1970 UTC, and the reason for each row that is no such time (made null).

    Whole numbers are microseconds; texts are ISO 8601 with a zone or Z; timestamps of Parquet need their zone.
    """
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.int64()), {}
    if pa.types.is_timestamp(column.type) and column.type.tz:
        return column.cast(pa.timestamp("us", tz="UTC"), safe=False).cast(pa.int64()), {}
    if pa.types.is_integer(column.type):
        return _each(column, _number, range(len(column)) if _any_outside(column) else ())
    texts = column.cast(pa.string())
    for kind in (pa.int64(), pa.timestamp("us", tz="UTC")):
        # Nearly every file is all of one form, which Arrow reads a hundred times faster than the loop below.
        try:
            return microseconds(texts.cast(kind))
        except pa.ArrowInvalid:
            continue
    return _each(texts, _text, range(len(texts)))


def implausible(times: pa.Array, now: int) -> dict[int, str]:
    """Why a time (int64 microseconds) is none at which an event can have happened, for each row where it is not.

    A time may be up to a day after `now`, for clocks differ a little.
    """
    reasons = {}
    for late, reason in ((False, "is before 1970"), (True, "is in the future, more than a day after now")):
        mask = pc.greater(times, now + DAY) if late else pc.less(times, 0)
        for row in pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist():
            reasons[row] = f"the time {_written(times[row].as_py())} {reason}"
    return reasons


def _written(time: int) -> str:
    moment = _EPOCH + datetime.timedelta(microseconds=time)
    return moment.isoformat().replace("+00:00", "Z")


def _any_outside(column: pa.Array) -> bool:
    outside = pc.or_(pc.less(column, EARLIEST), pc.greater(column, LATEST))
    return bool(pc.any(outside).as_py())


def _each(column: pa.Array, read: Callable[[object], int], rows: range | tuple[()]) -> tuple[pa.Array, dict[int, str]]:
    if not rows:
        return column.cast(pa.int64()), {}
    values: list[int | None] = []
    wrong: dict[int, str] = {}
    for row in rows:
        value = column[row].as_py()
        try:
            values.append(None if value is None or value == "" else read(value))
        except ValueError as error:
            wrong[row] = str(error)
            values.append(None)
    return pa.array(values, pa.int64()), wrong


def _number(value: object) -> int:
    number = int(str(value))
    if not EARLIEST <= number <= LATEST:
        raise ValueError(f"the time {number} is no number of microseconds since 1970")
    return number


def _text(value: object) -> int:
    text = str(value).strip()
    if text.lstrip("-").isdigit():
        return _number(text)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"the time '{text[:40]}' is not ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError(f"the time '{text[:40]}' has no zone: write 2026-01-31T12:00:00Z")
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)
