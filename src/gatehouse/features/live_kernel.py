"""The compiled loops of live windows; `gatehouse.features.live_table` says how a row of cells is laid out.

A row is all that is known of one entity: int64 cells, of which counts use halves (uint32) and values' ages bytes.
Step numbers come from `known`, which never falls, so a row is only ever slid forward. Before a batch changes a row that
was there, its image is kept; what a batch adds stands behind all others. Both make a batch undone exactly.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from gatehouse.features.windows import MOST_AMOUNT, SECOND, STEPS

Cells = npt.NDArray[np.int64]
Halves = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Index = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Table = tuple[Cells, Index, Cells, Cells, Cells, Cells]
"""Cells, index, state, images, program and keys."""
Events = tuple[Cells, Cells, Cells, Cells]
"""Where the row begins that each event reads, and that in which it counts, or -1; when it was seen, and known."""

RING = STEPS + 1
"""Cells of a ring: the whole steps of a window, and the one that is running."""

# The cells at the beginning of each row.
CODE, ENDS, STAMP, HEADER = range(4)

# What a table knows of itself.
ROWS, OLD_ROWS, IMAGES, BATCH, CLOCK, OLD_CLOCK, MULTIPLIER, SHIFT, STATE = range(9)

_FEW = 32
"""Events that go through all declarations together: as many as have their rows in a core's own cache."""

COUNT, SUM, DISTINCT, SHARE, AGE = range(5)

# What a table is told of each declaration; rows of `values` are told by number, -1 where there is none.
OP, AT, STEP, KEY, FILTER, OF, CAP, OUT, FIELDS = range(9)

# The cells of a count, a sum, or values: the step up to which they were slid, then what there is within the window.
_LAST, _TOTAL, _BODY = range(3)
COUNT_CELLS = _BODY + (RING + 1) // 2
SUM_CELLS = _BODY + RING
AGE_CELLS = 2

MOST_COUNT = 2**32 - 1
MOST_SUM = 2**57
"""A cell holds at most this much; neither a ring of 61 such cells nor one more amount can overflow."""
assert RING * MOST_SUM < 2**63 - MOST_AMOUNT


def values_cells(cap: int) -> int:
    """Cells that hold `cap` values, and a byte each for how many steps ago they were last seen."""
    return _BODY + cap + (cap + 7) // 8


@njit(cache=True, nogil=True, error_model="numpy")
def _bucket(code: int, state: Cells) -> np.int64:
    return np.int64((np.uint64(code) * np.uint64(state[MULTIPLIER])) >> np.uint64(state[SHIFT]))


@njit(cache=True, nogil=True, error_model="numpy")
def _find(cells: Cells, index: Index, state: Cells, code: int) -> tuple[np.int32, np.int64]:
    """The entity's row, or -1; and the bucket where it is, or where it would go."""
    bucket = _bucket(code, state)
    while index[bucket] >= 0 and cells[index[bucket], CODE] != code:
        bucket = (bucket + 1) & (len(index) - 1)
    return index[bucket], bucket


@njit(cache=True, nogil=True, error_model="numpy")
def index_all(cells: Cells, index: Index, state: Cells) -> None:
    """Write the index of all rows anew."""
    index[:] = -1
    for row in range(state[ROWS]):
        index[_find(cells, index, state, cells[row, CODE])[1]] = row


@njit(cache=True, nogil=True, error_model="numpy")
def evict(cells: Cells, index: Index, state: Cells) -> None:
    """Drop the rows whose every window has ended at the clock; those that stay keep their order."""
    kept = 0
    for row in range(state[ROWS]):
        if cells[row, ENDS] > state[CLOCK]:
            if kept < row:
                cells[kept] = cells[row]
            kept += 1
    cells[kept : state[ROWS]] = 0
    state[ROWS], state[OLD_ROWS] = kept, kept
    index_all(cells, index, state)


@njit(cache=True, nogil=True, error_model="numpy")
def undo(cells: Cells, index: Index, state: Cells, images: Cells) -> None:
    """Bring back what was before the last batch."""
    for image in images[: state[IMAGES]]:
        cells[_find(cells, index, state, image[CODE])[0]] = image
    # The last row that came took its bucket last: taking them away backwards leaves no gap in a run of buckets.
    for row in range(state[ROWS] - 1, state[OLD_ROWS] - 1, -1):
        index[_find(cells, index, state, cells[row, CODE])[1]] = -1
    cells[state[OLD_ROWS] : state[ROWS]] = 0
    state[ROWS], state[CLOCK], state[IMAGES] = state[OLD_ROWS], state[OLD_CLOCK], 0


