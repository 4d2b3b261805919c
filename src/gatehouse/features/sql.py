"""Windows as SQL: one text over coded events that DuckDB and Spark run unchanged.

The meaning is written in docs/point-in-time.md. What an event counts for is an interval of its entity's log: it begins
just after the event and ends before the first event that knows its end to have passed. So every window is a running sum
in one sort: a weight is added after its event, and taken away in a row of its own at its end. The text keeps to whole
numbers, growing frames of rows and functions that both engines know alike.
"""

from dataclasses import dataclass, field

from gatehouse.features.plan import Plan, amount_name, code_name
from gatehouse.features.windows import (
    SECOND,
    STEPS,
    Age,
    Count,
    Declaration,
    Distinct,
    RepeatShare,
    Sum,
)

_BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


def query(plan: Plan) -> str:
    """The rows of the table `coded` (in `plan.coded`) as `row` and the plan's windows, in the order of `row`."""
    spaces = {columns: f"{i}" for i, columns in enumerate(dict.fromkeys(said.counted for said in plan.declarations))}
    pairs = dict.fromkeys((said.counted, said.key) for said in plan.declarations)
    # Events known at the same time follow each other by place and id; from here on all order is whole numbers.
    order = "row_number() OVER (PARTITION BY known ORDER BY place, id) AS n"
    needed = [name for name in plan.coded.names if name not in ("id", "place")]
    tables = {"numbered": _select([*needed, order], "coded")}
    for counted, name in spaces.items():
        tables |= _entity_tables([said for said in plan.declarations if said.counted == counted], plan, name)
    columns: dict[str, str] = {}
    joins: list[str] = []
    for i, (counted, key) in enumerate(pairs):
        declared = [said for said in plan.declarations if (said.counted, said.key) == (counted, key)]
        tables |= _Pass(plan, counted, key, spaces[counted], f"{i}").tables(declared)
        columns |= {said.name: f"windows_{i}.v{place} AS {said.name}" for place, said in enumerate(declared)}
        joins.append(f"LEFT JOIN windows_{i} ON windows_{i}.row = coded.row")
    wanted = ["coded.row AS row", *(columns[said.name] for said in plan.declarations)]
    final = "\n".join([_select(wanted, "coded"), *joins, "ORDER BY coded.row"])
    return "WITH " + ",\n".join(f"{name} AS (\n{text}\n)" for name, text in tables.items()) + f"\n{final}"


def _select(columns: list[str], source: str) -> str:
    return "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {source}"


def _end(said: Declaration) -> str:
    """The name of the column that holds when an event leaves a window: after its step and 60 more."""
    return f"end_{said.step}"


def _counts(said: Declaration, plan: Plan) -> str:
    """The condition that an event is one of those that are counted, as the beginning of a longer one."""
    condition = plan.filter_name(said)
    return f"{condition} = 1 AND " if condition else ""


def _value_columns(said: Distinct | RepeatShare, plan: Plan) -> tuple[str, str]:
    """What tells occurrences of a value apart, as the end of column names and as a PARTITION BY."""
    of, condition = code_name(said.of), plan.filter_name(said)
    among = f"_among_{condition}" if condition else ""
    return f"{of}{among}_{said.step}", ", ".join(filter(None, ["entity", of, condition]))


def _run_columns(said: Age, plan: Plan) -> str:
    """The end of the names of the columns that tell the runs of an entity apart."""
    condition = plan.filter_name(said)
    return f"{f'among_{condition}_' if condition else ''}{said.step}"


def _entity_tables(declared: list[Declaration], plan: Plan, name: str) -> dict[str, str]:
    """The events of each entity with their ends, and how long each value of it is held by its occurrences so far."""
    entity = code_name(declared[0].counted)
    ends: dict[str, str] = {}
    needed: dict[str, None] = {}
    held: dict[str, str] = {}
    for said in declared:
        if condition := plan.filter_name(said):
            needed[condition] = None
        if isinstance(said, Age):
            known = f"CASE WHEN {condition} = 1 THEN known END" if condition else "known"
            column = f"before_{_run_columns(said, plan)}"
            held[column] = f"max({known}) OVER (PARTITION BY entity ORDER BY known, n {_BEFORE}) AS {column}"
            continue
        ends[_end(said)] = f"seen - seen % {said.step} + {(STEPS + 1) * said.step} AS {_end(said)}"
        if isinstance(said, Sum):
            needed[amount_name(said.of)] = None
        elif isinstance(said, Distinct | RepeatShare):
            needed[code_name(said.of)] = None
            value, same = _value_columns(said, plan)
            over = f"OVER (PARTITION BY {same} ORDER BY known, n"
            held[f"held_{value}"] = f"max({_end(said)}) {over} {_SO_FAR}) AS held_{value}"
            held[f"was_held_{value}"] = f"max({_end(said)}) {over} {_BEFORE}) AS was_held_{value}"
            held[f"next_{value}"] = f"lead(known) {over}) AS next_{value}"
    columns = ["row", "known", "n", f"{entity} AS entity", *needed, *ends.values()]
    counted = _select(columns, f"numbered\nWHERE {entity} IS NOT NULL")
    if not held:
        return {f"counted_{name}": counted}
    return {f"events_{name}": counted, f"counted_{name}": _select(["*", *held.values()], f"events_{name}")}


