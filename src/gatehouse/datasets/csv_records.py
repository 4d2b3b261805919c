"""Records of a CSV file: RFC 4180 with any of `,` `;` tab `|`; quoted fields may hold line breaks.

Arrow parses whole blocks; a block that it would refuse is read record by record, so that only the broken ones are lost.
"""

import re
from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pc

from gatehouse.datasets.blocks import (
    BLOCK_BYTES,
    MAX_RECORD_BYTES,
    BadRecord,
    Block,
    beginning,
    skip_line,
    too_long,
)

_DELIMITERS = b",;\t|"
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34

_Places = npt.NDArray[np.int64]


def header(stream: IO[bytes]) -> tuple[list[bytes], bytes, int]:
    """Names in the first record, the delimiter between them, and how many lines the record takes."""
    raw = line = stream.readline(MAX_RECORD_BYTES)
    while raw.count(b'"') % 2 and line and len(raw) < MAX_RECORD_BYTES:
        line = stream.readline(MAX_RECORD_BYTES)
        raw += line
    delimiter = bytes([max(_DELIMITERS, key=raw.count)])
    record = raw.rstrip(b"\r\n") + b"\n"
    found = Dialect(delimiter).record(record, 0)
    names = found[0] if isinstance(found, tuple) else record.strip().split(delimiter)
    return names, delimiter, raw.count(b"\n")


class Dialect:
    """Splits records one at a time, exactly; `delimiter` is one byte."""

    def __init__(self, delimiter: bytes) -> None:
        self.delimiter = delimiter
        sign = re.escape(delimiter)
        self._quoted = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)"')
        self._field = re.compile(
            rb'(?:"([^"]*+(?:""[^"]*+)*+)"|((?:[^"' + sign + rb"\n][^" + sign + rb"\n]*+)?))(" + sign + rb"|\r?\n)"
        )

    def record(self, text: bytes, start: int) -> tuple[list[bytes], int] | str | None:
        """Fields and end of the record at `start`; why it is broken; None when it does not end in `text`."""
        fields = []
        place = start
        while match := self._field.match(text, place):
            place = match.end()
            quoted, plain, sign = match.groups()
            last = sign != self.delimiter
            if quoted is not None:
                fields.append(quoted.replace(b'""', b'"'))
            else:
                fields.append(plain.removesuffix(b"\r") if last else plain)
            if last:
                return fields, place
        quoted_field = self._quoted.match(text, place)
        if quoted_field and not b"\r".startswith(text[quoted_field.end() : quoted_field.end() + 2]):
            return "text follows a closing quote within a field"
        return None

    def ends(self, text: bytes) -> tuple[_Places, _Places] | None:
        """Ends of the whole records and all line breaks; None where a quote stands in the middle of a field."""
        data = np.frombuffer(text, np.uint8)
        newlines = np.flatnonzero(data == _NEWLINE)
        quotes = np.flatnonzero(data == _QUOTE)
        if not quotes.size:
            return newlines + 1, newlines
        sign = self.delimiter[0]
        opening, closing = quotes[::2], quotes[1::2]
        before = data[opening[opening > 0] - 1]
        after = data[closing[closing < data.size - 1] + 1]
        if not (
            np.isin(before, (sign, _NEWLINE, _QUOTE)).all() and np.isin(after, (sign, _NEWLINE, _RETURN, _QUOTE)).all()
        ):
            return None
        outside = np.searchsorted(quotes, newlines) % 2 == 0
        return newlines[outside] + 1, newlines


