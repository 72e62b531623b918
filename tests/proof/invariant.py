"""What must hold at every moment, as a pure function of what can be seen from outside."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from extractor.domain.events import DONE, FAILED
from extractor.domain.manifest import Manifest, parse_manifest
from tests.proof.stores import Known


@dataclass(frozen=True, slots=True)
class Announced:
    """A notification that has arrived: the type of the event and its id."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class View:
    """A video from outside: its state, the objects in its folder, and what became of its message.

    `announced`: the notifications so far; `None` where nobody asked for them.
    """

    known: Known
    objects: Mapping[str, bytes]
    manifest_key: str
    is_acknowledged: bool
    dead_letters: int
    announced: tuple[Announced, ...] | None = None

    @property
    def manifest(self) -> Manifest | None:
        data = self.objects.get(self.manifest_key)
        return None if data is None else parse_manifest(data)

    @property
    def is_settled(self) -> bool:
        """Whether it is known how the video ended. Of a row that is gone, only the dead letter can tell."""
        is_noted = self.known.failure is not None or not self.known.is_there
        return self.known.is_extracted or (is_noted and self.dead_letters > 0)


def violations(view: View) -> Iterator[str]:
    """Everything in which `view` breaks the promise."""
    if view.known.is_extracted:
        yield from _broken_manifest(view)
    if view.known.is_extracted and view.known.failure is not None:
        yield "it is extracted and has failed at once"
    if view.is_acknowledged and not view.is_settled:
        yield "the message is gone, and nothing tells what became of the video"
    if view.announced is not None:
        yield from _wrongly_announced(view, view.announced)


def _wrongly_announced(view: View, announced: tuple[Announced, ...]) -> Iterator[str]:
    types = {event.type for event in announced}
    if DONE in types and not view.known.is_extracted:
        yield "it is announced as done, and it is not extracted"
    if FAILED in types and view.known.is_there and view.known.failure is None:
        yield "it is announced as failed, and no failure is recorded"
    if len({event.id for event in announced}) > len(types):
        yield "one outcome is announced under several ids"
    if view.is_acknowledged and (DONE if view.known.is_extracted else FAILED) not in types:
        yield "the message is gone, and its outcome was never announced"


def _broken_manifest(view: View) -> Iterator[str]:
    manifest = view.manifest
    if manifest is None:
        yield "it is extracted, and there is no manifest"
        return
    if not manifest.frames:
        yield "it is extracted, and its manifest lists no frame"
    if not _in_order(manifest):
        yield "its frames are out of order"
    yield from broken_frames(manifest, view.objects)


def broken_frames(manifest: Manifest, objects: Mapping[str, bytes]) -> Iterator[str]:
    """Frames that are not as the manifest lists them."""
    for frame in manifest.frames:
        data = objects.get(frame.key)
        if data is None:
            yield f"{frame.key} is listed and missing"
        elif (len(data), hashlib.sha256(data).hexdigest()) != (frame.size_bytes, frame.sha256):
            yield f"{frame.key} is not what its manifest states"


def _in_order(manifest: Manifest) -> bool:
    times = [frame.pts_seconds for frame in manifest.frames]
    numbers = [frame.index for frame in manifest.frames]
    return numbers == list(range(len(times))) and times == sorted(set(times))


def content(manifest: Manifest) -> list[tuple[int, float, str]]:
    """What the frames show, in their order: index, time and digest. The same for every run of a video."""
    return [(frame.index, frame.pts_seconds, frame.sha256) for frame in manifest.frames]
