"""Public histories are read as they are published, keep their own time, and lose no record silently."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets import event_sets, event_sources, starscout, twitter_bots
from gatehouse.datasets.event_source import ENTITY_LABELS, EventBlock, EventSource, SetAside
from gatehouse.datasets.event_sources import EVENT_SOURCES
from gatehouse.datasets.sources import digest
from gatehouse.errors import UserError
from gatehouse.features.define import FeatureSet
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, from_batch, to_batch

ABOUT = {"name": "made", "title": "Made up", "licence": "CC0", "population": "events of a test"}


def event(id_: str, at: int = 5, **more) -> Event:
    return Event(id=id_, text="a word", occurred=at, seen=at, imported=True, actor=Entity("account", "ann"), **more)


def block(*events: Event, aside: tuple[SetAside, ...] = ()) -> EventBlock:
    return EventBlock(to_batch(events), aside)


def everything(source: EventSource, folder: Path) -> tuple[list[Event], list[SetAside]]:
    blocks = list(source.read(folder))
    return [e for b in blocks for e in from_batch(b.events)], [one for b in blocks for one in b.aside]


def packed(path: Path, text: str) -> None:
    path.write_bytes(gzip.compress(text.encode()))


@pytest.mark.data
@pytest.mark.parametrize("name", EVENT_SOURCES)
def test_the_known_copies_are_the_ones_that_are_read(public_data: Path, name: str) -> None:
    source = EVENT_SOURCES[name]
    folder = event_sources.require(source, [public_data])
    assert folder == public_data / name
    assert [digest(folder / file.name) for file in source.files] == [file.sha256 for file in source.files]
    assert [(folder / file.name).stat().st_size for file in source.files] == [file.size for file in source.files]
    assert all("NOT" not in sentence for sentence in event_sources.provenance(source, folder))


@pytest.mark.data
def test_public_histories_are_imported_whole_with_their_claims(public_data: Path, tmp_path: Path) -> None:
    found = {}
    for name, source in EVENT_SOURCES.items():
        folder = public_data / name
        about = {"name": name, "title": source.title, "licence": source.licence, "population": source.population}
        info, written = event_sets.write(source.read(folder), source.labels(folder), tmp_path, **about)
        table = pq.read_table(written / "events.parquet")
        assert table.schema.equals(EVENT_SCHEMA)
        assert table["seen"].equals(table["occurred"])
        assert (len(table), len(table["id"].unique())) == (info.events, info.events)
        assert not info.rejected
        found[name] = info
    ira, stars, bots = found.values()
    assert (ira.events, ira.actors, ira.in_order) == (364_097, 947, True)
    assert ira.kinds == {"post": 229_395, "quote": 7_015, "repost": 127_687}
    assert ira.labels["right_troll"] == (555, 392)
    assert (stars.kinds, stars.labels) == ({"profile": 20_079, "star": 34_284}, {"suspected": (10_087, 9_992)})
    assert (bots.kinds, bots.labels) == ({"profile": 1_923}, {"bot": (825, 1_098)})


def _has_attributes(block: EventBlock) -> bool:
    return block.events.column("attributes").null_count == 0


@pytest.mark.data
def test_what_a_history_says_its_attributes_hold_is_what_they_hold(public_data: Path) -> None:
    for name, source in EVENT_SOURCES.items():
        with_attributes = (block.events for block in source.read(public_data / name) if _has_attributes(block))
        columns = FeatureSet(profile=source.profile).compute(next(with_attributes))
        unknown = {column.name: columns[column.name].null_count for column in source.profile}
        expected = {"created_at": 302, "has_extended_profile": 40} if name == "twitter-bots-nyu" else {}
        assert {column: count for column, count in unknown.items() if count} == expected


def test_tweets_become_posts_reposts_and_quotes_at_their_own_time(tmp_path: Path) -> None:
    at = pa.array([60_000_000, 60_000_000, None, -1, 90_000_000], pa.timestamp("us"))
    columns = {
        "actor_id": ["u_1", "u_1", "u_2", "u_2", None],
        "account_category": ["NewsFeed", "NewsFeed", "Commercial", "Commercial", "Commercial"],
        "published_at": at,
        "language": ["English", "LANGUAGE UNDEFINED", "English", "English", "English"],
        "region": ["Nowhere", None, "", "", ""],
        "post_type": [None, "Q", "R", "R", "R"],
        "retweet": [0, 1, 1, 1, 1],
        "following": [1, 2, 3, 4, 5],
        "followers": [6, 7, 8, 9, 10],
        "content": ["one", "two", "three", "four", "five"],
    }
    pq.write_table(pa.table(columns), tmp_path / "tweets.parquet")
    source = EVENT_SOURCES["ira-troll-tweets"]
    events, aside = everything(source, tmp_path)
    assert events[0] == Event(
        id="tweet-00000001",
        text="one",
        language="en",
        occurred=60_000_000,
        seen=60_000_000,
        imported=True,
        actor=Entity("account", "u_1"),
        attributes={"followers": 6, "following": 1, "region": "Nowhere"},
    )
    assert (events[1].kind, events[1].language, events[1].attributes) == (
        "quote",
        None,
        {"followers": 7, "following": 2},
    )
    assert [(one.row, one.reason) for one in aside] == [
        (3, "the time is missing"),
        (4, "the time is before 1970"),
        (5, "the actor is missing"),
    ]
    with pytest.raises(UserError, match="there is no actor_id"):
        source.labels(tmp_path)


def test_a_profile_of_counts_stands_after_every_star_and_bad_rows_are_set_aside(tmp_path: Path) -> None:
    names = ",".join(starscout._COUNTED)
    rows = [("u_1", ["1.0"] * 15, 1), ("u_2", ["0.5"] * 15, 0), ("u_3", ["many"] * 15, 0), ("", ["2.0"] * 15, 0)]
    lines = [f"{who},{','.join(counts)},{suspected}\n" for who, counts, suspected in rows]
    packed(tmp_path / "actors.csv.gz", f"actor,{names},suspected\n" + "".join(lines))
    stars = "r_1,u_1,2024-01-02T03:04:05Z\n,u_1,2024-01-02T03:04:05Z\nr_1,u_1,yesterday\n"
    packed(tmp_path / "stars.csv.gz", "repo,actor,starred_at\n" + stars)
    events, aside = everything(EVENT_SOURCES["starscout"], tmp_path)
    assert [(e.id, e.kind, e.actor, e.target) for e in events] == [
        ("star-00000002", "star", Entity("account", "u_1"), Entity("repository", "r_1")),
        ("profile-00000002", "profile", Entity("account", "u_1"), None),
    ]
    assert events[0].seen == 1_704_164_645_000_000 < events[1].seen == starscout.GATHERED
    assert events[1].attributes is not None
    assert events[1].attributes["pull_request_review_events"] == 1
    assert [one.reason for one in aside] == [
        "the repository is missing",
        "the time 'yesterday' is not ISO 8601",
        "a count is missing or no whole number",
        "commit_comment_events is 'many', not double",
        "the actor is missing",
    ]


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("Sat Oct 17 22:35:31 +0000 2015", 1_445_121_331_000_000),
        ('"Sat Oct 17 22:35:31 +0000 2015"', 1_445_121_331_000_000),
        ("10/17/2015 22:35", 1_445_121_300_000_000),
        ("17/10/2015 22:35", 1_445_121_300_000_000),
        ("2/2/2016 20:42", 1_454_445_720_000_000),
        ("5/11/2016 5:45", None),
    ],
)
def test_a_day_that_could_be_a_month_is_not_guessed(said: str, at: int | None) -> None:
    assert twitter_bots._created(said) == at


def test_an_account_whose_making_has_no_time_is_set_aside(tmp_path: Path) -> None:
    numbers = [column for column in EVENT_SOURCES["twitter-bots-nyu"].profile if column.name != "created_at"]
    names = ",".join(column.name for column in numbers)
    values = ",".join("1" if column.kind == "BIGINT" else "False" for column in numbers)
    lines = f'a_1,{values},10/17/2015 22:35,"""en-gb""",1\na_2,{values},long ago,en,0\n'
    (tmp_path / "accounts.csv").write_text(f"account_id,{names},created_at,lang,bot\n{lines}")
    [account], [aside] = everything(EVENT_SOURCES["twitter-bots-nyu"], tmp_path)
    assert (account.language, account.kind, account.seen) == ("en", "profile", twitter_bots.GATHERED)
    assert account.attributes is not None
    assert account.attributes["created_at"] == 1_445_121_300_000_000
    assert (aside.row, aside.reason) == (3, "created_at is no time that is known")
    labels = EVENT_SOURCES["twitter-bots-nyu"].labels(tmp_path)
    assert labels.schema == ENTITY_LABELS
    assert labels.select(["subject", "value", "at"]).to_pylist() == [
        {"subject": "account:a_1", "value": 1, "at": None},
        {"subject": "account:a_2", "value": 0, "at": None},
    ]


def test_an_imported_history_is_one_version_however_it_is_cut(tmp_path: Path) -> None:
    events = [event("e1"), event("e2", 9, language="en"), event("e3", 7, amount=12)]
    whole, folder = event_sets.write([block(*events)], None, tmp_path / "a", **ABOUT)
    cut, _ = event_sets.write([block(*events[:2]), block(), block(*events[2:])], None, tmp_path / "b", **ABOUT)
    others = [
        [block(*events[:2])],
        [block(*events[:2], event("e3", 7, amount=13))],
        [block(*events, aside=(SetAside(4, None, "the actor is missing", "e4"),))],
        [block(event("e1"), event("e2", 9, device="en"), event("e3", 7, amount=12))],
    ]
    versions = {event_sets.write(blocks, None, tmp_path / "c", **ABOUT)[0].version for blocks in others}
    assert whole == cut
    assert len({whole.version, *versions}) == 5
    assert folder == tmp_path / "a" / f"made-{whole.version}"
    assert (whole.first, whole.last, whole.in_order) == (5, 9, False)
    assert event_sets.write([block(*events)], None, tmp_path / "a", **ABOUT) == (whole, folder)
    assert event_sets.infos(tmp_path / "a") == [(whole, folder)]


def test_what_was_set_aside_is_kept_with_its_reasons_and_counted_on_the_card(tmp_path: Path) -> None:
    aside = SetAside(3, "e3", "the time is missing", "e3, yes")
    claims = pa.Table.from_pylist(
        [{"subject": "account:ann", "label": "bot", "value": 1, "source": "desk", "at": None}], schema=ENTITY_LABELS
    )
    info, folder = event_sets.write([block(event("e1"), aside=(aside,))], claims, tmp_path, **ABOUT, notes=["Made"])
    assert json.loads((folder / "rejects.jsonl").read_text()) == {
        "row": 3,
        "id": "e3",
        "reason": "the time is missing",
        "begins": "e3, yes",
    }
    assert pq.read_table(folder / "labels.parquet").equals(claims)
    assert (folder / "CARD.md").read_text() == (
        f"""# Made up

