"""OpenCV in its usual form: grab every frame, retrieve the wanted ones, time = number / frame rate."""

from pathlib import Path

import cv2

from benchmarks.support.tools import Shot


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    return write_frames(video, interval, out, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, 95])


def write_frames(video: Path, interval: float, out: Path, suffix: str, options: list[int]) -> list[Shot]:
    """Write every frame whose number is nearest to a multiple of `interval`."""
    capture = cv2.VideoCapture(str(video))
    rate = capture.get(cv2.CAP_PROP_FPS)
    shots: list[Shot] = []
    number = 0
    while capture.grab():
        if number == round(len(shots) * interval * rate):
            readable, picture = capture.retrieve()
            if not readable:
                raise RuntimeError(f"OpenCV cannot retrieve frame {number}")
            file = f"{len(shots):06d}{suffix}"
            cv2.imwrite(str(out / file), picture, options)
            shots.append(Shot(file, len(shots) * interval, number / rate))
        number += 1
    capture.release()
    return shots
