"""What a simulation takes the place of: time, threads, and FFmpeg.

Decoding is not what is simulated: frames are a deterministic function of the bytes of the video and of
the policy, as they are with FFmpeg (tests/media holds it to that). Everything after a frame, from its
name and its upload to the manifest, is the real code. The work directory is a real one.
"""

import concurrent.futures
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import extractor.output.partial_run
import extractor.pipeline.job
import extractor.pipeline.source
from extractor.domain.frames import DecodeLimits, Frame, ProgressCallback
from extractor.domain.manifest import Manifest
from extractor.domain.policy import SamplingPolicy
from extractor.domain.timing import Stopwatch
from extractor.errors import UnreadableError
from extractor.output.frame_store import FrameStore
from extractor.output.writers import write_files
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig
from extractor.pipeline.splitting import SplitNeeded
from tests.support.samples import a_manifest

GARBAGE = b"garbage"
TOOLS = ExtractorConfig(ffmpeg="none", limits=DecodeLimits(), upload_workers=1)

_VIDEO_SECONDS = 3
_FRAME_BYTES = 20


class InTurn(Executor):
    """Runs what is submitted at once, in the thread that submits it: it is the scheduler who interleaves."""

    def __init__(self, *_: object, **__: object) -> None:
        """Threads are not needed, however many are asked for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)
        return future


@contextmanager
def seams(now: Callable[[], float]) -> Iterator[None]:
    """The pipeline with virtual time, without threads of its own, and without FFmpeg."""
    clock = SimpleNamespace(monotonic=now)

    def extract(
        task: ExtractionTask,
        frame_store: FrameStore,
        config: ExtractorConfig,
        watch: Stopwatch,
        progress: ProgressCallback,
    ) -> Manifest:
        return make_frames(task, frame_store, progress, now())

    with ExitStack() as stack:
        for module, name, value in (
            (extractor.pipeline.job, "time", clock),
            (extractor.output.partial_run, "time", clock),
            (extractor.pipeline.source, "time", clock),
            (extractor.pipeline.job, "ThreadPoolExecutor", InTurn),
            (concurrent.futures, "ThreadPoolExecutor", InTurn),
            (extractor.pipeline.job, "extract", extract),
        ):
            stack.enter_context(patch.object(module, name, value))
        yield


def make_frames(
    task: ExtractionTask, frame_store: FrameStore, progress: ProgressCallback, moment: float
) -> Manifest:
    """Replaces `extractor.pipeline.extract.extract`: continues after the frames that an earlier run has
    stored. The manifests of two runs differ, as real ones do."""
    video = task.path.read_bytes()
    if video == GARBAGE:
        raise UnreadableError("no video")
    made = frames_of(video, task.policy)
    if task.split_seconds:
        raise SplitNeeded([range(number, number + 1) for number in range(len(made))])
    rest = made[task.part.first : task.part.stop] if task.part else made[len(task.stored) :]
    stored = (*task.stored, *write_files(_reported(rest, progress), frame_store, workers=1).frames)
    manifest = a_manifest(task.code, task.source, task.policy, frame_count=1)
    return replace(manifest, frames=stored, timings={"extract": moment})


def _reported(frames: list[Frame], progress: ProgressCallback) -> Iterator[Frame]:
    for frame in frames:
        progress(frame.pts_seconds, _VIDEO_SECONDS)
        yield frame


def frames_of(video: bytes, policy: SamplingPolicy) -> list[Frame]:
    """All frames have the same size, so that nothing can be told from that."""
    count = int(_VIDEO_SECONDS / policy.interval_seconds)
    return [_frame(index, policy.interval_seconds, video) for index in range(count)]


def _frame(index: int, interval_seconds: float, video: bytes) -> Frame:
    pts_seconds = index * interval_seconds
    data = hashlib.sha256(video + str(pts_seconds).encode()).digest()[:_FRAME_BYTES]
    return Frame(index, index, pts_seconds, data, width=4, height=4)
