"""FFmpeg command lines. Pure: values in, an argv out; the only importer of ffmpeg-python."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import ffmpeg
from ffmpeg.nodes import FilterNode
from msgspec import Struct

from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import filters, formats
from extractor.media.ffmpeg.expressions import SPLIT_FRAMES, at_most, packet_filter
from extractor.media.ffmpeg.filters import PROGRESSIVE_SDR, Filter, SignalFormat
from extractor.media.ffmpeg.image_formats import encoder_options
from extractor.media.ffmpeg.packet_list import LISTED_STAMPS, NUMBERED

Urls = Mapping[str, str]
"""What FFmpeg opens for each pipe or text, by its name."""

_GLOBAL_OPTIONS: Final = (
    "-nostdin", "-nostats",
    "-filter_complex_threads", "1", "-filter_threads", "1", "-max_error_rate", "1",
)  # fmt: skip
MAX_STREAMS: Final = 64
_FILE: Final = "file:"
_RAW: Final[Mapping[str, str]] = {"c:v": "rawvideo"}
# All packets, those before the first keyframe, too. They are gathered until the buffer is full: else each
# would wake its reader.
_COPY: Final[Mapping[str, object]] = {"c": "copy", "copyinkf": None, "flush_packets": 0}
_TRUE_TIMES: Final[Mapping[str, str]] = {"fps_mode": "passthrough", "enc_time_base": "filter"}


class DecoderInput(Struct, frozen=True):
    """The file to read, and what its decoder may use.

    Attributes:
        path: The file.
        limits: What reading and decoding it may cost.
        binary: The FFmpeg to run.
        stream: FFmpeg's specifier of the video stream: its number once that is known.
        correction: The bitstream filter that corrects the timestamps of the stream, if it needs any.
    """

    path: Path
    limits: DecodeLimits
    binary: str
    stream: str = "V:0"
    correction: str | None = None

    def video(self, **options: object) -> Any:
        """The video stream, with corrected timestamps, for an output that is decoded."""
        options.setdefault("threads", self.limits.threads)
        if self.correction and not options.keys() & {"bsf:v", "/bsf:v"}:
            options["bsf:v"] = self.correction
        return self.open(**options)[self.stream]

    def open(self, *more_decoders: str, **options: object) -> Any:
        """The input, confined to one local file of a known format. Timestamps stay those of the file."""
        decoders = [*(name for names in formats.DECODERS.values() for name in names), *more_decoders]
        return ffmpeg.input(
            # In hexadecimal until it is compiled: ffmpeg-python wants UTF-8, which a file name need not be.
            f"{_FILE}{os.fsencode(self.path.absolute()).hex()}",
            protocol_whitelist="file",
            format_whitelist=",".join(formats.CONTAINERS),
            codec_whitelist=",".join(decoders),
            max_pixels=self.limits.max_pixels,
            max_streams=MAX_STREAMS,
            copyts=None,
            **options,
        )


def build_index(
    source: DecoderInput,
    urls: Urls,
    packet_filters: Mapping[str, str],
    *,
    with_frames: bool = False,
    thorough: bool = False,
    quiet: bool = False,
) -> list[str]:
    """List all packets of the video stream.

    Args:
        source: The file and its stream.
        urls: The pipes. On ``stdout`` comes the listing with `LISTED_STAMPS`; on each pipe named in
            `packet_filters` that of the packets which pass the filter, with `NUMBERED`; on ``frames`` the
            stream itself, frame by frame, as IVF.
        packet_filters: Bitstream filters by name.
        with_frames: Whether the pipe ``frames`` is wanted.
        thorough: Whether FFmpeg reads as far as needed to learn what the streams are.
        quiet: Whether FFmpeg keeps its errors to itself: where each packet has one, they cost more than the
            listing.
    """
    probing = {"analyzeduration": 1 << 40, "probesize": 1 << 40} if thorough else {}
    video = source.open(threads=1, **probing)[source.stream]
    listings = [_listing(video, "pipe:1", LISTED_STAMPS), *_filtered_listings(video, urls, packet_filters)]
    if with_frames:
        # Frames of one packet have the same time, of which the muxer would complain: so they are numbered.
        numbered = {"bsf:v": f"{SPLIT_FRAMES},{NUMBERED}"}
        listings.append(ffmpeg.output(video, urls["frames"], f="ivf", **_COPY, **numbered))
    # FFmpeg's banner and its account of the input are facts about the video, not complaints.
    return _compile(ffmpeg.merge_outputs(*listings), source.binary, "fatal" if quiet else "info")


def build_counts(source: DecoderInput, urls: Urls) -> list[str]:
    """List the packets of each stream whose number is the name of a pipe, with `LISTED_STAMPS`."""
    media = source.open(threads=1)
    listings = [_listing(media[stream], url, LISTED_STAMPS) for stream, url in urls.items()]
    return _compile(ffmpeg.merge_outputs(*listings), source.binary)


def build_others(source: DecoderInput) -> list[str]:
    """List the packets of every stream but video: how far does the rest of the file reach?"""
    media = source.open(*formats.AUDIO_PROBES, threads=1)
    streams = (media[kind] for kind in ("a?", "s?", "d?"))
    listing = ffmpeg.output(*streams, "pipe:1", f="framecrc", copy_unknown=None, **_COPY)
    return _compile(listing, source.binary)


def build_full(
    source: DecoderInput,
    picture: SignalFormat,
    policy: SamplingPolicy,
    urls: Urls,
    small: Sequence[Filter] | None = None,
) -> list[str]:
    """Decode everything. The frames for which the expression in the text ``selection`` is true go to stdout
    as images, with a line ``pts num/den size`` for each to ``images``. Of every decoded frame, a line
    ``pts num/den`` goes to ``frames`` and, with the filters `small`, the raw picture to ``scenes``. If
    ``interlaced`` is open, a line comes there when the first frame that is flagged as interlaced is met."""
    video = _watched(source.video(), urls)
    video = _filtered(video, filters.before_selection(picture))
    branches = video.filter_multi_output("split", 2)
    images = _image_outputs(_selected(branches[0], urls), picture, policy, urls)
    every = _all_frames_output(branches[1], picture, urls, small)
    return _compile(ffmpeg.merge_outputs(*images, every), source.binary)


def build_scenes(
    source: DecoderInput, picture: SignalFormat, urls: Urls, small: Sequence[Filter] | None
) -> list[str]:
    """Decode everything, for ``frames`` and ``scenes`` as in `build_full`."""
    video = _watched(source.video(), urls)
    video = _filtered(video, filters.before_selection(picture))
    return _compile(_all_frames_output(video, picture, urls, small), source.binary)


def build_planned(
    source: DecoderInput, picture: SignalFormat, policy: SamplingPolicy, urls: Urls
) -> list[str]:
    """Decode only the packets that the bitstream filter in the text ``packets`` leaves; the rest as for
    `build_full`, but for the line of every frame."""
    video = _filtered(_packet_filtered_input(source, urls), filters.before_selection(picture))
    video = _intra_only(video) if policy.strategy == "keyframe" else video
    video = _watched(_selected(video, urls), urls)
    images = _image_outputs(video, picture, policy, urls)
    return _compile(ffmpeg.merge_outputs(*images), source.binary)


def build_keyframes(
    source: DecoderInput, picture: SignalFormat, policy: SamplingPolicy, urls: Urls
) -> list[str]:
    """Decode everything, and make images of the frames that the decoder calls keyframes; the rest as for
    `build_planned`."""
    video = _filtered(_watched(source.video(), urls), filters.before_selection(picture))
    most = policy.max_frames if policy.max_frames_mode == "first" else None
    video = _intra_only(video.filter("select", "key"), most)
    return _compile(ffmpeg.merge_outputs(*_image_outputs(video, picture, policy, urls)), source.binary)


def build_keyframes_and_index(
    source: DecoderInput, policy: SamplingPolicy, urls: Urls, packet_filters: Mapping[str, str]
) -> list[str]:
    """All packets to ``listing``, and those that pass the `packet_filters`, as in `build_index`, and all
    packets that are marked as keyframes to images, of a video whose pictures are as most are."""
    # An input of its own, since what a bitstream filter drops there comes to no output of that input.
    key = source.video(**{"bsf:v": packet_filter("not(key)")})
    video = source.open(threads=1)[source.stream]
    listings = [_listing(video, urls["listing"], LISTED_STAMPS)]
    listings += _filtered_listings(video, urls, packet_filters)
    key = _watched(_intra_only(key), urls)
    images = _image_outputs(key, PROGRESSIVE_SDR, policy, urls)
    return _compile(ffmpeg.merge_outputs(*images, *listings), source.binary, "info")


def build_full_and_index(source: DecoderInput, policy: SamplingPolicy, urls: Urls) -> list[str]:
    """All packets to ``listing`` as in `build_index`, and the rest as for `build_full`, of a video whose
    pictures are as most are."""
    video = source.video()
    listing = _listing(video, urls["listing"], LISTED_STAMPS)
    branches = video.filter_multi_output("split", 2)
    chosen = _watched(_selected(branches[0], urls), urls)
    images = _image_outputs(chosen, PROGRESSIVE_SDR, policy, urls)
    outputs = (*images, _all_frames_output(branches[1], PROGRESSIVE_SDR, urls, None), listing)
    return _compile(ffmpeg.merge_outputs(*outputs), source.binary, "info")


def _packet_filtered_input(source: DecoderInput, urls: Urls) -> Any:
    """The video without the packets that the bitstream filter drops before the decoder."""
    # FFmpeg reads an option after a slash from a file: a plan may be longer than an argument can be.
    return source.video(**{"/bsf:v": urls["packets"]})


def _intra_only(keyframes: Any, most: int | None = None) -> Any:
    """Those that need no other, but no more than `most`. Where a video refreshes its picture bit by bit, what
    its container marks as keyframes are pictures that only a decoder which saw those before can make."""
    return keyframes.filter("select", at_most(most, "not(eq(pict_type,P)+eq(pict_type,B))"))


class _Watch(FilterNode):  # type: ignore[misc]
    """Passes frames on, and writes a line to a pipe when the first one that is flagged as interlaced comes.
    ffmpeg-python has no notion of a branch that ends in no output."""

    def __init__(self, video: Any, url: str) -> None:
        super().__init__(video, "watch", args=[url])
        self._url = url

    def _get_filter(self, _outgoing_edges: object) -> str:
        return filters.watch_for_fields(self._url)


def _watched(video: Any, urls: Urls) -> Any:
    """The same frames; if ``interlaced`` is open, a line comes there when the first of them is flagged so."""
    return _Watch(video, urls["interlaced"]).stream() if "interlaced" in urls else video


def _selected(video: Any, urls: Urls) -> Any:
    # Read from a file, too. A long text in the graph itself takes FFmpeg quadratic time.
    return video.filter("select", **{"/expr": urls["selection"]})


def _filtered(video: Any, chain: Sequence[Filter]) -> Any:
    for name, options in chain:
        video = video.filter(name, **options)
    return video


def _image_outputs(frames: Any, picture: SignalFormat, policy: SamplingPolicy, urls: Urls) -> list[Any]:
    """The images and, if ``measures`` is open, the small grey picture of each."""
    small = []
    frames = _filtered(frames, filters.as_read(picture))
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


def _all_frames_output(video: Any, picture: SignalFormat, urls: Urls, small: Sequence[Filter] | None) -> Any:
    stats = {"stats_enc_pre:v": urls["frames"], "stats_enc_pre_fmt:v": "{pts} {tb}"}
    if small is None:
        return ffmpeg.output(
            video, "discarded", f="null", **{"c:v": "wrapped_avframe"}, **stats, **_TRUE_TIMES
        )
    return ffmpeg.output(
        _filtered(video, [*filters.for_scenes(picture), *small]),
        urls["scenes"],
        f="rawvideo",
        **_RAW,
        **stats,
        **_TRUE_TIMES,
    )


def _listing(stream: Any, url: str, packet_filter: str) -> Any:
    return ffmpeg.output(stream, url, f="framecrc", **_COPY, **{"bsf:v": packet_filter})


def _filtered_listings(video: Any, urls: Urls, packet_filters: Mapping[str, str]) -> list[Any]:
    return [_listing(video, urls[name], f"{NUMBERED},{text}") for name, text in packet_filters.items()]


def _compile(graph: Any, binary: str, level: Literal["info", "warning", "fatal"] = "warning") -> list[str]:
    """The argv; FFmpeg says what is of that level or worse, each message with its time and level."""
    # ffmpeg-python puts global options behind the last output, where FFmpeg does not expect them.
    program, *rest = ffmpeg.compile(graph, cmd=binary)
    rest = [_with_path(argument) for argument in rest]
    return [program, "-loglevel", f"level+repeat+time+{level}", *_GLOBAL_OPTIONS, *rest]


def _with_path(argument: str) -> str:
    if not argument.startswith(_FILE):
        return argument
    return _FILE + os.fsdecode(bytes.fromhex(argument.removeprefix(_FILE)))
