"""How the records that are handled at a time share the memory of a Lambda function.

docs/decisions/0004-confining-the-decoder.md and 0015-records-at-once.md have the measurements.
"""

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_PER_LAMBDA_CPU = 1_769

FFMPEG_MB = 3_000
"""Address space of FFmpeg outside of Lambda."""

_PYTHON_MB = 200
_PYTHON_MB_PER_FURTHER_RECORD = 100
_UNTOUCHED_MB = 400
"""Address space without resident memory: FFmpeg's libraries, thread stacks, reserves of malloc."""
_LEAST_FFMPEG_MB = 700
"""Enough for 1080p with one thread."""
_SHARED_FFMPEG_MB = 1_900
"""What each FFmpeg must have before two run at a time: enough for 8K with one thread."""


MOST_RECORDS = 2
"""Without RECORDS_AT_ONCE, at most this number of records is handled at a time."""


def ffmpeg_memory_mb(function_mb: int, records: int) -> int:
    """Return the address space of each FFmpeg, in MB.

    Args:
        function_mb: The memory of the function.
        records: The number of records that are handled at a time.
    """
    python_mb = _PYTHON_MB + (records - 1) * _PYTHON_MB_PER_FURTHER_RECORD
    return max(_LEAST_FFMPEG_MB, (function_mb - python_mb) // records + _UNTOUCHED_MB)


def records_at_once(cpus: float, function_mb: int | None, ffmpeg_mb: int | None) -> int:
    """Return `MOST_RECORDS` if the function has a CPU for each, and memory for the largest videos; else 1.

    Args:
        cpus: The CPUs that the function may use.
        function_mb: The memory of the function; ``None`` if it is unknown.
        ffmpeg_mb: The address space of each FFmpeg, if the settings give it.
    """
    if function_mb is None or cpus < MOST_RECORDS:
        return 1
    share_mb = ffmpeg_memory_mb(function_mb, MOST_RECORDS)
    return MOST_RECORDS if share_mb >= (ffmpeg_mb or _SHARED_FFMPEG_MB) else 1
