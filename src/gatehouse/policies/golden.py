"""Golden items: a policy's worked examples, each tied to a clause, and what a change of the policy does to them."""

from collections.abc import Iterable

from gatehouse.records.policy import Clause, Example, Policy

_NEW = "is new"


def stale(before: Policy, after: Policy, examples: Iterable[Example]) -> list[tuple[Example, str]]:
    """The examples that a change of policy touches, each with the reasons; they keep their order.

    An example is stale where its clause was removed or says something else, or where no step is left for one of its
    labels. One that names no clause is to be looked at when any clause changed or came, for it may rest on that one.
    """
    changes = _changes(before, after)
    left = {step.label for step in after.steps}
    found = []
    for example in examples:
        reasons = []
        if example.clause is None and changes:
            reasons.append(f"to be looked at: it names no clause, and {_listed(changes)} changed")
        elif example.clause in changes and changes[example.clause] != _NEW:
            reasons.append(f"clause {example.clause} {changes[example.clause]}")
        lost = [label for label in example.labels if label not in left]
        if lost:
            reasons.append(f"no step is left for its label {' and '.join(lost)}")
        if reasons:
            found.append((example, "; ".join(reasons)))
    return found


def _changes(before: Policy, after: Policy) -> dict[str, str]:
    """What happened to each clause that is not as it was, by its id."""
    old, new = ({clause.id: clause for clause in policy.clauses} for policy in (before, after))
    changes = {id_: "was removed" for id_ in old if id_ not in new}
    changes |= {id_: _NEW for id_ in new if id_ not in old}
    changes |= {id_: _differs(old[id_], new[id_]) for id_ in old if id_ in new and old[id_] != new[id_]}
    return changes


def _differs(before: Clause, after: Clause) -> str:
    parts = [name for name in ("title", "text") if getattr(before, name) != getattr(after, name)]
    return f"has another {' and another '.join(parts)}"


def _listed(changes: Iterable[str]) -> str:
    ids = sorted(changes)
    return ("clause " if len(ids) == 1 else "clauses ") + ", ".join(ids)