@njit(cache=True, nogil=True, error_model="numpy")
def _leave(ring: Cells | Halves, start: int, stop: int) -> np.int64:
    """Empty the cells, giving back what was in them."""
    left = np.int64(0)
    for i in range(start, stop):
        left += np.int64(ring[i])
        ring[i] = 0
    return left


@njit(cache=True, nogil=True, error_model="numpy")
def _slide(cells: Cells, at: int, ring: Cells | Halves, first: int, empty: bool, now: int, spot: int) -> None:
    """Bring a ring up to the step `now`, whose cell is `spot`; steps that have left the window leave their cells."""
    passed = min(now - cells[at + _LAST], RING)
    cells[at + _LAST] = now
    if empty:
        return
    start = spot - passed + 1
    if start < 0:
        cells[at + _TOTAL] -= _leave(ring, first + start + RING, first + RING)
    cells[at + _TOTAL] -= _leave(ring, first + max(start, 0), first + spot + 1)


@njit(cache=True, nogil=True, error_model="numpy")
def add_one(cells: Cells, at: int, ring: Halves, cell: int) -> None:
    """Count one event in a cell of a ring; a full cell stays full."""
    if ring[cell] < MOST_COUNT:
        ring[cell] += np.uint32(1)
        cells[at + _TOTAL] += 1


@njit(cache=True, nogil=True, error_model="numpy")
def add_amount(cells: Cells, at: int, cell: int, amount: int) -> None:
    """Add an amount to a cell of a ring, as far as the cell can hold it."""
    before = cells[cell]
    cells[cell] = min(max(before + amount, -MOST_SUM), MOST_SUM)
    cells[at + _TOTAL] += cells[cell] - before


@njit(cache=True, nogil=True, error_model="numpy")
def _slide_values(cells: Cells, at: int, ages: Bytes, cap: int, now: int) -> None:
    """Make all values older by the steps that have passed, and drop those that have left the window."""
    passed = now - cells[at + _LAST]
    cells[at + _LAST] = now
    values, age_at, kept = at + _BODY, 8 * (at + _BODY + cap), 0
    if passed < RING:
        for i in range(cells[at + _TOTAL]):
            age = np.int64(ages[age_at + i]) + passed
            if age < RING:
                cells[values + kept] = cells[values + i]
                ages[age_at + kept] = age
                kept += 1
    cells[at + _TOTAL] = kept


@njit(cache=True, nogil=True, error_model="numpy")
def _add_value(cells: Cells, at: int, ages: Bytes, cap: int, value: int, age: int) -> None:
    """Hold a value seen `age` steps ago; where all places are taken, instead of the one that ends first."""
    held, place = cells[at + _TOTAL], -1
    values, age_at = at + _BODY, 8 * (at + _BODY + cap)
    for i in range(held):
        place = i if cells[values + i] == value else place
    if place >= 0:
        if age < ages[age_at + place]:
            ages[age_at + place] = age
        return
    if held < cap:
        place = held
        cells[at + _TOTAL] = held + 1
    else:
        oldest = np.int64(0)
        for i in range(cap):
            oldest = max(oldest, np.int64(ages[age_at + i]))
        if oldest <= age:
            return
        place = 0
        while ages[age_at + place] != oldest:
            place += 1
    cells[values + place] = value
    ages[age_at + place] = age


@njit(cache=True, nogil=True, error_model="numpy")
def _counts(cells: Cells, halves: Halves, at: int, step: int, events: Events, out: Cells) -> None:
    """Read how many events are in the window, then count one, for each event in turn."""
    reads, counts, seen, known = events
    now, spot, turn = 0, 0, 0
    for event in range(len(seen)):
        if known[event] >= turn:
            now = known[event] // step
            spot, turn = now % RING, (now + 1) * step
        if reads[event] >= 0:
            here = reads[event] + at
            if cells[here + _LAST] < now:
                _slide(cells, here, halves, 2 * (here + _BODY), cells[here + _TOTAL] == 0, now, spot)
            out[event] = cells[here + _TOTAL]
        if counts[event] >= 0:
            here = counts[event] + at
            if cells[here + _LAST] < now:
                _slide(cells, here, halves, 2 * (here + _BODY), cells[here + _TOTAL] == 0, now, spot)
            age = now - seen[event] // step if seen[event] < known[event] else 0
            if age < RING:
                add_one(cells, here, halves, 2 * (here + _BODY) + spot - age + (RING if spot < age else 0))


