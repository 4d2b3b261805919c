"""Keys from their making to their end, and who may ask by them."""

import re
from collections.abc import Iterator
from threading import Barrier, Thread
from time import sleep

import pytest
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st

from gatehouse.errors import OutsideError, RefusedError, UserError
from gatehouse.flows import access as door
from gatehouse.flows.access import Access, DeniedError, first_key, make_key, revoke_key, rotate_key, state_of
from gatehouse.flows.key_form import hash_of
from gatehouse.records.access import SCOPES, Key, Read
from gatehouse.testing.access_contract import MemoryKeys, MemoryReads
from gatehouse.testing.clock import Clock
from gatehouse.testing.makers import NOW

DAY = 86_400_000_000
SECOND = 1_000_000_000


class CountedKeys(MemoryKeys):
    """Keys that count how often they are read, and can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.down = False

    def usable(self, now: int) -> list[Key]:
        self.asked += 1
        if self.down:
            raise OutsideError("the ledger is down")
        return super().usable(now)


class Ticks:
    """Nanoseconds in a test's hand, no two alike."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


@pytest.fixture
def keys() -> CountedKeys:
    return CountedKeys()


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def reads() -> MemoryReads:
    return MemoryReads()


@pytest.fixture
def access(keys: CountedKeys, reads: MemoryReads, ticks: Ticks) -> Iterator[Access]:
    made = Access(keys, reads, Clock(NOW), ticks=ticks)
    yield made
    made.close()


def test_a_key_has_a_form_that_scanners_know_and_only_its_hash_is_kept(keys: CountedKeys) -> None:
    made = make_key(keys, "site", ["read", "ingest"], now=NOW, by="sam", rate=9, lasts=DAY)
    assert re.fullmatch(r"gh_[0-9a-z]{12}_[0-9A-Za-z]{43}", made.secret)
    assert made.secret.split("_")[1] == made.key.id
    (kept,) = keys.all()
    assert kept == made.key
    assert kept.hash == hash_of(made.secret)
    assert made.secret.split("_")[2] not in str(kept.hash)
    assert (kept.scopes, kept.expires, kept.rate, kept.by) == (("ingest", "read"), NOW + DAY, 9, "sam")


def test_no_two_keys_are_alike(keys: CountedKeys) -> None:
    made = [make_key(keys, "site", ["read"], now=NOW, by="sam") for _ in range(50)]
    assert len({one.secret.split("_")[2] for one in made}) == len({one.key.id for one in made}) == 50


def test_neither_keys_nor_what_was_made_show_their_secret(keys: CountedKeys) -> None:
    made = make_key(keys, "site", ["read"], now=NOW, by="sam")
    for shown in (repr(made), str(made), repr(made.key), str(made.key), f"{[made]}"):
        assert made.secret.split("_")[2] not in shown
        assert made.key.hash not in shown


def test_all_that_is_wrong_with_a_key_is_said_at_once(keys: CountedKeys) -> None:
    with pytest.raises(UserError) as caught:
        make_key(keys, " ", ["ingets", "read"], now=NOW, by="sam", rate=0, lasts=0)  # type: ignore[list-item]
    assert [str(fault) for fault in caught.value.faults] == [
        "name: not a name for a key\n"
        "    → give 1 to 100 letters and digits of ASCII, with . _ @ / + - and spaces between",
        "scopes: no scope 'ingets'\n    → did you mean 'ingest'?",
        "rate: a rate of 0\n    → give 1 to 10,000,000 events a second, or none",
        "expires: an end that is not ahead, or too far\n    → give it a time within 100 years, or none",
    ]
    with pytest.raises(UserError, match="a key that may do nothing"):
        make_key(keys, "site", [], now=NOW, by="sam")
    assert keys.all() == []


@pytest.mark.parametrize("name", ["", " x", "x\n", "x\0", "x\r\ny", "é", "x" * 101, "\u202ex", "-x", "a\tb"])
def test_names_that_could_be_read_as_something_else_are_refused(keys: CountedKeys, name: str) -> None:
    with pytest.raises(UserError, match="not a name for a key"):
        make_key(keys, name, ["read"], now=NOW, by="sam")


