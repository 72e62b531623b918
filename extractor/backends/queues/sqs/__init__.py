"""SQS as a `WatchableQueue`, and as `DeadLetters`."""

from extractor.backends.queues.sqs.client import build_sqs_client
from extractor.backends.queues.sqs.dead_letters import SqsDeadLetters
from extractor.backends.queues.sqs.queue import SqsQueue

__all__ = ["SqsDeadLetters", "SqsQueue", "build_sqs_client"]