Events `made`, version `{info.version}`: the hash of all that stands beside this card.

- **Licence:** CC0
- **Population:** events of a test. Figures measured on it speak of nobody else.
- **Events:** 1 (1 post) of 1 actors
- **Times:** 1970-01-01 to 1970-01-01; history keeps its own time (`seen` = `occurred`, imported)
- **Order:** by `seen`
- **Set aside:** 1, in rejects.jsonl with their reasons
  - 1: the time is missing

## Claims about entities

| label | holds | does not |
| --- | ---: | ---: |
| bot | 1 | 0 |

## Known limits

- Made
"""
    )


def test_a_history_without_an_event_is_refused_with_why(tmp_path: Path) -> None:
    aside = SetAside(3, "e3", "the time is missing", "e3, yes")
    with pytest.raises(UserError, match=r"'made' holds no event: all its records were set aside \(1 the time"):
        event_sets.write([block(aside=(aside,))], None, tmp_path, **ABOUT)
    assert not list(tmp_path.iterdir())


def test_files_that_are_not_there_say_how_they_come_here(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        event_sources.require(EVENT_SOURCES["starscout"], [tmp_path])
    assert str(error.value) == (
        f"{tmp_path}: the files of 'starscout' are not there (actors.csv.gz, stars.csv.gz)\n"
        "    → they come from https://github.com/hehao98/StarScout; put them into a folder starscout and name the "
        "folder above it in GATEHOUSE_DATA"
    )
