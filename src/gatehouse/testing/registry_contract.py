"""What every registry promises; whoever writes one subclasses RegistryContract and gets the tests."""

import pytest

from gatehouse.errors import RefusedError, UserError
from gatehouse.ports.ledger import Registry
from gatehouse.records.dataset import LifeState, Release
from gatehouse.testing.makers import (
    NOW,
    make_dataset_info,
    make_entry_change,
    make_model,
    make_point,
    make_policy,
    make_release,
    make_transition,
)

STEPS: dict[LifeState, set[LifeState]] = {
    "draft": {"shadow", "canary", "live"},
    "shadow": {"draft", "canary", "live", "retired"},
    "canary": {"draft", "canary", "live", "retired"},
    "live": {"retired"},
    "retired": {"shadow", "canary", "live"},
}
WAYS: dict[LifeState, tuple[LifeState, ...]] = {
    "draft": (),
    "shadow": ("shadow",),
    "canary": ("shadow", "canary"),
    "live": ("live",),
    "retired": ("live", "retired"),
}


class RegistryContract:
    """Subclass it and give the fixture `registry`: an empty registry for each test."""

    @pytest.fixture
    def registry(self) -> Registry:
        """An empty registry."""
        raise NotImplementedError("give a fixture `registry`")

    def test_policies_and_models_come_back_equal(self, registry: Registry) -> None:
        """Adding one again changes nothing."""
        policy, model = make_policy(text="é \0 'quoted'"), make_model()
        for _ in range(2):
            registry.add_policy(policy)
            registry.add_model(model)
        assert registry.policy("spam", "p1") == policy
        assert registry.model("spam.linear", "d1") == model

    @pytest.mark.parametrize("why", ["a\0b", "half \ud83d a pair"])
    def test_a_reason_that_would_not_come_back_is_refused(self, registry: Registry, why: str) -> None:
        """With the release it was given for, and nothing is written."""
        with pytest.raises(UserError, match=r"its why holds .*\n    → send it again without that character"):
            registry.add_release(make_release(), at=NOW, by="sam", why=why)
        registry.add_release(make_release(), at=NOW, by="sam", why="trained")
        with pytest.raises(UserError, match=f"release {make_release().version}: its why holds"):
            registry.move(make_transition(make_release(), "live", why=why))
        assert [one.state for one in registry.life("spam")] == ["draft"]

    def test_a_version_never_gets_other_content(self, registry: Registry) -> None:
        """A version is a hash: other content under it is a mistake, and the first stays."""
        registry.add_policy(make_policy())
        registry.add_model(make_model())
        with pytest.raises(UserError, match="version p1 of policy 'spam' is known with other content"):
            registry.add_policy(make_policy(title="Other"))
        with pytest.raises(UserError, match=r"version d1 of model 'spam\.linear' is known with other content"):
            registry.add_model(make_model(languages=("de",)))
        assert registry.policy("spam", "p1") == make_policy()

    def test_a_number_that_would_be_lost_is_refused(self, registry: Registry) -> None:
        """NaN and infinity have no place in JSON."""
        with pytest.raises(UserError, match="a release would not read back as it is"):
            registry.add_release(make_release(points=(make_point(value=float("nan")),)), at=NOW, by="sam", why="new")
        assert list(registry.releases()) == []

    def test_unknown_versions_are_answered_with_the_known(self, registry: Registry) -> None:
        """A misspelt name gets the nearest, a wrong version the latest ones."""
        with pytest.raises(UserError, match="no policy 'spam' is known\n    → gatehouse train PACK makes one"):
            registry.policy("spam", "p1")
        for version in (f"p{i}" for i in range(1, 8)):
            registry.add_policy(make_policy(version=version))
        registry.add_policy(make_policy("sexism"))
        with pytest.raises(UserError) as caught:
            registry.policy("spam", "p7x")
        assert str(caught.value) == (
            "policy 'spam' has no version 'p7x'\n"
            "    → did you mean 'p7'? known, newest first: p7, p6, p5, p4, p3 and 2 more"
        )
        with pytest.raises(UserError) as caught:
            registry.policy("spma", "p1")
        assert str(caught.value) == "no policy 'spma' is known\n    → did you mean 'spam'? known: sexism, spam"
        registry.add_model(make_model())
        with pytest.raises(UserError, match=r"model 'spam\.linear' has no version 'd9'"):
            registry.model("spam.linear", "d9")
        registry.add_release(make_release(), at=NOW, by="sam", why="new")
        with pytest.raises(UserError, match=f"release 'spam' has no version 'nope'\n.*{make_release().version}"):
            registry.release("spam", "nope")

    def test_data_sets_are_listed_with_the_folder_they_lie_in_now(self, registry: Registry) -> None:
        """A folder may move and a card be reworded; the version pins rows and labels."""
        registry.add_dataset(make_dataset_info(), "/old")
        registry.add_dataset(make_dataset_info("edos"), "/edos")
        registry.add_dataset(make_dataset_info(notes="reworded"), "/new")
        assert registry.datasets() == [
            (make_dataset_info("edos"), "/edos"),
            (make_dataset_info(notes="reworded"), "/new"),
        ]

    def test_a_release_begins_as_a_draft(self, registry: Registry) -> None:
        """Adding it again does not begin its life anew."""
        release = make_release()
        for by in ("sam", "kim"):
            registry.add_release(release, at=NOW, by=by, why="trained")
        draft = make_transition(release, "draft", why="trained")
        assert registry.release("spam", release.version) == release
        assert registry.releases() == [(release, draft)]
        assert registry.life("spam") == [draft]
        assert registry.live("spam") is None

    def test_a_release_must_have_the_version_of_what_it_holds(self, registry: Registry) -> None:
        """Else a threshold could outlive its detector under an old name."""
        fields = make_release()
        forged = Release(
            pack=fields.pack,
            version=fields.version,
            policy_version=fields.policy_version,
            detectors={"spam.linear": "another"},
            features=fields.features,
            points=fields.points,
        )
        with pytest.raises(UserError, match="a release holds other things than its version says"):
            registry.add_release(forged, at=NOW, by="sam", why="trained")

    def test_releases_are_listed_newest_first(self, registry: Registry) -> None:
        """Of one pack or of all, each with where it stands."""
        first, second, other = make_release(), make_release(policy_version="p2"), make_release("sexism")
        for release in (first, second, other):
            registry.add_release(release, at=NOW, by="sam", why="trained")
        registry.move(make_transition(first, "live"))
        assert [(one.pack, one.version, latest.state) for one, latest in registry.releases()] == [
            ("sexism", other.version, "draft"),
            ("spam", second.version, "draft"),
            ("spam", first.version, "live"),
        ]
        assert [one for one, _ in registry.releases("spam")] == [second, first]
        assert list(registry.releases("nothing")) == []

    def test_going_live_retires_the_release_that_was(self, registry: Registry) -> None:
        """The retirement is a step of its own that says why; another pack's release stays."""
        first, second, other = make_release(), make_release(policy_version="p2"), make_release("sexism")
        for release in (first, second, other):
            registry.add_release(release, at=NOW, by="sam", why="trained")
        for release in (first, other):
            registry.move(make_transition(release, "live"))
        up = make_transition(second, "live", at=NOW + 5, by="kim", why="finds more")
        registry.move(up)
        assert registry.live("spam") == second
        assert registry.live("sexism") == other
        retired = make_transition(first, "retired", at=NOW + 5, by="kim", why=f"{second.version} went live: finds more")
        assert list(registry.life("spam"))[-2:] == [retired, up]

    def test_a_rollback_brings_the_retired_release_back(self, registry: Registry) -> None:
        """The way back is recorded like any other step."""
        first, second = make_release(), make_release(policy_version="p2")
        for release in (first, second):
            registry.add_release(release, at=NOW, by="sam", why="trained")
            registry.move(make_transition(release, "live"))
        registry.move(make_transition(first, "live", why="rolled back"))
        assert registry.live("spam") == first
        assert [(one.version == first.version, one.state) for one in registry.life("spam")] == [
            (True, "draft"),
            (True, "live"),
            (False, "draft"),
            (True, "retired"),
            (False, "live"),
            (False, "retired"),
            (True, "live"),
        ]

    @pytest.mark.parametrize("state", list(STEPS))
    def test_a_release_moves_only_along_its_life(self, registry: Registry, state: LifeState) -> None:
        """Every other step is refused with the ones that are possible, and leaves no trace."""
        for goal in STEPS:
            release = make_release(policy_version=f"{state} to {goal}")
            registry.add_release(release, at=NOW, by="sam", why="trained")
            for step in WAYS[state]:
                registry.move(make_transition(release, step))
            before = list(registry.life("spam"))
            if goal in STEPS[state]:
                registry.move(make_transition(release, goal))
                assert registry.releases("spam")[0][1].state == goal
                continue
            with pytest.raises(RefusedError) as caught:
                registry.move(make_transition(release, goal))
            assert f"is {state} and cannot become {goal}" in str(caught.value)
            assert all(allowed in caught.value.faults[0].fix for allowed in STEPS[state])
            assert registry.life("spam") == before

    def test_a_canary_keeps_its_share_and_may_be_given_another(self, registry: Registry) -> None:
        """Every share that it had is on record; no other state has one."""
        release = make_release()
        registry.add_release(release, at=NOW, by="sam", why="trained")
        for share in (0.05, 0.25):
            registry.move(make_transition(release, "canary", share=share, differs=0.01))
        registry.move(make_transition(release, "draft"))
        assert [(one.state, one.share, one.differs) for one in registry.life("spam")] == [
            ("draft", None, None),
            ("canary", 0.05, 0.01),
            ("canary", 0.25, 0.01),
            ("draft", None, None),
        ]

    def test_a_release_is_not_moved_from_where_it_is_no_more(self, registry: Registry) -> None:
        """Whoever looked before somebody else moved it is told where it is, and nothing is recorded."""
        release = make_release()
        registry.add_release(release, at=NOW, by="sam", why="trained")
        registry.move(make_transition(release, "canary", share=0.05, differs=0.01), was="draft")
        registry.move(make_transition(release, "live"))
        with pytest.raises(RefusedError) as caught:
            registry.move(make_transition(release, "retired"), was="canary")
        assert str(caught.value) == f"release {release.version} is live by now\n    → gatehouse versions list"
        assert registry.live("spam") == release
        assert [one.state for one in registry.life("spam")] == ["draft", "canary", "live"]

    def test_an_unknown_release_cannot_move(self, registry: Registry) -> None:
        """It is answered with the known ones."""
        registry.add_release(make_release(), at=NOW, by="sam", why="trained")
        with pytest.raises(UserError, match="known, newest first"):
            registry.move(make_transition(make_release(policy_version="p9"), "live"))

    def test_the_latest_change_of_an_entry_counts_and_none_is_lost(self, registry: Registry) -> None:
        """Entries of other banks and packs under the same id are others."""
        first = make_entry_change(state="proposed")
        others = [
            make_entry_change("known-2", content='{"é": "\\u0000 in letters"}'),
            make_entry_change(bank="media"),
            make_entry_change(pack="sexism"),
        ]
        last = make_entry_change(state="retired", at=NOW + 5, by="kim", why="matched too much")
        registry.change_entries([first, *others])
        registry.change_entries([])
        registry.change_entries([last])
        assert list(registry.entries("spam")) == [*others[:2], last]
        assert list(registry.entry_life("spam")) == [first, *others[:2], last]
        assert list(registry.entries("sexism")) == others[2:]
        assert list(registry.entries("nothing")) == []

    def test_a_change_that_cannot_be_kept_is_refused_with_all_beside_it(self, registry: Registry) -> None:
        """Not every database keeps NUL."""
        with pytest.raises(UserError, match="entry 'known-1': its why holds a NUL character"):
            registry.change_entries([make_entry_change("fine"), make_entry_change(why="a\0b")])
        assert list(registry.entry_life("spam")) == []
