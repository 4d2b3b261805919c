"""The document by which Google's client libraries learn what the Perspective API answers, and where."""

from typing import Any

_TEXT, _FLAG, _NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "number", "format": "float"}
_PLACE = {"type": "integer", "format": "int32"}


def _schema(name: str, **properties: Any) -> dict[str, Any]:
    return {"id": name, "type": "object", "properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": name}


def _list(of: dict[str, str]) -> dict[str, Any]:
    return {"type": "array", "items": of}


def _by_name(of: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _ref(of)}


_SCHEMAS = [
    _schema("TextEntry", text=_TEXT, type=_TEXT),
    _schema("Context", entries=_list(_ref("TextEntry"))),
    _schema("AttributeParameters", scoreType=_TEXT, scoreThreshold=_NUMBER),
    _schema(
        "AnalyzeCommentRequest",
        comment=_ref("TextEntry"),
        context=_ref("Context"),
        requestedAttributes=_by_name("AttributeParameters"),
        languages=_list(_TEXT),
        spanAnnotations=_FLAG,
        doNotStore=_FLAG,
        clientToken=_TEXT,
        sessionId=_TEXT,
        communityId=_TEXT,
    ),
    _schema("Score", value=_NUMBER, type=_TEXT),
    _schema("SpanScore", begin=_PLACE, end=_PLACE, score=_ref("Score")),
    _schema("AttributeScores", summaryScore=_ref("Score"), spanScores=_list(_ref("SpanScore"))),
    _schema(
        "AnalyzeCommentResponse",
        attributeScores=_by_name("AttributeScores"),
        languages=_list(_TEXT),
        detectedLanguages=_list(_TEXT),
        clientToken=_TEXT,
    ),
]

_ANALYZE = {
    "id": "commentanalyzer.comments.analyze",
    "description": "Scores of one comment for the attributes asked.",
    "httpMethod": "POST",
    "path": "v1alpha1/comments:analyze",
    "flatPath": "v1alpha1/comments:analyze",
    "parameters": {},
    "parameterOrder": [],
    "request": _ref("AnalyzeCommentRequest"),
    "response": _ref("AnalyzeCommentResponse"),
}


def described(root: str) -> dict[str, Any]:
    """The description of a service at this address, which ends in a slash."""
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer",
        "version": "v1alpha1",
        "title": "Scores in the form of the Perspective API",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "basePath": "",
        "baseUrl": root,
        "batchPath": "batch",
        "parameters": {"key": {"type": "string", "location": "query"}},
        "schemas": {one["id"]: one for one in _SCHEMAS},
        "resources": {"comments": {"methods": {"analyze": _ANALYZE}}},
    }
