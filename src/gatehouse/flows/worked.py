"""Single decisions worth a look: on a pack's own examples, or on the actors that score highest."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.detectors.base import Explains, ExplainsFeatures
from gatehouse.evaluation.pack_report import WorkedActor, WorkedExample
from gatehouse.features.reasons import reasons
from gatehouse.flows.subject import Subject, learnt_signals
from gatehouse.records.decision import Judgement
from gatehouse.records.event import Event, to_batch
from gatehouse.records.policy import Example

WORKED_EXAMPLES = 4
HIGHEST = 4
HIGHEST_WRONG = 2
CARRIED = 5


def worked_examples(subject: Subject) -> tuple[WorkedExample, ...]:
    """The first examples of a pack that judges texts, violating and not in turn, judged and explained."""
    if subject.rows_are == "accounts":
        return ()
    positive = [example for example in subject.pack.examples if example.labels]
    negative = [example for example in subject.pack.examples if not example.labels]
    chosen = [example for pair in zip(positive, negative, strict=False) for example in pair][:WORKED_EXAMPLES]
    language = subject.pack.recipe.languages[0] if subject.pack.recipe.languages else None
    events = [Event(id=example.id, text=example.text, language=language) for example in chosen]
    judgement = subject.judge(to_batch(events))
    return tuple(_example(subject, example, i, judgement) for i, example in enumerate(chosen))


def _example(subject: Subject, example: Example, row: int, judgement: Judgement) -> WorkedExample:
    label = subject.pack.recipe.labels[0]
    detector = subject.pack.recipe.detector
    score = learnt_signals(subject, judgement).scores(label)[row]
    explains = next((d for d in subject.judge.detectors if d.name == detector and isinstance(d, Explains)), None)
    said = judgement.outcomes[0].of(row)
    return WorkedExample(
        id=example.id,
        text=example.text,
        expected=example.labels,
        why=example.why,
        label=label,
        score=None if np.isnan(score) else float(score),
        outcome=said.outcome,
        enforce=said.enforce,
        clause=said.clause,
        reason=said.reason,
        contributions=tuple(explains.explain(example.text, label)) if explains else (),
    )


def highest_actors(
    subject: Subject,
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    judgement: Judgement,
    truth: npt.NDArray[np.float64],
) -> tuple[WorkedActor, ...]:
    """The actors that score highest in what a pack of actors judged, then the highest of those who are labelled none.

    `truth` is float64 [n] of the main label: 1, 0 or NaN where nobody said.
    """
    label, name = subject.pack.recipe.labels[0], subject.pack.recipe.detector
    detector = next((d for d in subject.judge.detectors if d.name == name and isinstance(d, ExplainsFeatures)), None)
    if not isinstance(detector, ExplainsFeatures):
        return ()
    scores = learnt_signals(subject, judgement).scores(label)
    order = [row for row in np.argsort(-scores, kind="stable").tolist() if not np.isnan(scores[row])]
    wrong = [row for row in order[HIGHEST:] if truth[row] == 0.0]
    found = []
    for row in (*order[:HIGHEST], *wrong[:HIGHEST_WRONG]):
        said = judgement.outcomes[0].of(row)
        weights = detector.explain_features(features.slice(row, 1), label)
        found.append(
            WorkedActor(
                event_id=events.column("id")[row].as_py(),
                actor=events.column("actor")[row].as_py(),
                label=label,
                holds=None if np.isnan(truth[row]) else bool(truth[row]),
                score=float(scores[row]),
                outcome=said.outcome,
                enforce=said.enforce,
                clause=said.clause,
                reason=said.reason,
                carried=reasons(weights, subject.judge.features, CARRIED),
            )
        )
    return tuple(found)
