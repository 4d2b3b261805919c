"""Where each character of an expression stands in the YAML file that holds it."""

from collections.abc import Iterator

from yaml import ScalarNode

from gatehouse.expressions.place import Place

_ESCAPES = {"x": 2, "u": 4, "U": 8}
"""Hexadecimal digits behind each of YAML's escapes in double quotes that take some."""


def place_of(node: ScalarNode, file: str, where: str) -> Place:
    """The place of a scalar of this file, in whatever of YAML's styles it is written."""

    def locate(offset: int) -> tuple[int, int]:
        starts = list(_starts(node, file))
        at = starts[offset] if offset < len(starts) else node.start_mark.index
        return file.count("\n", 0, at) + 1, at - (file.rfind("\n", 0, at) + 1) + 1

    return Place(where, locate)


def _starts(node: ScalarNode, file: str) -> Iterator[int]:
    """For each character of the scalar's value, where it begins in the file.

    Line breaks and indents of the file may have become one space or none, so white space is matched loosely.
    """
    at = node.start_mark.index
    if node.style in ("|", ">"):
        at = file.find("\n", at) + 1
    elif node.style in ("'", '"'):
        at += 1
    for sign in node.value:
        if sign.isspace() and not file[at : at + 1].isspace() and file[at : at + 1] != "\\":
            yield max(at - 1, 0)
            continue
        while not sign.isspace() and file[at : at + 1].isspace():
            at += 1
        if node.style == '"':
            while file[at : at + 2] == "\\\n":
                at += 2 + len(file[at + 2 :]) - len(file[at + 2 :].lstrip(" \t"))
        yield at
        if node.style == '"' and file[at : at + 1] == "\\":
            at += 2 + _ESCAPES.get(file[at + 1 : at + 2], 0)
        elif node.style == "'" and sign == "'":
            at += 2
        else:
            at += 1
