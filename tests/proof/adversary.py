"""What stands between a simulated worker and its ports: at each call others have their turn, and the call may
fail, be lost on its way back, arrive late, or be the worker's last.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from extractor.backends.queues.base import JobQueue, OutgoingMessage, SendFailure
from extractor.backends.state.base import StateRow, StateStore
from extractor.backends.storage.base import NO_VERSIONS, ObjectStore, ObjectStream, StoredBytes, StoredObject
from extractor.domain.events import VideoEvent
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import (
    ExtractorError,
    NotificationFailedError,
    QueueUnavailableError,
    StateUnavailableError,
    StorageUnavailableError,
)
from tests.proof.scheduler import KilledError, Scheduler

T = TypeVar("T")

_CHANCE = {"before": 0.02, "after": 0.02, "late": 0.02, "kill before": 0.02, "kill after": 0.02}
_PAUSE_CHANCE = 0.05
_PAUSES_SECONDS = (5.0, 60.0, 600.0)
_LATE_SECONDS = 300.0


@dataclass(slots=True)
class Adversary:
    """One for each life of a worker: once killed, it never has an effect again. `harm` has an entry
    for each fault that is still to come in the whole simulation. `check` looks whether all is well after an
    effect, and `report` is told what is not. `seen`: the versions of what the worker has read; `known`: those
    of them that it had read when it last looked what lies there, before it made its frames."""

    scheduler: Scheduler
    harm: list[str]
    check: Callable[[], None]
    report: Callable[[str], None]
    is_dead: bool = False
    seen: dict[str, str | None] = field(default_factory=dict)
    known: dict[str, str | None] = field(default_factory=dict)

    def call(self, name: str, act: Callable[[], T], lost: type[ExtractorError], *, writes: bool = False) -> T:
        """Do `act` in the worker's turn, or what the dice say instead."""
        if self.is_dead:
            raise KilledError
        self.scheduler.step(self._pause())
        fault = self._fault(writes)
        self.scheduler.trace.append(
            f"{self.scheduler.now:8.1f} {self.scheduler.current.name}: {name}{f' [{fault}]' if fault else ''}"
        )
        if fault in {"before", "kill before"}:
            self._strike(fault, lost)
        if fault == "late":
            self.scheduler.add(f"late {name}", lambda: self._arrive(act), self._late())
            self._strike(fault, lost)
        try:
            return act()
        finally:
            if writes:
                self.check()
            if fault:
                self._strike(fault, lost)

    def _pause(self) -> float:
        dice = self.scheduler.random
        return dice.random() * dice.choice(_PAUSES_SECONDS) if dice.random() < _PAUSE_CHANCE else 0.0

    def _fault(self, writes: bool) -> str | None:
        dice = self.scheduler.random.random()
        for fault, chance in _CHANCE.items():
            dice -= chance
            if dice < 0:
                return self.harm.pop() and fault if self.harm and (writes or fault != "late") else None
        return None

    def _strike(self, fault: str, lost: type[ExtractorError]) -> None:
        if fault.startswith("kill"):
            self.is_dead = True
            raise KilledError
        raise lost(f"simulated: {fault}")

    def _late(self) -> float:
        return self.scheduler.now + self.scheduler.random.random() * _LATE_SECONDS

    def _arrive(self, act: Callable[[], object]) -> None:
        """A request that its sender has given up reaches the server after all; nobody reads the answer."""
        try:
            act()
        except ExtractorError:
            pass
        finally:
            self.scheduler.trace.append(
                f"{self.scheduler.now:8.1f} {self.scheduler.current.name} has arrived"
            )
            self.check()


