"""The form of an API key, `gh_ID_SECRET`, which scanners of code know, and what is kept of one."""

import hashlib
import re
import secrets

ID_LETTERS = 12
SECRET_BYTES = 32

_DIGITS = "0123456789"
_SMALL = "abcdefghijklmnopqrstuvwxyz"
_LETTERS = _DIGITS + _SMALL.upper() + _SMALL
_SECRET_LETTERS = 43  # 62 ** 43 is the first power that holds 32 bytes
_KEY = re.compile(rf"gh_[0-9a-z]{{{ID_LETTERS}}}_[0-9A-Za-z]{{{_SECRET_LETTERS}}}")


def new_key() -> tuple[str, str]:
    """The id of a new key, and the key."""
    id_ = "".join(secrets.choice(_DIGITS + _SMALL) for _ in range(ID_LETTERS))
    left, letters = int.from_bytes(secrets.token_bytes(SECRET_BYTES)), ""
    for _ in range(_SECRET_LETTERS):
        left, place = divmod(left, len(_LETTERS))
        letters += _LETTERS[place]
    return id_, f"gh_{id_}_{letters}"


def is_key(text: str) -> bool:
    """Whether a text has the form of a key."""
    return _KEY.fullmatch(text) is not None


def holds_key(text: str) -> bool:
    """Whether something in a text has the form of a key."""
    return _KEY.search(text) is not None


def hash_of(key: str) -> str:
    """What is kept of a key: its SHA-256.

    A slow hash or a salt would gain nothing: they are for passwords, which can be guessed, and this is 256 random bits.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
