"""Actuators and the file that says which kind of enforcement goes to which of them."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import yaml

from gatehouse.adapters.webhooks import LONGEST, Webhook, WebhookActuator, secret_of
from gatehouse.enforcement.undo import act_of
from gatehouse.errors import RefusedError, UserError
from gatehouse.policies.source import Source
from gatehouse.ports.actuator import Actuator
from gatehouse.records.enforcement import Enforcement, Kind
from gatehouse.records.event import Event

_KINDS = [kind.word for kind in Kind if kind is not Kind.NONE]


class LogActuator:
    """Appends each enforcement to a file as a line of JSON that is on the disk before it counts as done.

    A line whose key is there already may come again after a crash; whoever reads the file honours the key.
    """

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()

    def act(self, enforcement: Enforcement, key: str) -> str:
        """Append it; raises OSError where the disk does not take it."""
        said = msgspec.structs.asdict(enforcement)
        del said["state"]
        line = {"at": self._clock(), "key": key, "act": act_of(enforcement), **said, "subject": enforcement.on}
        with self._lock, self._path.open("ab") as file:
            # What a crash cut off stays a line of its own.
            start = b"\n" if file.tell() and not _ends_a_line(self._path) else b""
            file.write(start + msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return self._path.name


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


class CallableActuator:
    """Hands enforcements to a function of the program that runs the performer; what it gives back is the receipt."""

    def __init__(self, function: Callable[[Enforcement, str], str]) -> None:
        self._function = function

    def act(self, enforcement: Enforcement, key: str) -> str:
        """Call it with the enforcement and its key."""
        return self._function(enforcement, key)


class ByKind:
    """Hands each enforcement to the actuator of its kind, and what takes it back to the same."""

    def __init__(self, by_kind: Mapping[str, Actuator], otherwise: Actuator | None = None) -> None:
        self._by_kind = by_kind
        self._otherwise = otherwise

    def act(self, enforcement: Enforcement, key: str) -> str:
        """Act through the kind's actuator; raises RefusedError where it has none."""
        actuator = self._by_kind.get(enforcement.kind, self._otherwise)
        if actuator is None:
            raise RefusedError(
                f"nothing carries out '{enforcement.kind}'", fix="name an actuator for it, or 'otherwise'"
            )
        return actuator.act(enforcement, key)


def load(
    text: str,
    where: str,
    *,
    folder: Path,
    clock: Callable[[], int],
    environment: Mapping[str, str] = os.environ,
    content: Callable[[str], Event | None] | None = None,
) -> Actuator:
    """The actuators that a YAML text names; raises UserError with every fault, its line and column.

    Relative paths are taken from `folder`. `content` gives the event for webhooks that ask for content.
    """
    source = Source(text, where)
    fields = source.fields(source.root, "the file", ("actuators",), ("kinds", "otherwise"))
    named = fields.get("actuators")
    made: dict[str, Actuator] = {}
    known: list[str] = []
    for name, node in _pairs(source, named, "'actuators'"):
        known.append(name)
        actuator = _actuator(source, node, name, folder, clock, environment, content)
        if actuator is not None:
            made[name] = actuator
    chosen = {}
    for kind, node in _pairs(source, fields.get("kinds"), "'kinds'", _KINDS):
        chosen[kind] = source.choice(node, "actuator", known)
    otherwise = source.choice(fields.get("otherwise"), "actuator", known)
    source.finish()
    return ByKind({kind: made[name] for kind, name in chosen.items()}, made.get(otherwise))


def _pairs(
    source: Source, node: yaml.Node | None, what: str, known: list[str] | None = None
) -> list[tuple[str, yaml.Node]]:
    if node is None:
        return []
    names = [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    return list(source.fields(node, what, (), names if known is None else known).items())


def _actuator(
    source: Source,
    node: yaml.Node,
    name: str,
    folder: Path,
    clock: Callable[[], int],
    environment: Mapping[str, str],
    content: Callable[[str], Event | None] | None,
) -> Actuator | None:
    fields = source.fields(node, f"'{name}'", (), ("log", "webhook"))
    if isinstance(node, yaml.MappingNode) and len(fields) != 1 and len(fields) == len(node.value):
        source.fault(node, f"'{name}' must say either 'log' or 'webhook'", "write 'log: enforcements.jsonl'")
        return None
    if "log" in fields:
        path = source.text(fields["log"], "log")
        return LogActuator(folder / path, clock) if path else None
    return _webhook(source, fields["webhook"], folder, environment, content) if "webhook" in fields else None


def _webhook(
    source: Source,
    node: yaml.Node,
    folder: Path,
    environment: Mapping[str, str],
    content: Callable[[str], Event | None] | None,
) -> Actuator | None:
    optional = ("secret_from", "secret_file", "hosts", "private", "content", "timeout")
    fields = source.fields(node, "'webhook'", ("url",), optional, {"secret": "an environment variable or a file"})
    url = source.text(fields.get("url"), "url")
    secret = _secret(source, node, fields, folder, environment)
    hosts = [source.text(item, "host") for item in source.items(fields.get("hosts"), "hosts")]
    private, wants = source.flag(fields.get("private"), "private"), source.flag(fields.get("content"), "content")
    timeout = source.times(fields["timeout"], "timeout") if "timeout" in fields else 10.0
    if timeout > LONGEST:
        fix = "let the server answer at once and do the deed after that"
        source.fault(fields["timeout"], f"timeout may be {LONGEST:g} s at most", fix)
    if not url:
        return None
    try:
        # Without a secret the rest is looked at all the same, so that all faults are told at once.
        key = bytes(32) if secret is None else secret
        webhook = Webhook(url, key, frozenset(filter(None, hosts)), private, timeout)
    except UserError as error:
        for fault in error.faults:
            source.fault(fields["url"], fault.what, fault.fix)
        return None
    return None if secret is None else WebhookActuator(webhook, content=content if wants else None)


def _secret(
    source: Source, node: yaml.Node, fields: Mapping[str, yaml.Node], folder: Path, environment: Mapping[str, str]
) -> bytes | None:
    if ("secret_from" in fields) == ("secret_file" in fields):
        fix = "add 'secret_from: NAME_OF_A_VARIABLE' or 'secret_file: PATH'"
        source.fault(node, "a webhook has one secret, from the environment or a file", fix)
        return None
    if "secret_from" in fields:
        place = fields["secret_from"]
        name = source.text(place, "secret_from")
        written = environment.get(name, "").strip()
        problem = f"the environment has no variable '{name}'" if name else ""
    else:
        place = fields["secret_file"]
        path = folder / source.text(place, "secret_file")
        try:
            written, problem = path.read_text().strip(), f"{path} is empty"
        except (OSError, UnicodeDecodeError) as error:
            written, problem = "", f"{path} cannot be read ({type(error).__name__})"
    if not written:
        if problem:
            source.fault(place, problem, "set it to what the server checks signatures with")
        return None
    try:
        return secret_of(written)
    except UserError as error:
        source.fault(place, error.faults[0].what, error.faults[0].fix)
        return None
