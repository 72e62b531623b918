"""Slices that have been made are joined if, and only if, some of them have each frame once."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.jobs import SourceVideo
from extractor.domain.slices import Split

_SOURCE = SourceVideo("videos", "abc.mp4", "etag", 1)
_TOTAL = 12

_slices = st.lists(
    st.tuples(st.integers(0, _TOTAL), st.integers(0, _TOTAL + 1)).map(lambda ends: range(*ends))
)


def _splits_of(position: int, slices: Sequence[range]) -> bool:
    """Whether the frames from a position on can be put together, by trying everything."""
    return position == _TOTAL or any(
        _splits_of(frames.stop, slices) for frames in slices if frames.start == position and len(frames)
    )


@given(_slices)
def test_a_cover_is_found_whenever_there_is_one(slices: list[range]) -> None:
    cover = Split(_SOURCE, "policy", _TOTAL).cover(slices)
    within = [frames for frames in slices if frames.stop <= _TOTAL]
    assert (cover is not None) == _splits_of(0, within)
    if cover is not None:
        assert [number for frames in cover for number in frames] == list(range(_TOTAL))


def test_a_lost_slice_of_another_division_does_not_hide_a_complete_one() -> None:
    made = [range(8), range(4), range(4, _TOTAL)]
    assert Split(_SOURCE, "policy", _TOTAL).cover(made) == [range(4), range(4, _TOTAL)]


@given(st.integers(0, 26**6 - 2), st.integers(1, 1_000))
def test_the_name_of_a_record_says_its_frames_and_has_no_digit(first: int, count: int) -> None:
    split = Split(_SOURCE, "policy", 26**6 - 1)
    frames = range(first, min(first + count, split.total))
    name = split.record_name(frames)
    assert not any(map(str.isdigit, name))
    assert split.slices([name, "manifest.json"]) == [frames]
    assert Split(_SOURCE, "other", split.total).slices([name]) == []
