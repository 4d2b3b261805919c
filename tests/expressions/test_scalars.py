"""A fault in an expression is shown where it stands in the YAML file, in every style of writing it."""

import pytest
import yaml

from gatehouse.expressions.scalars import place_of

FILE = r"""# rules
- kind = 'x' AND z
- 'kind = ''x'' AND z'
- "kind = 'x'\tAND \u007a"
- |
  kind = 'x'
    AND z
- >-
  kind = 'x'

  AND z
-   kind = 'x'
    AND
    z
- "kind = 'x' \
   AND z"
- >  # folded
  é = 'x' AND z
"""


def test_each_character_is_found_in_the_file() -> None:
    lines = FILE.split("\n")
    for node in yaml.compose(FILE, Loader=yaml.SafeLoader).value:
        place = place_of(node, FILE, "rules.yaml")
        for offset, sign in enumerate(node.value):
            if not sign.isspace():
                line, column = place.locate(offset)
                there = lines[line - 1][column - 1 :]
                assert there.startswith(sign) or (sign == "z" and there.startswith("\\u007a"))


@pytest.mark.parametrize(
    ("index", "where"),
    [(0, (2, 18)), (1, (3, 21)), (2, (4, 20)), (3, (7, 9)), (4, (11, 7)), (5, (14, 5)), (6, (16, 8)), (7, (18, 15))],
)
def test_the_last_word_is_found_in_every_style(index: int, where: tuple[int, int]) -> None:
    node = yaml.compose(FILE, Loader=yaml.SafeLoader).value[index]
    assert place_of(node, FILE, "rules.yaml").locate(node.value.index("z")) == where
