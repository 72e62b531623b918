"""Runs of bytes against sets of positions."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from extractor.media.container.byte_runs import (
    byte_count,
    held_bytes,
    merge,
    packet_runs,
    split,
    subtract,
)

RUNS = st.lists(
    st.builds(lambda start, size: range(start, start + size), st.integers(0, 60), st.integers(0, 20))
)
PACKETS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9), st.booleans()))


def _positions(runs: Sequence[range]) -> set[int]:
    return {position for run in runs for position in run}


@given(RUNS, st.integers(0, 8))
def test_merged_runs_hold_all_bytes_and_no_gap_above_the_limit(runs: list[range], gap: int) -> None:
    merged = merge(runs, gap)
    assert _positions(merged) >= _positions(runs)
    assert all(run for run in merged)
    for before, after in pairwise(merged):
        assert after.start - before.stop > gap
    for position in _positions(merged) - _positions(runs):
        assert any(other.stop <= position for other in runs)
        nearest = max(other.stop for other in runs if other.stop <= position)
        following = min(other.start for other in runs if other and other.start > position)
        assert following - nearest <= gap


@given(RUNS, RUNS)
def test_what_is_missing_and_what_is_present_make_up_the_runs(
    runs: list[range], present: list[range]
) -> None:
    missing = subtract(merge(runs), merge(present))
    assert _positions(missing) == _positions(runs) - _positions(present)
    assert byte_count(missing) == len(_positions(missing))


@given(RUNS, st.integers(1, 9))
def test_pieces_are_small_and_lose_nothing(runs: list[range], size: int) -> None:
    merged = merge(runs)
    pieces = list(split(merged, size))
    assert [position for piece in pieces for position in piece] == sorted(_positions(merged))
    assert all(0 < len(piece) <= size for piece in pieces)


@given(PACKETS, RUNS)
def test_the_bytes_that_are_held_of_a_packet_are_those_before_the_first_missing_one(
    packets: list[tuple[int, int, bool]], runs: list[range]
) -> None:
    offsets, sizes = [packet[0] for packet in packets], [packet[1] for packet in packets]
    positions = _positions(runs)
    expected = [
        next((count for count in range(size) if offset + count not in positions), size)
        for offset, size in zip(offsets, sizes, strict=True)
    ]
    assert list(held_bytes(merge(runs), offsets, sizes)) == expected
    assert [range(o, o + s) for o, s, is_chosen in packets if is_chosen] == list(
        packet_runs([packet[2] for packet in packets], offsets, sizes)
    )
