"""Outgoing clients that are built on first use: most invocations send nothing through them."""

from collections.abc import Callable, Sequence
from functools import cache
from threading import Lock

from extractor.backends.notifications import Notifier
from extractor.backends.queues.base import JobQueue, OutgoingMessage, SendFailure
from extractor.domain.events import VideoEvent


class LazyQueue:
    """A queue whose client is built on first use. Thread-safe."""

    def __init__(self, build: Callable[[], JobQueue]) -> None:
        self._build = cache(build)
        self._lock = Lock()

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        with self._lock:
            queue = self._build()
        return queue.send(messages)


class LazyNotifier:
    """A notifier that is built at its first event. Thread-safe."""

    def __init__(self, build: Callable[[], Notifier]) -> None:
        self._build = cache(build)
        self._lock = Lock()

    def send(self, event: VideoEvent) -> None:
        with self._lock:
            notifier = self._build()
        notifier.send(event)
