"""Rates of language identification on public texts whose language is known, and its speed.

Run: python benchmarks/language.py [FOLDER WITH THE PUBLIC DATA]
"""

import csv
import os
import sys
import time
from pathlib import Path

import pyarrow as pa

from gatehouse.text.language import identify

_FILES = {
    "davidson": ("davidson/labeled_data.csv", "tweet", "en"),
    "edos": ("edos/edos_labelled_aggregated.csv", "text", "en"),
    "jigsaw-slice": ("jigsaw-slice/amodh_toxic_comments.csv", "comment_text", "en"),
    "told-br": ("told-br/ToLD-BR.csv", "text", "pt"),
}


def read_texts(root: Path) -> dict[str, tuple[list[str], str]]:
    found = {}
    csv.field_size_limit(1 << 24)
    for name, (path, column, language) in _FILES.items():
        with (root / path).open(encoding="utf-8", newline="") as lines:
            found[name] = ([record[column] for record in csv.DictReader(lines)], language)
    with (root / "sms-spam" / "SMSSpamCollection").open(encoding="utf-8") as lines:
        found["sms-spam"] = ([line.rstrip("\n").split("\t", 1)[1] for line in lines], "en")
    return found


def main() -> None:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GATEHOUSE_DATA", "../shared/data"))
    identify(pa.array(["the first call compiles"]))
    print(f"{'set':14}{'texts':>8}{'language':>10}{'said so':>9}{'no answer':>11}{'other':>8}{'us/text':>9}")
    for name, (texts, language) in read_texts(root).items():
        column = pa.array(texts)
        start = time.thread_time()
        codes = identify(column)[0].to_pylist()
        micros = (time.thread_time() - start) / len(texts) * 1e6
        right, unsaid = codes.count(language) / len(codes), codes.count(None) / len(codes)
        wrong = 1 - right - unsaid
        print(f"{name:14}{len(texts):8,}{language:>10}{right:9.1%}{unsaid:11.1%}{wrong:8.2%}{micros:9.1f}")


if __name__ == "__main__":
    main()
