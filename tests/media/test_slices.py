"""The slices of a video, decoded each by itself, give the frames of a decode in one piece, bit for bit."""

import hashlib
import random
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from extractor.domain.frames import DecodeLimits, Frame
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode.decoder import FrameDecoder
from extractor.media.decode.schedule import DecodeSchedule, make_schedule
from extractor.media.decode.session import DecodeAgainError
from extractor.media.decode.slices import can_split, schedule_slice, split_targets
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.index import read_index
from extractor.media.probe.video_index import VideoIndex
from tests.support.media import clips

_SECONDS = 6
_CODECS = {
    "h264.mp4": "-c:v libx264 -g 20 -bf 3",
    "open.mp4": "-c:v libx264 -g 20 -bf 3 -x264-params open-gop=1:scenecut=0",
    "h264.ts": "-c:v libx264 -g 20 -bf 2",
    "hevc.mkv": "-c:v libx265 -x265-params log-level=none:keyint=15:min-keyint=15:open-gop=1:scenecut=0",
    "vp9.webm": "-c:v libvpx-vp9 -g 20 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5",
    "vp8.webm": "-c:v libvpx -g 20 -auto-alt-ref 1 -lag-in-frames 10 -cpu-used 5",
    "av1.mp4": "-c:v libsvtav1 -preset 12 -g 20 -svtav1-params lp=1",
    "mpeg2.ts": "-c:v mpeg2video -g 12 -bf 2",
    "mpeg4.mp4": "-c:v mpeg4 -g 12 -bf 2",
    "mjpeg.mov": "-c:v mjpeg",
    "prores.mov": "-c:v prores_ks",
}
_POLICIES = {
    "every second": SamplingPolicy(),
    "often": SamplingPolicy(interval_seconds=0.21, measures=True),
    "keyframes": SamplingPolicy(strategy="keyframe"),
    "numbers": SamplingPolicy(strategy="every_n_frames", every_n_frames=7),
    "times": SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.0, 0.03, 1.9, 2.0, 4.4, 5.9)),
    "spread": SamplingPolicy(interval_seconds=0.3, max_frames=11, max_frames_mode="spread"),
}


def _make(directory: Path, name: str, encoded: str) -> DecoderInput:
    clip = directory / name
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=192x144:rate=25:duration={_SECONDS} {encoded} {{0}}", clip)
    return DecoderInput(clip, DecodeLimits(), find_ffmpeg())


def _budget() -> ProcessLimits:
    return ProcessLimits(time.monotonic() + 120, 60, DecodeLimits().memory_bytes)


def _decode(
    source: DecoderInput, index: VideoIndex, schedule: DecodeSchedule, policy: SamplingPolicy
) -> Sequence[Frame]:
    decoder = FrameDecoder(source, index, policy, schedule, _budget())
    while True:
        try:
            return list(decoder)
        except DecodeAgainError as found:
            decoder.restart_without_plan(found.picture)


def _facts(frames: Sequence[Frame]) -> Iterator[tuple[object, ...]]:
    for frame in frames:
        digest = hashlib.sha256(frame.data).hexdigest()
        yield frame.slot, frame.pts_seconds, frame.width, frame.height, frame.measures, digest


@pytest.mark.parametrize("name", _CODECS)
def test_slices_give_the_frames_of_one_piece_wherever_the_cuts_are(name: str, tmp_path: Path) -> None:
    source = _make(tmp_path, name, _CODECS[name])
    dice = random.Random(name)
    for policy in _POLICIES.values():
        index = read_index(source, _budget(), policy)
        selected = index.select(source)
        schedule = make_schedule(index, policy)
        assert schedule.targets is not None
        whole = list(_facts(_decode(selected, index, schedule, policy)))
        assert can_split(index, schedule, policy) or len(whole) == index.frame_count
        if not can_split(index, schedule, policy):
            continue
        cuts = sorted({0, len(whole), *dice.sample(range(len(whole)), min(2, len(whole)))})
        slices = [range(first, stop) for first, stop in pairwise(cuts)]
        for frames in (slices, split_targets(index, schedule, 3)):
            parts = [schedule_slice(index, schedule, numbers, policy) for numbers in frames]
            assert all(part.plan for part in parts)
            made = [fact for part in parts for fact in _facts(_decode(selected, index, part, policy))]
            assert made == whole


def test_slices_cover_all_frames_and_begin_at_access_points(tmp_path: Path) -> None:
    source = _make(tmp_path, "h264.mp4", _CODECS["h264.mp4"])
    policy = SamplingPolicy(interval_seconds=0.1)
    index = read_index(source, _budget(), policy)
    schedule = make_schedule(index, policy)
    slices = split_targets(index, schedule, 4)
    assert [number for frames in slices for number in frames] == list(range(_SECONDS * 10))
    assert len(slices) == 4
    kept = [sum(schedule_slice(index, schedule, frames, policy).plan.kept) for frames in slices]  # type: ignore[union-attr]
    assert sum(kept) == sum(schedule.plan.kept)  # type: ignore[union-attr]
    assert max(kept) < 2 * min(kept)


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(skip_similar=4),
        SamplingPolicy(skip_blank=True),
        SamplingPolicy(scene_detector="content"),
        SamplingPolicy(distinct=3),
        SamplingPolicy(tolerance_seconds=0.2),
    ],
    ids=lambda policy: policy.strategy,
)
def test_policies_whose_frames_depend_on_others_are_not_split(policy: SamplingPolicy, tmp_path: Path) -> None:
    source = _make(tmp_path, "h264.mp4", _CODECS["h264.mp4"])
    plain = replace(policy, skip_similar=None, skip_blank=False, scene_detector=None, distinct=None)
    index = read_index(source, _budget(), plain)
    schedule = make_schedule(index, replace(plain, tolerance_seconds=0.0))
    assert can_split(index, schedule, replace(plain, tolerance_seconds=0.0))
    assert not can_split(index, schedule, policy)
