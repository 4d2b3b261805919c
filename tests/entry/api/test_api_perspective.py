"""Answers in the form of the Perspective API: what its clients send and read, and nothing that looks like a 0."""

import json
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.entry.api.conftest import Api, serving

from gatehouse.entry.api.limits import MOST_HELD
from gatehouse.entry.api.perspective import WrongError, answered
from gatehouse.features import source as feature_files
from gatehouse.flows.judge import Judge
from gatehouse.flows.perspective import Analyser, Latest, Source
from gatehouse.records.signal import Signals


@dataclass(frozen=True)
class Shouting:
    """Scores a text by its share of capital letters, in English only; raises at `break`."""

    name: str = "shout.linear"
    version: str = "v1"
    languages: frozenset[str] = frozenset({"en"})
    labels: tuple[str, ...] = ("shouting",)

    def signals(self, events: pa.RecordBatch, features: pa.RecordBatch) -> Signals:
        texts = events.column("text").to_pylist()
        if "break" in texts:
            raise ValueError
        share = np.array([sum(map(str.isupper, text)) / max(len(text), 1) for text in texts])
        return Signals.scored(self.name, self.version, self.labels, share[:, None])


ANALYSER = Analyser(
    Judge(feature_files.load("columns: [char_count]\n", "f.yaml"), (Shouting(),), (), {}),
    {"SHOUTING": (Source("shout.linear", "shouting"),)},
)


def ask(text: Any = "HEllo", **more: Any) -> dict[str, Any]:
    request = {"comment": {"text": text}, "requestedAttributes": {"SHOUTING": {}}, "languages": ["en"], **more}
    return answered(json.dumps(request).encode(), ANALYSER)


def refused(text: Any = "HEllo", **more: Any) -> dict[str, Any]:
    with pytest.raises(WrongError) as wrong:
        ask(text, **more)
    body: dict[str, Any] = wrong.value.body["error"]
    assert body["code"] == wrong.value.code
    return body


def test_an_answer_is_what_clients_of_perspective_read() -> None:
    assert ask("HEllo", clientToken="t", doNotStore=True, communityId="c", context={"entries": []}) == {
        "attributeScores": {
            "SHOUTING": {
                "spanScores": [{"begin": 0, "end": 5, "score": {"value": 0.4, "type": "PROBABILITY"}}],
                "summaryScore": {"value": 0.4, "type": "PROBABILITY"},
            }
        },
        "languages": ["en"],
        "detectedLanguages": ["en"],
        "clientToken": "t",
    }


def test_span_annotations_score_each_sentence_at_its_place() -> None:
    spans = ask("Hi you. STOP!", spanAnnotations=True)["attributeScores"]["SHOUTING"]["spanScores"]
    assert [(one["begin"], one["end"]) for one in spans] == [(0, 7), (8, 13)]
    assert spans[1]["score"]["value"] == 0.8


def test_places_are_counted_as_that_api_counts_them_in_units_of_utf_16() -> None:
    text = "\U0001f600 Hi. STOP\U0001f600!"
    spans = ask(text, spanAnnotations=True)["attributeScores"]["SHOUTING"]["spanScores"]
    units = text.encode("utf-16-le")
    said = [units[2 * one["begin"] : 2 * one["end"]].decode("utf-16-le") for one in spans]
    assert said == ["\U0001f600 Hi.", "STOP\U0001f600!"]
    whole = ask(text)["attributeScores"]["SHOUTING"]["spanScores"]
    assert [(one["begin"], one["end"]) for one in whole] == [(0, len(units) // 2)]


@pytest.mark.parametrize("languages", [["de", "en"], ["en-US"], ["EN_gb"], ["fr", "en-Latn-US"]])
def test_of_several_languages_one_that_is_covered_answers_whatever_else_its_code_says(languages: list[str]) -> None:
    answer = ask("HEllo", languages=languages)
    assert (answer["languages"], answer["detectedLanguages"]) == (languages, ["en"])
    assert answer["attributeScores"]["SHOUTING"]["summaryScore"]["value"] == 0.4


def test_what_is_null_is_as_good_as_not_said() -> None:
    asked = {"SHOUTING": {"scoreType": None, "scoreThreshold": None}}
    nothing = dict.fromkeys(("spanAnnotations", "clientToken", "context", "sessionId", "doNotStore", "communityId"))
    assert ask("HEllo there you", requestedAttributes=asked, languages=None, **nothing)["languages"] == ["en"]


def test_scores_under_the_threshold_are_not_answered() -> None:
    assert ask("hello", requestedAttributes={"SHOUTING": {"scoreThreshold": 0.5}})["attributeScores"] == {}


def test_a_language_that_no_detector_covers_is_an_error_and_no_score() -> None:
    error = refused("Guten Morgen", languages=["de"])
    (detail,) = error["details"]
    assert error["message"] == "Attribute SHOUTING does not support request languages: de; it covers en"
    assert (error["code"], detail["errorType"]) == (400, "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE")
    assert detail["languageNotSupportedByAttributeError"] == {"detectedLanguages": ["de"], "attribute": "SHOUTING"}


def test_a_detector_that_fails_is_an_error_and_no_score() -> None:
    assert (refused("break")["code"], refused("break")["status"]) == (500, "INTERNAL")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text": "  "}, "has no text"),
        ({"text": "x" * 30_000}, "more than 20,480 bytes"),
        ({"text": 3}, "Expected `str`"),
        ({"requestedAttributes": {}}, "names none"),
        ({"requestedAttributes": {"SHOUT": {}}}, "Unknown requested attribute: SHOUT; there are SHOUTING"),
        ({"requestedAttributes": {"SHOUTING": {"scoreType": "RAW"}}}, "PROBABILITY only"),
    ],
)
def test_what_cannot_be_answered_says_why(changed: dict[str, Any], said: str) -> None:
    error = refused(**changed)
    assert error["code"] == 400
    assert said in error["message"]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.text(max_size=9) | st.floats(),
            lambda x: st.lists(x) | st.dictionaries(st.text(max_size=9), x),
            max_leaves=9,
        ).map(lambda x: json.dumps(x).encode()),
        st.just(b"[" * 100_000),
    )
)
def test_any_bytes_get_an_answer_or_one_error(data: bytes) -> None:
    with pytest.raises(WrongError) as wrong:
        answered(data, ANALYSER)
    assert wrong.value.code == 400