class Reader:
    """Reads blocks of binary columns; `mapping` gives the place of each in a record of `width` fields.

    An empty field is null: CSV cannot tell the two apart. Blank lines are no records.
    """

    def __init__(self, mapping: Mapping[str, int], width: int, delimiter: bytes) -> None:
        self._mapping = mapping
        self._width = width
        self._dialect = Dialect(delimiter)

    def blocks(self, stream: IO[bytes], line: int) -> Iterator[Block]:
        """All records that follow in `stream`, whose next line has the number `line`."""
        rest, final = b"", False
        while not final:
            piece = stream.read(BLOCK_BYTES)
            final = not piece
            rest += piece
            if final and rest and not rest.endswith(b"\n"):
                rest += b"\n"
            while rest:
                block, cut = self._read(rest, line, final)
                if block is not None:
                    yield block
                if cut > len(rest):
                    rest = skip_line(stream)
                    line += 1
                    continue
                if not cut:
                    break
                line += rest.count(b"\n", 0, cut)
                rest = rest[cut:]

    def _read(self, text: bytes, line: int, final: bool) -> tuple[Block | None, int]:
        """The whole records of `text` and how much of it they take; past its end when its last line goes on."""
        found = self._dialect.ends(text)
        if found is not None and found[0].size:
            block = self._parsed(text[: found[0][-1]], line, *found)
            if block is not None:
                return block, int(found[0][-1])
        elif found is not None and not final and len(text) <= MAX_RECORD_BYTES:
            return None, 0
        return self._one_by_one(text, line, final)

    def _parsed(self, text: bytes, line: int, ends: _Places, newlines: _Places) -> Block | None:
        """The block as Arrow reads it; None when that is not certain to be what stands there."""
        starts = np.concatenate(([0], ends[:-1]))
        if (ends - starts).max() > MAX_RECORD_BYTES or text.count(b"\r") != text.count(b"\r\n"):
            return None
        names = [f"c{i}" for i in range(self._width)]
        wanted = [names[i] for i in dict.fromkeys(self._mapping.values())]
        try:
            table = pc.read_csv(
                pa.BufferReader(text),
                pc.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
                pc.ParseOptions(delimiter=self._dialect.delimiter.decode(), newlines_in_values=True),
                pc.ConvertOptions(
                    column_types=dict.fromkeys(wanted, pa.binary()),
                    include_columns=wanted,
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != len(ends):
            return None
        columns = {name: table.column(names[i]).combine_chunks() for name, i in self._mapping.items()}
        rows = line + np.searchsorted(newlines, starts) if len(newlines) != len(ends) else line + np.arange(len(ends))
        return Block(columns, rows.astype(np.int64), [], lambda i: beginning(text[starts[i] : ends[i]]))

    def _one_by_one(self, text: bytes, line: int, final: bool) -> tuple[Block, int]:
        records: list[list[bytes]] = []
        rows: list[int] = []
        bad: list[BadRecord] = []
        raw: list[str] = []
        place = 0
        while place < len(text):
            found = self._dialect.record(text, place)
            if found is None and not final and len(text) - place <= MAX_RECORD_BYTES:
                break
            if isinstance(found, tuple) and found[1] - place <= MAX_RECORD_BYTES:
                fields, end = found
                if len(fields) == self._width and (fields != [b""]):
                    records.append(fields)
                    rows.append(line)
                    raw.append(beginning(text[place:end]))
                elif fields != [b""]:
                    bad.append(BadRecord(line, _miscounted(len(fields), self._width), beginning(text[place:end])))
            else:
                # Only the first line is given up: a stray quote must not swallow the records that follow it.
                end = text.find(b"\n", place) + 1 or len(text) + 1
                bad.append(self._broken(line, text[place : place + MAX_RECORD_BYTES + 1], found))
            line += text.count(b"\n", place, end)
            place = end
        columns = {
            name: pa.array([fields[i] or None for fields in records], pa.binary()) for name, i in self._mapping.items()
        }
        return Block(columns, np.array(rows, np.int64), bad, raw.__getitem__), place

    def _broken(self, line: int, text: bytes, found: tuple[list[bytes], int] | str | None) -> BadRecord:
        if isinstance(found, str):
            return BadRecord(line, found, beginning(text.partition(b"\n")[0]))
        if len(text) > MAX_RECORD_BYTES:
            return too_long(line, text)
        return BadRecord(line, "a quote is opened and never closed", beginning(text.partition(b"\n")[0]))


def _miscounted(found: int, expected: int) -> str:
    return f"{found} field{'s' if found != 1 else ''} where the header has {expected}"
