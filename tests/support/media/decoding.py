"""Decoding without any storage: a clip and a policy in, frames out."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from extractor.domain.frames import DecodeLimits, Frame
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.decoded_times import needs_times, schedule_decoded
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import make_schedule
from extractor.media.decode.session import DecodeAgainError
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index
from extractor.media.probe.video_index import VideoIndex
from tests.support.media import clips


@dataclass(frozen=True, slots=True)
class Decoded:
    frames: list[Frame]
    index: VideoIndex
    decoder: FrameDecoder

    @property
    def times(self) -> list[tuple[int, float]]:
        return [(frame.slot, round(frame.pts_seconds, 3)) for frame in self.frames]


Decode = Callable[..., Decoded]


def decode_clip(
    path: Path,
    policy: SamplingPolicy | None = None,
    limits: DecodeLimits | None = None,
    binary: str | None = None,
    seconds: float = 60,
    plan: bool = False,
    index: VideoIndex | None = None,
) -> Decoded:
    """Decode the file. `index`: what an earlier decode of it for the same policy has read."""
    limits = limits or DecodeLimits()
    source = DecoderInput(path, limits, binary or find_ffmpeg())
    budget = ProcessLimits(time.monotonic() + seconds, limits.stall_seconds, limits.memory_bytes)
    policy = policy or SamplingPolicy()
    index = index or read_index(source, budget, policy)
    source = index.select(source)
    if needs_times(index, policy):
        schedule = schedule_decoded(source, index, policy, budget)
    else:
        schedule = make_schedule(index, policy)
    decoder = FrameDecoder(source, index, policy, schedule, budget, use_plan=plan)
    return Decoded(_frames(decoder), decoder.index, decoder)


def _frames(decoder: FrameDecoder) -> list[Frame]:
    """As `extractor.pipeline.extract` does, but that a plan that fails is a failure."""
    try:
        return list(decoder)
    except DecodeAgainError as found:
        if found.picture is None:
            raise
        decoder.restart_without_plan(found.picture)
        return _frames(decoder)


@pytest.fixture
def decode() -> Decode:
    return decode_clip


@pytest.fixture(scope="session", autouse=True)
def kept_clips(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No clip is made twice by the workers of a test run, whose temporary folders lie in one."""
    folder = tmp_path_factory.getbasetemp()
    clips.keep_in((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "kept-clips")


@pytest.fixture(scope="session")
def clip_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def plain_clip(clip_dir: Path) -> Path:
    return clips.plain(clip_dir / "plain.mp4", 4)


@pytest.fixture(scope="session")
def sound_clip(clip_dir: Path) -> Path:
    return clips.with_sound(clip_dir / "sound.mp4", 4, 4)
