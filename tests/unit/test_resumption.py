"""What a later run takes over, and when a decode is given up: decided by numbers alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.resumption import seconds_needed

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
