"""What both ends of the bus on Kafka share: errors in the house's words, settings from a file, and a quiet client."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException

from gatehouse.errors import Fault, OutsideError, UserError

_FIX = "see that the brokers run and can be reached from here; reading goes on by itself when they can"

_OURS = {
    "bootstrap.servers": "name the brokers in the bus itself",
    "metadata.broker.list": "name the brokers in the bus itself",
    "group.id": "name the group with --group",
    "enable.auto.commit": "leave it out: offsets are committed after the ledger",
    "enable.auto.offset.store": "leave it out: offsets are committed after the ledger",
    "acks": "leave it out: a message counts as sent when all replicas hold it",
    "request.required.acks": "leave it out: a message counts as sent when all replicas hold it",
    "enable.idempotence": "leave it out: a message is sent once and in order",
}
"""Settings that stand in other places, or on which it rests that nothing is lost, each with what to do instead."""


def outside(error: KafkaError, where: str, more: str = "") -> OutsideError:
    """A broker's error as one of the house's."""
    what = f"the bus cannot be used: {error.str()}"
    return OutsideError(f"{what}; {more}" if more else what, where=where, fix=_FIX)


def quiet() -> logging.Logger:
    """A logger for what librdkafka would print to standard error by itself."""
    return logging.getLogger("gatehouse.kafka")


@contextmanager
def made_by(where: str) -> Iterator[None]:
    """Making a client: settings that it refuses are for the user to mend."""
    try:
        yield
    except KafkaException as error:
        what = f"Kafka's client refuses its settings: {error.args[0].str()}"
        raise UserError(what, where=where, fix="mend them in the file of --bus-options") from error


def options_in(path: Path) -> dict[str, str]:
    """librdkafka's settings from a file of lines `name=value`, such as how to log in; `#` begins a comment.

    Raises UserError with every line that is none, or that says what is not for this file to say.
    """
    found: dict[str, str] = {}
    faults = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the settings cannot be read: {error}", where=str(path)) from error
    for number, line in enumerate(lines, 1):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not equals:
            faults.append(Fault("no setting", f"{path}:{number}", "write name=value, for example sasl.mechanism=PLAIN"))
        elif name in _OURS:
            faults.append(Fault(f"'{name}' is not for this file to say", f"{path}:{number}", _OURS[name]))
        found[name] = value
    if faults:
        raise UserError(faults)
    return found
