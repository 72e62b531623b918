"""The crash table: a delivery is broken at each of its effects in each way, and what follows must be well.

A case is one video in a world of its own, one fault in its first delivery, and as many redeliveries
as it takes.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.domain.slices import slice_message
from tests.proof.cloud import FRAMES
from tests.proof.effects import MODES, Fault, Mode
from tests.proof.environment import World
from tests.proof.interception import RETRIED
from tests.proof.invariant import View, content, violations
from tests.proof.processes import survivors
from tests.proof.worker_process import Ended, Lane

REDELIVERIES = 2
"""Within so many, every video ends as it would have without the fault."""

_VISIBILITY_SECONDS = 3600.0  # longer than a claim, as on a queue that is set up well


@dataclass(frozen=True, slots=True)
class Clip:
    """A video of a few tiny frames, and bytes that are none."""

    video: bytes
    garbage: bytes = b"\x00\x01 no video at all " * 40


@dataclass(frozen=True, slots=True)
class Scenario:
    """What a worker is asked to do. `earlier`: the options of a run whose frames and manifest lie there
    already, while the row says nothing of it. `is_sliced`: the first slice is done, and the worker does the
    last one."""

    name: str
    options: Mapping[str, object]
    earlier: Mapping[str, object] | None = None
    is_video: bool = True
    is_sliced: bool = False

    def messages(self, code: str, video: SourceVideo) -> Iterator[Mapping[str, object]]:
        """What is delivered, one after the other. It is the last delivery that is broken."""
        message = {"code": code, **self.options}
        if not self.is_sliced:
            yield message
            return
        policy = fingerprint(SamplingPolicy(interval_seconds=0.2))
        place = f"{FRAMES}/{code}/{{index:06d}}.jpg"
        for first, stop in ((0, 1), (1, 3)):
            yield slice_message(message, FrameSlice(first, stop, 3, video.etag or "", policy, place))


FRESH = Scenario("fresh video", {"interval": 0.2})
SECOND_POLICY = Scenario("another policy", {"interval": 0.4}, earlier={"interval": 0.2})
GARBAGE = Scenario("no video at all", {"interval": 0.2}, is_video=False)
LAST_SLICE = Scenario("the last slice", {"interval": 0.2}, is_sliced=True)
SCENARIOS = (FRESH, SECOND_POLICY, GARBAGE, LAST_SLICE)


@dataclass(frozen=True, slots=True)
class Case:
    """What became of a video: the effects of its last delivery, and all that was wrong."""

    fault: Fault | None
    deliveries: int
    violations: tuple[str, ...]
    effects: tuple[str, ...]
    view: View


@dataclass(slots=True)
class CrashTest:
    """Runs cases of one scenario in one lane of one world. `is_served`: the worker is one outside of Lambda,
    which receives and settles its messages itself."""

    world: World
    lane: Lane
    clip: Clip
    scenario: Scenario
    is_served: bool = False
    _earlier: Mapping[str, bytes] = field(default_factory=dict)
    _expected: View | None = None

    def points(self) -> tuple[str, ...]:
        """The effects of a run that nothing disturbs. Its outcome is the measure for all others."""
        if self.scenario.earlier is not None:
            self._earlier = self._one_run(self.scenario.earlier).view.objects
        case = self._one_run(self.scenario.options)
        assert not case.violations, case.violations
        self._expected = case.view
        return case.effects

    def run(self, fault: Fault) -> Case:
        return self._case(self.scenario.options, fault)

    def _one_run(self, options: Mapping[str, object]) -> Case:
        case = self._case(options, None)
        assert case.deliveries == 1, (
            f"it should not take a second delivery\n{self.lane.log.read_text()[-5000:]}"
        )
        return case

    def _case(self, options: Mapping[str, object], fault: Fault | None) -> Case:
        code = f"v{uuid.uuid4().hex}"
        video = self.world.add_video(code, self.clip.video if self.scenario.is_video else self.clip.garbage)
        self.world.put_frames(_renamed(self._earlier, code))
        *before, last = replace(self.scenario, options=options).messages(code, video)
        for message in before:
            self.world.send(message)
            received = self.world.receive()
            ended = self.lane.run(received.event, None, later_seconds=0.0)
            assert not ended.answer["batchItemFailures"], self.lane.log.read_text()[-5000:]
            self.world.acknowledge(received)
        self.world.send(last)
        try:
            return _Course(self, code, video, fault).run()
        finally:
            self.world.forget(code)

    def check_outcome(self, view: View) -> Iterator[str]:
        """Whether the video ended as the undisturbed one did."""
        expected = self._expected
        if expected is None:
            return
        if view.known.is_extracted != expected.known.is_extracted:
            yield f"it ended with {view.known}, undisturbed with {expected.known}"
        elif view.manifest and expected.manifest and content(view.manifest) != content(expected.manifest):
            yield "its frames are others than those of an undisturbed run"


@dataclass(slots=True)
class _Course:
    """One case under way."""

    test: CrashTest
    code: str
    video: SourceVideo
    fault: Fault | None
    wrong: list[str] = field(default_factory=list)

    def run(self) -> Case:
        world, view = self.test.world, self._view(is_acknowledged=False)
        effects: tuple[str, ...] = ()
        delivery = 0
        while delivery <= REDELIVERIES and not view.is_acknowledged:
            delivery += 1
            stood = _stands(view)
            ended, acknowledged = self._serve(delivery) if self.test.is_served else self._deliver(delivery)
            effects = ended.effects
            view = self._view(is_acknowledged=acknowledged)
            self.wrong += [
                f"after delivery {delivery}: {text}" for text in self._check(ended, view, stood, delivery)
            ]
        if not view.is_acknowledged:
            self.wrong.append(f"{REDELIVERIES} redeliveries were not enough")
            world.acknowledge(world.receive())
        self.wrong += self.test.check_outcome(view)
        return Case(self.fault, delivery, tuple(self.wrong), effects, view)

    def _deliver(self, delivery: int) -> tuple[Ended, bool]:
        """Return how the worker ended, and whether the message is acknowledged."""
        world, fault = self.test.world, self._fault(delivery)
        message = world.receive()
        ended = self.test.lane.run(message.event, fault, later_seconds=delivery * _VISIBILITY_SECONDS)
        acknowledged = not ended.killed and not ended.answer["batchItemFailures"]
        (world.acknowledge if acknowledged else world.give_back)(message)
        return self._checked(ended, fault), acknowledged

    def _serve(self, delivery: int) -> tuple[Ended, bool]:
        world, fault = self.test.world, self._fault(delivery)
        ended = self.test.lane.serve(world.queue_url, fault, delivery * _VISIBILITY_SECONDS)
        return self._checked(ended, fault), world.is_queue_empty()

    def _fault(self, delivery: int) -> Fault | None:
        return self.fault if delivery == 1 else None

    def _checked(self, ended: Ended, fault: Fault | None) -> Ended:
        if fault is not None and not ended.met:
            self.wrong.append("the fault was not met")
        return ended

    def _check(self, ended: Ended, view: View, stood: bool, delivery: int) -> Iterator[str]:
        yield from violations(view)
        work_dir = self.test.lane.work_dir
        if ended.killed and survivors(work_dir):
            yield "a process outlives its worker"
        decoded = any(effect.startswith("frame") for effect in ended.effects)
        if not ended.killed and decoded and any(work_dir.glob("*")):
            yield "something is left in the work directory"
        if stood and decoded and self.test.scenario.earlier is None:
            yield "frames that a manifest vouches for were made again"

    def _view(self, *, is_acknowledged: bool) -> View:
        return self.test.world.view(self.code, self.video, is_acknowledged=is_acknowledged)


def faults(points: Sequence[str], modes: Sequence[Mode] = MODES) -> Iterator[Fault]:
    """Every point in every mode that makes sense for it."""
    for mode in modes:
        for point in points:
            if not mode.startswith("once") or point.startswith(RETRIED):
                yield Fault(point, mode)


def _stands(view: View) -> bool:
    return view.manifest is not None and not view.known.is_extracted


def _renamed(objects: Mapping[str, bytes], code: str) -> dict[str, bytes]:
    """The frames and the manifest of another video, as if they were those of `code`."""
    if not objects:
        return {}
    (old,) = {key.partition("/")[0] for key in objects}
    return {
        key.replace(old, code): data.replace(old.encode(), code.encode()) if key.endswith(".json") else data
        for key, data in objects.items()
    }
