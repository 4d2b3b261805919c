"""Words and signs of SQL and of programming languages that people write and the language does not have."""

_NO_QUERY = ("queries are not part of the language", "use a feature that holds the value, or an IN list")
_NO_PLACEHOLDER = ("placeholders are not part of the language", "write the value itself")
_NO_BITS = ("bit operators are not part of the language", "use + - * / %, or AND, OR, NOT")
_NO_TIME = ("dates and intervals are not part of the language", "times are BIGINT microseconds UTC: compare numbers")
_NO_REGEX = ("this match operator is not part of the language", "write regexp_matches(text, 'pattern')")
_NO_LIST = ("lists and objects are not part of the language", "write IN ('a', 'b') for a list")
_NO_QUOTE = ("this quote is not part of the language", "use straight quotes: 'text', \"column\"")

SYMBOLS: dict[str, tuple[str, str]] = {
    "==": ("equality is written with one =", "write ="),
    "&&": ("'&&' is not part of the language", "write AND"),
    "||": ("'||' is not part of the language: texts cannot be joined", "for 'or' write OR"),
    "!": ("'!' is not part of the language", "write NOT, or <> for 'is not'"),
    "<=>": ("'<=>' is not part of the language", "write a = b OR a IS NULL AND b IS NULL"),
    "::": ("'::' is not part of the language", "write CAST(x AS BIGINT)"),
    ":=": ("nothing can be assigned", "compare with ="),
    ";": ("only one expression can stand here", "join conditions with AND or OR"),
    "->": ("lambdas and paths are not part of the language", "name a column"),
    "->>": ("lambdas and paths are not part of the language", "name a column"),
    "=>": ("'=>' is not part of the language", "write >= for 'at least'; arguments have no names"),
    "=<": ("'=<' is not part of the language", "write <="),
    ".": ("columns have no table before them, and numbers start with a digit", "write column, or 0.5"),
    "*": ("'*' stands alone", "name a column"),
    "?": _NO_PLACEHOLDER,
    ":": _NO_PLACEHOLDER,
    "@": _NO_PLACEHOLDER,
    "&": _NO_BITS,
    "|": _NO_BITS,
    "^": _NO_BITS,
    "<<": _NO_BITS,
    ">>": _NO_BITS,
    "~": _NO_REGEX,
    "~~": ("'~~' is not part of the language", "write LIKE"),
    "!~": _NO_REGEX,
    "[": _NO_LIST,
    "{": _NO_LIST,
    "`": _NO_QUOTE,
    **dict.fromkeys("“”„‘’‚´", _NO_QUOTE),
    "≥": ("'≥' is not part of the language", "write >="),
    "≤": ("'≤' is not part of the language", "write <="),
    "≠": ("'≠' is not part of the language", "write <>"),
}
"""Sign: what is wrong, and what to write."""

WORDS: dict[str, tuple[str, str]] = {
    "SELECT": _NO_QUERY,
    "FROM": _NO_QUERY,
    "WHERE": ("WHERE is not part of the language", "write only the condition"),
    "EXISTS": _NO_QUERY,
    "WITH": _NO_QUERY,
    "OVER": ("window functions are not part of the language", "use a feature such as messages_1h"),
    "AS": ("a result has no name here", "write only the condition"),
    "RLIKE": _NO_REGEX,
    "REGEXP": _NO_REGEX,
    "GLOB": ("GLOB is not part of the language", "write LIKE with % and _"),
    "SIMILAR": _NO_REGEX,
    "ESCAPE": ("ESCAPE is not part of the language", "in a pattern \\% and \\_ stand for the signs themselves"),
    "MOD": ("MOD is not part of the language", "write a % b"),
    "DIV": ("DIV is not part of the language", "write CAST(a / b AS BIGINT)"),
    "XOR": ("XOR is not part of the language", "write a AND NOT b OR NOT a AND b"),
    "INTERVAL": _NO_TIME,
    "DATE": _NO_TIME,
    "TIMESTAMP": _NO_TIME,
    "CURRENT_DATE": _NO_TIME,
    "CURRENT_TIME": _NO_TIME,
    "CURRENT_TIMESTAMP": _NO_TIME,
    "LAMBDA": ("lambdas are not part of the language", "write the condition itself"),
    "TRY_CAST": ("TRY_CAST is not part of the language", "write CAST: what it cannot convert is NULL"),
}
"""Word, in upper case: what is wrong, and what to write."""

FUNCTIONS: dict[str, str] = {
    "len": "write length(text)",
    "char_length": "write length(text)",
    "character_length": "write length(text)",
    "lcase": "write lower(text)",
    "ucase": "write upper(text)",
    "ifnull": "write coalesce(x, y)",
    "nvl": "write coalesce(x, y)",
    "isnull": "write x IS NULL",
    "if": "write CASE WHEN condition THEN x ELSE y END",
    "iff": "write CASE WHEN condition THEN x ELSE y END",
    "max": "for the larger of two values write greatest(x, y)",
    "min": "for the smaller of two values write least(x, y)",
    "ceiling": "write ceil(x)",
    "round": "write floor(x + 0.5)",
    "trunc": "write CAST(x AS BIGINT)",
    "startswith": "write starts_with(text, 'x')",
    "endswith": "write ends_with(text, 'x')",
    "strpos": "write contains(text, 'x')",
    "instr": "write contains(text, 'x')",
    "position": "write contains(text, 'x')",
    "regexp_like": "write regexp_matches(text, 'pattern')",
    "regexp_contains": "write regexp_matches(text, 'pattern')",
    "regexp_match": "write regexp_matches(text, 'pattern')",
    "match": "write regexp_matches(text, 'pattern')",
    "int": "write CAST(x AS BIGINT)",
    "float": "write CAST(x AS DOUBLE)",
    "str": "write CAST(x AS VARCHAR)",
    "pow": "write x * x",
    "power": "write x * x",
}
"""Function of other dialects: what to write instead."""

AGGREGATES = frozenset(("count", "sum", "avg", "mean", "stddev", "variance", "median", "any_value", "array_agg"))

TYPES: dict[str, str] = {
    **dict.fromkeys(("int", "integer", "long", "int64", "smallint", "tinyint"), "BIGINT"),
    **dict.fromkeys(("float", "real", "decimal", "numeric", "number", "float64"), "DOUBLE"),
    **dict.fromkeys(("string", "text", "char", "str"), "VARCHAR"),
    **dict.fromkeys(("bool",), "BOOLEAN"),
}
"""Type name of other dialects: its name here."""