@njit(cache=True, nogil=True, error_model="numpy")
def _sums(cells: Cells, at: int, step: int, events: Events, amounts: Cells, out: Cells) -> None:
    """Read the sum of the window, then add an amount to it, for each event in turn."""
    reads, counts, seen, known = events
    now, spot, turn = 0, 0, 0
    for event in range(len(seen)):
        if known[event] >= turn:
            now = known[event] // step
            spot, turn = now % RING, (now + 1) * step
        if reads[event] >= 0:
            here = reads[event] + at
            if cells[here + _LAST] < now:
                _slide(cells, here, cells, here + _BODY, False, now, spot)
            out[event] = cells[here + _TOTAL]
        if counts[event] >= 0:
            here = counts[event] + at
            if cells[here + _LAST] < now:
                _slide(cells, here, cells, here + _BODY, False, now, spot)
            age = now - seen[event] // step if seen[event] < known[event] else 0
            if age < RING:
                add_amount(cells, here, here + _BODY + spot - age + (RING if spot < age else 0), amounts[event])


@njit(cache=True, nogil=True, error_model="numpy")
def _values(cells: Cells, ages: Bytes, at: int, cap: int, step: int, events: Events, codes: Cells, out: Cells) -> None:
    """Read how many different values are in the window, then hold one more, for each event in turn."""
    reads, counts, seen, known = events
    now, turn = 0, 0
    for event in range(len(seen)):
        if known[event] >= turn:
            now = known[event] // step
            turn = (now + 1) * step
        if reads[event] >= 0:
            here = reads[event] + at
            if cells[here + _LAST] < now:
                _slide_values(cells, here, ages, cap, now)
            out[event] = cells[here + _TOTAL]
        if counts[event] >= 0:
            here = counts[event] + at
            if cells[here + _LAST] < now:
                _slide_values(cells, here, ages, cap, now)
            age = now - seen[event] // step if seen[event] < known[event] else 0
            if age < RING:
                _add_value(cells, here, ages, cap, codes[event], age)


