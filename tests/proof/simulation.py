"""Many workers at once, in virtual time: messages are duplicated, delayed and reordered; workers pause,
fail and die; videos are overwritten. After each effect the promise is checked.

It is the real worker and the real pipeline that run, between ports in memory that pass the contract
of the real ones. A seed is a schedule: the same seed gives the same run.
"""

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from extractor.errors import ExtractorError
from extractor.layout import parse_layout
from extractor.models import SamplingPolicy, SourceVideo, Subject
from extractor.pipeline import Workplace
from extractor.ports import StateStore
from extractor.prefetch import Prefetcher
from extractor.source import Sources
from extractor.timing import Stopwatch
from extractor.worker import Delivery, Worker
from tests.proof.adversary import Adversary, RiskyObjects, RiskyQueue, RiskyState
from tests.proof.invariant import View, violations
from tests.proof.memory import (
    Item,
    MemoryClaims,
    MemoryObjectStore,
    MemoryQueue,
    MemoryTable,
    Row,
    etag_of,
    item_key,
)
from tests.proof.scheduler import KilledError, Scheduler, StuckError
from tests.proof.seams import GARBAGE, TOOLS, seams
from tests.proof.stores import TABLE, Known, Sqlite

CODE = "v"
_BUCKET = "videos"
_KEY = f"{CODE}.mp4"
_INVOCATION_SECONDS = 120.0
_VISIBILITY_SECONDS = 720.0
_TWICE_CHANCE = 0.1  # that a message is given out while somebody has it
_HARM = 4  # faults in one simulation, at most


@dataclass(frozen=True, slots=True)
class Setup:
    """What happens in a simulation. `intervals`: one message for each, and as many workers. `versions`: the
    video is overwritten by each in turn. `earlier`: the interval of a finished run that the state has
    forgotten, and of which, if it `loses_frame`, one is gone. `vanishes`: the row goes away meanwhile.
    `state`: a table or claims in memory, or a real SQLite file."""

    name: str
    intervals: tuple[float, ...]
    versions: tuple[bytes, ...] = (b"first",)
    earlier: float | None = None
    loses_frame: bool = False
    vanishes: bool = False
    state: Literal["table", "claims", "sqlite"] = "table"
    layout: str = "default"

    @property
    def ends_extracted(self) -> bool:
        return self.versions[-1] != GARBAGE and not self.vanishes


@dataclass(slots=True, eq=False)
class SimulatedMessage:
    body: str
    visible_at: float = 0.0
    receive_count: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """How a simulation ended. `violation`: what was wrong first, at any moment; `damage`: what is wrong when
    no message is left, and stays so. Both are empty if all was well. `trace`: what happened, line by line."""

    seed: int
    steps: int
    deliveries: int
    violation: str
    damage: str
    trace: tuple[str, ...]


