"""FFmpeg command lines. Pure: values in, an argv out; the only importer of ffmpeg-python."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import ffmpeg
from msgspec import Struct

from extractor.media import filters, formats
from extractor.media.encoders import encoder_options
from extractor.media.expressions import SPLIT_FRAMES, at_most, packet_filter
from extractor.media.filters import USUAL, Filter, Picture
from extractor.models import DecodeLimits
from extractor.policy import SamplingPolicy

Urls = Mapping[str, str]
"""What FFmpeg opens for each pipe or text, by its name."""

_GLOBAL_OPTIONS: Final = (
    "-nostdin", "-nostats",
    "-filter_complex_threads", "1", "-filter_threads", "1", "-max_error_rate", "1",
)  # fmt: skip
_RAW: Final[Mapping[str, str]] = {"c:v": "rawvideo"}
# All packets, those before the first keyframe, too. They are gathered until the buffer is full: else each
# would wake its reader.
_COPY: Final[Mapping[str, object]] = {"c": "copy", "copyinkf": None, "flush_packets": 0}
_TRUE_TIMES: Final[Mapping[str, str]] = {"fps_mode": "passthrough", "enc_time_base": "filter"}


class Source(Struct, frozen=True):
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


def build_index(
    source: Source, urls: Urls, packet_filters: Mapping[str, str], *, with_frames: bool = False
) -> list[str]:
    """List all packets of the first real video stream (cover art is none) on stdout, and on each pipe
    named in `packet_filters` those that pass that bitstream filter. The pipe ``frames`` gets the stream
    itself, frame by frame, as IVF."""
    video = source.open(threads=1)["V:0"]
    listings = [_listing([video], "pipe:1")]
    listings += [_listing([video], urls[name], **{"bsf:v": text}) for name, text in packet_filters.items()]
    if with_frames:
        # Frames of one packet have the same time, of which the muxer would complain: so they are numbered.
        numbered = {"bsf:v": SPLIT_FRAMES + ",setts=ts=N"}
        listings.append(ffmpeg.output(video, urls["frames"], f="ivf", **_COPY, **numbered))
    # FFmpeg's banner and its account of the input are facts about the video, not complaints.
    return _compile(ffmpeg.merge_outputs(*listings), source.binary, "info")


def build_others(source: Source) -> list[str]:
    """List the packets of every stream but video: how far does the rest of the file reach?"""
    media = source.open(threads=1)
    streams = (media[kind] for kind in ("a?", "s?", "d?"))
    return _compile(_listing(streams, "pipe:1", copy_unknown=None), source.binary)


def build_full(
    source: Source,
    picture: Picture,
    policy: SamplingPolicy,
    urls: Urls,
    small: Sequence[Filter] | None = None,
) -> list[str]:
    """Decode everything. The frames for which the expression in the text ``selection`` is true go to stdout
    as images, with a line ``pts num/den size`` for each to ``images``. Of every decoded frame, a line
    ``pts num/den`` goes to ``frames`` and, with the filters `small`, the raw picture to ``scenes``."""
    video = _filtered(source.open(threads=source.limits.threads)["V:0"], filters.before_selection(picture))
    branches = video.filter_multi_output("split", 2)
    images = _images(_selected(branches[0], urls), picture, policy, urls)
    return _compile(ffmpeg.merge_outputs(*images, _every(branches[1], urls, small)), source.binary)


def build_scenes(source: Source, picture: Picture, urls: Urls, small: Sequence[Filter] | None) -> list[str]:
    """Decode everything, for ``frames`` and ``scenes`` as in `build_full`."""
    video = _filtered(source.open(threads=source.limits.threads)["V:0"], filters.before_selection(picture))
    return _compile(_every(video, urls, small), source.binary)


def build_planned(source: Source, picture: Picture, policy: SamplingPolicy, urls: Urls) -> list[str]:
    """Decode only the packets that the bitstream filter in the text ``packets`` leaves; the rest as for
    `build_full`, but for the line of every frame."""
    video = _filtered(_thinned(source, urls), filters.before_selection(picture))
    video = _whole(video) if policy.strategy == "keyframe" else video
    images = _images(_selected(video, urls), picture, policy, urls)
    return _compile(ffmpeg.merge_outputs(*images), source.binary)


def build_keyframes(source: Source, picture: Picture, policy: SamplingPolicy, urls: Urls) -> list[str]:
    """Decode the packets that ``packets`` leaves to images; the rest as for `build_planned`."""
    video = _filtered(_thinned(source, urls), filters.before_selection(picture))
    video = _whole(video, policy.max_frames)
    return _compile(ffmpeg.merge_outputs(*_images(video, picture, policy, urls)), source.binary)


def build_keyframes_and_index(source: Source, policy: SamplingPolicy, urls: Urls) -> list[str]:
    """All packets to ``listing`` as in `build_index`, and all keyframes to images as in `build_keyframes`,
    of a video whose pictures are as most are."""
    # An input of its own, since what a bitstream filter drops there comes to no output of that input.
    key = source.open(threads=source.limits.threads, **{"bsf:v": packet_filter("not(key)")})["V:0"]
    listing = _listing([source.open(threads=1)["V:0"]], urls["listing"])
    return _compile(
        ffmpeg.merge_outputs(*_images(_whole(key), USUAL, policy, urls), listing), source.binary, "info"
    )


def build_full_and_index(source: Source, policy: SamplingPolicy, urls: Urls) -> list[str]:
    """All packets to ``listing`` as in `build_index`, and the rest as for `build_full`, of a video whose
    pictures are as most are."""
    video = source.open(threads=source.limits.threads)["V:0"]
    listing = _listing([video], urls["listing"])
    branches = video.filter_multi_output("split", 2)
    images = _images(_selected(branches[0], urls), USUAL, policy, urls)
    outputs = (*images, _every(branches[1], urls, None), listing)
    return _compile(ffmpeg.merge_outputs(*outputs), source.binary, "info")


def _thinned(source: Source, urls: Urls) -> Any:
    """The video without the packets that the bitstream filter drops before the decoder."""
    # FFmpeg reads an option after a slash from a file: a plan may be longer than an argument can be.
    return source.open(threads=source.limits.threads, **{"/bsf:v": urls["packets"]})["V:0"]


def _whole(keyframes: Any, most: int | None = None) -> Any:
    """Those that need no other, but no more than `most`. Where a video refreshes its picture bit by bit, what
    its container marks as keyframes are pictures that only a decoder which saw those before can make."""
    return keyframes.filter("select", at_most(most, "not(eq(pict_type,P)+eq(pict_type,B))"))


def _selected(video: Any, urls: Urls) -> Any:
    # Read from a file, too. A long text in the graph itself takes FFmpeg quadratic time.
    return video.filter("select", **{"/expr": urls["selection"]})


def _filtered(video: Any, chain: Sequence[Filter]) -> Any:
    for name, options in chain:
        video = video.filter(name, **options)
    return video


def _images(frames: Any, picture: Picture, policy: SamplingPolicy, urls: Urls) -> list[Any]:
    """The images and, if ``measures`` is open, the small grey picture of each."""
    small = []
    if "measures" in urls:
        branches = frames.filter_multi_output("split", 2)
        frames = branches[0]
        grey = _filtered(branches[1], filters.GREY)
        small = [ffmpeg.output(grey, urls["measures"], f="rawvideo", **_RAW, **_TRUE_TIMES)]
    images = ffmpeg.output(
        _filtered(frames, filters.after_selection(picture, policy)),
        "pipe:1",
        f="image2pipe",
        threads=1,
        map_metadata=-1,
        **{"stats_mux_pre:v": urls["images"], "stats_mux_pre_fmt:v": "{pts} {tb} {size}"},
        **encoder_options(policy),
        **_TRUE_TIMES,
    )
    return [images, *small]


def _every(video: Any, urls: Urls, small: Sequence[Filter] | None) -> Any:
    stats = {"stats_enc_pre:v": urls["frames"], "stats_enc_pre_fmt:v": "{pts} {tb}"}
    if small is None:
        return ffmpeg.output(
            video, "discarded", f="null", **{"c:v": "wrapped_avframe"}, **stats, **_TRUE_TIMES
        )
    return ffmpeg.output(
        _filtered(video, small), urls["scenes"], f="rawvideo", **_RAW, **stats, **_TRUE_TIMES
    )


def _listing(streams: Iterable[Any], url: str, **options: object) -> Any:
    return ffmpeg.output(*streams, url, f="framecrc", **_COPY, **options)


def _compile(graph: Any, binary: str, level: Literal["info", "warning"] = "warning") -> list[str]:
    """The argv; FFmpeg says what is of that level or worse, each line with its level."""
    # ffmpeg-python puts global options behind the last output, where FFmpeg does not expect them.
    program, *rest = ffmpeg.compile(graph, cmd=binary)
    return [program, "-loglevel", f"level+repeat+{level}", *_GLOBAL_OPTIONS, *rest]
