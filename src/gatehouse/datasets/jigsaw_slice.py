"""Two published slices of the Jigsaw toxic comments: Wikipedia talk pages, six labels, some comments in both."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning, records

_WITH_IDS, _WITHOUT_IDS = "hieu_toxic_comments.csv", "amodh_toxic_comments.csv"
_LABELS = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")
_VALUES = {"0": 0, "1": 1}


def _read(folder: Path) -> Iterator[Item]:
    for name in (_WITH_IDS, _WITHOUT_IDS):
        for number, (line, row) in enumerate(records(folder / name, ("comment_text", *_LABELS)), 1):
            claims = tuple(Claim(label, meaning(row[label], _VALUES, folder / name, line)) for label in _LABELS)
            yield Item(row.get("id") or f"jigsaw-{number}", row["comment_text"], claims)


SOURCE = Source(
    name="jigsaw-slice",
    title="Jigsaw toxic comments, two slices",
    licence="labels CC0, text CC BY-SA 3.0",
    population="comments on English Wikipedia's talk pages, in two slices that others chose",
    home="https://www.kaggle.com/c/jigsaw-toxic-comment-classification-challenge",
    language="en",
    labels=_LABELS,
    rows=4_983,
    files=(
        SourceFile(
            name=_WITHOUT_IDS,
            sha256="075153a342658a40df550981a29302a76cd3fb953f466560efa4c7e4d1faafde",
            size=1_223_086,
            address="https://raw.githubusercontent.com/amodh-saxena/toxic_message_analyzer/"
            "9700ac242f0dcff83c8dd8a073fee4a4b399664b/toxic_comments.csv",
        ),
        SourceFile(
            name=_WITH_IDS,
            sha256="8eb792ba7f327a1e5e61c33c296fbdd5e6ca4159a179c105c6c69bee8f561f16",
            size=826_108,
            address="https://raw.githubusercontent.com/HieuNT91/file_storage/"
            "54fa062ad711dec1226b23c55f2e2bcf78b09893/toxic_comments.csv",
        ),
    ),
    limits=(
        "The slices are no random sample of the talk pages or of the challenge's data",
        "threat, severe_toxic and identity_hate are rare: under 50 positives in the test part allow counts only",
    ),
    read=_read,
)
