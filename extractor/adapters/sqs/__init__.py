"""SQS as a `WatchableQueue`, and as `DeadLetters`."""

from extractor.adapters.sqs.api import build_sqs_client
from extractor.adapters.sqs.dead_letters import SqsDeadLetters
from extractor.adapters.sqs.queue import SqsQueue

__all__ = ["SqsDeadLetters", "SqsQueue", "build_sqs_client"]
