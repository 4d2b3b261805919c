"""Tweets of accounts run by the Internet Research Agency (Linvill and Warren, published by FiveThirtyEight)."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import published_tables, tables
from gatehouse.datasets.event_source import EventBlock, EventSource, claims, entities, events_of
from gatehouse.datasets.items import SourceFile
from gatehouse.datasets.published import meaning
from gatehouse.features.profile import ProfileColumn

_FILE = "tweets.parquet"
_COLUMNS = {
    "actor": "actor_id",
    "occurred": "published_at",
    "text": "content",
    "language": "language",
    "type": "post_type",
    "retweet": "retweet",
    "region": "region",
    "following": "following",
    "followers": "followers",
}
_TYPES = {name: pa.int64() for name in ("occurred", "retweet", "following", "followers")}
_KINDS = {"R": "repost", "Q": "quote"}
_ROLES = {
    "RightTroll": "right_troll",
    "LeftTroll": "left_troll",
    "HashtagGamer": "hashtag_gamer",
    "Fearmonger": "fearmonger",
    "NewsFeed": "news_feed",
    "Commercial": "commercial",
    "NonEnglish": "non_english",
    "Unknown": "unknown_role",
}
_CODES = (
    "sq Albanian, ar Arabic, bn Bengali, bg Bulgarian, ca Catalan, hr Croatian, cs Czech, da Danish, nl Dutch, "
    "en English, et Estonian, fa Farsi (Persian), fi Finnish, fr French, de German, el Greek, gu Gujarati, he Hebrew, "
    "hi Hindi, hu Hungarian, is Icelandic, id Indonesian, it Italian, ja Japanese, ko Korean, ku Kurdish, lv Latvian, "
    "lt Lithuanian, mk Macedonian, ms Malay, no Norwegian, pl Polish, pt Portuguese, ps Pushto, ro Romanian, "
    "ru Russian, sr Serbian, zh Simplified Chinese, sk Slovak, sl Slovenian, so Somali, es Spanish, sv Swedish, "
    "tl Tagalog (Filipino), th Thai, zh Traditional Chinese, tr Turkish, uk Ukrainian, ur Urdu, uz Uzbek, "
    "vi Vietnamese"
)
_LANGUAGES = {pair[3:]: pair[:2] for pair in _CODES.split(", ")}


def _read(folder: Path) -> Iterator[EventBlock]:
    codes = pa.array(list(_LANGUAGES), pa.string()), pa.array(list(_LANGUAGES.values()), pa.string())
    for batch in tables.read(folder / _FILE, _COLUMNS, types=_TYPES):
        said = {name: batch.columns.column(name) for name in _COLUMNS}
        kind = pc.if_else(pc.equal(said["retweet"], 1), "repost", "post")
        for letter, word in _KINDS.items():
            kind = pc.if_else(pc.fill_null(pc.equal(said["type"], letter), False), word, kind)
        columns = {
            "kind": pc.fill_null(kind, "post"),
            "text": said["text"],
            "language": codes[1].take(pc.index_in(said["language"], codes[0])),
            "occurred": said["occurred"],
            "actor": entities("account", said["actor"]),
            "attributes": _attributes(said["followers"], said["following"], said["region"]),
        }
        yield events_of(batch, columns, name="tweet")


def _attributes(*columns: pa.Array) -> pa.Array:
    """What the platform said of the account at the time of the tweet, as JSON; what is not known is left out."""
    names = [column.name for column in _PROFILE]
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    known = ({name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows)
    return pa.array([msgspec.json.encode(row).decode() for row in known], pa.string())


def _labels(folder: Path) -> pa.Table:
    path = folder / _FILE
    roles: dict[str, set[str]] = defaultdict(set)
    for row, (actor, role) in published_tables.rows(path, ("actor_id", "account_category")):
        roles[f"account:{actor}"].add(meaning(role, _ROLES, path, row))
    known = [role for role in _ROLES.values() if any(role in its for its in roles.values())]
    return claims(SOURCE.name, {who: {role: int(role in its) for role in known} for who, its in roles.items()})


_PROFILE = (
    ProfileColumn("followers", "BIGINT", "Accounts that followed the account when it posted."),
    ProfileColumn("following", "BIGINT", "Accounts that the account followed when it posted."),
    ProfileColumn("region", "VARCHAR", "Where the account claimed to be, as the platform classified it."),
)

SOURCE = EventSource(
    name="ira-troll-tweets",
    title="Tweets of accounts run by the Internet Research Agency",
    licence="CC BY 4.0",
    population="947 accounts of one influence operation on Twitter, 2012 to 2018, nearly all in English",
    home="https://github.com/fivethirtyeight/russian-troll-tweets",
    files=(
        SourceFile(
            name=_FILE,
            sha256="6085881140a01cb9f52e109edd7cb24b8e0f862afddad1e42f58f177702477a6",
            size=11_632_599,
            address=None,
        ),
    ),
    profile=_PROFILE,
    limits=(
        "There is no benign account: what tells these from others cannot be learnt here, only how they differ",
        "The labels are six roles that two researchers gave whole accounts, with all of their tweets before them",
        "Times are whole minutes, taken as UTC; tweets of one minute stand in the order of the file",
        "Tweets have no id of their own: the record's number is one, and a record that repeats another is kept",
        "Who was reposted, answered or quoted is not known, so there are no targets and no threads",
        "Languages are what the platform guessed; one that was undefined, or has no two-letter code here, is unknown",
    ),
    read=_read,
    labels=_labels,
)
