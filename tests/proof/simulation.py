"""Many workers at once, in virtual time: messages are duplicated, delayed and reordered; workers pause,
fail and die; videos are overwritten. After each effect the promise is checked.

It is the real worker and the real pipeline that run, between ports in memory that pass the contract
of the real ones. A seed is a schedule: the same seed gives the same run.
"""

import json
import random
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from extractor.domain.events import DONE, VideoEvent
from extractor.domain.layout import parse_layout
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Stopwatch
from extractor.errors import ExtractorError
from extractor.pipeline.job_context import WorkerContext
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.slice_queue import SliceQueue
from extractor.pipeline.source import VideoLocator
from extractor.pipeline.worker import ReceivedMessage, Worker
from tests.proof.adversary import Adversary, RiskyNotifier, RiskyObjects, RiskyQueue, RiskyState
from tests.proof.invariant import View, violations
from tests.proof.messages import SentToJobs, SimulatedMessage, SimulatedQueue
from tests.proof.patching import GARBAGE, TOOLS, frames_of, seams
from tests.proof.scenarios import Setup
from tests.proof.scheduler import KilledError, Scheduler, StuckError
from tests.proof.simulated_storage import BUCKET, CODE, Places

_INVOCATION_SECONDS = 120.0
_HARM = 4  # faults in one simulation, at most


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
    harm: list[str] = field(default_factory=lambda: ["harm"] * _HARM)
    violation: str = ""
    damage: str = ""
    announced: set[tuple[str, str]] = field(default_factory=set)
    places: Places = field(init=False)
    queue: SimulatedQueue = field(init=False)
    _coming: int = 0

    def __post_init__(self) -> None:
        self.places = Places(self.setup, self.work_dir.with_name("state.sqlite"))
        self.queue = SimulatedQueue(self.scheduler)

    def run(self, seed: int) -> Run:
        self._prepare()
        for interval in self.setup.intervals:
            self.queue.send(_body(interval))
        for number in range(self.setup.workers):
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
        return Run(seed, self.scheduler.steps, self.queue.deliveries, self.violation, self.damage, trace)

    def _prepare(self) -> None:
        self.places.upload(self.setup.versions[0])
        if self.setup.earlier is not None:
            message = SimulatedMessage(_body(self.setup.earlier))
            adversary = Adversary(Scheduler(random.Random(0)), [], lambda: None, lambda _: None)
            adversary.scheduler.add("before", lambda: self._handle(message, adversary, [], is_early=True))
            with seams(lambda: 0.0):
                adversary.scheduler.run()
        self.places.forget()
        self.announced.clear()
        if self.setup.loses_frame:
            self.places.lose_frame()

    def _overwrite(self) -> None:
        """Each new version is announced by a message of its own."""
        for video in self.setup.versions[1:]:
            self.scheduler.step(self.scheduler.random.random() * 60)
            self.places.upload(video)
            self.scheduler.trace.append(f"{self.scheduler.now:8.1f} the video is overwritten")
            if not self.setup.silent:
                self.queue.send(_body(self.setup.intervals[0]))
            self._coming -= 1

    def _remove_row(self) -> None:
        self.scheduler.step(self.scheduler.random.random() * 10)
        self.places.remove_row()

    def _work(self) -> None:
        """One life after the other, until there is nothing left to do."""
        while self.queue.messages or self._coming:
            message = self.queue.receive()
            if message is None:
                self.scheduler.step(30)
                continue
            adversary = Adversary(self.scheduler, self.harm, self._check, self._report)
            arrived: list[VideoEvent] = []
            try:
                self._handle(message, adversary, arrived)
            except KilledError:
                if not adversary.is_dead:
                    raise
            except ExtractorError as error:
                self.scheduler.trace.append(f"{self.scheduler.now:8.1f} comes back: {error.reason}")
            else:
                self._acknowledge(message, arrived)

    def _handle(
        self,
        message: SimulatedMessage,
        adversary: Adversary,
        arrived: list[VideoEvent],
        *,
        is_early: bool = False,
    ) -> None:
        """`arrived`: takes the notifications that get through. `is_early`: nothing is split."""
        frames = RiskyObjects(self.places.frames, adversary)
        videos = RiskyObjects(self.places.videos, adversary)
        sources = VideoLocator(lambda _: videos, BUCKET, ("{code}.mp4",), max_bytes=1_000)
        context = WorkerContext(
            state=RiskyState(self.places.state(id(adversary), lambda: self.scheduler.now), adversary),
            videos=Prefetcher(sources, self.work_dir),
            frames=frames,
            layout=parse_layout(self.setup.layout),
            config=TOOLS,
            notifier=RiskyNotifier(arrived, adversary, self._check_event) if self.setup.announces else None,
            frames_bucket="frames",
            slices=None if is_early else self._slices(adversary),
        )
        worker = Worker(
            context=context,
            policy=SamplingPolicy(),
            dead_letters=RiskyQueue(self.places.dead_letters, adversary),
            observe=Stopwatch().observe,
            report=lambda _: None,
        )
        delivery = ReceivedMessage(message.body, max(1, message.receive_count), from_queue=True)
        worker.handle(delivery, adversary.scheduler.now + _INVOCATION_SECONDS)

    def _slices(self, adversary: Adversary) -> SliceQueue | None:
        return SliceQueue(RiskyQueue(SentToJobs(self.queue), adversary), 1.0) if self.setup.slices else None

    def _acknowledge(self, message: SimulatedMessage, arrived: list[VideoEvent]) -> None:
        self.queue.delete(message)
        if self.setup.slices and self.queue.messages:
            return  # the others tell
        is_known = bool(arrived) or (self.setup.slices and bool(self.announced))
        if self.setup.announces and not is_known:
            self._report("the message is gone, and its outcome was never announced")
        if not any(view.is_settled for view in self.places.views()):
            self._report("a message is gone, and nothing tells what became of the video")

    def _check_event(self, event: VideoEvent) -> None:
        """What is said must be so when it is said. Others may have gone on from there."""
        self.announced.add((event.type, event.id))
        known = [view.known for view in self.places.views()]
        if not any(
            one.is_extracted or (event.type != DONE and one.failure) or not one.is_there for one in known
        ):
            self._report(f"it is announced as {event.type.rpartition('.')[2]}, and the state does not say so")

    def _check(self) -> None:
        for view in self.places.views():
            for text in violations(view):
                self._report(text)

    def _check_end(self) -> None:
        views = list(self.places.views())
        self.damage = next((text for view in views for text in violations(view)), "")
        if self.setup.ends_extracted:
            self._check_result(views[-1])
        outcomes = len(self.setup.versions) * len(set(self.setup.intervals))
        if len([kind for kind, _ in self.announced if kind == DONE]) > outcomes:
            self._report("one outcome is announced under several ids")
        if GARBAGE not in self.setup.versions and not self.setup.vanishes and self.places.dead_letters.sent:
            self._report("a video that is well has a dead letter")

    def _check_result(self, view: View) -> None:
        manifest = view.manifest
        if not view.known.is_extracted:
            self._report("the video is well, and not extracted")
        elif manifest and manifest.policy.interval_seconds not in self.setup.intervals:
            self._report("these are the frames of a policy that nobody asked for")
        elif manifest and not any(_shows(manifest, video) for video in self.setup.versions):
            self._report("these are not the frames of any version of the video")

    def _report(self, text: str) -> None:
        if not self.violation:
            self.violation = text
            self.scheduler.trace.append(f"VIOLATION: {text}")


def _shows(manifest: Manifest, video: bytes) -> bool:
    """Whether these are the frames of that video, all and in order."""
    made = [(frame.index, sha256(frame.data).hexdigest()) for frame in frames_of(video, manifest.policy)]
    return made == [(frame.index, frame.sha256) for frame in manifest.frames]


def _body(interval_seconds: float) -> str:
    return json.dumps({"code": CODE, "interval": interval_seconds})


def simulate(setup: Setup, seed: int, work_dir: Path) -> Run:
    """The run that belongs to `seed`. `work_dir` is for the workers' leftovers, and has room beside it."""
    return Simulation(setup, Scheduler(random.Random(seed)), work_dir).run(seed)
