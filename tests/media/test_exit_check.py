"""Whether the frames of a decode may be used, by its exit status and counts alone."""

import signal
from typing import Any

import pytest
from msgspec.structs import replace

from extractor import errors
from extractor.domain.frames import DecodeLimits
from extractor.media.decode.exit_check import DecodeResult, check_decode

GOOD = DecodeResult(
    status=0,
    images=10,
    decode_errors=0,
    expected_frames=100,
    decoded_seconds=100.0,
    expected_seconds=100.0,
    out_of_memory=False,
    summary="what FFmpeg said",
)
LIMITS = DecodeLimits(max_decode_error_share=0.2)


@pytest.mark.parametrize("changes", [{}, {"decode_errors": 20}, {"decoded_seconds": 99.5}])
def test_frames_of_a_good_decode_may_be_used(changes: dict[str, Any]) -> None:
    assert check_decode(replace(GOOD, **changes), LIMITS) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"out_of_memory": True, "status": 1}, errors.TooLargeError),
        ({"status": -signal.SIGXCPU}, errors.DecoderHungError),
        ({"status": -signal.SIGSEGV}, errors.DecoderCrashedError),
        ({"status": -signal.SIGSEGV, "images": 0}, errors.DecoderCrashedError),
        ({"images": 0}, errors.NoFramesError),
        ({"images": 0, "decode_errors": 1}, errors.UnreadableError),
        ({"decode_errors": 21}, errors.UnreadableError),
        ({"status": 1}, errors.UnreadableError),
        ({"decoded_seconds": 50.0}, errors.TruncatedError),
    ],
)
def test_frames_of_a_bad_decode_must_not_be_used(changes: dict[str, Any], error: type[Exception]) -> None:
    assert type(check_decode(replace(GOOD, **changes), LIMITS)) is error
