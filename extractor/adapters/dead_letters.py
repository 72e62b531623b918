"""SQS as `DeadLetters`: what lies in a queue is looked at, and goes only when it is told to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.session import get_session

from extractor.errors import AccessDeniedError, QueueUnavailableError, SettingsError
from extractor.ports import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_BATCH = 10  # what SQS takes and gives at once
_HIDDEN_SECONDS = 1_800  # for so long nobody else is given what was received
_WAIT_SECONDS = 1  # more than 0: SQS then asks all of its servers, so that an empty answer is one
_DENIED_STATUS = frozenset({401, 403})
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


def build_dead_letters_client() -> "SQSClient":
    """A client that retries by itself. Raises `SettingsError`."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=15)
    try:
        return cast("SQSClient", get_session().create_client("sqs", config=config))
    except (BotoCoreError, ValueError) as error:
        raise SettingsError(f"AWS_REGION, AWS_PROFILE or AWS_ENDPOINT_URL: {error}") from error


class SqsDeadLetters:
    """One queue; see `extractor.ports.DeadLetters`."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> Sequence[DeadLetter]:
        with _translating("read from"):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=_HIDDEN_SECONDS,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageAttributeNames=["reason"],
            )
        return [_letter(message) for message in answer.get("Messages", [])]

    def delete(self, letters: Sequence[DeadLetter]) -> None:
        for batch in _batches(letters):
            with _translating("delete from"):
                answer = self._client.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(batch)],
                )
            if failed := answer.get("Failed"):
                raise QueueUnavailableError(f"{len(failed)} dead letters were not deleted")

    def release(self, letters: Sequence[DeadLetter]) -> None:
        for batch in _batches(letters):
            with _translating("give back to"):
                self._client.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0}
                        for n, one in enumerate(batch)
                    ],
                )


def _letter(message: "MessageTypeDef") -> DeadLetter:
    reason = message.get("MessageAttributes", {}).get("reason")
    text = reason.get("StringValue") if reason else None
    return DeadLetter(message["MessageId"], message["Body"], text, message["ReceiptHandle"])


def _batches(letters: Sequence[DeadLetter]) -> Iterator[Sequence[DeadLetter]]:
    for start in range(0, len(letters), _BATCH):
        yield letters[start : start + _BATCH]


@contextmanager
def _translating(action: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        status, cause = None, type(error).__name__
        if isinstance(error, ClientError):
            cause = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        denied = isinstance(error, _NO_CREDENTIALS) or status in _DENIED_STATUS or "AccessDenied" in cause
        kind = AccessDeniedError if denied else QueueUnavailableError
        raise kind(
            f"cannot {action} the dead-letter queue ({cause}): check its URL and permissions"
        ) from error
