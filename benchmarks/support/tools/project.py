"""This project, as `python -m extractor` runs it: index, decode, frames and manifest in a folder."""

from pathlib import Path

from benchmarks.support.tools import Shot
from extractor.domain.policy import SamplingPolicy
from extractor.pipeline.local import extract_to_folder, local_config


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    policy = SamplingPolicy(interval_seconds=interval)
    manifest = extract_to_folder(video, out, policy, local_config())
    return [Shot(frame.key, frame.slot * interval, frame.pts_seconds) for frame in manifest.frames]


def keyframes(video: Path, interval: float, out: Path) -> list[Shot]:  # noqa: ARG001 - it goes by keyframe
    manifest = extract_to_folder(video, out, SamplingPolicy(strategy="keyframe"), local_config())
    return [Shot(frame.key, None, frame.pts_seconds) for frame in manifest.frames]
