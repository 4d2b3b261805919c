"""What both ends of the bus on Kafka share: errors in the house's words, settings from a file, and a quiet client."""

import logging
from pathlib import Path

from confluent_kafka import KafkaError

from gatehouse.errors import Fault, OutsideError, UserError

_FIX = "see that the brokers run and can be reached from here; reading goes on by itself when they can"


def outside(error: KafkaError, where: str, more: str = "") -> OutsideError:
    """A broker's error as one of the house's."""
    what = f"the bus cannot be used: {error.str()}"
    return OutsideError(f"{what}; {more}" if more else what, where=where, fix=_FIX)


def quiet() -> logging.Logger:
    """A logger for what librdkafka would print to standard error by itself."""
    return logging.getLogger("gatehouse.kafka")


def options_in(path: Path) -> dict[str, str]:
    """librdkafka's settings from a file of lines `name=value`, such as how to log in; `#` begins a comment.

    Raises UserError with every line that is none.
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
        found[name] = value
    if faults:
        raise UserError(faults)
    return found