@dataclass(slots=True)
class Simulation:
    """One run of a setup."""

    setup: Setup
    scheduler: Scheduler
    work_dir: Path
    videos: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    frames: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    table: MemoryTable = field(default_factory=lambda: MemoryTable({CODE: Row()}))
    items: dict[str, Item] = field(default_factory=dict)
    dead_letters: MemoryQueue = field(default_factory=MemoryQueue)
    messages: list[SimulatedMessage] = field(default_factory=list)
    harm: list[str] = field(default_factory=lambda: ["harm"] * _HARM)
    deliveries: int = 0
    violation: str = ""
    damage: str = ""
    _coming: int = 0
    _seen: list[SourceVideo] = field(default_factory=list)

    def run(self, seed: int) -> Run:
        self._prepare()
        for number, interval in enumerate(self.setup.intervals):
            self.messages.append(SimulatedMessage(json.dumps({"code": CODE, "interval": interval})))
            self.scheduler.add(f"worker {number}", self._work)
        self._coming = len(self.setup.versions) - 1
        self.scheduler.add("uploader", self._overwrite)
        if self.setup.vanishes:
            self.scheduler.add("operator", self._remove_row)
        try:
            with seams(lambda: self.scheduler.now):
                self.scheduler.run()
        except StuckError as error:
            self.violation = self.violation or str(error)
        self._check_end()
        trace = tuple(self.scheduler.trace)
        return Run(seed, self.scheduler.steps, self.deliveries, self.violation, self.damage, trace)

    def _prepare(self) -> None:
        self._upload(self.setup.versions[0])
        if self.setup.earlier is not None:
            body = json.dumps({"code": CODE, "interval": self.setup.earlier})
            adversary = Adversary(Scheduler(random.Random(0)), [], lambda: None, lambda _: None)
            adversary.scheduler.add("before", lambda: self._handle(SimulatedMessage(body), adversary))
            with seams(lambda: 0.0):
                adversary.scheduler.run()
            self.table.rows[CODE] = Row()
            self.items.clear()
        if self.setup.loses_frame:
            del self.frames.objects[f"{CODE}/000001.jpg"]
        if self.setup.state == "sqlite":
            self._sqlite.path.unlink(missing_ok=True)
            self._sqlite.add(CODE)

    def _upload(self, video: bytes) -> None:
        self.videos.objects[_KEY] = video
        self._seen.append(SourceVideo(_BUCKET, _KEY, etag_of(video), len(video)))

    def _overwrite(self) -> None:
        """Each new version is announced by a message of its own."""
        for video in self.setup.versions[1:]:
            self.scheduler.step(self.scheduler.random.random() * 60)
            self._upload(video)
            self.scheduler.trace.append(f"{self.scheduler.now:8.1f} the video is overwritten")
            body = json.dumps({"code": CODE, "interval": self.setup.intervals[0]})
            self.messages.append(SimulatedMessage(body))
            self._coming -= 1

    def _remove_row(self) -> None:
        self.scheduler.step(self.scheduler.random.random() * 10)
        with closing(sqlite3.connect(self._sqlite.path)) as connection, connection:
            connection.execute(f"DELETE FROM {TABLE}")

    def _work(self) -> None:
        """One life after the other, until there is nothing left to do."""
        while self.messages or self._coming:
            message = self._receive()
            if message is None:
                self.scheduler.step(30)
                continue
            adversary = Adversary(self.scheduler, self.harm, self._check, self._report)
            try:
                self._handle(message, adversary)
            except KilledError:
                if not adversary.is_dead:
                    raise
            except ExtractorError as error:
                self.scheduler.trace.append(f"{self.scheduler.now:8.1f} comes back: {error.reason}")
            else:
                self._acknowledge(message)

    def _receive(self) -> SimulatedMessage | None:
        dice = self.scheduler.random
        visible = [message for message in self.messages if message.visible_at <= self.scheduler.now]
        if not visible:
            return None
        message = dice.choice(visible)
        message.receive_count += 1
        self.deliveries += 1
        if dice.random() >= _TWICE_CHANCE:
            message.visible_at = self.scheduler.now + _VISIBILITY_SECONDS
        self.scheduler.trace.append(
            f"{self.scheduler.now:8.1f} {self.scheduler.current.name} receives {message.body}"
            f" for the {message.receive_count}. time"
        )
        return message

    def _handle(self, message: SimulatedMessage, adversary: Adversary) -> None:
        frames = RiskyObjects(self.frames, adversary)
        videos = RiskyObjects(self.videos, adversary)
        sources = Sources(lambda _: videos, _BUCKET, ("{code}.mp4",), max_bytes=1_000)
        place = Workplace(
            state=RiskyState(self._state(id(adversary)), adversary),
            sources=Prefetcher(sources, self.work_dir),
            frames=frames,
            layout=parse_layout(self.setup.layout),
            tools=TOOLS,
            work_dir=self.work_dir,
        )
        worker = Worker(
            place=place,
            policy=SamplingPolicy(),
            dead_letters=RiskyQueue(self.dead_letters, adversary),
            observe=Stopwatch().observe,
            report=lambda _: None,
        )
        delivery = Delivery(message.body, max(1, message.receive_count), from_queue=True)
        worker.handle(delivery, adversary.scheduler.now + _INVOCATION_SECONDS)

    def _state(self, owner: int) -> StateStore:
        if self.setup.state == "claims":
            return MemoryClaims(self.items, lambda: self.scheduler.now, str(owner))
        return self.table if self.setup.state == "table" else self._sqlite.open(lambda: self.scheduler.now)

    def _acknowledge(self, message: SimulatedMessage) -> None:
        if message in self.messages:
            self.messages.remove(message)
        if not any(view.is_settled for view in self._views()):
            self._report("a message is gone, and nothing tells what became of the video")

    def _check(self) -> None:
        for view in self._views():
            for text in violations(view):
                self._report(text)

    def _check_end(self) -> None:
        views = list(self._views())
        self.damage = next((text for view in views for text in violations(view)), "")
        if self.setup.ends_extracted:
            self._check_result(views[-1])
        if GARBAGE not in self.setup.versions and not self.setup.vanishes and self.dead_letters.sent:
            self._report("a video that is well has a dead letter")

    def _check_result(self, view: View) -> None:
        manifest = view.manifest
        if not view.known.is_extracted:
            self._report("the video is well, and not extracted")
        elif manifest and manifest.policy.interval_seconds not in self.setup.intervals:
            self._report("these are the frames of a policy that nobody asked for")

    def _report(self, text: str) -> None:
        if not self.violation:
            self.violation = text
            self.scheduler.trace.append(f"VIOLATION: {text}")

    @property
    def _sqlite(self) -> Sqlite:
        return Sqlite(self.work_dir.with_name("state.sqlite"))

    def _views(self) -> Iterator[View]:
        """The video as its state has it: once, or once for each version."""
        layout = parse_layout(self.setup.layout)
        for video in self._seen if self.setup.state == "claims" else self._seen[-1:]:
            naming = layout.naming(
                code=CODE,
                platform=None,
                video_id=item_key(Subject(CODE, video)),
                interval_seconds=1,
                extension="jpg",
            )
            yield View(
                known=self._known(video),
                objects=self.frames.objects,
                manifest_key=naming.manifest_key,
                is_acknowledged=False,
                dead_letters=len(self.dead_letters.sent),
            )

    def _known(self, video: SourceVideo) -> Known:
        if self.setup.state == "claims":
            item = self.items.get(item_key(Subject(CODE, video)), Item())
            return Known(item.status == "processed", item.error)
        if self.setup.state == "sqlite":
            return self._sqlite.look(CODE, video)
        row = self.table.rows[CODE]
        return Known(row.is_extracted, row.error)


