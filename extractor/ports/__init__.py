"""What the use cases need from the outside world. Adapters implement these; tests hold each
adapter to the same contract (`tests/contracts`)."""

from extractor.ports.objects import ObjectStore, ObjectStream, StoredBytes, StoredObject
from extractor.ports.queues import DeadLetter, DeadLetters, JobQueue, QueueDepth, WatchableQueue
from extractor.ports.state import Backlog, FailureLog, Inventory, StateStore

__all__ = [
    "Backlog",
    "DeadLetter",
    "DeadLetters",
    "FailureLog",
    "Inventory",
    "JobQueue",
    "ObjectStore",
    "ObjectStream",
    "QueueDepth",
    "StateStore",
    "StoredBytes",
    "StoredObject",
    "WatchableQueue",
]
