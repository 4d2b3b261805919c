"""The frame of a learnt model's file: what kind it is, a header in JSON, its content, and a digest of all of it.

    magic (8 bytes) | format (uint16) | length of header (uint32) | header | content | SHA-256

Numbers are little-endian.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from gatehouse.errors import OutsideError, UserError

_HEAD = struct.Struct("<8sHI")
_DIGEST = hashlib.sha256().digest_size

_Header = TypeVar("_Header", bound=msgspec.Struct)


@dataclass(frozen=True)
class Frame:
    """The files of one kind of model: their first eight bytes, the kind as messages say it, and the format's number."""

    magic: bytes
    kind: str
    format: int

    def pack(self, header: msgspec.Struct, content: bytes) -> bytes:
        """A file of this header and content."""
        said = msgspec.json.encode(header)
        framed = _HEAD.pack(self.magic, self.format, len(said)) + said + content
        return framed + hashlib.sha256(framed).digest()

    def unpack(self, data: bytes, header: type[_Header], where: str) -> tuple[_Header, bytes]:
        """The header and content of a file; `where` is a detector's name.

        Raises OutsideError where it is cut short or changed, UserError where it is no such file or one of another
        format.
        """
        if len(data) < _HEAD.size + _DIGEST:
            raise OutsideError(f"the model file is cut short after {len(data)} bytes", where=where, fix=again(where))
        magic, format_, length = _HEAD.unpack_from(data)
        if magic != self.magic:
            raise UserError(f"this is no {self.kind} model's file", where=where, fix=again(where))
        if format_ != self.format:
            what = f"the model file has format {format_}, this version reads format {self.format}"
            raise UserError(what, where=where, fix=again(where))
        if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
            what = "the model file is cut short or was changed: its content does not match its digest"
            raise OutsideError(what, where=where, fix=again(where))
        try:
            said = msgspec.json.decode(data[_HEAD.size : _HEAD.size + length], type=header)
        except msgspec.DecodeError as error:
            what = f"the model file's header is of another version: {error}"
            raise UserError(what, where=where, fix=again(where)) from error
        return said, data[_HEAD.size + length : -_DIGEST]


def again(where: str) -> str:
    """The next step for a model that cannot be used; `where` is a detector's name."""
    return f"train it again: gatehouse train {where.partition('.')[0]}"
