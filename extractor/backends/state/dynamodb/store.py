"""The older system's DynamoDB table as a `StateStore`, with leases: one item per version of a video.

Each write is one conditional update that leaves other attributes unchanged and is safe to repeat.
"""

import re
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from extractor.backends.aws import build_client, mapping_settings_errors, with_credentials
from extractor.backends.state.base import StateRow
from extractor.backends.state.dynamodb import items as items
from extractor.domain import keys
from extractor.domain.jobs import ExtractionSummary, SourceVideo, VideoRef
from extractor.errors import (
    AccessDeniedError,
    ClaimedError,
    ExtractorError,
    NotInStateError,
    SettingsError,
    StateUnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Error codes and HTTP statuses of a denial; anything else is a StateUnavailableError.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_DENIED_CODES = re.compile(
    "AccessDenied|ExpiredToken|IncompleteSignature|InvalidClientTokenId|InvalidSignature"
    "|MissingAuthenticationToken|NotAuthorized|UnrecognizedClient"
)
_DENIED_STATUS = frozenset({401, 403})
_HINTS = {
    "ResourceNotFoundException": "there is no such table; check VIDEOS_TABLE and AWS_REGION",
    "ValidationException": "check VIDEOS_TABLE: its only key must be video_id, a string",
}


class DynamoDBSettings(Protocol):
    """The settings that this store reads."""

    @property
    def videos_table(self) -> str: ...


def open_state(settings: DynamoDBSettings) -> "DynamoDBStateStore":
    """Open the table. See `extractor.backends.state.StateModule`."""
    with mapping_settings_errors():
        return DynamoDBStateStore(build_dynamodb_client(), settings.videos_table)


def open_table(settings: DynamoDBSettings) -> NoReturn:  # noqa: ARG001 - as every state store has it
    """Raise `SettingsError`: this table has no backlog."""
    raise SettingsError("STATE_BACKEND: dynamodb has no backlog; its videos are announced by S3 events")


def build_dynamodb_client() -> "DynamoDBClient":
    """Build a DynamoDB client that retries failed requests."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=10)
    return cast("DynamoDBClient", build_client("dynamodb", config))


class DynamoDBStateStore:
    """A DynamoDB table as an `extractor.backends.state.base.StateStore`.

    Args:
        client: The DynamoDB client.
        table: The name of the table.
        now: Returns seconds since 1970.
        owner: The owner of this instance's claims; by default a random identifier.
    """

    keyed_by_version = True

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        now: Callable[[], float] = time.time,
        owner: str | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._owner = owner or uuid.uuid4().hex

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        now = self._now()
        claim = items.claim_item(_source(subject), self._owner, now, lease_seconds)
        found = self._update(subject, claim, items.CLAIMABLE)
        if found is not None and items.is_processed(found):
            return StateRow(subject.code, is_fetched=True, is_extracted=True)
        if found is not None and items.is_expired_claim(found, now, lease_seconds):
            found = self._update(subject, claim, items.unchanged(found), seen=found)
        if found is not None:
            raise ClaimedError("another worker is at this video, or was until a moment ago")
        return StateRow(subject.code, is_fetched=True, is_extracted=False)

    def release(self, subject: VideoRef) -> None:
        # Set the end instead of removing it: an item without one counts as the older system's.
        self._update(subject, {"claim_expires_at": items.number(0)}, items.CLAIMED_BY_US)

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        changes = items.processed(extraction, self._now())
        found = self._update(subject, changes, items.CLAIMED_BY_US, remove=("error", *items.CLAIM))
        if found == items.EMPTY:
            raise NotInStateError("the item of this video is gone")
        if found is not None and not items.is_processed(found):
            raise ClaimedError("another worker has taken over this video")

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        changes = items.failed(reason, detail, self._now())
        self._update(
            subject, changes, f"attribute_exists(#video_id) AND {items.CLAIMABLE}", remove=items.CLAIM
        )

    def _update(
        self,
        subject: VideoRef,
        changes: items.Item,
        condition: str,
        *,
        remove: Sequence[str] = (),
        seen: items.Item = items.EMPTY,
    ) -> items.Item | None:
        """Change and remove attributes if the item fulfils the condition.

        Args:
            subject: The video.
            changes: The attributes to set.
            condition: The condition expression.
            remove: The attributes to remove.
            seen: The item as it was read, for conditions that compare with it.

        Returns:
            ``None`` if the item was updated; otherwise the current item, empty if it does not exist.
        """
        operands = items.operands(self._owner, self._now(), seen)
        try:
            with with_credentials("write to the state store"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"video_id": items.text(keys.content_id(_source(subject)))},
                    **items.expressions(changes, remove, condition, operands),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and _code(error) == "ConditionalCheckFailedException":
                return cast(items.Item, error.response.get("Item", items.EMPTY))
            raise _to_domain_error(error) from error
        return None


def _source(subject: VideoRef) -> SourceVideo:
    assert subject.source is not None, "this state is kept by content"
    return subject.source


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _to_domain_error(error: BotoCoreError | ClientError) -> ExtractorError:
    if isinstance(error, ClientError):
        cause = _code(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        denied = _DENIED_CODES.search(cause) is not None or status in _DENIED_STATUS
    else:
        cause, denied = type(error).__name__, False
    if denied:
        return AccessDeniedError(
            f"the state store refuses the access ({cause}): "
            "check the credentials and their DynamoDB and KMS permissions"
        )
    hint = _HINTS.get(cause, "try again later, and check AWS_REGION if it stays so")
    return StateUnavailableError(f"cannot write to the state store ({cause}): {hint}")