SAME = Setup("one policy, one version", (1.0, 1.0, 1.0))
AGAIN = Setup("another policy over an earlier manifest", (1.5, 1.5, 1.5), earlier=1.0)
LOST = Setup("a frame of an earlier manifest is gone", (1.0, 1.0), earlier=1.0, loses_frame=True)
CLAIMED = Setup("with claims", (1.0, 1.0, 1.0), state="claims")
BROKEN = Setup("no video at all", (1.0, 1.0), versions=(GARBAGE,))
MENDED = Setup("garbage, overwritten by a video", (1.0, 1.0), versions=(GARBAGE, b"good"), state="sqlite")
GONE = Setup("the row goes away", (1.0, 1.0), vanishes=True, state="sqlite")
APART = Setup(
    "overwritten, versions kept apart", (1.0, 1.0), (b"first", b"second"), state="claims", layout="videosense"
)
SAFE = (SAME, AGAIN, LOST, CLAIMED, BROKEN, MENDED, GONE, APART)

TWO_POLICIES = Setup("two policies at once", (1.0, 1.5))
TWO_POLICIES_CLAIMED = Setup("two policies at once, with claims", (1.0, 1.5), state="claims")
FEWER_FRAMES = Setup("a policy that asks for less of the same, at once", (1.0, 3.0))
OVERWRITTEN = Setup("overwritten meanwhile", (1.0, 1.0), (b"first", b"second"))
OVERWRITTEN_CLAIMED = Setup(
    "overwritten meanwhile, with claims", (1.0, 1.0), (b"first", b"second"), state="claims"
)
RISKY = (TWO_POLICIES, TWO_POLICIES_CLAIMED, FEWER_FRAMES, OVERWRITTEN, OVERWRITTEN_CLAIMED)
"""Different frames for the same video at the same time; see docs/proof.md for what is promised then."""


def simulate(setup: Setup, seed: int, work_dir: Path) -> Run:
    """The run that belongs to `seed`. `work_dir` is for the workers' leftovers, and has room beside it."""
    return Simulation(setup, Scheduler(random.Random(seed)), work_dir).run(seed)
