"""Reads the text of an expression into a syntax tree; SQL's precedence, and nothing outside the language."""

from collections.abc import Callable

from gatehouse.expressions import syntax
from gatehouse.expressions.place import Problem
from gatehouse.expressions.refused import SYMBOLS, WORDS
from gatehouse.expressions.syntax import Node
from gatehouse.expressions.tokens import Kind, Token, UnreadableError, cut

MAX_LENGTH = 10_000
"""Characters of one expression."""
MAX_DEPTH = 32
"""Levels of brackets, calls and sums in one expression."""

_COMPARISONS = frozenset({"=", "<>", "!=", "<", "<=", ">", ">="})


def parse(text: str) -> Node:
    """The syntax tree of an expression; raises UnreadableError with the first thing that cannot be read."""
    if len(text) > MAX_LENGTH:
        what = f"the expression has {len(text):,} characters, at most {MAX_LENGTH:,} are read"
        raise UnreadableError(Problem(0, 1, what, "split it into several rules"))
    parser = _Parser(text, cut(text))
    tree = parser.condition()
    parser.expect_end()
    stack = [(tree, 1)]
    while stack:  # a long sum is deep without any bracket
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise UnreadableError(_too_deep(node.start, node.end))
        stack.extend((child, depth + 1) for child in syntax.parts(node))
    return tree


def _too_deep(start: int, end: int) -> Problem:
    return Problem(start, end, f"the expression is nested more than {MAX_DEPTH} levels deep", "split it into several")


