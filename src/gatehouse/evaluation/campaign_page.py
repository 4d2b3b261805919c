"""The page of a run of `campaigns find`: each community with its evidence, its graph and its timeline."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.evaluation import campaign_words
from gatehouse.evaluation.report import RunInfo, templates
from gatehouse.ports.campaigns import CampaignRun, Kept, Known, Sighting, Verdict
from gatehouse.records.community import Evidence

if TYPE_CHECKING:
    from gatehouse.evaluation.charts import Figure

MOST_IN_FULL = 40
"""Communities that a page shows with evidence and pictures; the table has all."""

MOST_EVIDENCE = 8
MOST_WORDINGS = 2

_WORDS = ("chance", "cut", "evidence_in_words", "setting", "span", "together")


@dataclass(frozen=True)
class Section:
    """One community as the page shows it; without pictures where it only stands in the table.

    `texts` are those of events of the evidence, by their ids.
    """

    sighting: Sighting
    history: Sequence[tuple[CampaignRun, Sighting]]
    verdicts: Sequence[Verdict]
    texts: Mapping[str, str | None]
    graph: "Figure | None" = None
    timeline: "Figure | None" = None

    def texts_of(self, shown: Evidence) -> list[str]:
        """Different wordings of a text that members had in common, each cut."""
        whole = (self.texts.get(id_) for id_ in shown.event_ids if shown.means == "text")
        return list(dict.fromkeys(campaign_words.cut(text) for text in whole if text))[:MOST_WORDINGS]


def page(kept: Kept, known: Mapping[str, Known], run: RunInfo) -> str:
    """The whole page as one HTML file without scripts and without anything from outside."""
    template = templates().get_template("campaigns.html")
    words = {name: getattr(campaign_words, name) for name in _WORDS}
    return template.render(kept=kept, run=run, sections=sections(kept, known), most_evidence=MOST_EVIDENCE, words=words)


def sections(kept: Kept, known: Mapping[str, Known]) -> list[Section]:
    """The communities of a run, the least likely by chance first."""
    from gatehouse.evaluation.campaign_figures import graph, timeline

    texts = dict(zip(kept.texts["event_id"].to_pylist(), kept.texts["text"].to_pylist(), strict=True))
    found = []
    ranked = sorted(
        kept.sightings, key=lambda each: (each.community.p, -len(each.community.members), each.community.id)
    )
    for place, sighting in enumerate(ranked):
        each = known[sighting.community.id]
        said: tuple[Figure | None, Figure | None] = (None, None)
        if place < MOST_IN_FULL:
            said = (graph(sighting, kept.ties), timeline(sighting, kept.activity))
        found.append(Section(sighting, each.seen, each.verdicts, texts, *said))
    return found


def write_pictures(kept: Kept, known: Mapping[str, Known], folder: Path) -> list[Path]:
    """Write every picture of the page as `ID-graph` and `ID-timeline`, each as .svg and .png."""
    from gatehouse.evaluation.campaign_figures import as_png

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, svg in _pictures(sections(kept, known)):
        for suffix, content in ((".svg", svg.encode()), (".png", as_png(svg))):
            path = folder / f"{name}{suffix}"
            path.write_bytes(content)
            written.append(path)
    return written


def _rank(sighting: Sighting) -> tuple[float, int, str]:
    community = sighting.community
    return community.p, -len(community.members), community.id


def _pictures(shown: Sequence[Section]) -> Iterator[tuple[str, str]]:
    for section in shown:
        for what, figure in (("graph", section.graph), ("timeline", section.timeline)):
            if figure is not None:
                yield f"{section.sighting.community.id}-{what}", figure.svg
