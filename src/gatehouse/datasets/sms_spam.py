"""SMS Spam Collection (Almeida et al. 2011): one message a line, `spam` or `ham` and the text behind a tab."""

from collections.abc import Iterator
from pathlib import Path

from gatehouse.datasets.items import Claim, Item, Source, SourceFile
from gatehouse.datasets.published import meaning

_FILE = "SMSSpamCollection"
_CLAIMS = {"spam": (Claim("spam", 1),), "ham": (Claim("spam", 0),)}


def _read(folder: Path) -> Iterator[Item]:
    path = folder / _FILE
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            word, _, text = line.rstrip("\r\n").partition("\t")
            yield Item(f"sms-{number}", text, meaning(word, _CLAIMS, path, number))


SOURCE = Source(
    name="sms-spam",
    title="SMS Spam Collection",
    licence="CC BY 4.0",
    population="text messages in English, mostly from Singapore and the United Kingdom, before 2012",
    home="https://archive.ics.uci.edu/dataset/228/sms+spam+collection",
    language="en",
    labels=("spam",),
    rows=5_573,
    files=(
        SourceFile(
            name=_FILE,
            sha256="38bb63f9db51cd23bc38e2668c858766f6ecc0dcd8d89db77051456c8e525671",
            size=477_860,
            address="https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
            member=_FILE,
        ),
    ),
    limits=(
        "Spam and ham were collected from different places and years, so a detector may learn the place",
        "The known copy has one message fewer than the original's 5,574",
    ),
    read=_read,
)
