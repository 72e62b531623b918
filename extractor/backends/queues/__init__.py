"""Message queues: the interface in `base`, and SQS."""