def test_a_key_cannot_be_named_by_another_key(keys: CountedKeys) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    with pytest.raises(UserError, match="the name holds a key") as caught:
        make_key(keys, f"of {secret}", ["read"], now=NOW, by="sam")
    assert secret not in str(caught.value)


def test_the_first_start_makes_a_key_that_may_everything_and_no_other_does(keys: CountedKeys) -> None:
    made = first_key(keys, NOW, "gatehouse")
    assert made is not None
    assert made.key.scopes == SCOPES
    assert first_key(keys, NOW, "gatehouse") is None
    revoke_key(keys, made.key.id, now=NOW, by="sam")
    assert first_key(keys, NOW, "gatehouse") is None, "who revoked all keys wants none that prints itself"


def test_a_rotated_key_passes_on_all_it_had_and_ends_after_the_overlap(access: Access, keys: CountedKeys) -> None:
    old = make_key(keys, "site", ["ingest"], now=NOW, by="sam", rate=7, lasts=90 * DAY)
    new = rotate_key(keys, old.key.id, now=NOW + 30 * DAY, by="kim", overlap=DAY)
    assert (new.key.name, new.key.scopes, new.key.rate, new.key.by) == ("site", ("ingest",), 7, "kim")
    assert new.key.replaces == old.key.id
    assert new.key.expires == NOW + 120 * DAY
    moment = NOW + 31 * DAY
    access.clock = lambda: NOW + 30 * DAY
    assert access.caller(old.secret, moment - 1).key_id == old.key.id
    assert access.caller(new.secret, moment - 1).key_id == new.key.id
    with pytest.raises(DeniedError):
        access.caller(old.secret, moment)
    assert access.caller(new.secret, moment).rate == 7


def test_what_cannot_be_rotated_is_said_with_what_to_do(keys: CountedKeys) -> None:
    def key(**said: int) -> str:
        return make_key(keys, "site", ["read"], now=NOW, by="sam", **said).key.id

    revoked, expired, rotated = key(), key(lasts=5), key()
    revoke_key(keys, revoked, now=NOW, by="sam")
    after = rotate_key(keys, rotated, now=NOW, by="sam").key.id
    for id_, what in (
        (revoked, f"key '{revoked}' has ended\n    → gatehouse keys make site makes a new one"),
        (expired, f"key '{expired}' has ended"),
        (rotated, f"key '{rotated}' was rotated before\n    → rotate the key that replaced it, '{after}'"),
        ("nokey", "no key 'nokey'\n    → gatehouse keys list shows all of them"),
    ):
        with pytest.raises(UserError) as caught:
            rotate_key(keys, id_, now=NOW + 5, by="sam")
        assert what in str(caught.value)


def test_a_secret_in_the_place_of_an_id_is_not_said_back(keys: CountedKeys) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    for end in (lambda: rotate_key(keys, secret, now=NOW, by="sam"), lambda: revoke_key(keys, secret, now=NOW, by="s")):
        with pytest.raises(UserError, match="no key of this id") as caught:
            end()
        assert secret not in str(caught.value)


def test_states_in_words(keys: CountedKeys) -> None:
    key = make_key(keys, "site", ["read"], now=NOW, by="sam").key
    ends = make_key(keys, "site", ["read"], now=NOW, by="sam", lasts=5).key
    revoke_key(keys, key.id, now=NOW, by="sam")
    assert [state_of(one, NOW) for one in keys.all() if one.id == key.id] == ["revoked"]
    assert (state_of(key, NOW), state_of(ends, NOW), state_of(ends, NOW + 5)) == ("good", "ending", "expired")


