"""Slices: a long video is split into ranges of its frames, which several workers make. Pure: no I/O.

Each slice leaves a record beside the frames, which is the manifest of its frames. Whoever finds that the
records of a split cover all frames joins them to the manifest of the video.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from extractor.domain.jobs import FrameSlice, SourceVideo
from extractor.domain.manifest import Manifest
from extractor.domain.output_options import SLICE_STEM

_ID_LETTERS: Final = 12
_NUMBER_LETTERS: Final = 6
_RANGE = rf"([a-z]{{{_NUMBER_LETTERS}}})-([a-z]{{{_NUMBER_LETTERS}}})"
_NAME = re.compile(rf"{SLICE_STEM}[a-z]{{{_ID_LETTERS}}}-{_RANGE}\.json")


class Split(Struct, frozen=True):
    """What all slices of a video have in common.

    Attributes:
        source: The version of the video.
        fingerprint: The fingerprint of the policy.
        total: The number of frames of the video.
    """

    source: SourceVideo
    fingerprint: str
    total: int

    @property
    def prefix(self) -> str:
        """What the names of all records of this split start with, and of no other."""
        identity = repr((self.source.bucket, self.source.key, self.source.etag, self.fingerprint, self.total))
        number = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big")
        return f"{SLICE_STEM}{_letters(number, _ID_LETTERS)}-"

    def record_name(self, frames: range) -> str:
        """Return the file name of the record of a slice. It has no digits, so that no frame has it."""
        first, stop = _letters(frames.start, _NUMBER_LETTERS), _letters(frames.stop, _NUMBER_LETTERS)
        return f"{self.prefix}{first}-{stop}.json"

    def marker_name(self, part: FrameSlice, manifest: str | None) -> str:
        """Return the file name of the record that the video is made anew because `part` is stale.

        Args:
            part: The slice.
            manifest: The ETag of the manifest that the worker of the slice has found; ``None`` for none.
        """
        identity = repr((self.fingerprint, part.etag, part.policy, part.place, part.manifest, manifest))
        return Split(self.source, identity, self.total).record_name(range(0))

    def slices(self, names: Iterable[str]) -> list[range]:
        """Return the slices whose records have these file names; other names are ignored."""
        mine = (_NAME.fullmatch(name) for name in names if name.startswith(self.prefix))
        return [range(_number(found[1]), _number(found[2])) for found in mine if found]

    def cover(self, slices: Iterable[range]) -> Sequence[range] | None:
        """Return slices that together have each frame of the video once; ``None`` if frames are missing."""
        covers: dict[int, list[range]] = {0: []}
        for frames in sorted(filter(None, slices), key=lambda frames: (frames.start, frames.stop)):
            if frames.start in covers and frames.stop <= self.total:
                covers.setdefault(frames.stop, [*covers[frames.start], frames])
        return covers.get(self.total)


def slice_message(message: Mapping[str, Any], part: FrameSlice) -> dict[str, Any]:
    """Return the message that requests a slice.

    Args:
        message: The message that requests the video, or another slice of it.
        part: The slice.
    """
    values = {name: value for name, value in asdict(part).items() if value is not None}
    return {**message, "slice": values}


def whole_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that requests the video of which `message` requests a slice."""
    return {name: value for name, value in message.items() if name != "slice"}


def join(parts: Sequence[Manifest]) -> Manifest:
    """Return the manifest of a video from those of its slices, in the order of their frames.

    Slices that were decoded in full report the damage of the whole video, so the largest number counts.
    """
    timings: dict[str, float] = {}
    for part in parts:
        for stage, seconds in part.timings.items():
            timings[stage] = round(timings.get(stage, 0.0) + seconds, 4)
    return replace(
        parts[0],
        frames=tuple(frame for part in parts for frame in part.frames),
        decoded_seconds=max(part.decoded_seconds for part in parts),
        decode_errors=max(part.decode_errors for part in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        timings=timings,
    )


def _letters(number: int, count: int) -> str:
    """Return a number in base 26 with this many digits, of its lowest ones."""
    digits = []
    for _ in range(count):
        number, digit = divmod(number, len(ascii_lowercase))
        digits.append(ascii_lowercase[digit])
    return "".join(reversed(digits))


def _number(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value * len(ascii_lowercase) + ascii_lowercase.index(letter)
    return value
