"""SQS as a `JobQueue`. SQS answers 200 even if it refused every message; nothing is taken for sent
that it did not confirm."""

import re
from collections.abc import Mapping, Sequence
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

from extractor.errors import AccessDeniedError, ExtractorError, QueueUnavailableError
from extractor.models import OutgoingMessage, SendFailure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

# What SQS answers, by code, then by status; anything else is QueueUnavailableError.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_DENIED_CODES = re.compile(
    "AccessDenied|ExpiredToken|InvalidClientTokenId|InvalidSecurity|UnrecognizedClient"
    r"|Kms(?!Throttled)|KMS\.(?!Throttling)"
)
_DENIED_STATUS = frozenset({401, 403})
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_HINTS: dict[type[ExtractorError], str] = {
    AccessDeniedError: "check the credentials and their SQS and KMS permissions",
    QueueUnavailableError: "try again later, and check the queue's URL and AWS_REGION if it stays so",
}

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def build_sqs_client(attempts: int) -> "SQSClient":
    """A client that makes `attempts` by itself: 1 for callers that repeat a send on their own."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts}, connect_timeout=5, read_timeout=15
    )
    # What boto3 puts on top of botocore is not needed here, and costs a cold start some 40 ms.
    return cast("SQSClient", get_session().create_client("sqs", config=config))


class SqsQueue:
    """One queue; see `extractor.ports.JobQueue`."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        entries = [_entry(position, message) for position, message in enumerate(messages)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise _translate(error) from error
        confirmed = {int(entry["Id"]) for entry in answer.get("Successful", ())}
        refused = {
            int(entry["Id"]): SendFailure(int(entry["Id"]), entry["Code"], entry["SenderFault"])
            for entry in answer.get("Failed", ())
        }
        return [
            refused.get(position, SendFailure(position, "Unconfirmed", sender_fault=False))
            for position in range(len(messages))
            if position not in confirmed
        ]


def _entry(position: int, message: OutgoingMessage) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": _attributes(message.attributes),
    }


def _attributes(texts: Mapping[str, str]) -> "dict[str, MessageAttributeValueTypeDef]":
    """SQS refuses a message with a control character in it; the detail of an error may well have one."""
    return {
        name: {"DataType": "String", "StringValue": _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)}
        for name, text in texts.items()
    }


def _translate(error: BotoCoreError | ClientError) -> ExtractorError:
    if isinstance(error, ClientError):
        cause = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        denied = _DENIED_CODES.search(cause) is not None or status in _DENIED_STATUS
    else:
        cause = type(error).__name__
        denied = isinstance(error, _NO_CREDENTIALS)
    kind = AccessDeniedError if denied else QueueUnavailableError
    return kind(f"cannot send to the queue ({cause}): {_HINTS[kind]}")
