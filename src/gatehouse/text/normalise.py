"""Undoing obfuscation: the form of a text in which one word is written one way.

A text is brought to lower case without accents, styled letters and invisible characters; HTML entities are read;
three or more of one character become one; digits and signs inside a word are read as the letters that they stand for;
single letters that were pulled apart are joined. What is kept as it is:

- Scripts. A Cyrillic or Greek look-alike becomes a Latin letter only in a word that also holds a Latin letter, or in
  a text that holds Latin letters and no letter of these scripts but perfect look-alikes. Russian stays Russian.
- Numbers, prices, years, phone numbers, and words of one digit and a unit ("4th", "5pm"); links, addresses and handles
  are only folded, not read.
- Single letters that are words: "I a m ok" stays, and "you are a b i t c h" keeps its "a". Where spaced-out words are
  not set apart by wider gaps, a few frequent words are split off ("y o u a r e"); others grow together.

The output is valid UTF-8 and never longer than the input; bytes that are no UTF-8 are dropped. Doing it again changes
nothing, and a text has one form, alone and in any batch.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.text.arrow import TextBytes, text_array, text_bytes
from gatehouse.text.folding import fold_table
from gatehouse.text.passes import undo, undo_all

_NO_ORIGIN = np.empty(0, np.int32)


def normalise(texts: pa.Array) -> pa.Array:
    """The plain form of each text, as a string array; null stays null.

    Takes string and large_string arrays, sliced or not; raises UserError for more than 2 GiB of output.
    """
    plain = normalise_bytes(text_bytes(texts))
    return text_array(plain.data, plain.offsets, plain.valid)


def normalise_bytes(given: TextBytes) -> TextBytes:
    """The same for texts that are laid out."""
    buf = given.data.copy()
    offsets = undo_all(buf, _NO_ORIGIN, given.offsets, given.valid, fold_table())
    data = buf[: offsets[-1]]
    # As the bytes of Arrow are; kernels are compiled once more for those that may be written.
    data.flags.writeable = False
    return TextBytes(data, offsets, given.valid, given.nulls)


def normalise_text(text: str) -> str:
    """The plain form of one text."""
    data = bytearray(text, "utf-8", "surrogatepass")
    if not data:
        return ""
    end = undo(np.frombuffer(data, np.uint8), _NO_ORIGIN, 0, len(data), 0, fold_table())
    return data[:end].decode()


def normalise_with_origin(text: str) -> tuple[str, npt.NDArray[np.int32]]:
    """The plain form of one text, and for each of its characters the index of the character that it came from."""
    data = bytearray(text, "utf-8", "surrogatepass")
    if not data:
        return "", np.empty(0, np.int32)
    buf = np.frombuffer(data, np.uint8)
    characters = np.cumsum(buf & 0xC0 != 0x80, dtype=np.int32) - np.int32(1)
    end = undo(buf, characters, 0, len(data), 0, fold_table())
    return data[:end].decode(), characters[:end][buf[:end] & 0xC0 != 0x80]
