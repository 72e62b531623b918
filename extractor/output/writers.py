"""Frames on their way to the object store while the next ones are being decoded.

A bounded number is in flight, so memory stays bounded however slow the store is. The first upload
that fails stops the decode: frames that cannot be stored need not be made.
"""

from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.manifest import Archive, Extra
from extractor.domain.output_options import OutputForm, OutputOptions
from extractor.output.frame_store import FrameStore
from extractor.output.tar import pack_frames


class Stored(Struct, frozen=True):
    """All that the store has acknowledged: the frames by their index; the tar, if they lie in one; what was
    made of them."""

    frames: tuple[StoredFrame, ...]
    archive: Archive | None = None
    extras: tuple[Extra, ...] = ()


def store_output(
    frames: Iterable[Frame],
    frame_store: FrameStore,
    workers: int,
    output: OutputOptions,
    name: str,
    shown_seconds: tuple[float, float],
) -> Stored:
    """Put the frames on the shelf in the form that is asked for, with what is to come with them.
    `name` is that of the video in a tar; it is shown from and until `shown_seconds`, as players count.

    Raises the first error of the store or of `frames`."""
    if not output.storyboard:
        return _store_form(frames, frame_store, workers, output.form, name)
    from extractor.output.storyboard.storyboard import Storyboard

    board = Storyboard(frame_store, *shown_seconds)
    stored = _store_form(board.watch(frames), frame_store, workers, output.form, name)
    return replace(stored, extras=board.store())


def _store_form(
    frames: Iterable[Frame], frame_store: FrameStore, workers: int, form: OutputForm, name: str
) -> Stored:
    if form == "tar":
        return Stored(*pack_frames(frames, frame_store, name))
    return Stored(store_frames(frames, frame_store, workers))


def store_frames(frames: Iterable[Frame], frame_store: FrameStore, workers: int) -> tuple[StoredFrame, ...]:
    """Put every frame on the shelf, `workers` at a time; returns them in order of their index when
    the store has acknowledged all. Raises the first error of an upload or of `frames`."""
    done: list[StoredFrame] = []
    in_flight: set[Future[StoredFrame]] = set()
    with ThreadPoolExecutor(workers, thread_name_prefix="upload") as pool:
        try:
            for frame in frames:
                in_flight.add(pool.submit(frame_store.put, frame))
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
