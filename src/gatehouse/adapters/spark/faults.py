"""Errors of the house on their way from an executor to the driver."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pyarrow as pa

from gatehouse.errors import Fault, GatehouseError, OutsideError, RefusedError, UserError

Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
"""What runs on an executor over one partition."""

_MARK = "gatehouse-fault "
_KINDS: dict[str, type[GatehouseError]] = {kind.__name__: kind for kind in (UserError, RefusedError, OutsideError)}


def telling(task: Task) -> Task:
    """The task, which writes its faults so that they are the same error at the driver: Spark carries text alone."""

    @functools.wraps(task)
    def told(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from task(batches)
        except GatehouseError as error:
            said = {"kind": type(error).__name__, "faults": [asdict(fault) for fault in error.faults]}
            raise RuntimeError(_MARK + json.dumps(said)) from None

    return told


@contextmanager
def heard() -> Iterator[None]:
    """Raises what a task told of as the error that it was, and any other failure of Spark as an OutsideError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise _as_told(str(error)) from error


def _as_told(message: str) -> GatehouseError:
    _, marked, rest = message.partition(_MARK)
    if marked:
        said, _ = json.JSONDecoder().raw_decode(rest)
        return _KINDS[said["kind"]]([Fault(**fault) for fault in said["faults"]])
    # An exception's text may quote content, which must not reach reports: its kind is enough to find it by.
    kinds = re.findall(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception))\b", message, re.MULTILINE)
    what = f"Spark gave the job up ({kinds[-1] if kinds else 'no reason given'})"
    return OutsideError(what, fix="Spark's log and those of its executors say more")
