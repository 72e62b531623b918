"""All errors, each with one stable reason code.

The class decides what happens to the message (see `is_final`)::

    ExtractorError
    ├── PermanentError      recorded, dead-lettered, acknowledged
    ├── TransientError      delivered again
    │   └── RetryOnceError  delivered again once; the second failure is final
    └── SettingsError       ends the process at its start

Any other exception counts as transient; the queue's ``maxReceiveCount`` bounds its cost.
"""

from typing import ClassVar

_MAX_DETAIL = 500  # characters


class ExtractorError(Exception):
    """Base class of all errors that this project raises.

    Attributes:
        reason: The reason code.
    """

    reason: ClassVar[str] = "INTERNAL"


class PermanentError(ExtractorError):
    """Another attempt gives the same result."""


class TransientError(ExtractorError):
    """A later attempt may succeed."""


class RetryOnceError(TransientError):
    """May depend on this machine or on timing: tried once more, then final."""


class InvalidMessageError(PermanentError):
    """The message is invalid; the text names the field."""

    reason = "INVALID_MESSAGE"


class VideoMissingError(PermanentError):
    """The source object does not exist (404, not 403)."""

    reason = "VIDEO_MISSING"


class ArchivedError(PermanentError):
    """The source object is in an archive storage class and must be restored first."""

    reason = "ARCHIVED"


class UnreadableError(PermanentError):
    """FFmpeg cannot read the file: damaged, encrypted, or no video."""

    reason = "UNREADABLE"


class TruncatedError(PermanentError):
    """The file is shorter than its header states."""

    reason = "TRUNCATED"


class ForbiddenFormatError(PermanentError):
    """The container or codec is not on the allow list (playlist, script, image …)."""

    reason = "FORBIDDEN_FORMAT"


class NoVideoStreamError(PermanentError):
    """The file has only audio, or only cover art."""

    reason = "NO_VIDEO_STREAM"


class NoFramesError(PermanentError):
    """Decoding gave no image."""

    reason = "NO_FRAMES"


class TooLargeError(PermanentError):
    """The video or its frames exceed a limit, or the decoder its memory."""

    reason = "TOO_LARGE"


class DuplicateCodeError(PermanentError):
    """More than one row of the state has this code."""

    reason = "DUPLICATE_CODE"


class NotInStateError(RetryOnceError):
    """The state has no row for this code.

    An upload may be announced before its row is written, so this is final only at the second delivery.
    """

    reason = "NOT_IN_STATE"


class UnknownBucketError(RetryOnceError):
    """The bucket that the message names does not exist."""

    reason = "BUCKET_MISSING"


class DecoderHungError(RetryOnceError):
    """FFmpeg made no progress for too long and was killed."""

    reason = "DECODER_HUNG"


class DecoderCrashedError(RetryOnceError):
    """A signal terminated FFmpeg."""

    reason = "DECODER_CRASHED"


class DecoderNotStartedError(TransientError):
    """The system cannot start FFmpeg. The video is not the cause."""

    reason = "DECODER_NOT_STARTED"


class DeadlineError(TransientError):
    """The deadline of this invocation has passed."""

    reason = "DEADLINE"


class NotFetchedError(TransientError):
    """The row exists, but its video is not marked as fetched yet."""

    reason = "NOT_FETCHED"


class SourceChangedError(TransientError):
    """The source object was overwritten or cut short while it was read."""

    reason = "SOURCE_CHANGED"


class ConflictError(TransientError):
    """Another worker has written the object in the meantime; the next delivery sees it."""

    reason = "CONFLICT"


class ClaimedError(TransientError):
    """Another worker has claimed this video."""

    reason = "CLAIMED"


class StorageUnavailableError(TransientError):
    """The object store does not respond, fails, or has no such bucket.

    Attributes:
        bucket_is_missing: Whether the bucket does not exist.
    """

    reason = "STORAGE_UNAVAILABLE"

    def __init__(self, text: str = "", *, bucket_is_missing: bool = False) -> None:
        super().__init__(text)
        self.bucket_is_missing = bucket_is_missing


class StateUnavailableError(TransientError):
    """The state store does not respond, or fails."""

    reason = "STATE_UNAVAILABLE"


class QueueUnavailableError(TransientError):
    """The queue does not respond, or fails."""

    reason = "QUEUE_UNAVAILABLE"


class NotificationFailedError(TransientError):
    """The target of notifications has not confirmed one: it does not respond, refuses, or does not exist.

    The outcome of the video is recorded already, so another delivery only has to announce it.
    """

    reason = "NOTIFICATION_FAILED"


class AccessDeniedError(TransientError):
    """Credentials or policies forbid the call. The video is not the cause: an operator must act."""

    reason = "ACCESS_DENIED"


class SettingsError(ExtractorError):
    """Settings are invalid; the text names every wrong variable."""

    reason = "INVALID_SETTINGS"


class UsageError(SettingsError):
    """An option of a command line, such as a path, is invalid; the text names the option."""


def is_final(error: BaseException, receive_count: int) -> bool:
    """Return whether no further delivery can succeed.

    Args:
        error: The error.
        receive_count: Number of the delivery in which it occurred, from 1.
    """
    if isinstance(error, RetryOnceError):
        return receive_count > 1
    return isinstance(error, PermanentError)


def detail_of(error: BaseException) -> str:
    """Return the error text, shortened for the state, the dead-letter queue and responses."""
    return str(error)[:_MAX_DETAIL]


def reason_of(error: BaseException) -> str:
    """Return the reason code; ``INTERNAL`` for unexpected exceptions."""
    return error.reason if isinstance(error, ExtractorError) else ExtractorError.reason
