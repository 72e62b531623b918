"""Every way in which a video can fail, each with one stable reason code.

The class decides what happens to the message (see :func:`is_final`):

* :class:`PermanentError` - another attempt cannot help. Recorded, dead-lettered, acknowledged.
* :class:`TransientError` - the message goes back to the queue.
* :class:`RetryOnceError` - the message goes back once; the second failure is final.

Anything that is not an :class:`ExtractorError` counts as transient, and the queue's
``maxReceiveCount`` bounds its cost.
"""

from typing import ClassVar


class ExtractorError(Exception):
    """Root of all errors that this project raises on purpose."""

    reason: ClassVar[str] = "INTERNAL"


class PermanentError(ExtractorError):
    """Trying again gives the same result."""


class TransientError(ExtractorError):
    """Trying again later may succeed."""


class RetryOnceError(TransientError):
    """May be an accident of this machine or of timing: tried once more, then final."""


class InvalidMessageError(PermanentError):
    """The message cannot be understood; the text names the offending field."""

    reason = "INVALID_MESSAGE"


class VideoMissingError(PermanentError):
    """The source object does not exist (404, not 403)."""

    reason = "VIDEO_MISSING"


class ArchivedError(PermanentError):
    """The source object lies in an archive tier and must be restored first."""

    reason = "ARCHIVED"


class UnreadableError(PermanentError):
    """FFmpeg cannot make sense of the bytes: damaged, encrypted, or no video at all."""

    reason = "UNREADABLE"


class TruncatedError(PermanentError):
    """The file ends before its header says that it should."""

    reason = "TRUNCATED"


class ForbiddenFormatError(PermanentError):
    """A container or codec that is not on the whitelist (playlist, script, image …)."""

    reason = "FORBIDDEN_FORMAT"


class NoVideoStreamError(PermanentError):
    """Only audio, or only cover art."""

    reason = "NO_VIDEO_STREAM"


class NoFramesError(PermanentError):
    """Decoding ended without one image."""

    reason = "NO_FRAMES"


class TooLargeError(PermanentError):
    """The video or its frames pass a configured limit, or the decoder its memory."""

    reason = "TOO_LARGE"


class DuplicateCodeError(PermanentError):
    """More than one row of the state has this code, so it is not known which video is meant."""

    reason = "DUPLICATE_CODE"


class NotInStateError(RetryOnceError):
    """The state has no row for this code. An upload may be announced before its row is written, so this
    is final only at the second delivery."""

    reason = "NOT_IN_STATE"


class UnknownBucketError(RetryOnceError):
    """The bucket that the message names does not exist."""

    reason = "BUCKET_MISSING"


class DecoderHungError(RetryOnceError):
    """FFmpeg made no progress for too long and was killed."""

    reason = "DECODER_HUNG"


class DecoderCrashedError(RetryOnceError):
    """FFmpeg ended by a signal."""

    reason = "DECODER_CRASHED"


class DecoderNotStartedError(TransientError):
    """The system does not start FFmpeg. Says nothing about the video."""

    reason = "DECODER_NOT_STARTED"


class DeadlineError(TransientError):
    """The time of this invocation is used up."""

    reason = "DEADLINE"


class NotFetchedError(TransientError):
    """The row exists, but its video is not marked as fetched yet."""

    reason = "NOT_FETCHED"


class SourceChangedError(TransientError):
    """The source object was overwritten, or arrived short, while it was read."""

    reason = "SOURCE_CHANGED"


class ConflictError(TransientError):
    """Another worker has stored something else meanwhile; the next delivery sees it."""

    reason = "CONFLICT"


class ClaimedError(TransientError):
    """Another worker is at this video, or was until a moment ago."""

    reason = "CLAIMED"


class StorageUnavailableError(TransientError):
    """The object store does not answer, or answers with a fault of its own, or has no such bucket."""

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self, text: str = "", *, bucket_is_missing: bool = False) -> None:
        super().__init__(text)
        self.bucket_is_missing = bucket_is_missing


class StateUnavailableError(TransientError):
    """The state store does not answer, or answers with a fault of its own."""

    reason = "STATE_UNAVAILABLE"


class QueueUnavailableError(TransientError):
    """The queue does not answer, or answers with a fault of its own."""

    reason = "QUEUE_UNAVAILABLE"


class AccessDeniedError(TransientError):
    """Credentials or policies forbid the call. Says nothing about the video: an operator must act."""

    reason = "ACCESS_DENIED"


class SettingsError(ExtractorError):
    """The environment is wrong; the text names every wrong variable."""

    reason = "INVALID_SETTINGS"


class UsageError(SettingsError):
    """An option of a command line is wrong: a path, above all. The text names the option."""


def is_final(error: BaseException, receive_count: int) -> bool:
    """Whether `error`, met on delivery number `receive_count` (from 1), settles the video's fate."""
    if isinstance(error, RetryOnceError):
        return receive_count > 1
    return isinstance(error, PermanentError)


def reason_of(error: BaseException) -> str:
    """The reason code of `error`; ``INTERNAL`` for one that nobody foresaw."""
    return error.reason if isinstance(error, ExtractorError) else ExtractorError.reason