@dataclass(frozen=True, slots=True)
class RiskyObjects:
    """An `ObjectStore` at the mercy of the adversary."""

    inner: ObjectStore
    adversary: Adversary

    @contextmanager
    def open(self, key: str) -> Iterator[ObjectStream]:
        opened = self._call(f"open {key}", lambda: self.inner.open(key))
        with opened as stream:
            yield stream

    def read(self, key: str) -> StoredBytes | None:
        found = self._call(f"read {key}", lambda: self.inner.read(key))
        self.adversary.seen[key] = found.etag if found else None
        return found

    def put(self, key: str, data: bytes, *, content_type: str, sha256: str, replaces: str | None) -> str:
        known = self.adversary.known.get(key)

        def act() -> str:
            there = self.inner.read(key)
            etag = self.inner.put(key, data, content_type=content_type, sha256=sha256, replaces=replaces)
            if there and key in self.adversary.seen and there.etag not in {self.adversary.seen[key], etag}:
                self.adversary.report(f"{key} was replaced by one who had never seen it")
            if there and key.endswith("manifest.json") and there.etag not in {known, etag}:
                self.adversary.report(f"{key} was replaced by one who saw it after making its frames")
            self.adversary.seen[key] = self.adversary.known[key] = etag
            return etag

        return self._call(f"put {key}", act, writes=True)

    def put_parts(self, key: str, parts: Iterable[bytes], *, content_type: str, replaces: str | None) -> str:
        def act() -> str:
            return self.inner.put_parts(key, parts, content_type=content_type, replaces=replaces)

        return self._call(f"put {key} in parts", act, writes=True)

    def copy(self, key: str, to: str) -> None:
        self._call(f"copy {key} to {to}", lambda: self.inner.copy(key, to), writes=True)

    def list(self, prefix: str, after: str = "", *, deep: bool = True) -> Iterator[StoredObject]:
        found = self._call(f"list {prefix}", lambda: list(self.inner.list(prefix, after, deep=deep)))
        self.adversary.known = dict(self.adversary.seen)
        return iter(found)

    def delete(self, keys: Sequence[str], versions: Mapping[str, str] = NO_VERSIONS) -> None:
        self._call(f"delete {', '.join(keys)}", lambda: self.inner.delete(keys, versions), writes=True)

    def _call(self, name: str, act: Callable[[], T], *, writes: bool = False) -> T:
        return self.adversary.call(name, act, StorageUnavailableError, writes=writes)


@dataclass(frozen=True, slots=True)
class RiskyState:
    """A `StateStore` at the mercy of the adversary."""

    inner: StateStore
    adversary: Adversary

    @property
    def keyed_by_version(self) -> bool:
        return self.inner.keyed_by_version

    def begin(self, subject: VideoRef, lease_seconds: float) -> StateRow | None:
        return self._call("begin", lambda: self.inner.begin(subject, lease_seconds))

    def release(self, subject: VideoRef) -> None:
        self._call("release", lambda: self.inner.release(subject))

    def mark_extracted(self, subject: VideoRef, extraction: ExtractionSummary) -> None:
        self._call("mark extracted", lambda: self.inner.mark_extracted(subject, extraction), writes=True)

    def record_failure(self, subject: VideoRef, reason: str, detail: str) -> None:
        self._call(
            f"record {reason}", lambda: self.inner.record_failure(subject, reason, detail), writes=True
        )

    def _call(self, name: str, act: Callable[[], T], *, writes: bool = False) -> T:
        return self.adversary.call(name, act, StateUnavailableError, writes=writes)


@dataclass(frozen=True, slots=True)
class RiskyQueue:
    """A `JobQueue` at the mercy of the adversary."""

    inner: JobQueue
    adversary: Adversary

    def send(self, messages: Sequence[OutgoingMessage]) -> Sequence[SendFailure]:
        return self.adversary.call("bury", lambda: self.inner.send(messages), QueueUnavailableError)


@dataclass(frozen=True, slots=True)
class RiskyNotifier:
    """A `Notifier` at the mercy of the adversary. `arrived`: what has got through; `check` sees each event
    when it is sent, whether it gets through or not."""

    arrived: list[VideoEvent]
    adversary: Adversary
    check: Callable[[VideoEvent], None]

    def send(self, event: VideoEvent) -> None:
        self.check(event)
        name = f"announce {event.type.rpartition('.')[2]}"
        self.adversary.call(name, lambda: self.arrived.append(event), NotificationFailedError, writes=True)
