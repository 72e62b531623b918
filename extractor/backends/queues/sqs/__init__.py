"""Amazon SQS as an `ObservableQueue` and as a `DeadLetterQueue`."""

from extractor.backends.queues.sqs.client import build_sqs_client
from extractor.backends.queues.sqs.dead_letters import SqsDeadLetterQueue
from extractor.backends.queues.sqs.queue import SqsQueue

__all__ = ["SqsDeadLetterQueue", "SqsQueue", "build_sqs_client"]