def test_half_a_character_is_named() -> None:
    body = b'{"comment": {"text": "a\\ud800b"}, "requestedAttributes": {"SHOUTING": {}}}'
    with pytest.raises(WrongError, match=r"half a character|no JSON"):
        answered(body, ANALYSER)


ASKED = {"comment": {"text": "win a free prize now, call"}, "requestedAttributes": {"SPAM": {}}, "languages": ["en"]}


def test_the_server_answers_it_and_records_nothing(api: Api) -> None:
    before = api.events()
    answer = api.client.post("/v1alpha1/comments:analyze", json=ASKED)
    assert answer.status_code == 200, answer.text
    assert 0 < answer.json()["attributeScores"]["SPAM"]["summaryScore"]["value"] < 1
    assert api.events() == before


def test_a_key_may_stand_in_the_address_where_these_clients_put_it_and_nowhere_else(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(api.client.headers, "Authorization")
    path = "/v1alpha1/comments:analyze"

    def status(*keys: str) -> int:
        return api.client.post(path, json=ASKED, params=[("key", key) for key in keys]).status_code

    ingest = api.keys["ingest"]
    assert [status(ingest), status(api.keys["read"]), status("gh_no_key"), status(), status(ingest, ingest)] == [
        200, 403, 401, 401, 401,
    ]  # fmt: skip
    assert api.client.get("/v1/policies", params={"key": api.keys["all"]}).status_code == 401


def test_what_is_wrong_is_said_in_the_form_of_that_api(api: Api) -> None:
    answer = api.client.post("/v1alpha1/comments:analyze", json={"comment": {"text": ""}, "requestedAttributes": {}})
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_whoever_is_not_let_in_is_told_in_that_form_too(api: Api) -> None:
    path = "/v1alpha1/comments:analyze"

    def said(key: str, **more: Any) -> tuple[int, str, str]:
        answer = api.client.post(path, headers={"Authorization": f"Bearer {key}"}, **more)
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        return error["code"], error["status"], error["message"]

    assert said("gh_no_key", json=ASKED)[:2] == (401, "UNAUTHENTICATED")
    code, status, message = said(api.keys["read"], json=ASKED)
    assert (code, status) == (403, "PERMISSION_DENIED")
    assert "has not the scope ingest: send a key with the scope ingest" in message
    assert said(api.keys["ingest"], content=b"x" * (2 << 20))[:2] == (413, "INVALID_ARGUMENT")
    refusal = api.client.post(path, json=ASKED, headers={"Authorization": ""})
    assert (refusal.status_code, refusal.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_comments_take_of_the_room_that_all_bodies_share(api: Api) -> None:
    path, parts = "/v1alpha1/comments:analyze", api.parts
    with parts.room.hold() as held:
        held.up_to(MOST_HELD)
        answer = api.client.post(path, json=ASKED)
        assert (answer.json()["error"]["status"], answer.headers["Retry-After"]) == ("UNAVAILABLE", "1")
    assert api.client.post(path, json=ASKED).status_code == 200


def test_a_mapping_that_no_detector_knows_is_the_server_s_fault_and_not_the_client_s(api: Api) -> None:
    wrong = Latest({"SPAM": (Source("spam.linear", "scam"),)})
    with serving(replace(api.parts, perspective=wrong), api.tally) as other:
        error = other.client.post("/v1alpha1/comments:analyze", json=ASKED).json()["error"]
    assert (error["code"], error["status"]) == (500, "INTERNAL")
    assert "'spam.linear' knows no label 'scam'" in error["message"]


def test_google_s_client_libraries_find_the_way_by_the_description(api: Api) -> None:
    said = api.client.get("/$discovery/rest", params={"version": "v1alpha1"}).json()
    method = said["resources"]["comments"]["methods"]["analyze"]
    assert said["rootUrl"] + said["servicePath"] + method["path"] == f"{api.client.base_url}/v1alpha1/comments:analyze"
    named = set(re.findall(r'"\$ref": "(\w+)"', json.dumps(said)))
    assert named <= set(said["schemas"])
    behind = api.client.get("/$discovery/rest", headers={"X-Forwarded-Proto": "https", "Host": "scores.example.com"})
    assert behind.json()["rootUrl"] == "https://scores.example.com/"
