"""Read the outcomes of videos from the state and from the dead-letter queue, as an operator would."""

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
    """The outcome of a video; `reason` is a reason code, or ``None`` if it was extracted."""

    reason: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """An outcome, the total duration of its invocations, and the number of slices that these have made."""

    code: str
    outcome: Outcome
    seconds: float
    slices: int = 0


class OutcomeReader:
    """Reads outcomes. Dead letters stay in their queue, hidden by a long visibility timeout."""

    def __init__(self, state: Path, sqs: "SQSClient", dead_letter_queue_url: str) -> None:
        self._state = state
        self._sqs = sqs
        self._url = dead_letter_queue_url
        self._dead: dict[str, Outcome] = {}

    def read(self) -> dict[str, Outcome]:
        """Return the outcomes so far by code: extracted and dead-lettered videos."""
        while messages := self._receive():
            self._dead |= {_code_of(message["Body"]): _dead_letter(message) for message in messages}
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


def _code_of(body: str) -> str:
    """Return the code in a message of `run_sqs_batches.py`."""
    return VideoMessage.model_validate_json(body).code or ""


def _dead_letter(message: "MessageTypeDef") -> Outcome:
    """Return the outcome. The handler attaches a reason to its dead letters; SQS itself attaches none."""
    texts = {
        name: value["StringValue"]
        for name, value in message.get("MessageAttributes", {}).items()
        if "StringValue" in value
    }
    if "reason" not in texts:
        return Outcome(RETRIES_USED_UP, "every delivery failed with a transient error; see the logs")
    return Outcome(texts["reason"], texts.get("detail", ""))
