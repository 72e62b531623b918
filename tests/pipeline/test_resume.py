"""What a later run takes over, and when a decode is given up: decided by numbers alone."""

from collections.abc import Sequence
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extractor.domain.frames import StoredFrame
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.resume import frames_made, seconds_needed

SECONDS = st.floats(0.001, 1e6)


@pytest.mark.failure_row(31)
@given(SECONDS, SECONDS, st.floats(0.001, 1))
def test_a_decode_is_given_up_only_if_it_cannot_end_in_time(
    spent: float, available: float, share: float
) -> None:
    needed = seconds_needed(spent, available, share)
    if needed is not None:
        assert needed > available
        assert spent >= available / 4
    elif spent >= available / 4:
        assert spent / share <= 1.5 * available


@pytest.mark.failure_row(31)
def test_a_decode_far_too_long_is_given_up_at_a_quarter_of_the_time() -> None:
    assert seconds_needed(24, 100, 0.01) is None
    assert seconds_needed(25, 100, 0.01) == 2500


def _frames_made(frames: Sequence[StoredFrame], policy: SamplingPolicy) -> int:
    index: Any = SimpleNamespace(first_pts=0, time_base=Fraction(1, 25))
    targets = [SimpleNamespace(slot=slot, pts=25 * slot) for slot in range(4)]
    schedule: Any = SimpleNamespace(targets=targets, plan=None)
    return frames_made(frames, schedule, index, policy)


def _stored(count: int) -> list[StoredFrame]:
    return [StoredFrame(n, n, f"{n}.jpg", float(n), 1, "0" * 64, 4, 4) for n in range(count)]


@pytest.mark.parametrize(("stored", "made"), [(0, 0), (1, 1), (3, 3), (4, 3)])
def test_the_last_frame_is_always_made_again(stored: int, made: int) -> None:
    """Only the end of a decode tells whether the video can be decoded."""
    assert _frames_made(_stored(stored), SamplingPolicy()) == made


@pytest.mark.parametrize("changes", [{"slot": 7}, {"pts_seconds": 1.5}])
def test_frames_from_the_first_one_that_is_another_on_are_made_again(changes: dict[str, float]) -> None:
    frames = _stored(3)
    frames[1] = replace(frames[1], **changes)
    assert _frames_made(frames, SamplingPolicy()) == 1


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(strategy="keyframe"),
        SamplingPolicy(scene_detector="content"),
        SamplingPolicy(skip_blank=True),
        SamplingPolicy(skip_similar=4),
    ],
)
def test_nothing_is_taken_over_where_frames_depend_on_those_before(policy: SamplingPolicy) -> None:
    assert _frames_made(_stored(3), policy) == 0
