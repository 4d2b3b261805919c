"""Twitter accounts that are bots or people, as rows of numbers (New York University's class competition of 2017)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from gatehouse.datasets import published_tables, tables
from gatehouse.datasets.event_source import EventBlock, EventSource, claims, entities, events_of
from gatehouse.datasets.items import SourceFile
from gatehouse.datasets.published import meaning
from gatehouse.features.profile import ProfileColumn

_FILE = "accounts.csv"
_BOT = {"1": 1, "0": 0}
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})")

GATHERED = 1_491_004_800_000_000
"""1 April 2017: the first of a month after the newest account was made."""


def _created(said: str) -> int | None:
    """Microseconds UTC of `Sat Oct 17 22:35:31 +0000 2015` or `5/27/2015 21:07`.

    None where day and month of the short form cannot be told apart: it is written both ways round. Raises ValueError
    where it is no time.
    """
    plain = said.strip(' "')
    short = _SHORT.fullmatch(plain)
    if short is None:
        return _microseconds(datetime.strptime(plain, "%a %b %d %H:%M:%S %z %Y"))
    first, second, year, hour, minute = (int(part) for part in short.groups())
    if first <= 12 and second <= 12 and first != second:
        return None
    month, day = (second, first) if first > 12 else (first, second)
    return _microseconds(datetime(year, month, day, hour, minute, tzinfo=UTC))


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _read(folder: Path) -> Iterator[EventBlock]:
    kinds = {"BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}
    asked = {column.name: kinds[column.kind] for column in _PROFILE if column.name != "created_at"}
    mapping = {"actor": "account_id", "created_at": "created_at", "lang": "lang", **{name: name for name in asked}}
    for batch in tables.read(folder / _FILE, mapping, types=asked):
        made: list[int | None] = []
        wrong = np.zeros(len(batch.columns), np.bool_)
        for place, said in enumerate(batch.columns.column("created_at").to_pylist()):
            try:
                made.append(_created(said or ""))
            except ValueError:
                made.append(None)
                wrong[place] = True
        columns = {
            "kind": "profile",
            "occurred": pa.repeat(pa.scalar(GATHERED, pa.int64()), len(made)),
            "language": pa.array([_language(said) for said in batch.columns.column("lang").to_pylist()], pa.string()),
            "actor": entities("account", batch.columns.column("actor")),
            "attributes": _attributes(batch.columns.select(list(asked)), made),
        }
        yield events_of(batch, columns, name="profile", wrong={"created_at is no time that is known": wrong})


def _language(said: str | None) -> str | None:
    """The language of a locale: `"en-gb"` is English."""
    return (said or "").strip(' "').lower().partition("-")[0] or None


def _attributes(numbers: pa.RecordBatch, made: list[int | None]) -> pa.Array:
    """What was said of each account, as JSON with its names in order; what is not known is left out."""
    rows = [{**row, "created_at": at} for row, at in zip(numbers.to_pylist(), made, strict=True)]
    known = ({name: value for name, value in sorted(row.items()) if value is not None} for row in rows)
    return pa.array([msgspec.json.encode(row).decode() for row in known], pa.string())


def _labels(folder: Path) -> pa.Table:
    path = folder / _FILE
    rows = published_tables.rows(path, ("account_id", "bot"))
    said = {f"account:{account}": {"bot": meaning(bot, _BOT, path, row)} for row, (account, bot) in rows}
    return claims(SOURCE.name, said)


_PROFILE = (
    ProfileColumn("followers_count", "BIGINT", "Accounts that follow the account."),
    ProfileColumn("friends_count", "BIGINT", "Accounts that the account follows."),
    ProfileColumn("listedcount", "BIGINT", "Lists that name the account."),
    ProfileColumn("favourites_count", "BIGINT", "Tweets that the account liked."),
    ProfileColumn("statuses_count", "BIGINT", "Tweets of the account."),
    ProfileColumn("created_at", "BIGINT", "When the account was made, microseconds UTC."),
    ProfileColumn("verified", "BOOLEAN", "Whether the platform had verified who it is."),
    ProfileColumn("default_profile", "BOOLEAN", "Whether its profile was never changed."),
    ProfileColumn("default_profile_image", "BOOLEAN", "Whether its picture was never changed."),
    ProfileColumn("has_extended_profile", "BOOLEAN", "Whether it has an extended profile."),
    ProfileColumn("screen_name_chars", "BIGINT", "Length of its name."),
    ProfileColumn("screen_name_digits", "BIGINT", "Digits in its name."),
    ProfileColumn("description_chars", "BIGINT", "Length of what it says of itself."),
    ProfileColumn("has_url", "BOOLEAN", "Whether it names a page of its own."),
    ProfileColumn("has_location", "BOOLEAN", "Whether it says where it is."),
)

SOURCE = EventSource(
    name="twitter-bots-nyu",
    title="Twitter accounts, bots and people",
    licence="MIT",
    population="1,923 accounts on Twitter in the spring of 2017, 43 % of them bots",
    home="https://github.com/jubins/MachineLearning-Detecting-Twitter-Bots",
    files=(
        SourceFile(
            name=_FILE,
            sha256="77f64878c4a59d155345ead36b798bea07f27612efea5f80b05bf380e66f65fe",
            size=205_262,
            address=None,
        ),
    ),
    profile=_PROFILE,
    limits=(
        "The source does not say when the accounts were looked at: a profile stands at 1 April 2017, after the newest "
        "account was made. There is one profile an account and no other event, so nothing can be earlier than it",
        "created_at is left out for 302 accounts: it is written in numbers that are a day and a month in either order",
        "Who is verified was hardly ever a bot: the people were mostly drawn from well-known ones",
        "How an account was found to be a bot is not said",
    ),
    read=_read,
    labels=_labels,
)
