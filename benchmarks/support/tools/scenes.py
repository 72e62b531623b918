"""Scenes and frames with PySceneDetect, and with two passes as in an older system of the same purpose."""

from pathlib import Path

import cv2
from scenedetect import ContentDetector, detect, open_video
from scenedetect.output import save_images as save_scene_images

from benchmarks.support.tools import Shot
from benchmarks.support.tools.opencv import write_frames


def save_images(video: Path, interval: float, out: Path) -> list[Shot]:  # noqa: ARG001 - it goes by scene
    """Write three JPEGs per scene, like ``scenedetect detect-content save-images``."""
    scenes = detect(str(video), ContentDetector())
    files = save_scene_images(scenes, open_video(str(video)), output_dir=str(out))
    return [Shot(file, None, None) for names in files.values() for file in names]


def two_passes(video: Path, interval: float, out: Path) -> list[Shot]:
    """Find scenes first, then decode again and write a WebP per interval, one after the other."""
    detect(str(video), ContentDetector())
    return write_frames(video, interval, out, ".webp", [cv2.IMWRITE_WEBP_QUALITY, 95])
