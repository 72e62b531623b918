"""PyAV: decode all frames, keep the first at or after each requested time; or decode keyframes only.

``AUTO`` threading, ``NONKEY`` for keyframes and Pillow for the images follow its documentation.
"""

from pathlib import Path

import av

from benchmarks.support.tools import Shot


def extract(video: Path, interval: float, out: Path) -> list[Shot]:
    shots: list[Shot] = []
    first: float | None = None
    answered = -1
    with av.open(str(video)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            first = frame.time if first is None else first
            sample_time = int((frame.time - first + 1e-6) // interval)
            if sample_time > answered:
                answered = sample_time
                file = f"{len(shots):06d}.jpg"
                frame.to_image().save(out / file, quality=95)
                shots.append(Shot(file, sample_time * interval, frame.time - first))
    return shots


def keyframes(video: Path, interval: float, out: Path) -> list[Shot]:  # noqa: ARG001 - it goes by keyframe
    shots: list[Shot] = []
    first: float | None = None
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        for frame in container.decode(stream):
            first = frame.time if first is None else first
            file = f"{len(shots):06d}.jpg"
            frame.to_image().save(out / file, quality=95)
            shots.append(Shot(file, None, frame.time - first))
    return shots