def test_a_caller_is_who_the_key_says(access: Access, keys: CountedKeys) -> None:
    made = make_key(keys, "site", ["ingest", "read"], now=NOW, by="sam")
    caller = access.caller(made.secret, NOW)
    assert (caller.name, caller.key_id, caller.scopes, caller.rate) == (
        "site",
        made.key.id,
        frozenset({"ingest", "read"}),
        None,
    )
    access.check(caller, "read")
    with pytest.raises(RefusedError, match="the key 'site' has not the scope admin") as caught:
        access.check(caller, "admin")
    assert "gatehouse keys make NAME --scope admin" in str(caught.value)


def test_keys_are_read_once_for_many_requests(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    for _ in range(100):
        access.caller(secret, NOW)
    assert keys.asked == 1
    ticks.pass_seconds(door.KNOWN_SECONDS)
    assert access.known(secret, NOW) is None
    access.caller(secret, NOW)
    assert keys.asked == 2


def test_a_key_revoked_elsewhere_stops_within_five_seconds(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    made = make_key(keys, "site", ["read"], now=NOW, by="sam")
    access.caller(made.secret, NOW)
    revoke_key(keys, made.key.id, now=NOW, by="sam")
    assert access.caller(made.secret, NOW).name == "site"
    ticks.pass_seconds(5)
    with pytest.raises(DeniedError):
        access.caller(made.secret, NOW)


def test_a_key_revoked_here_stops_at_once(access: Access, keys: CountedKeys) -> None:
    made = make_key(keys, "site", ["read", "admin"], now=NOW, by="sam")
    caller = access.caller(made.secret, NOW)
    access.revoke(caller, made.key.id)
    with pytest.raises(DeniedError):
        access.caller(made.secret, NOW)
    assert keys.all()[0].revoked_by == "site"


def test_where_keys_cannot_be_read_after_one_was_revoked_nobody_is_let_in_before_they_are(
    access: Access, keys: CountedKeys, ticks: Ticks
) -> None:
    made, other = (make_key(keys, "site", ["admin"], now=NOW, by="sam") for _ in range(2))
    caller = access.caller(other.secret, NOW)
    keys.down = True
    access.revoke(caller, made.key.id)
    for secret in (made.secret, other.secret):
        with pytest.raises(OutsideError):
            access.caller(secret, NOW)
    keys.down = False
    ticks.pass_seconds(1)
    assert access.caller(other.secret, NOW) == caller
    with pytest.raises(DeniedError):
        access.caller(made.secret, NOW)


def test_what_took_too_long_to_read_lets_nobody_in(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    read = keys.usable

    def slow(now: int) -> list[Key]:
        found = read(now)
        ticks.pass_seconds(door.KNOWN_SECONDS)
        return found

    keys.usable = slow  # type: ignore[method-assign]
    with pytest.raises(OutsideError, match="the keys cannot be read in time"):
        access.caller(secret, NOW)


def test_a_key_expires_at_its_time_though_it_is_known(access: Access, keys: CountedKeys) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam", lasts=DAY).secret
    assert access.caller(secret, NOW + DAY - 1).name == "site"
    with pytest.raises(DeniedError):
        access.caller(secret, NOW + DAY)
    assert keys.asked == 1


def test_a_key_made_elsewhere_is_good_within_a_second(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    access.refresh()
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    with pytest.raises(DeniedError):
        access.caller(secret, NOW)
    ticks.pass_seconds(door.UNKNOWN_SECONDS)
    assert access.caller(secret, NOW).name == "site"


def test_a_flood_of_wrong_keys_costs_one_query_a_second(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    wrong = [make_key(MemoryKeys(), "x", ["read"], now=NOW, by="x").secret for _ in range(20)]
    for number in range(1_000):
        ticks.pass_seconds(0.01)
        with pytest.raises(DeniedError):
            access.caller(wrong[number % 20], NOW)
    assert keys.asked <= 11


@given(st.text() | st.from_regex(r"gh_[0-9a-z]{12}_[0-9A-Za-z]{42}", fullmatch=True))
@tried(deadline=None, max_examples=60)
def test_what_is_no_key_is_denied_without_a_query_and_not_said_back(sent: str) -> None:
    keys = CountedKeys()
    access = Access(keys, MemoryReads(), Clock(NOW))
    with pytest.raises(DeniedError) as caught:
        access.caller(sent, NOW)
    assert keys.asked == 0
    assert str(caught.value).startswith("this key is not valid")


def test_every_reason_to_deny_reads_the_same(access: Access, keys: CountedKeys) -> None:
    revoked = make_key(keys, "site", ["read"], now=NOW, by="sam")
    expired = make_key(keys, "site", ["read"], now=NOW, by="sam", lasts=1)
    revoke_key(keys, revoked.key.id, now=NOW, by="sam")
    other = make_key(MemoryKeys(), "x", ["read"], now=NOW, by="x").secret
    said = set()
    for sent in (revoked.secret, expired.secret, other, "gh_", "", revoked.secret.upper()):
        with pytest.raises(DeniedError) as caught:
            access.caller(sent, NOW + 5)
        said.add(str(caught.value))
    assert len(said) == 1


def test_while_keys_cannot_be_read_nobody_new_is_let_in_and_it_is_not_tried_at_every_request(
    access: Access, keys: CountedKeys, ticks: Ticks
) -> None:
    secret = make_key(keys, "site", ["read"], now=NOW, by="sam").secret
    access.caller(secret, NOW)
    keys.down = True
    ticks.pass_seconds(4)
    assert access.ageing
    with pytest.raises(OutsideError):
        access.refresh()
    assert not access.ageing
    assert access.caller(secret, NOW).name == "site", "known still"
    ticks.pass_seconds(1)
    for _ in range(50):
        with pytest.raises(OutsideError, match="the ledger is down"):
            access.caller(secret, NOW)
    assert keys.asked == 3
    keys.down = False
    ticks.pass_seconds(1)
    assert access.caller(secret, NOW).name == "site"


def test_threads_that_come_together_read_the_keys_together(access: Access, keys: CountedKeys, ticks: Ticks) -> None:
    begun, ended = Barrier(2, timeout=5), Barrier(2, timeout=5)
    read = keys.usable

    def slow(now: int) -> list[Key]:
        begun.wait()
        ended.wait()
        return read(now)

    keys.usable = slow  # type: ignore[method-assign]
    threads = [Thread(target=access.refresh) for _ in range(4)]
    threads[0].start()
    begun.wait()
    now = ticks.now
    for thread in threads[1:]:
        thread.start()
    while ticks.now < now + 3:
        sleep(0.001)
    ended.wait()
    # Those that came after this reading began may not take it for theirs, and share the next.
    begun.wait()
    ended.wait()
    for thread in threads:
        thread.join(5)
    assert keys.asked == 2


def test_the_rate_is_the_keys_own_else_the_houses(keys: CountedKeys, ticks: Ticks) -> None:
    access = Access(keys, MemoryReads(), Clock(NOW), rate=3, ticks=ticks)
    own = access.caller(make_key(keys, "own", ["read"], now=NOW, by="sam", rate=1).secret, NOW)
    ticks.pass_seconds(2)
    other = access.caller(make_key(keys, "other", ["read"], now=NOW, by="sam").secret, NOW)
    assert (access.count(own), access.count(own)) == (None, pytest.approx(1))
    assert (access.count(other), access.allow(other, 2), access.count(other)) == (None, None, pytest.approx(1 / 3))
    access.refresh()
    assert access.count(own) == pytest.approx(1), "reading the keys again fills no bucket"


def test_a_read_says_who_what_and_when_and_is_on_record_at_the_end(
    access: Access, keys: CountedKeys, reads: MemoryReads
) -> None:
    caller = access.caller(make_key(keys, "site", ["read"], now=NOW, by="sam").secret, NOW)
    access.read(caller, "event", "e1")
    access.read(caller, "actor", "account:\0\ud800" + "x" * 2_000)
    access.close()
    second, first = reads.find()
    assert first == Read(at=first.at, by="site", key_id=caller.key_id, what="event", which="e1")
    assert first.at < second.at
    assert second.which.startswith(r"account:\x00\ud800xxx")
    assert len(second.which) == 1_000
