"""Decide whether the result of a decode is valid.

The exit status of FFmpeg is not enough: it is 0 for truncated and for damaged files, too.
"""

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
    """The result of a decode.

    Attributes:
        status: The exit status of FFmpeg; -N if signal N ended it.
        images: The number of images, or of decoded frames.
        decode_errors: The number of packets or frames that were reported as damaged.
        expected_frames: The number of frames in the index.
        decoded_seconds: The duration that was decoded.
        expected_seconds: The duration in the index.
        out_of_memory: Whether the decoder ran out of memory.
        summary: The first error messages of FFmpeg.
    """

    status: int
    images: int
    decode_errors: int
    expected_frames: int
    decoded_seconds: float
    expected_seconds: float
    out_of_memory: bool
    summary: str


def check_decode(end: DecodeResult, limits: DecodeLimits) -> ExtractorError | None:
    """Check whether the frames of a decode may be used.

    Args:
        end: The result of the decode.
        limits: The limits of decoding.

    Returns:
        The error why they must not be used; ``None`` if they may.
    """
    if end.out_of_memory:
        return no_memory()
    if end.status == -signal.SIGXCPU:
        return DecoderHungError("FFmpeg exceeded its CPU time limit")
    if end.status < 0:
        return DecoderCrashedError(f"FFmpeg was killed by signal {-end.status}: {end.summary}")
    if end.images == 0:
        text = f"no frame could be decoded: {end.summary}"
        return UnreadableError(text) if end.decode_errors else NoFramesError(text)
    if end.decode_errors > limits.max_decode_error_share * max(end.expected_frames, end.decode_errors):
        return UnreadableError(
            f"{end.decode_errors} of {end.expected_frames} frames are damaged: {end.summary}"
        )
    if end.status != 0:
        return UnreadableError(f"FFmpeg failed: {end.summary}")
    return check_truncation(end.decoded_seconds, end.expected_seconds, limits)


def no_memory() -> TooLargeError:
    """Return the error for a decode that ran out of memory."""
    return TooLargeError("FFmpeg needs more memory than FFMPEG_MEMORY_MB allows to decode this video")


def damage_limit(expected_frames: int, limits: DecodeLimits) -> float:
    """Return the number of decode errors after which a decode is aborted.

    Its frames can then no longer be used. Up to this number it continues, since its end may give a better
    reason.

    Args:
        expected_frames: The number of frames in the index.
        limits: The limits of decoding.
    """
    share = limits.max_decode_error_share
    return max(_LEAST_ERRORS, share * expected_frames) if share < 1 else math.inf


def check_truncation(
    decoded_seconds: float, expected_seconds: float, limits: DecodeLimits, *, certain: bool = False
) -> TruncatedError | None:
    """Check whether a file is truncated.

    Headers may be wrong by up to a second or 5% of the duration.

    Args:
        decoded_seconds: The duration that is in the file.
        expected_seconds: The duration of the complete file.
        limits: The limits of decoding; they may allow truncated files.
        certain: Whether the file is known to be truncated, so that no tolerance applies.

    Returns:
        The error; ``None`` if the file is complete, or may be truncated.
    """
    missing = expected_seconds - decoded_seconds
    if limits.allow_truncated or not (certain or missing > max(1.0, expected_seconds / 20)):
        return None
    if missing <= 0:
        return TruncatedError(f"the file is truncated after {decoded_seconds:.2f} seconds")
    return TruncatedError(
        f"the file is truncated: it contains only {decoded_seconds:.2f} of {expected_seconds:.2f} seconds"
    )
