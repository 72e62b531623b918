"""The sample table of a video: what a container says of all packets, without FFmpeg. Pure."""

from array import array
from fractions import Fraction
from typing import Protocol

from msgspec import Struct, field


class UnsupportedTablesError(Exception):
    """The tables are damaged, or use a feature that the reader does not support: FFmpeg must read them."""


class SeekableFile(Protocol):
    """What the readers need of a file."""

    def seek(self, position: int, /) -> int:
        """Set the position."""
        ...

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        ...


class ColourTags(Struct, frozen=True):
    """How samples are converted to colours, as numbers of ISO/IEC 23091-2; ``None`` if not stated.

    Attributes:
        primaries: The colour primaries.
        transfer: The transfer characteristic.
        matrix: The colour matrix.
    """

    primaries: int | None = None
    transfer: int | None = None
    matrix: int | None = None


class SampleEntry(Struct, frozen=True):
    """The description of the samples.

    Attributes:
        codec: FFmpeg's name of the codec.
        width: In pixels.
        height: Likewise.
        configuration: The configuration record of the codec; empty for codecs that need none.
        colours: The colour tags of the container.
        has_own_parameters: Whether samples may have parameter sets that the configuration does not have.
    """

    codec: str
    width: int
    height: int
    configuration: bytes = b""
    colours: ColourTags = ColourTags()
    has_own_parameters: bool = False


class SampleTable(Struct, frozen=True):
    """The samples of a video track in decode order, as columns.

    Attributes:
        demuxer: FFmpeg's name of the demuxer.
        stream: The number of the track in the file, from 0.
        entry: The description of all samples.
        time_base: The unit of all timestamps, in seconds.
        dts: The decoding timestamps, after the edit; empty if the container does not store them.
        pts: The presentation timestamps, after the edit.
        durations: The durations.
        are_keyframes: One byte per sample: 1 if it is flagged as a keyframe, else 0.
        offsets: The positions in the file, in bytes.
        sizes: The sizes, in bytes.
    """

    demuxer: str
    stream: int
    entry: SampleEntry
    time_base: Fraction
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    pts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    are_keyframes: bytearray = field(default_factory=bytearray)
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("I"))
