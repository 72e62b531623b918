"""Whether a decode that has ended may be believed. FFmpeg's exit status alone says little: it is 0 for
half a file and for a damaged one."""

import math
import signal

from msgspec import Struct

from extractor.domain.frames import DecodeLimits
from extractor.errors import (
    DecoderCrashedError,
    DecoderHungError,
    ExtractorError,
    NoFramesError,
    TooLargeError,
    TruncatedError,
    UnreadableError,
)

_LEAST_ERRORS = 1_000


class DecodeResult(Struct, frozen=True):
    """How a decode ended. `status` is the exit status, negative for a signal; `words` is FFmpeg's own
    account of what went wrong. Of `expected_frames` frames, `decode_errors` were damaged."""

    status: int
    images: int
    decode_errors: int
    expected_frames: int
    decoded_seconds: float
    expected_seconds: float
    out_of_memory: bool
    words: str


def check_decode(end: DecodeResult, limits: DecodeLimits) -> ExtractorError | None:
    """Why the frames of this decode must not be used; `None` if they may."""
    if end.out_of_memory:
        return no_memory()
    if end.status == -signal.SIGXCPU:
        return DecoderHungError("FFmpeg used up its processor time")
    if end.status < 0:
        return DecoderCrashedError(f"FFmpeg died of signal {-end.status}: {end.words}")
    if end.images == 0:
        text = f"not one frame could be decoded: {end.words}"
        return UnreadableError(text) if end.decode_errors else NoFramesError(text)
    if end.decode_errors > limits.max_decode_error_share * max(end.expected_frames, end.decode_errors):
        return UnreadableError(
            f"{end.decode_errors} of {end.expected_frames} frames are damaged: {end.words}"
        )
    if end.status != 0:
        return UnreadableError(f"FFmpeg gave up: {end.words}")
    return check_truncation(end.decoded_seconds, end.expected_seconds, limits)


def no_memory() -> TooLargeError:
    """The reason for a decode that needs more memory than there is."""
    return TooLargeError(
        "FFmpeg needs more memory than it may use to decode this video: see FFMPEG_MEMORY_MB"
    )


def damage_limit(expected_frames: int, limits: DecodeLimits) -> float:
    """From how many decode errors on it is worth ending a decode whose frames must not be used, however it
    goes on. Until then it goes on to its end, which may tell more."""
    share = limits.max_decode_error_share
    return max(_LEAST_ERRORS, share * expected_frames) if share < 1 else math.inf


def check_truncation(
    decoded_seconds: float, expected_seconds: float, limits: DecodeLimits, *, certain: bool = False
) -> TruncatedError | None:
    """A file that ends early. Up to a second, or a twentieth, is within what headers are wrong about,
    unless it is `certain` that something is missing."""
    missing = expected_seconds - decoded_seconds
    if limits.allow_truncated or not (certain or missing > max(1.0, expected_seconds / 20)):
        return None
    if missing <= 0:
        return TruncatedError(f"the file breaks off after {decoded_seconds:.2f} seconds")
    return TruncatedError(f"only {decoded_seconds:.2f} of {expected_seconds:.2f} seconds are in the file")
