"""This project, as `python -m extractor` runs it: index, decode, frames and manifest in a folder."""

from pathlib import Path

from msgspec.structs import replace

from benchmarks.support.tools import Shot
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.local import extract_to_folder, local_config


def planned(video: Path, interval: float, out: Path) -> list[Shot]:
    """Drop packets that no wanted frame needs before the decoder."""
    return _extract(video, interval, out, plan=True)


def unplanned(video: Path, interval: float, out: Path) -> list[Shot]:
    """Extract the same frames while decoding everything."""
    return _extract(video, interval, out, plan=False)


def keyframes(video: Path, interval: float, out: Path) -> list[Shot]:
    """Extract keyframes, which is much cheaper; `interval` is ignored."""
    policy = SamplingPolicy(strategy="keyframe", interval_seconds=interval)
    manifest = extract_to_folder(video, out, policy, local_config())
    return [Shot(frame.key, None, frame.pts_seconds) for frame in manifest.frames]


def _extract(video: Path, interval: float, out: Path, *, plan: bool) -> list[Shot]:
    policy = SamplingPolicy(interval_seconds=interval)
    manifest = extract_to_folder(video, out, policy, replace(local_config(), plan=plan))
    return [Shot(frame.key, frame.slot * interval, frame.pts_seconds) for frame in manifest.frames]
