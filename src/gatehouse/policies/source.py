"""A YAML text whose faults are gathered with file, line and column, so that a person mends them in one go."""

import math
from collections.abc import Iterable, Mapping, Sequence

import yaml

from gatehouse.errors import Fault, UserError, nearest, suggestion

_NAMES = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false", "null": "empty"}

_UNITS = {"minute": 60, "hour": 3600, "day": 86400}


class Source:
    """Reads values from YAML nodes and gathers what is wrong with them.

    A reading function that finds a fault notes it and gives back an empty value of its type, so that reading goes
    on to the next fault; `finish` raises before any such value can leave.
    """

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self._faults: list[tuple[int, int, Fault]] = []
        root, line, column, what, fix = None, 1, 1, "the file is empty", "start with 'policy: NAME'"
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            what, fix = f"not valid YAML: {error.problem or error.context}", "check indentation, quotes and colons"
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
            what, fix = f"a character that YAML does not allow: {error.reason}", "remove it"
        except RecursionError:
            what, fix = "nested too deeply to be read", "a policy needs four levels at most"
        if root is None:
            raise UserError(what, where=f"{where}:{line}:{column}", fix=fix)
        self.root: yaml.Node = root

    def fault(self, node: yaml.Node, what: str, fix: str = "") -> None:
        """Note that something is wrong at a node."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._faults.append((line, column, Fault(what, f"{self.where}:{line}:{column}", fix)))

    def finish(self) -> None:
        """Raise UserError with every fault found, in the order of the file, if there is one."""
        if self._faults:
            raise UserError(fault for _, _, fault in sorted(self._faults, key=lambda item: item[:2]))

    def fields(
        self,
        node: yaml.Node,
        what: str,
        required: Sequence[str],
        optional: Sequence[str] = (),
        elsewhere: Mapping[str, str] | None = None,
    ) -> dict[str, yaml.Node]:
        """The values of a mapping by key; notes unknown, repeated and missing keys.

        `elsewhere` says of keys that are known but stand in the wrong place where they belong.
        """
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, f"{what} must be a mapping of keys to values, not {_kind(node)}", "write 'key: value'")
            return {}
        found: dict[str, yaml.Node] = {}
        meant: set[str | None] = set()
        known = (*required, *optional)
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in found:
                self.fault(key, f"'{name}' is given twice in {what}", "keep one of them")
            elif name in known:
                found[name] = value
            elif elsewhere and name in elsewhere:
                self.fault(key, f"'{name}' does not belong to {what}", f"move it to {elsewhere[name]}")
            else:
                self.fault(key, f"unknown key '{name}' in {what}", suggestion(name, known))
                meant.add(nearest(name, known))
        for name in required:
            if name not in found and name not in meant:
                self.fault(node, f"{what} has no '{name}'", f"add '{name}: ...'")
        return found

    def items(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        """The items of a list that must hold at least one."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, f"{what} must be a list, not {_kind(node)}", "start each item with '- '")
            return []
        if not node.value:
            self.fault(node, f"{what} is an empty list", "give at least one item")
        return list(node.value)

    def text(self, node: yaml.Node | None, what: str) -> str:
        """A text with something in it, without the white space around it."""
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":str"):
            fix = f'put it in quotes: "{node.value}"' if isinstance(node, yaml.ScalarNode) and node.value else ""
            self.fault(node, f"{what} must be text, not {_kind(node)}", fix or "write some text")
            return ""
        if not node.value.strip():
            self.fault(node, f"{what} is empty", "write some text")
        return str(node.value).strip()

    def choice(self, node: yaml.Node | None, what: str, known: Iterable[str]) -> str:
        """One of the known words."""
        word = self.text(node, what)
        if node is not None and word and word not in known:
            self.fault(node, f"unknown {what} '{word}'", suggestion(word, known))
            return ""
        return word

    def flag(self, node: yaml.Node | None, what: str) -> bool:
        """True or false; false where nothing is said."""
        if node is None:
            return False
        if not isinstance(node, yaml.ScalarNode) or not node.tag.endswith(":bool"):
            self.fault(node, f"{what} must be true or false, not {_kind(node)}", f"write '{what}: true'")
            return False
        return str(node.value).lower() in ("true", "yes", "on")

    def share(self, node: yaml.Node, what: str, above: float = 0.0, *, ends: bool = False) -> float:
        """A number between `above` and 1; the two themselves count only with `ends`."""
        number = _number(node)
        if number is None:
            self.fault(node, f"{what} must be a number, not {_shown(node)}", f"write a share: '{what}: 0.95'")
            return math.nan
        if not (above < number < 1 or (ends and number in (above, 1))):
            fix = f"write it as a share: {number / 100:g}" if 1 < number < 100 else f"for example '{what}: 0.95'"
            self.fault(node, f"{what} is {number:g}, which is not between {above:g} and 1", fix)
        return number

    def times(self, node: yaml.Node, what: str) -> float:
        """How many times as much: a number from 1 on."""
        number = _number(node)
        if number is None or number < 1:
            self.fault(node, f"{what} must be a number from 1 on, not {_shown(node)}", f"write '{what}: 1.5'")
            return math.nan
        return number

    def whole(self, node: yaml.Node, what: str) -> int:
        """A whole number from 1 on."""
        number = _number(node)
        if number is None or number < 1 or number != int(number):
            self.fault(node, f"{what} must be a whole number from 1 on, not {_shown(node)}", f"write '{what}: 3'")
            return 0
        return int(number)

    def seconds(self, node: yaml.Node, what: str) -> int:
        """A length of time, written `7 days`, as seconds."""
        written = str(node.value).split() if isinstance(node, yaml.ScalarNode) else []
        unit = _UNITS.get(written[1].rstrip("s")) if len(written) == 2 else None
        number = int(written[0]) if written and written[0].isascii() and written[0].isdigit() else 0
        if unit is None or not number:
            fix = f"write '{what}: {number or 7} days' (or minutes, hours)"
            self.fault(node, f"{what} must be a length of time, not {_shown(node)}", fix)
        return number * (unit or 0)

    def per_day(self, node: yaml.Node, what: str) -> float:
        """A number of events a day, written `400/day`."""
        written = node.value if isinstance(node, yaml.ScalarNode) else ""
        count, slash, unit = (part.strip() for part in str(written).partition("/"))
        number = count.replace("_", "").replace(",", "")
        if not (slash and unit == "day" and number.isascii() and number.isdigit() and int(number) > 0):
            fix = f"write '{what}: {number if number.isdigit() else 400}/day'"
            self.fault(node, f"{what} must be a number of events a day, not {_shown(node)}", fix)
            return math.nan
        return float(number)


def _number(node: yaml.Node) -> float | None:
    if not isinstance(node, yaml.ScalarNode) or node.tag.rpartition(":")[2] not in ("int", "float"):
        return None
    try:
        number = float(str(node.value).replace("_", ""))
    except ValueError:  # YAML's .nan, .inf, octal and sexagesimal numbers mean nothing here
        return None
    return number if math.isfinite(number) else None


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return _NAMES.get(node.tag.rpartition(":")[2], "a value of another kind")
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _shown(node: yaml.Node) -> str:
    return f"'{node.value}'" if isinstance(node, yaml.ScalarNode) else _kind(node)