@njit(cache=True, nogil=True, error_model="numpy")
def _ages(cells: Cells, at: int, step: int, events: Events, out: Cells) -> None:
    """Read how long ago a run of the entity began, then begin one or carry it on, for each event in turn."""
    reads, counts, _, known = events
    for event in range(len(known)):
        time, here = known[event], reads[event] + at
        if reads[event] >= 0 and time < cells[here + 1]:
            out[event] = (time - cells[here]) // SECOND
        if counts[event] >= 0:
            here = counts[event] + at
            if time >= cells[here + 1]:
                cells[here] = time
            cells[here + 1] = (time // step + RING) * step


@njit(cache=True, nogil=True, error_model="numpy")
def _shares(counted: Cells, different: Cells, cap: int, out: Floats, there: Flags) -> None:
    for event in range(len(counted)):
        m = min(counted[event], cap)
        there[event] &= m > 0
        out[event] = float(m - different[event]) / float(m) if m > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _wanted(said: Cells, values: Cells, valid: Flags, first: int, wanted: Flags) -> None:
    """Note which events from `first` on a declaration counts: its condition holds, and what it counts is known."""
    condition, of = said[FILTER], said[OF]
    for i in range(len(wanted)):
        wanted[i] = (condition < 0 or values[condition, first + i] != 0) and (of < 0 or valid[of, first + i])


@njit(cache=True, nogil=True, error_model="numpy")
def _rows_of(
    cells: Cells, index: Index, state: Cells, images: Cells, codes: Cells, valid: Flags, wanted: Flags, starts: Cells
) -> None:
    """Write where in the cells the rows begin that events name, -1 where there is none; wanted ones get a row.

    That a later event gives an entity its row changes nothing for those before it: an empty row reads like none.
    """
    for event in range(len(codes)):
        starts[event] = -1
        if not valid[event]:
            continue
        row, bucket = _find(cells, index, state, codes[event])
        if row < 0:
            if not wanted[event]:
                continue
            row = state[ROWS]
            state[ROWS] += 1
            index[bucket] = row
            cells[row, CODE], cells[row, STAMP] = codes[event], state[BATCH]
        elif cells[row, STAMP] != state[BATCH]:
            image = state[IMAGES]
            for i in range(cells.shape[1]):
                images[image, i] = cells[row, i]
            state[IMAGES] = image + 1
            cells[row, STAMP] = state[BATCH]
        starts[event] = row * cells.shape[1]


@njit(cache=True, nogil=True, error_model="numpy")
def _locate(table: Table, known: Cells, values: Cells, valid: Flags, first: int) -> Cells:
    """Where the rows [keys, events] begin; those that are counted are kept until their windows end."""
    cells, index, state, images, program, keys = table
    n, span = len(known), RING * program[:, STEP].max()
    starts, wanted, counted = np.empty((len(keys), n), np.int64), np.empty(n, np.bool_), np.zeros(n, np.bool_)
    for i in range(len(program)):
        _wanted(program[i], values, valid, first, wanted)
        counted |= wanted
    for i in range(len(keys)):
        codes, there = values[keys[i]][first : first + n], valid[keys[i]][first : first + n]
        _rows_of(cells, index, state, images, codes, there, counted, starts[i])
        if i == 0:
            for event in range(n):
                if counted[event] and starts[0, event] >= 0:
                    cells[starts[0, event] // cells.shape[1], ENDS] = known[event] + span
            counted[:] = False
    return starts


@njit(cache=True, nogil=True, error_model="numpy")
def _advance_few(
    table: Table, seen: Cells, known: Cells, values: Cells, valid: Flags, out: Cells, there: Flags, first: int
) -> None:
    """Read and count the events from `first` on that were `seen`.

    Declarations know nothing of each other, so each goes through all the events by itself.
    """
    cells, _, _, _, program, keys = table
    starts = _locate(table, known, values, valid, first)
    flat = cells.reshape(-1)
    halves, ages, shares = flat.view(np.uint32), flat.view(np.uint8), out.view(np.float64)
    n, stop = len(seen), first + len(seen)
    wanted, counts, different = np.empty(n, np.bool_), np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(len(program)):
        said = program[i]
        op, at, step, cap, place = said[OP], said[AT], said[STEP], said[CAP], said[OUT]
        _wanted(said, values, valid, first, wanted)
        for event in range(n):
            counts[event] = starts[0, event] if wanted[event] else -1
        of, read = values[max(said[OF], 0)][first:stop], out[place][first:stop]
        events = (starts[said[KEY]], counts, seen, known)
        for event in range(first, stop):
            there[place, event] = valid[keys[said[KEY]], event]
        if op == AGE:
            _ages(flat, at, step, events, read)
        elif op == SUM:
            _sums(flat, at, step, events, of, read)
        elif op != DISTINCT:
            _counts(flat, halves, at, step, events, read)
        if op == DISTINCT:
            _values(flat, ages, at, cap, step, events, of, read)
        elif op == SHARE:
            different[:] = 0
            _values(flat, ages, at + COUNT_CELLS, cap, step, events, of, different)
            _shares(read, different, cap, shares[place][first:stop], there[place][first:stop])
        if op != SHARE:
            for event in range(n):
                read[event] = min(read[event], cap)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(table: Table, seen: Cells, values: Cells, valid: Flags, out: Cells, there: Flags) -> None:
    """Read each event's windows of one table into `out` and `there` [declarations, events], then count the event.

    The table's keys are the rows of `values` and `valid` [columns, events] that hold codes of entities: that under
    which events are counted, then others under which they are read. There must be room for a row and the images of
    each event.
    """
    state = table[2]
    state[OLD_ROWS], state[OLD_CLOCK], state[IMAGES] = state[ROWS], state[CLOCK], 0
    state[BATCH] += 1
    known = np.empty(len(seen), np.int64)
    for event in range(len(seen)):
        state[CLOCK] = known[event] = max(state[CLOCK], seen[event])
    for start in range(0, len(seen), _FEW):
        stop = min(start + _FEW, len(seen))
        _advance_few(table, seen[start:stop], known[start:stop], values, valid, out, there, start)
