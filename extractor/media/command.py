"""FFmpeg command lines. Pure: values in, an argv out; the only importer of ffmpeg-python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import ffmpeg

from extractor.media import formats
from extractor.models import DecodeLimits, ImageFormat, SamplingPolicy

_GLOBAL_OPTIONS: Final = (
    "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+repeat+verbose",
    "-filter_complex_threads", "1", "-filter_threads", "1", "-max_error_rate", "1",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """The file to read, and what its decoder may use."""

    path: Path
    limits: DecodeLimits
    binary: str

    def open(self, **options: object) -> Any:
        """The input, confined to one local file of a known format. Timestamps stay those of the file."""
        decoders = [name for names in formats.DECODERS.values() for name in names]
        return ffmpeg.input(
            f"file:{self.path.absolute()}",
            protocol_whitelist="file",
            format_whitelist=",".join(formats.CONTAINERS),
            codec_whitelist=",".join(decoders),
            max_pixels=self.limits.max_pixels,
            max_streams=64,
            copyts=None,
            **options,
        )


def build_index(source: Source) -> list[str]:
    """List all packets of the first real video stream (cover art is none) on stdout."""
    listing = _copy_listing(source.open(threads=1), ["V:0"])
    return _compile(listing, source.binary)


def build_timeline(source: Source) -> list[str]:
    """List the packets of every stream but video: how far does the rest of the file reach?"""
    listing = _copy_listing(source.open(threads=1), ["a?", "s?", "d?"], copy_unknown=None)
    return _compile(listing, source.binary)


def build_uniform(
    source: Source,
    policy: SamplingPolicy,
    time_base: Fraction,
    first_pts: int | None,
    pipes: Mapping[str, str],
) -> list[str]:
    """Decode everything; images of the frames that the instants ask for go to stdout, a line
    ``pts num/den size`` for each to pipe ``images``, a line ``pts`` for every decoded frame to
    pipe ``frames``. `first_pts` is where the instants start; `None`: at the first decoded frame.
    """
    branches = source.open(threads=source.limits.threads)["V:0"].filter_multi_output("split", 2)
    wanted = branches[0].filter("select", uniform_select(policy.interval, time_base, first_pts))
    every = ffmpeg.output(
        branches[1],
        "discarded",
        f="null",
        **{"c:v": "wrapped_avframe", "stats_enc_pre:v": pipes["frames"], "stats_enc_pre_fmt:v": "{pts}"},
        **_TRUE_TIMES,
    )
    return _compile(ffmpeg.merge_outputs(_images(wanted, policy, pipes["images"]), every), source.binary)


def build_keyframes(source: Source, policy: SamplingPolicy, pipes: Mapping[str, str]) -> list[str]:
    """Decode keyframes only; images and their lines as for `build_uniform`."""
    keyframes = source.open(threads=source.limits.threads, skip_frame="nokey")["V:0"]
    return _compile(_images(keyframes, policy, pipes["images"]), source.binary)


def uniform_select(interval: Fraction, time_base: Fraction, first_pts: int | None) -> str:
    """The expression that is true for the first frame at or after each instant.

    That is: between the frame before and this one a multiple of the interval was reached. Whole
    numbers throughout, so that nothing is rounded. It must agree with `sampling.answered_instant`.
    """
    ticks = time_base / interval
    start = "start_pts" if first_pts is None else str(first_pts)

    def instant(pts: str) -> str:
        return f"floor(({pts}-({start}))*{ticks.numerator}/{ticks.denominator})"

    return f"isnan(prev_pts)+gt({instant('pts')},{instant('prev_pts')})"


def jpeg_qscale(quality: int) -> int:
    """FFmpeg's quantiser (1 best - 31) for a `quality` of 1-100 on libjpeg's scale.

    libjpeg scales its tables by 5000/q percent below 50 and 200-2q above; FFmpeg by qscale/8.
    """
    percent = 5000 / quality if quality < 50 else 200 - 2 * quality
    return min(31, max(1, round(percent * 8 / 100)))


_TRUE_TIMES: Final[Mapping[str, str]] = {"fps_mode": "passthrough", "enc_time_base": "filter"}

_RANGE_AND_MATRIX: Final[Mapping[ImageFormat, Mapping[str, str]]] = {
    # JPEG readers assume full-range BT.601 (JFIF), WebP readers limited-range BT.601.
    "jpg": {"out_color_matrix": "bt601", "out_range": "full"},
    "webp": {"out_color_matrix": "bt601", "out_range": "limited"},
    "png": {"out_range": "full"},
}
_PIXEL_FORMATS: Final[Mapping[ImageFormat, str]] = {"jpg": "yuvj420p", "webp": "yuv420p", "png": "rgb24"}


def _encoder(policy: SamplingPolicy) -> dict[str, Any]:
    qscale = jpeg_qscale(policy.quality)
    options: Mapping[ImageFormat, dict[str, Any]] = {
        "jpg": {"c:v": "mjpeg", "q:v": qscale, "qmin": 1},
        "webp": {"c:v": "libwebp", "quality": policy.quality},
        "png": {"c:v": "png"},
    }
    return options[policy.image_format]


def _images(frames: Any, policy: SamplingPolicy, stats_pipe: str) -> Any:
    pictures = frames.filter("scale", **_RANGE_AND_MATRIX[policy.image_format]).filter(
        "format", _PIXEL_FORMATS[policy.image_format]
    )
    return ffmpeg.output(
        pictures,
        "pipe:1",
        f="image2pipe",
        threads=1,
        map_metadata=-1,
        **{"stats_mux_pre:v": stats_pipe, "stats_mux_pre_fmt:v": "{pts} {tb} {size}"},
        **_encoder(policy),
        **_TRUE_TIMES,
    )


def _copy_listing(source: Any, streams: Sequence[str], **options: object) -> Any:
    return ffmpeg.output(*(source[name] for name in streams), "pipe:1", f="framecrc", c="copy", **options)


def _compile(graph: Any, binary: str) -> list[str]:
    # ffmpeg-python puts global options behind the last output, where FFmpeg does not expect them.
    program, *rest = ffmpeg.compile(graph, cmd=binary)
    return [program, *_GLOBAL_OPTIONS, *rest]
