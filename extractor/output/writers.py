"""Writers of frames: the interface, the lookup in the registry, and the writer of single files."""

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from extractor.domain.frames import Frame, StoredFrame
from extractor.domain.manifest import Archive, Extra
from extractor.domain.output_options import WRITERS, OutputForm
from extractor.output.frame_store import FrameStore

if TYPE_CHECKING:
    from concurrent.futures import Future


class StoredOutput(Struct, frozen=True):
    """Everything that the object store has acknowledged for a video.

    Attributes:
        frames: The frames, by their index.
        archive: The object that holds all frames, if the form has one.
        extras: Files made of the frames.
    """

    frames: tuple[StoredFrame, ...]
    archive: Archive | None = None
    extras: tuple[Extra, ...] = ()


class FrameWriter(Protocol):
    """Stores frames in one form, while the next frames are decoded.

    To add a form, write a module with such a function and add it to
    `extractor.domain.output_options.WRITERS`. A form that packs all frames into one object names that
    object by `extractor.domain.output_options.archive_name`.
    """

    def __call__(
        self, frames: Iterable[Frame], frame_store: FrameStore, *, workers: int, sample_name: str
    ) -> StoredOutput:
        """Store all frames.

        Args:
            frames: The frames in the order in which they are decoded.
            frame_store: Where to store them.
            workers: Number of uploads at a time; 0 to store each frame before the next is decoded.
            sample_name: Name of the video in a data set, such as ``platform/code``.

        Raises:
            Exception: The first error of the store or of `frames`.
        """
        ...


def open_writer(form: OutputForm) -> FrameWriter:
    """Import the writer of a form."""
    module, _, function = WRITERS[form].partition(":")
    return cast("FrameWriter", getattr(import_module(module), function))


def write_files(
    frames: Iterable[Frame],
    frame_store: FrameStore,
    *,
    workers: int,
    sample_name: str = "",  # noqa: ARG001 - a file is named by the layout
) -> StoredOutput:
    """Store each frame as an object; see `FrameWriter`.

    A bounded number of uploads is in flight, so memory is bounded even if the store is slow. The first
    upload that fails stops the decode.
    """
    if workers == 0:
        return StoredOutput(tuple([frame_store.put(frame) for frame in frames]))
    from concurrent.futures import ThreadPoolExecutor  # slow to import

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
    return StoredOutput(tuple(sorted(done, key=lambda stored: stored.index)))


def _collect(in_flight: "set[Future[StoredFrame]]", at_most: int) -> list[StoredFrame]:
    """Remove finished uploads from `in_flight`, waiting until at most `at_most` are left."""
    from concurrent.futures import FIRST_COMPLETED, wait

    finished = {future for future in in_flight if future.done()}
    in_flight -= finished
    while len(in_flight) > at_most:
        ready, _ = wait(in_flight, return_when=FIRST_COMPLETED)
        in_flight -= ready
        finished |= ready
    return [future.result() for future in finished]
