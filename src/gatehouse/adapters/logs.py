"""What the house logs: lines of JSON, or of words on a terminal, that cannot hold content.

Only known keys get through, each with a value of its own form. Of an exception the kind and the place are told, never
its text, which may quote what it was raised for. Other people's loggers are told of by name and place, unless their
messages are known to be about the process alone.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

LONGEST_EVENT = 500
"""Signs of what is said; more is cut off."""

TRUSTED = ("gatehouse", "uvicorn.error")
"""Loggers whose messages name processes, addresses and counts, and never what a request holds."""

SILENT = ("uvicorn.access", "httpx", "httpcore")
"""Loggers of every request, with its address, which may hold content: metrics count requests."""

_NAME = re.compile(r"[\w .:+/-]{1,80}")
_PLACE = re.compile(r"[\w.<>/\\:-]{1,200}")
_ID = re.compile(r"[0-9a-f]{12,64}")


def configure(stream: TextIO | None = None, *, human: bool | None = None, level: str = "INFO") -> bool:
    """Have structlog and the standard library's loggers write to `stream`, standard error unless given.

    They write words where `human`, and lines of JSON where not; whether the stream is a terminal says which, unless
    given, and is given back. Takes the place of whatever was configured before.
    """
    to = sys.stderr if stream is None else stream
    words = to.isatty() if human is None else human
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    last: Processor = structlog.dev.ConsoleRenderer(colors=False, timestamp_key="time") if words else _as_json
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_of_others, *shared],
        processors=[_told_exception, structlog.stdlib.ProcessorFormatter.remove_processors_meta, only_known, last],
    )
    handler = _Quiet(to)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in (*SILENT, "uvicorn", "uvicorn.error"):
        other = logging.getLogger(name)
        other.handlers, other.propagate = [], name not in SILENT
    threading.excepthook = _of_thread
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return words


class _Quiet(logging.StreamHandler[TextIO]):
    """Writes lines; where that fails, on a full disk or a closed pipe, nothing is said of what was to be written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Go on: the default prints the record, and the exception that it tells of, as they are."""


def _of_thread(hook: threading.ExceptHookArgs) -> None:
    """A thread that ended by an exception, whose text Python would print."""
    error = hook.exc_value
    if error is not None:
        logging.getLogger("gatehouse.thread").error("a thread ended", exc_info=error)


def sayer(name: str) -> Callable[[str], None]:
    """Says sentences about the process, which hold no content, by the logger of this name."""
    logger = logging.getLogger(f"gatehouse.{name}")
    return lambda what: logger.info("%s", what)


def _text(value: object) -> object:
    said = " ".join(str(value).split())
    return said if len(said) <= LONGEST_EVENT else f"{said[:LONGEST_EVENT]} …"


def _matching(form: re.Pattern[str]) -> Callable[[object], object]:
    return lambda value: value if isinstance(value, str) and form.fullmatch(value) else None


def _number(value: object) -> object:
    return value if isinstance(value, int | float) else None


def _counts(value: object) -> object:
    if not isinstance(value, Mapping):
        return _number(value)
    kept = {name: n for name, n in value.items() if _name(name) is not None and _number(n) is not None}
    return kept if len(kept) == len(value) else None


def _all(form: Callable[[object], object]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, list | tuple) or any(form(one) is None for one in value):
            return None
        return list(value)

    return check


_name, _place, _id = _matching(_NAME), _matching(_PLACE), _matching(_ID)

KEYS: dict[str, Callable[[object], object]] = {
    "event": _text,
    "level": _name,
    "time": _place,
    "logger": _name,
    "stage": _name,
    "counts": _counts,
    "seconds": _number,
    "kind": _name,
    "kinds": _all(_name),
    "decisions": _all(_id),
    "request": _id,
    "where": _place,
    "raised": _all(_place),
}
"""The keys that a line may have, each with what makes its value one that may be told, or None."""


def only_known(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out all keys that are not known and values that are not of their key's form, and say how many."""
    told = {key: said for key, value in event.items() if key in KEYS and (said := KEYS[key](value)) is not None}
    if out := len(event) - len(told):
        told["left_out"] = out
    return told


def _of_others(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A record of the standard library: whose it is, and its message only where that may be told."""
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    if not any(record.name == name or record.name.startswith(f"{name}.") for name in TRUSTED):
        event["event"] = "said something"
        event["where"] = f"{_short(record.pathname)}:{record.lineno}"
    return event


def _told_exception(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """In the place of an exception: the kinds of it and of what it came from, each with the place of its raising."""
    given = event.pop("exc_info", None)
    record = event.get("_record")
    if not given and isinstance(record, logging.LogRecord):
        given = record.exc_info
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    told: list[str] = []
    while isinstance(error, BaseException) and len(told) < 5:
        told.append(f"{type(error).__name__}:{place_of(error.__traceback__)}")
        error = error.__cause__ or error.__context__
    if told:
        event["raised"] = told
    return event


def kind_and_place(error: BaseException) -> str:
    """What may be told of an exception, to find it by: its own text may quote content."""
    return f"{type(error).__name__} at {place_of(error.__traceback__)}"


def place_of(traceback: TracebackType | None) -> str:
    """Where an exception was raised, as `flows/live.py:88`; empty where it never was."""
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{_short(traceback.tb_frame.f_code.co_filename)}:{traceback.tb_lineno}"


def _short(path: str) -> str:
    """The end of a path, which names a module wherever it is installed."""
    return re.sub(r"[^\w.<>/-]", "_", "/".join(Path(path).parts[-2:]))


def _as_json(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    order = {key: number for number, key in enumerate(("time", "level", "event"))}
    said = dict(sorted(event.items(), key=lambda item: order.get(item[0], len(order))))
    return str(structlog.processors.JSONRenderer(ensure_ascii=False)(None, "", said))
