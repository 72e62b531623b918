"""Parse FFmpeg's description of an input file. Pure.

``av_dump_format`` (libavformat/dump.c) and ``avcodec_string`` (libavcodec/avcodec.c) print this text for
human readers. It is used only for properties that FFmpeg prints nowhere else; the codec, the size and the
packets of a stream come from the packet listing.
https://ffmpeg.org/doxygen/trunk/dump_8c_source.html
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from msgspec import Struct

Transfer = Literal["sdr", "pq", "hlg"]

UNKNOWN = "unknown"

_TRANSFERS: dict[str, Transfer] = {"smpte2084": "pq", "arib-std-b67": "hlg"}

# Streams of a stream group (a track with its timecode, the tiles of a picture) are indented twice.
_STREAM = re.compile(
    r"(?P<indent> +)Stream #\d+:(?P<index>\d+)(?:\[0x[0-9a-f]+\])?(?:\([^)]*\))?: (?P<text>.*)"
)
_GROUP = re.compile(r" +Stream group #\d+:\d+(?:\[0x[0-9a-f]+\])?: (?P<kind>[\w ]+)")
_GROUP_INDENT = 4
_SAMPLES = re.compile(
    r", (?P<pixel_format>none|[a-z][a-z0-9_]*)"
    r"(?:\((?P<details>(?:[^()]|\([^()]*\))*)\))?"
    r"(?:, (?P<width>\d+)x(?P<height>\d+))?(?=[, ]|$)"
)
_DETAILS_BUT_COLOURS = re.compile(
    r"^(?:\d+ bpc|tv|pc|progressive|(?:top|bottom) (?:coded )?first(?: \(swapped\))?)$"
)
_INTERLACED = re.compile(r"\b(?:top|bottom) (?:coded )?first\b")


class StreamInfo(Struct, frozen=True):
    """A video stream, as described by FFmpeg.

    Attributes:
        index: The number of the stream in the file, from 0.
        codec: FFmpeg's name of the codec; ``none`` if unknown.
        is_default: Whether the container flags the stream as default.
        is_cover: Whether it is cover art (``attached pic``) or a thumbnail track.
        is_tile: Whether it is part of a still image (a tile, an alpha plane).
        profile: FFmpeg's name of the codec profile; empty if unknown.
        width: In pixels, before rotation; 0 if unknown.
        height: Likewise.
        pixel_format: FFmpeg's name; ``none`` if unknown.
        color_range: ``tv``, ``pc`` or ``unknown``.
        matrix: The name of the colour matrix, or ``unknown``.
        primaries: The name of the colour primaries, or ``unknown``.
        transfer_name: The name of the transfer characteristic, or ``unknown``.
        is_interlaced: Whether the header flags the frames as interlaced.
        rotation_degrees: The rotation by the display matrix, counter-clockwise.
        dolby_vision_profile: The profile in the Dolby Vision configuration record; ``None`` without one.
    """

    index: int
    codec: str
    is_default: bool = False
    is_cover: bool = False
    is_tile: bool = False
    profile: str = ""
    width: int = 0
    height: int = 0
    pixel_format: str = UNKNOWN
    color_range: str = UNKNOWN
    matrix: str = UNKNOWN
    primaries: str = UNKNOWN
    transfer_name: str = UNKNOWN
    is_interlaced: bool = False
    rotation_degrees: float = 0.0
    dolby_vision_profile: int | None = None

    @property
    def transfer(self) -> Transfer:
        """The dynamic range, by transfer characteristic."""
        return _TRANSFERS.get(self.transfer_name, "sdr")


class InputInfo(Struct, frozen=True):
    """The container and its video streams.

    Attributes:
        version: The version of FFmpeg.
        opened: Whether FFmpeg could open the file.
        container: FFmpeg's name of the demuxer.
        duration: In seconds; ``None`` if unknown. Some containers count it from 0, others from `start`.
        start: The first timestamp of the file, in seconds.
        streams: The video streams, ordered by number.
        other_kinds: The kinds of all other streams: ``Audio``, ``Subtitle``, ``Data``, ``Attachment``, and
            ``Cover`` for cover art.
    """

    version: str
    opened: bool
    container: str
    duration: Fraction | None
    start: Fraction
    streams: Sequence[StreamInfo]
    other_kinds: frozenset[str] = frozenset()

    @property
    def first(self) -> StreamInfo | None:
        """The first video stream that is not cover art: FFmpeg's stream specifier ``V:0``."""
        return next((stream for stream in self.streams if not stream.is_cover), None)

    def stream(self, index: int) -> StreamInfo:
        """Return the video stream with the number `index`."""
        return next(stream for stream in self.streams if stream.index == index)

    @classmethod
    def parse(cls, log_lines: Iterable[str]) -> "InputInfo":
        """Parse the log lines that describe the first input."""
        lines = list(_until_output(log_lines))
        text = "\n".join(lines)
        version = re.search(r"^ffmpeg version (\S+)", text, re.MULTILINE)
        opened = re.search(r"^Input #0, (.+?), from '", text, re.MULTILINE)
        duration = re.search(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", text, re.MULTILINE)
        start = re.search(r"^  Duration: .*, start: (-?\d+\.\d+)", text, re.MULTILINE)
        blocks = list(_stream_blocks(lines))
        kinds = frozenset(text.partition(":")[0] for _, text, *_ in blocks)
        videos = filter(None, (_video_stream(*block) for block in reversed(blocks)))
        streams = {stream.index: stream for stream in videos}
        return cls(
            version=version[1] if version else UNKNOWN,
            opened=opened is not None,
            container=opened[1] if opened else "",
            duration=int(duration[1]) * 3600 + int(duration[2]) * 60 + Fraction(duration[3])
            if duration
            else None,
            start=Fraction(start[1]) if start else Fraction(0),
            streams=tuple(streams[index] for index in sorted(streams)),
            other_kinds=kinds - {"Video"} | {"Cover" for stream in streams.values() if stream.is_cover},
        )


def _until_output(log_lines: Iterable[str]) -> Iterator[str]:
    for line in log_lines:
        if line.startswith(("Stream mapping:", "Output #0", "Input #1")):
            return
        yield line


_Block = tuple[int, str, bool, str]
"""The number of a stream, its line after the number, whether it is in a tile grid, the lines below it."""


def _stream_blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """Yield the block of each stream. A stream that belongs to several programs comes several times."""
    starts = [number for number, line in enumerate(lines) if _STREAM.match(line) or _GROUP.match(line)]
    in_grid = False
    for number, end in pairwise([*starts, len(lines)]):
        if group := _GROUP.match(lines[number]):
            in_grid = group["kind"].startswith("Tile Grid")
            continue
        stream = _STREAM.match(lines[number])
        assert stream is not None
        in_grid = in_grid and len(stream["indent"]) >= _GROUP_INDENT
        yield int(stream["index"]), stream["text"], in_grid, "\n".join(lines[number + 1 : end])


def _video_stream(index: int, text: str, in_grid: bool, below: str) -> StreamInfo | None:
    kind, _, blocks = text.partition(": ")
    if kind != "Video":
        return None
    rotation = re.search(r"^ +Display Matrix: rotation of (-?\d+\.\d+) degrees", below, re.MULTILINE)
    dolby_vision = re.search(r"^ +DOVI configuration record: .*\bprofile: (\d+)", below, re.MULTILINE)
    codec = re.match(r"(?P<name>[\w-]+)(?: \((?P<profile>[^()]*(?:\([^()]*\))?[^()]*)\))?", blocks)
    samples = _SAMPLES.search(blocks)
    details = (samples["details"] or "") if samples else ""
    colours = _colours(details)
    return StreamInfo(
        index=index,
        codec=codec["name"] if codec else "none",
        is_default="(default)" in blocks,
        is_cover=re.search(r"\((?:attached pic|timed thumbnails)\)", blocks) is not None,
        is_tile=in_grid or "(dependent)" in blocks,
        profile=(codec["profile"] or "") if codec else "",
        width=int(samples["width"] or 0) if samples else 0,
        height=int(samples["height"] or 0) if samples else 0,
        pixel_format=samples["pixel_format"] if samples else UNKNOWN,
        color_range=next((part for part in details.split(", ") if part in ("tv", "pc")), UNKNOWN),
        matrix=colours[0],
        primaries=colours[1],
        transfer_name=colours[2],
        is_interlaced=_INTERLACED.search(details) is not None,
        rotation_degrees=float(rotation[1]) if rotation else 0.0,
        dolby_vision_profile=int(dolby_vision[1]) if dolby_vision else None,
    )


def _colours(details: str) -> tuple[str, str, str]:
    """Return matrix, primaries and transfer. FFmpeg prints all three, or one name if they are equal."""
    for part in details.split(", "):
        if part and not _DETAILS_BUT_COLOURS.match(part):
            names = part.split("/")
            if len(names) == 3:
                return names[0], names[1], names[2]
            return (part, part, part)
    return UNKNOWN, UNKNOWN, UNKNOWN
