"""Build FFmpeg command lines for the audio track. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import ffmpeg

from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.command import COPY, Urls, compile_command
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.templates import template

SAMPLE_RATE: Final = 16_000
"""The sample rate of converted audio, in Hz. It has one channel of 16 bits."""

_TRACK: Final = "a:0"
_REPRODUCIBLE: Final[Mapping[str, object]] = {"fflags": "+bitexact", "map_metadata": -1, "map_chapters": -1}


@template
def build_probe(source: DecoderInput) -> list[str]:
    """Build the command that lists the first packet of the first audio track."""
    first = {**COPY, "frames:a": 1}
    return compile_command(ffmpeg.output(_track(source), "pipe:1", f="framecrc", **first), source.binary)


@template
def build_copy(source: DecoderInput, urls: Urls, muxer: str) -> list[str]:
    """Build the command that copies the first audio track.

    Args:
        source: The file.
        urls: The pipes. ``stdout`` gets the file, and ``times`` a listing of its packets.
        muxer: FFmpeg's name of the format to write.
    """
    track = _track(source)
    # The file starts at 0: the listing has the times of the source.
    shifted = {**COPY, **_REPRODUCIBLE, "avoid_negative_ts": "make_zero"}
    copy = ffmpeg.output(track, "pipe:1", f=muxer, **shifted)
    listing = ffmpeg.output(track, urls["times"], f="framecrc", **COPY)
    return compile_command(ffmpeg.merge_outputs(copy, listing), source.binary)


@template
def build_conversion(
    source: DecoderInput, urls: Urls, codec: str, muxer: str, *, fills_gaps: bool
) -> list[str]:
    """Build the command that converts the first audio track to `SAMPLE_RATE` and one channel.

    Args:
        source: The file.
        urls: The pipes. ``stdout`` gets the file, and ``times`` a line ``pts num/den first-sample samples``
            for each frame of audio.
        codec: FFmpeg's name of the encoder.
        muxer: FFmpeg's name of the format to write.
        fills_gaps: Whether gaps between timestamps become silence, and overlaps are cut, so that the times
            in the file stay those of the video.
    """
    resampling = f"aresample={SAMPLE_RATE}:async={int(fills_gaps)}"
    output = ffmpeg.output(
        _track(source),
        "pipe:1",
        f=muxer,
        af=f"{resampling},aformat=sample_fmts=s16:sample_rates={SAMPLE_RATE}:channel_layouts=mono",
        **{
            "c:a": codec,
            "stats_enc_pre:a": urls["times"],
            "stats_enc_pre_fmt:a": "{pts} {tb} {sn} {samp}",
        },
        **_REPRODUCIBLE,
    )
    return compile_command(output, source.binary)


def _track(source: DecoderInput) -> Any:
    return source.open(*formats.AUDIO_DECODERS, threads=1)[_TRACK]
