"""The input of FFmpeg's command lines. Pure. Only this module and `command` import ffmpeg-python."""

from pathlib import Path
from typing import Any, Final

import ffmpeg
from msgspec import Struct

from extractor.domain.frames import DecodeLimits
from extractor.media.ffmpeg import formats

MAX_STREAMS: Final = 64
_INPUT: Final = "file:input"
"""The input in a template of a command line: see `with_path`."""


class DecoderInput(Struct, frozen=True):
    """The input of FFmpeg: a file, a stream in it, and the limits of its decoder.

    Attributes:
        path: The file.
        limits: The limits of reading and decoding.
        binary: The path of FFmpeg.
        stream: The stream specifier of the video stream; the stream's number once it is known.
        correction: The bitstream filter that corrects the timestamps of the stream, if any.
        present: The bytes of a partial file that are there, as runs that do not touch each other; ``None``
            for a whole file. Only a decode plan that needs none of the others may be used.
        parses_packets: Whether FFmpeg parses packets before they are dropped or decoded. Its parsers report
            packets that are missing in a partial file as damaged.
    """

    path: Path
    limits: DecodeLimits
    binary: str
    stream: str = "V:0"
    correction: str | None = None
    present: tuple[range, ...] | None = None
    parses_packets: bool = True

    def video(self, **options: object) -> Any:
        """Return the video stream with corrected timestamps, for outputs that decode it."""
        options.setdefault("threads", self.limits.threads)
        if self.correction and not options.keys() & {"bsf:v", "/bsf:v"}:
            options["bsf:v"] = self.correction
        return self.open(**options)[self.stream]

    def open(self, *more_decoders: str, **options: object) -> Any:
        """Return the input, restricted to one local file and the allowed formats. Timestamps are kept."""
        decoders = [*(name for names in formats.DECODERS.values() for name in names), *more_decoders]
        if not self.parses_packets:
            options["fflags"] = "+noparse+nofillin"
        return ffmpeg.input(
            _INPUT,
            protocol_whitelist="file",
            format_whitelist=",".join(formats.CONTAINERS),
            codec_whitelist=",".join(decoders),
            max_pixels=self.limits.max_pixels,
            max_streams=MAX_STREAMS,
            copyts=None,
            **options,
        )


def with_path(argument: str, path: Path) -> str:
    """Return an argument of a template with the path of the input.

    The templates are independent of the file, whose name may be any bytes: ffmpeg-python requires UTF-8.
    """
    return f"file:{path.absolute()}" if argument == _INPUT else argument
