"""The words of an expression, cut by sqlglot's tokenizer."""

import re
from dataclasses import dataclass
from enum import Enum

from gatehouse.expressions.place import Problem

KEYWORDS = frozenset(["AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "IS", "NULL", "TRUE", "FALSE"]) | frozenset(
    ["CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "SELECT"]
)
"""Words that name no column unless they stand in double quotes."""

_NAME = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


class Kind(Enum):
    """What sort of word a token is."""

    NAME = "name"
    KEYWORD = "keyword"
    QUOTED = "quoted name"
    NUMBER = "number"
    TEXT = "text"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True)
class Token:
    """One word of an expression, at the characters [start, end); `text` is upper case for keywords and unescaped
    for quoted names and texts."""

    kind: Kind
    text: str
    start: int
    end: int


class UnreadableError(Exception):
    """The expression cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


def cut(text: str) -> list[Token]:
    """The tokens of a text, an END last; raises UnreadableError."""
    from sqlglot.errors import TokenError
    from sqlglot.tokenizer_core import TokenType
    from sqlglot.tokens import Tokenizer

    try:
        found = Tokenizer().tokenize(text)
    except TokenError:
        raise UnreadableError(_unclosed(text)) from None
    tokens = []
    for token in found:
        start, end = token.start, token.end + 1
        written = text[start:end]
        if token.comments:
            fix = "remove it (what a rule is for stands under `why`); for minus a negative number write a - (-1)"
            raise UnreadableError(Problem(start, end, "a comment (-- or /* */) follows here", fix))
        if token.token_type is TokenType.STRING:
            tokens.append(Token(Kind.TEXT, token.text, start, end))
        elif token.token_type is TokenType.IDENTIFIER:
            tokens.append(Token(Kind.QUOTED, token.text, start, end))
        elif token.token_type is TokenType.NUMBER:
            tokens.append(_number(written, start, end, text))
        elif not _NAME.fullmatch(written):
            tokens.append(Token(Kind.SYMBOL, written, start, end))
        elif written.upper() in KEYWORDS:
            tokens.append(Token(Kind.KEYWORD, written.upper(), start, end))
        else:
            tokens.append(Token(Kind.NAME, written, start, end))
    if not tokens and text.strip():
        raise UnreadableError(Problem(0, len(text), "there is only a comment here", "write a condition"))
    return [*tokens, Token(Kind.END, "", len(text), len(text))]


def _number(written: str, start: int, end: int, text: str) -> Token:
    if not _NUMBER.fullmatch(written) or text[end : end + 1].isalnum() or text[end : end + 1] == "_":
        word = re.compile(r"[\w.]*").match(text, start)
        end = max(end, word.end() if word else end)
        fix = "write whole numbers as 1000, others as 0.5 or 1e-3"
        raise UnreadableError(Problem(start, end, f"'{text[start:end]}' is no number", fix))
    return Token(Kind.NUMBER, written, start, end)


def _unclosed(text: str) -> Problem:
    at = 0
    while at < len(text):
        if text[at] in "'\"":
            close = text.find(text[at], at + 1)
            if close < 0:
                fix = "close it; a quote inside a text is written twice: 'it''s'"
                return Problem(at, len(text), "a quote is opened here and never closed", fix)
            at = close
        at += 1
    return Problem(0, len(text), "a comment is opened and never closed", "remove it: comments do not belong here")
