"""Frames on their way to the object store while the next ones are being decoded.

A bounded number is in flight, so memory stays bounded however slow the store is. The first upload
that fails stops the decode: frames that cannot be stored need not be made.
"""

import hashlib
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from extractor import keys
from extractor.models import Frame, ImageFormat, StoredFrame
from extractor.ports import ObjectStore

_CONTENT_TYPES: dict[ImageFormat, str] = {"jpg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


def store_frames(
    frames: Iterable[Frame], store: ObjectStore, prefix: str, image_format: ImageFormat, workers: int
) -> tuple[StoredFrame, ...]:
    """Store every frame below `prefix`, `workers` at a time; returns them in order of their index when
    the store has acknowledged all. Raises the first error of an upload or of `frames`."""

    def store_one(frame: Frame) -> StoredFrame:
        stored = _stored(frame, keys.frame_key(prefix, frame.index, image_format))
        store.put(stored.key, frame.data, content_type=_CONTENT_TYPES[image_format], sha256=stored.sha256)
        return stored

    done: list[StoredFrame] = []
    in_flight: set[Future[StoredFrame]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="upload") as pool:
        try:
            for frame in frames:
                in_flight.add(pool.submit(store_one, frame))
                done += _collect(in_flight, at_most=2 * workers)
            done += _collect(in_flight, at_most=0)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(sorted(done, key=lambda stored: stored.index))


def _collect(in_flight: set[Future[StoredFrame]], at_most: int) -> list[StoredFrame]:
    """Take the finished uploads out, waiting until at most `at_most` are left."""
    finished = {future for future in in_flight if future.done()}
    in_flight -= finished
    while len(in_flight) > at_most:
        ready, _ = wait(in_flight, return_when=FIRST_COMPLETED)
        in_flight -= ready
        finished |= ready
    return [future.result() for future in finished]


def _stored(frame: Frame, key: str) -> StoredFrame:
    return StoredFrame(
        index=frame.index,
        slot=frame.slot,
        key=key,
        pts_seconds=frame.pts_seconds,
        size_bytes=len(frame.data),
        sha256=hashlib.sha256(frame.data).hexdigest(),
        width=frame.width,
        height=frame.height,
        measures=frame.measures,
    )
