"""This project, with scenes and frames from one decode.

Modules for scenes, which are otherwise imported on demand, are imported here before the measurement.
"""

from pathlib import Path

import extractor.media.scenes.cut_detector  # noqa: F401
from benchmarks.support.tools import Shot
from extractor.domain.policy import ImageFormat, SamplingPolicy
from extractor.pipeline.local import extract_to_folder, local_config


def with_jpeg(video: Path, interval: float, out: Path) -> list[Shot]:
    return _extract(video, interval, out, "jpg")


def with_webp(video: Path, interval: float, out: Path) -> list[Shot]:
    return _extract(video, interval, out, "webp")


def _extract(video: Path, interval: float, out: Path, image_format: ImageFormat) -> list[Shot]:
    policy = SamplingPolicy(interval_seconds=interval, scene_detector="content", image_format=image_format)
    manifest = extract_to_folder(video, out, policy, local_config())
    return [Shot(frame.key, frame.slot * interval, frame.pts_seconds) for frame in manifest.frames]
