"""Pictures of a community as SVG: who is tied to whom, and when its members acted beside everybody else."""

import datetime
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.evaluation.campaign_layout import layout
from gatehouse.evaluation.campaign_words import span
from gatehouse.evaluation.charts import AGAINST, FONT, FOR, INK, MUTED, WIDTH, Figure
from gatehouse.ports.campaigns import Sighting

MOST_NODES, MOST_LINES = 250, 1_500
"""Accounts and ties that a picture shows; of more the most tied and the strongest."""

_NUMBERED = 60
_TALL = 340
_LEFT, _RIGHT, _PANEL = 44, 8, 104
_TICKS = 4


def graph(sighting: Sighting, ties: pa.Table) -> Figure:
    """Accounts as dots, their ties as lines; dots bear the places of members in the community's list, from 1."""
    members = list(sighting.community.members)
    edges, together = _own(members, ties)
    degree = np.bincount(edges.ravel(), minlength=len(members))
    chosen = np.sort(np.lexsort((np.arange(len(members)), -degree))[:MOST_NODES])
    place = np.full(len(members), -1)
    place[chosen] = np.arange(len(chosen))
    kept = (place[edges] >= 0).all(axis=1)
    lines, strength = place[edges[kept]], together[kept]
    strongest = np.sort(np.argsort(-strength, kind="stable")[:MOST_LINES])
    at = layout(len(chosen), lines)
    at = at * (WIDTH - 40, _TALL - 40) + 20
    drawn = [*_lines(at, lines[strongest], strength[strongest])]
    drawn += _dots(at, [members[i] for i in chosen], chosen + 1)
    shown = f"{len(members):,} accounts, {len(edges):,} ties"
    left_out = ""
    if len(chosen) < len(members) or len(strongest) < len(edges):
        left_out = f" Drawn are the {len(chosen):,} most tied accounts and their {len(strongest):,} strongest ties."
    numbers = "Numbers are places in the list of members. " if len(chosen) <= _NUMBERED else ""
    return Figure(
        title=f"Who with whom: {shown}",
        note=f"{numbers}A line joins two accounts that acted together more often than chance has it; a heavier line, "
        f"more often. Only nearness means something, not above or below.{left_out}",
        svg=_svg(_TALL, drawn),
    )


def timeline(sighting: Sighting, activity: pa.Table) -> Figure:
    """How much the members did around the time of the community, above how much everybody else did."""
    own = activity.filter(pc.equal(activity["community"], sighting.community.id))
    at, acts, others = (own[name].to_numpy() for name in ("at", "acts", "others"))
    if not len(at):
        raise ValueError(f"community {sighting.community.id} has no timeline")
    step = int(own["step"][0].as_py())
    start, end = int(at[0]), int(at[-1]) + step
    base = 20 + _PANEL + 28 + _PANEL
    drawn = [_during(sighting, start, end)]
    drawn += _panel(20, f"the {len(sighting.community.members):,} members", acts, FOR)
    drawn += _panel(20 + _PANEL + 28, "everybody else", others, AGAINST)
    drawn += _axis(start, end, base)
    busiest = int(acts.argmax())
    return Figure(
        title=f"When: at most {int(acts[busiest]):,} of the members' {int(acts.sum()):,} events within {span(step)}",
        note=f"Events in steps of {span(step)}; times are UTC. Shaded is the time from the first to the last thing "
        f"that they did together. Everybody else did {int(others[busiest]):,} in the members' busiest step.",
        svg=_svg(base + 36, drawn),
    )


def as_png(svg: str) -> bytes:
    """A picture at twice its size as PNG, on white."""
    import vl_convert

    ground = '<rect width="100%" height="100%" fill="white"/>'
    head, _, rest = svg.partition(">")
    drawn: bytes = vl_convert.svg_to_png(f"{head}>{ground}{rest}", scale=2)
    return drawn