@dataclass(frozen=True)
class _Weight:
    """A number that an event adds just after itself, another that it takes away at a time, and the type of both."""

    add: str
    take: str
    until: str
    type: str = "INT"


@dataclass
class _Pass:
    """The one pass over the log of each entity, counted under some columns and read under others (or the same)."""

    plan: Plan
    counted: tuple[str, ...]
    key: tuple[str, ...]
    space: str
    name: str
    weights: dict[_Weight, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def tables(self, declared: list[Declaration]) -> dict[str, str]:
        """The tables of the pass; the last holds `row` and v0, v1 … for the declared windows."""
        values = [f"{self._value(said)} AS v{place}" for place, said in enumerate(declared)]
        running = [f"sum({name}) OVER before AS {name}" for name in self.weights.values()]
        running += [f"max({name}) OVER before AS {name}" for name in self.marks]
        before = f"WINDOW before AS (PARTITION BY entity ORDER BY time, position {_BEFORE})"
        return {
            f"weights_{self.name}": self._weights_table(),
            f"steps_{self.name}": self._steps_table(),
            f"sums_{self.name}": _select(["row", "time AS known", *running], f"steps_{self.name}\n{before}"),
            f"windows_{self.name}": _select(["row", *values], f"sums_{self.name}\nWHERE row IS NOT NULL"),
        }

    def _value(self, said: Declaration) -> str:
        """A window's value from the sums over all that comes before."""
        match said:
            case Age():
                return self._age(said)
            case RepeatShare():
                return self._share(said)
            case Distinct():
                return _capped(f"COALESCE({self._different(said)}, 0)", said.cap)
            case Count() | Sum():
                return _capped(f"COALESCE({self._sum(said)}, 0)", said.cap)

    def _sum(self, said: Count | Sum | RepeatShare) -> str:
        """The sum of ones or amounts over the events in the window."""
        inside = f"{_counts(said, self.plan)}{_end(said)} > known"
        if isinstance(said, Sum):
            amount = f"CASE WHEN {inside} THEN COALESCE({amount_name(said.of)}, 0) ELSE 0 END"
            return self._weight(_Weight(amount, amount, _end(said), "BIGINT"))
        if isinstance(said, RepeatShare):
            inside = f"{code_name(said.of)} IS NOT NULL AND {inside}"
        one = f"CASE WHEN {inside} THEN 1 ELSE 0 END"
        return self._weight(_Weight(one, one, _end(said)))

    def _different(self, said: Distinct | RepeatShare) -> str:
        """The number of values: each is added when it was not held before, and leaves when it is not held longer."""
        value, _ = _value_columns(said, self.plan)
        inside = f"{_counts(said, self.plan)}{code_name(said.of)} IS NOT NULL AND held_{value} > known"
        comes = f"(was_held_{value} IS NULL OR was_held_{value} <= known)"
        leaves = f"(next_{value} IS NULL OR next_{value} >= held_{value})"
        return self._weight(
            _Weight(
                f"CASE WHEN {inside} AND {comes} THEN 1 ELSE 0 END",
                f"CASE WHEN {inside} AND {leaves} THEN 1 ELSE 0 END",
                f"held_{value}",
            )
        )

    def _share(self, said: RepeatShare) -> str:
        events, different = _capped(self._sum(said), said.cap), _capped(self._different(said), said.cap)
        share = f"CAST({events} - {different} AS DOUBLE) / CAST({events} AS DOUBLE)"
        return f"CASE WHEN {self._sum(said)} > 0 THEN {share} END"

    def _age(self, said: Age) -> str:
        """Whole seconds since the first event of the run that the last event belongs to, where that still goes on."""
        run = _run_columns(said, self.plan)
        last, start, before = f"last_{run}", f"start_{run}", f"before_{run}"
        counts = _counts(said, self.plan)
        self.marks[last] = f"CASE WHEN {counts.removesuffix(' AND ')} THEN known END" if counts else "known"
        begins = f"({before} IS NULL OR known >= {_over(before, said)})"
        self.marks[start] = f"CASE WHEN {counts}{begins} THEN known END"
        whole = f"(known - {start}) - (known - {start}) % {SECOND}"
        return f"CAST(CASE WHEN known < {_over(last, said)} THEN ({whole}) / {SECOND} ELSE 0 END AS BIGINT)"

    def _weight(self, weight: _Weight) -> str:
        return self.weights.setdefault(weight, f"w{len(self.weights)}")

    def _taken(self, weight: _Weight) -> str:
        """The column that holds what is taken away."""
        name = self.weights[weight]
        return name if weight.take == weight.add else f"{name}_taken"

    def _weights_table(self) -> str:
        """What each event adds and takes away, and the last time that its entity is read."""
        columns = ["row", "known", "n", "counted.entity AS entity"]
        for weight, name in self.weights.items():
            columns.append(f"{weight.add} AS {name}")
            if weight.take != weight.add:
                columns.append(f"{weight.take} AS {self._taken(weight)}")
        columns += dict.fromkeys(weight.until for weight in self.weights)
        columns += [f"{mark} AS {name}" for name, mark in self.marks.items()]
        source = f"counted_{self.space} counted"
        if self.key == self.counted:
            return _select([*columns, "max(known) OVER (PARTITION BY entity) AS last"], source)
        key = code_name(self.key)
        read = f"SELECT {key} AS entity, max(known) AS last FROM numbered WHERE {key} IS NOT NULL GROUP BY {key}"
        return _select([*columns, "last"], f"{source}\nJOIN ({read}) reads ON reads.entity = counted.entity")

    def _steps_table(self) -> str:
        """All that happens to an entity, in one order: reads, what is added, what is taken away."""
        names = [*self.weights.values(), *self.marks]
        source = f"weights_{self.name}"
        if self.key == self.counted:
            parts = [_select(["row", "entity", "known AS time", "n AS position", *names], source)]
        else:
            # An event that is both read and counted here is read first.
            nothing = [f"CAST(0 AS {weight.type}) AS {name}" for weight, name in self.weights.items()]
            nothing += [f"CAST(NULL AS BIGINT) AS {name}" for name in self.marks]
            key = code_name(self.key)
            reads = ["row", f"{key} AS entity", "known AS time", "2 * n AS position", *nothing]
            adds = ["CAST(NULL AS BIGINT) AS row", "entity", "known AS time", "2 * n + 1 AS position", *names]
            parts = [_select(reads, f"numbered\nWHERE {key} IS NOT NULL"), _select(adds, source)]
        if self.weights:
            parts.append(self._ends())
        return "\nUNION ALL\n".join(parts)

    def _ends(self) -> str:
        """What is taken away at each time, in one row before all else that happens then; none after the last read."""
        by_time: dict[str, list[_Weight]] = {}
        for weight in self.weights:
            by_time.setdefault(weight.until, []).append(weight)
        kinds = {until: kind for kind, until in enumerate(by_time)}
        time = " ".join(f"WHEN {kind} THEN {until}" for until, kind in kinds.items())
        taken = ["entity", f"CASE kind {time} END AS time"]
        for weight, name in self.weights.items():
            taken.append(f"CASE WHEN kind = {kinds[weight.until]} THEN {self._taken(weight)} ELSE 0 END AS {name}")
        needed = []
        for until, weights in by_time.items():
            some = " OR ".join(f"{self._taken(weight)} <> 0" for weight in weights)
            needed.append(f"kind = {kinds[until]} AND {until} <= last AND ({some})")
        values = ", ".join(f"({kind})" for kind in kinds.values())
        source = f"weights_{self.name} CROSS JOIN (VALUES {values}) AS kinds(kind)"
        each = _select(taken, f"{source}\nWHERE {' OR '.join(needed)}")
        columns = ["CAST(NULL AS BIGINT) AS row", "entity", "time", "CAST(0 AS BIGINT) AS position"]
        columns += [f"CAST(-sum({name}) AS {weight.type}) AS {name}" for weight, name in self.weights.items()]
        columns += [f"CAST(NULL AS BIGINT) AS {name}" for name in self.marks]
        return _select(columns, f"(\n{each}\n) ends\nGROUP BY entity, time")


def _capped(number: str, cap: int | None) -> str:
    number = f"CAST({number} AS BIGINT)"
    return number if cap is None else f"LEAST({number}, CAST({cap} AS BIGINT))"


def _over(known: str, said: Age) -> str:
    """When an entity that was last seen at a time is new again."""
    return f"{known} - {known} % {said.step} + {(STEPS + 1) * said.step}"
