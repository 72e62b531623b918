"""What became of the videos, read where an operator would: in the state and in the dead-letter queue."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extractor.domain.messages import VideoMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RETRIES_USED_UP = "RETRIES_USED_UP"
_LONGEST_VISIBILITY_SECONDS = 43_200


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` is a reason code, or `None` if the frames are there; `detail` is its sentence."""

    reason: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """An outcome, and the seconds that the invocations for it took."""

    code: str
    outcome: Outcome
    seconds: float


class OutcomeReader:
    """Remembers the dead letters that it has seen. It leaves them in their queue, but out of sight."""

    def __init__(self, state: Path, sqs: "SQSClient", dead_letter_queue_url: str) -> None:
        self._state = state
        self._sqs = sqs
        self._url = dead_letter_queue_url
        self._dead: dict[str, Outcome] = {}

    def read(self) -> dict[str, Outcome]:
        """By code: every video that is extracted or dead-lettered by now."""
        while messages := self._receive():
            self._dead |= {code_of(message["Body"]): _dead_letter(message) for message in messages}
        return self._dead | {code: Outcome() for code in self._extracted()}

    def _receive(self) -> "list[MessageTypeDef]":
        return self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_LONGEST_VISIBILITY_SECONDS,
            MessageAttributeNames=["All"],
        ).get("Messages", [])

    def _extracted(self) -> list[str]:
        with closing(sqlite3.connect(self._state, timeout=30)) as connection:
            rows = connection.execute("SELECT code FROM watched_content WHERE is_extracted")
            return [code for (code,) in rows]


def code_of(body: str) -> str:
    """The code in a message that `run_sqs_batches.py` has sent."""
    return VideoMessage.model_validate_json(body).code or ""


def _dead_letter(message: "MessageTypeDef") -> Outcome:
    """The handler gives a reason with what it dead-letters; SQS itself, after the last delivery, cannot."""
    texts = {
        name: value["StringValue"]
        for name, value in message.get("MessageAttributes", {}).items()
        if "StringValue" in value
    }
    if "reason" not in texts:
        return Outcome(RETRIES_USED_UP, "every delivery failed for a passing reason; the logs tell which")
    return Outcome(texts["reason"], texts.get("detail", ""))