def _own(members: Sequence[str], ties: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The ties among these members as pairs of their places, int64 [m, 2], and how often each pair acted together."""
    known = pa.array(members, pa.string())
    ends = [pc.index_in(ties[name], value_set=known).fill_null(-1).to_numpy() for name in ("a", "b")]
    edges = np.stack(ends, axis=1).astype(np.int64)
    both = (edges >= 0).all(axis=1)
    return edges[both], ties["together"].to_numpy()[both]


def _lines(at: npt.NDArray[np.float64], lines: npt.NDArray[np.int64], together: npt.NDArray[np.int64]) -> Iterator[str]:
    strength = np.sqrt(together / max(together.max(initial=0), 1))
    opacity = 0.55 if len(lines) < 200 else 0.25
    yield f'<g stroke="{MUTED}" stroke-opacity="{opacity}">'
    for (a, b), share in zip(lines, strength, strict=True):
        (x1, y1), (x2, y2) = at[a], at[b]
        yield f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke-width="{0.4 + 1.8 * share:.1f}"/>'
    yield "</g>"


def _dots(at: npt.NDArray[np.float64], names: Sequence[str], numbers: npt.NDArray[np.int64]) -> Iterator[str]:
    numbered = len(names) <= _NUMBERED
    radius = 9 if numbered else 4
    for (x, y), name, number in zip(at, names, numbers, strict=True):
        dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{FOR}" stroke="white"/>'
        said = f'<text x="{x:.1f}" y="{y + 3.2:.1f}" text-anchor="middle" font-size="9" fill="white">{number}</text>'
        yield f"<g><title>{escape(name)}</title>{dot}{said if numbered else ''}</g>"


def _during(sighting: Sighting, start: int, end: int) -> str:
    left, right = (_x(moment, start, end) for moment in (sighting.first, sighting.last))
    width = max(right - left, 1.5)
    return f'<rect x="{left:.1f}" y="20" width="{width:.1f}" height="{2 * _PANEL + 28}" fill="#fff1e6"/>'


def _panel(top: float, said: str, counts: npt.NDArray[np.int64], colour: str) -> Iterator[str]:
    """Bars from a base line, with the tallest one's count at the side."""
    base, most = top + _PANEL, max(int(counts.max()), 1)
    room = WIDTH - _LEFT - _RIGHT
    width = room / len(counts)
    yield f'<text x="{_LEFT}" y="{top - 6}" fill="{colour}" font-size="12">{escape(said)}</text>'
    yield from _scale(base, most)
    bars = []
    for i, n in enumerate(counts.tolist()):
        if n:
            high = max(n / most * (_PANEL - 6), 1)
            bar = f"M{_LEFT + i * width:.1f} {base:.1f}v{-high:.1f}h{max(width - 0.6, 0.6):.1f}v{high:.1f}z"
            bars.append(bar)
    yield f'<path d="{"".join(bars)}" fill="{colour}"/>'
    yield f'<path d="M{_LEFT} {base}H{WIDTH - _RIGHT}" stroke="#9aa5b1"/>'


def _scale(base: float, most: int) -> Iterator[str]:
    for n in (0, most):
        y = base - n / most * (_PANEL - 6)
        yield f'<path d="M{_LEFT - 4} {y:.1f}h4" stroke="#9aa5b1"/>'
        place = f'x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end"'
        yield f'<text {place} fill="{MUTED}" font-size="11">{n:,}</text>'


def _axis(start: int, end: int, base: float) -> Iterator[str]:
    fine = end - start < 4 * 86_400_000_000
    for part in range(_TICKS + 1):
        moment = start + (end - start) * part // _TICKS
        x = _x(moment, start, end)
        anchor = "start" if part == 0 else "end" if part == _TICKS else "middle"
        time = datetime.datetime.fromtimestamp(moment / 1e6, datetime.UTC)
        lines = (f"{time:%H:%M:%S}" if end - start < 600_000_000 else f"{time:%H:%M}", f"{time:%d %b %Y}")
        yield f'<path d="M{x:.1f} {base}v4" stroke="#9aa5b1"/>'
        for row, line in enumerate(lines if fine else lines[1:]):
            place = f'x="{x:.1f}" y="{base + 17 + 13 * row}" text-anchor="{anchor}"'
            yield f'<text {place} fill="{MUTED}" font-size="11">{line}</text>'


def _x(moment: int, start: int, end: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (moment - start) / max(end - start, 1)


def _svg(tall: float, drawn: Sequence[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {tall}" width="{WIDTH}" height="{tall}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{FONT}" fill="{INK}" aria-hidden="true">'
    return head + "".join(drawn) + "</svg>"