class _Parser:
    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def condition(self) -> Node:
        """The loosest level: conditions joined by OR."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableError(_too_deep(self.token.start, self.token.end))
        node = self._chain("OR", lambda: self._chain("AND", self._negation))
        self.depth -= 1
        return node

    def expect_end(self) -> None:
        if self.token.kind is not Kind.END:
            raise self._unexpected("after the expression ended")

    def _chain(self, operator: str, part: Callable[[], Node]) -> Node:
        items = [part()]
        while self._take(operator):
            items.append(part())
        return items[0] if len(items) == 1 else syntax.Chain(items[0].start, items[-1].end, operator, tuple(items))

    def _negation(self) -> Node:
        nots = []
        while self.token.kind is Kind.KEYWORD and self.token.text == "NOT":
            nots.append(self.token)
            self.at += 1
        node = self._predicate()
        for token in reversed(nots):
            node = syntax.Unary(token.start, node.end, "NOT", node)
        return node

    def _predicate(self) -> Node:
        left = self._sum()
        node = self._compared(left)
        if node is not left and (self.token.text in _COMPARISONS or self._at_predicate_word()):
            fix = "join them with AND (a < b AND b < c), or put one in brackets"
            raise self._wrong(self.token, "comparisons cannot be chained", fix)
        return node

    def _at_predicate_word(self) -> bool:
        if self.token.kind is not Kind.KEYWORD:
            return False
        word = self.tokens[self.at + 1].text if self.token.text == "NOT" else self.token.text
        return word in ("IS", "IN", "LIKE", "ILIKE", "BETWEEN")

    def _compared(self, left: Node) -> Node:
        if self.token.kind is Kind.SYMBOL and self.token.text in _COMPARISONS:
            operator = "<>" if self.token.text == "!=" else self.token.text
            self.at += 1
            right = self._sum()
            return syntax.Binary(left.start, right.end, operator, left, right)
        if not self._at_predicate_word():
            return left
        if self._take("IS"):
            return self._asked(left)
        negated = self._take("NOT")
        if self._take("IN"):
            return self._among(left, negated)
        if self._take("BETWEEN"):
            low = self._sum()
            self._need("AND", "BETWEEN needs two ends", "write x BETWEEN 1 AND 5")
            high = self._sum()
            return syntax.Between(left.start, high.end, left, low, high, negated)
        fold_case = self.token.text == "ILIKE"
        if not (self._take("LIKE") or self._take("ILIKE")):
            raise self._wrong(self.token, "NOT needs LIKE, IN or BETWEEN here", "write NOT before the condition")
        pattern = self._sum()
        return syntax.Like(left.start, pattern.end, left, pattern, negated, fold_case)

    def _asked(self, left: Node) -> Node:
        negated = self._take("NOT")
        token = self.token
        for word, asked in (("NULL", None), ("TRUE", True), ("FALSE", False)):
            if self._take(word):
                return syntax.Is(left.start, token.end, left, asked, negated)
        raise self._wrong(token, "IS is followed by NULL, TRUE or FALSE", "compare values with = or <>")

    def _among(self, left: Node, negated: bool) -> Node:
        self._need("(", "IN needs a list in brackets", "write kind IN ('post', 'message')")
        if self.token.text == ")":
            raise self._wrong(self.token, "the list of IN is empty", "write kind IN ('post', 'message')")
        items = self._listed()
        return syntax.Among(left.start, self.tokens[self.at - 1].end, left, items, negated)

    def _listed(self) -> tuple[Node, ...]:
        """What stands between an opened bracket and its end, by commas."""
        items = [self.condition()]
        while self._take(","):
            items.append(self.condition())
        self._need(")", "a bracket is not closed", "close it with )")
        return tuple(items)

    def _sum(self) -> Node:
        return self._arithmetic(("+", "-"), lambda: self._arithmetic(("*", "/", "%"), self._signed))

    def _arithmetic(self, operators: tuple[str, ...], part: Callable[[], Node]) -> Node:
        node = part()
        while self.token.kind is Kind.SYMBOL and self.token.text in operators:
            operator = self.token.text
            self.at += 1
            right = part()
            node = syntax.Binary(node.start, right.end, operator, node, right)
        return node

    def _signed(self) -> Node:
        signs = []
        while self.token.kind is Kind.SYMBOL and self.token.text in "+-":
            signs.append(self.token)
            self.at += 1
        node = self._primary()
        for sign in reversed(signs):
            if sign.text == "+":
                continue
            if isinstance(node, syntax.Number) and not node.written.startswith("-"):
                node = syntax.Number(sign.start, node.end, "-" + node.written)
            else:
                node = syntax.Unary(sign.start, node.end, "-", node)
        return node

    def _primary(self) -> Node:
        token = self.token
        self.at += 1
        start, end = token.start, token.end
        if token.kind is Kind.NUMBER:
            return syntax.Number(start, end, token.text)
        if token.kind is Kind.TEXT:
            return syntax.Text(start, end, token.text)
        if token.kind is Kind.QUOTED:
            return syntax.Name(start, end, token.text, quoted=True)
        if token.kind is Kind.KEYWORD and token.text in ("TRUE", "FALSE"):
            return syntax.Truth(start, end, token.text == "TRUE")
        if token.kind is Kind.KEYWORD and token.text == "NULL":
            return syntax.Null(start, end)
        if token.kind is Kind.KEYWORD and token.text == "CASE":
            return self._case(start)
        if token.kind is Kind.KEYWORD and token.text == "CAST":
            return self._cast(start)
        if token.kind is Kind.SYMBOL and token.text == "(":
            return self._bracketed()
        if token.kind is Kind.NAME:
            return self._call(token) if self._take("(") else syntax.Name(start, end, token.text, quoted=False)
        self.at -= 1
        raise self._unexpected("where a value is needed")

    def _bracketed(self) -> Node:
        node = self.condition()
        if self.token.text == ",":
            raise self._wrong(self.token, "a list stands here", "lists belong to IN and to functions")
        self._need(")", "a bracket is not closed", "close it with )")
        return node

    def _call(self, name: Token) -> Node:
        if name.text.upper() in WORDS:
            raise self._wrong(name, *WORDS[name.text.upper()])
        arguments = () if self._take(")") else self._listed()
        if self.token.text.upper() == "OVER":
            raise self._unexpected("after a function")
        return syntax.Call(name.start, self.tokens[self.at - 1].end, name.text, arguments)

    def _case(self, start: int) -> Node:
        fix = "write CASE WHEN condition THEN value ELSE value END"
        subject = None if self.token.text == "WHEN" else self.condition()
        branches = []
        while self._take("WHEN"):
            condition = self.condition()
            self._need("THEN", "CASE needs THEN after its condition", fix)
            branches.append((condition, self.condition()))
        if not branches:
            raise self._wrong(self.token, "CASE needs at least one WHEN", fix)
        default = self.condition() if self._take("ELSE") else None
        end = self.token.end
        self._need("END", "CASE is not closed", fix)
        return syntax.When(start, end, subject, tuple(branches), default)

    def _cast(self, start: int) -> Node:
        fix = "write CAST(x AS BIGINT)"
        self._need("(", "CAST needs brackets", fix)
        operand = self.condition()
        self._need("AS", "CAST needs AS and a type", fix)
        token = self.token
        if token.kind is not Kind.NAME:
            raise self._wrong(token, "CAST needs a type", fix)
        self.at += 1
        self._need(")", "CAST is not closed", fix)
        return syntax.Convert(start, self.tokens[self.at - 1].end, operand, token.text, token.start, token.end)

    def _take(self, word: str) -> bool:
        if self.token.kind in (Kind.KEYWORD, Kind.SYMBOL) and self.token.text == word:
            self.at += 1
            return True
        return False

    def _need(self, word: str, what: str, fix: str) -> None:
        if not self._take(word):
            if self.token.kind is Kind.END or self.token.text in (",", ")"):
                raise self._wrong(self.token, what, fix)
            if self.token.text.upper() in WORDS or self.token.text in SYMBOLS:
                raise self._unexpected(f"where {word} is needed")
            raise self._wrong(self.token, f"{what} before '{self._written(self.token)}'", fix)

    def _written(self, token: Token) -> str:
        return self.text[token.start : token.end]

    def _unexpected(self, context: str) -> UnreadableError:
        token = self.token
        if token.kind is Kind.END:
            what = f"the expression ends {context}" if self.at else "the expression is empty"
            return self._wrong(token, what, "write a condition, for example url_count > 3")
        if token.kind is not Kind.TEXT and token.kind is not Kind.QUOTED:
            refused = SYMBOLS.get(token.text) or WORDS.get(token.text.upper()) or SYMBOLS.get(token.text[0])
            if refused:
                return self._wrong(token, *refused)
        before = self.tokens[self.at - 1] if self.at else token
        if before.kind is Kind.NAME and before.text.upper() in WORDS:
            return self._wrong(before, *WORDS[before.text.upper()])
        fix = "join conditions with AND or OR" if "ended" in context else "write a column, a number or a 'text' here"
        return self._wrong(token, f"'{self._written(token)}' stands {context}", fix)

    def _wrong(self, token: Token, what: str, fix: str) -> UnreadableError:
        return UnreadableError(Problem(token.start, max(token.end, token.start + 1), what, fix))
