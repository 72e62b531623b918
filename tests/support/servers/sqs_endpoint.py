"""As much of SQS as the enqueuer needs, fast enough for a large backlog, and with faults on purpose.

Real HTTP, the JSON protocol of SQS. Messages are counted and never delivered to anyone. Held to the same
contract as moto by tests/backends/queues/test_queue_contract.py.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.servers.http import Answer, Request, serving

ACCOUNT = "123456789012"
_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares from 0 to 1: of the entries that are refused though they are sound, of the calls whose answer
    is lost after they took effect, and of those that are throttled as a whole."""

    refused_entries: float = 0.0
    lost_answers: float = 0.0
    throttled_calls: float = 0.0
    seed: int = 0


@dataclass
class SqsEndpoint:
    """`messages` are the bodies that each queue has taken, in the order of their arrival. `on_call` is told
    the number of a call, from 1, after it took effect and before it is answered. Only clients whose access
    key is the one `admitted` are served, if there is one."""

    faults: Faults = field(default_factory=Faults)
    on_call: Callable[[int], None] = lambda _: None
    url: str = ""
    messages: dict[str, list[str]] = field(default_factory=dict)
    calls: int = 0
    lost: int = 0  # messages that were taken, and whose sender got no answer
    admitted: str = ""

    def __post_init__(self) -> None:
        self._chance = Random(self.faults.seed)
        self._lock = threading.Lock()

    def create_queue(self, name: str) -> str:
        """Returns its URL."""
        self.messages[name] = []
        return f"{self.url}/{ACCOUNT}/{name}"

    def __call__(self, request: Request) -> Answer:
        body = json.loads(request.body)
        taken = self.messages.get(body["QueueUrl"].rpartition("/")[2])
        if taken is None:
            return _error("QueueDoesNotExist")
        match request.headers["X-Amz-Target"].partition(".")[2]:
            case "SendMessageBatch":
                return self._send(taken, body["Entries"], request.headers["Authorization"])
            case "GetQueueAttributes":
                return _attributes(len(taken), body["AttributeNames"])
            case operation:
                return _error(f"UnsupportedOperation: {operation}")

    def _send(self, taken: list[str], entries: list[Mapping[str, Any]], authorization: str) -> Answer:
        if not 1 <= len(entries) <= 10:
            return _error("TooManyEntriesInBatchRequest" if entries else "EmptyBatchRequest")
        with self._lock:
            if f"Credential={self.admitted}" not in authorization:
                return _error("InvalidClientTokenId")
            self.calls += 1
            number = self.calls
            if self._happens(self.faults.throttled_calls):
                return _error("RequestThrottled")
            sound = [entry for entry in entries if not self._happens(self.faults.refused_entries)]
            lost = self._happens(self.faults.lost_answers)
            taken += [entry["MessageBody"] for entry in sound]
            self.lost += len(sound) if lost else 0
        self.on_call(number)
        failed = [_failure(entry) for entry in entries if entry not in sound]
        answer = {"Successful": [_success(entry) for entry in sound], "Failed": failed}
        content = json.dumps(answer).encode()
        return Answer(200, b"", _HEADERS, len(content)) if lost else Answer(200, content, _HEADERS)

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share


@contextmanager
def sqs_endpoint(endpoint: SqsEndpoint | None = None) -> Iterator[SqsEndpoint]:
    """Serve the endpoint on a free port."""
    endpoint = endpoint or SqsEndpoint()
    with serving(endpoint) as endpoint.url:
        yield endpoint


def _success(entry: Mapping[str, Any]) -> Mapping[str, str]:
    digest = hashlib.md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()
    return {"Id": entry["Id"], "MessageId": f"message-{entry['Id']}", "MD5OfMessageBody": digest}


def _failure(entry: Mapping[str, Any]) -> Mapping[str, object]:
    return {"Id": entry["Id"], "Code": "InternalError", "Message": "any text", "SenderFault": False}


def _attributes(num_messages: int, names: list[str]) -> Answer:
    numbers = {name: 0 for name in names if name.startswith("ApproximateNumberOfMessages")}
    numbers["ApproximateNumberOfMessages"] = num_messages
    texts = {name: str(number) for name, number in numbers.items()}
    return Answer(200, json.dumps({"Attributes": texts}).encode(), _HEADERS)


def _error(code: str) -> Answer:
    body = {"__type": f"com.amazonaws.sqs#{code}", "message": "any text"}
    return Answer(400, json.dumps(body).encode(), _HEADERS)
