"""Build FFmpeg command lines with ffmpeg-python. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import ffmpeg
from ffmpeg.nodes import FilterNode

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg import filters, formats
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.expressions import SPLIT_FRAMES, at_most, packet_filter
from extractor.media.ffmpeg.filters import Filter, SignalFormat
from extractor.media.ffmpeg.image_formats import FORMATS
from extractor.media.ffmpeg.packet_list import LISTED_STAMPS, NUMBERED
from extractor.media.ffmpeg.templates import template
from extractor.media.strategies import strategy_of

Urls = Mapping[str, str]
"""The URL or path that FFmpeg opens for each pipe or text, by name."""

_GLOBAL_OPTIONS: Final = (
    "-nostdin", "-nostats",
    "-filter_complex_threads", "1", "-filter_threads", "1", "-max_error_rate", "1",
)  # fmt: skip
_RAW: Final[Mapping[str, str]] = {"c:v": "rawvideo"}
# Copy all packets, including those before the first keyframe. Output is flushed only when the buffer is full:
# otherwise each packet would wake the reader.
COPY: Final[Mapping[str, object]] = {"c": "copy", "copyinkf": None, "flush_packets": 0}
_TRUE_TIMES: Final[Mapping[str, str]] = {"fps_mode": "passthrough", "enc_time_base": "filter"}


_Level = Literal["info", "warning", "fatal"]


@template
def build_index(
    source: DecoderInput,
    urls: Urls,
    packet_filters: Mapping[str, str],
    *,
    with_frames: bool = False,
    thorough: bool = False,
    quiet: bool = False,
) -> list[str]:
    """Build the command that lists all packets of the video stream.

    Args:
        source: The file and its stream.
        urls: The pipes. ``stdout`` gets the listing with `LISTED_STAMPS`; each pipe named in
            `packet_filters` the listing of the packets that pass the filter, with `NUMBERED`; ``frames``
            the stream itself, one frame per packet, as IVF.
        packet_filters: Bitstream filters by name.
        with_frames: Whether to write the pipe ``frames``.
        thorough: Whether FFmpeg reads as much of the file as it needs to identify the streams.
        quiet: Whether FFmpeg logs fatal errors only: an error for every packet costs more time than the
            listing.
    """
    probing = {"analyzeduration": 1 << 40, "probesize": 1 << 40} if thorough else {}
    video = source.open(threads=1, **probing)[source.stream]
    listings = [_listing(video, "pipe:1", LISTED_STAMPS), *_filtered_listings(video, urls, packet_filters)]
    if with_frames:
        # Frames of one packet share a timestamp, which the muxer would reject: so they are numbered.
        numbered = {"bsf:v": f"{SPLIT_FRAMES},{NUMBERED}"}
        listings.append(ffmpeg.output(video, urls["frames"], f="ivf", **COPY, **numbered))
    # The level "info" includes the description of the input.
    return compile_command(ffmpeg.merge_outputs(*listings), source.binary, "fatal" if quiet else "info")


@template
def build_counts(source: DecoderInput, urls: Urls) -> list[str]:
    """Build the command that lists the packets of each stream whose number is the name of a pipe."""
    media = source.open(threads=1)
    listings = [_listing(media[stream], url, LISTED_STAMPS) for stream, url in urls.items()]
    return compile_command(ffmpeg.merge_outputs(*listings), source.binary)


@template
def build_others(source: DecoderInput) -> list[str]:
    """Build the command that lists the packets of all audio, subtitle and data streams."""
    media = source.open(*formats.AUDIO_PROBES, threads=1)
    streams = (media[kind] for kind in ("a?", "s?", "d?"))
    listing = ffmpeg.output(*streams, "pipe:1", f="framecrc", copy_unknown=None, **COPY)
    return compile_command(listing, source.binary)


@template
def build_full(
    source: DecoderInput,
    picture: SignalFormat,
    policy: SamplingPolicy,
    urls: Urls,
    scene_filters: Sequence[Filter] | None = None,
    *,
    describes_input: bool = False,
) -> list[str]:
    """Build the command that decodes all frames and encodes the selected ones.

    FFmpeg reads the select expression from the text ``selection``.

    Args:
        source: The file and its stream.
        picture: The signal format of the frames.
        policy: The form of the images.
        urls: The pipes and texts. ``stdout`` gets the images, and ``images`` a line ``pts num/den size`` for
            each. ``frames`` gets a line ``pts num/den`` for every decoded frame, and ``scenes`` its raw
            picture if there are `scene_filters`. If ``measures`` is open, it gets the small grey picture of
            each image; if ``interlaced`` is open, it gets a line at the first interlaced frame.
        scene_filters: The filters of the pictures for cut detection; ``None`` without cut detection.
        describes_input: Whether FFmpeg logs the description of the input.
    """
    video = _detect_interlacing(source.video(), urls)
    video = _apply(video, filters.before_selection(picture))
    branches = video.filter_multi_output("split", 2)
    images = _image_outputs(_selected(branches[0], urls), picture, policy, urls)
    all_frames = _all_frames_output(branches[1], picture, urls, scene_filters)
    return compile_command(ffmpeg.merge_outputs(*images, all_frames), source.binary, _level(describes_input))


@template
def build_scenes(
    source: DecoderInput,
    picture: SignalFormat,
    urls: Urls,
    scene_filters: Sequence[Filter] | None,
    *,
    describes_input: bool = False,
) -> list[str]:
    """Build the command that decodes all frames, and writes ``frames`` and ``scenes`` like `build_full`."""
    video = _detect_interlacing(source.video(), urls)
    video = _apply(video, filters.before_selection(picture))
    all_frames = _all_frames_output(video, picture, urls, scene_filters)
    return compile_command(all_frames, source.binary, _level(describes_input))


@template
def build_planned(
    source: DecoderInput,
    picture: SignalFormat,
    policy: SamplingPolicy,
    urls: Urls,
    *,
    describes_input: bool = False,
) -> list[str]:
    """Build the command that decodes only the packets that pass a bitstream filter.

    FFmpeg reads the filter from the text ``packets``. The other pipes and texts are those of `build_full`,
    except ``frames`` and ``scenes``.

    Args:
        source: The file and its stream.
        picture: The signal format of the frames.
        policy: The form of the images.
        urls: The pipes and texts.
        describes_input: Whether FFmpeg logs the description of the input.
    """
    video = _apply(_packet_filtered_input(source, urls), filters.before_selection(picture))
    video = _intra_only(video) if strategy_of(policy).intra_only else video
    video = _detect_interlacing(_selected(video, urls), urls)
    images = _image_outputs(video, picture, policy, urls)
    return compile_command(ffmpeg.merge_outputs(*images), source.binary, _level(describes_input))


@template
def build_keyframes(
    source: DecoderInput, picture: SignalFormat, policy: SamplingPolicy, urls: Urls
) -> list[str]:
    """Build the command that decodes all frames and encodes those that the decoder flags as keyframes.

    The pipes are those of `build_planned`.
    """
    video = _apply(_detect_interlacing(source.video(), urls), filters.before_selection(picture))
    takes_first = policy.max_frames_mode == "first" and not policy.takes_part
    most = policy.max_frames if takes_first else None
    video = _intra_only(video.filter("select", "key"), most)
    return compile_command(ffmpeg.merge_outputs(*_image_outputs(video, picture, policy, urls)), source.binary)


@template
def build_keyframes_and_index(
    source: DecoderInput,
    picture: SignalFormat,
    policy: SamplingPolicy,
    urls: Urls,
    packet_filters: Mapping[str, str],
) -> list[str]:
    """Build the command that lists all packets and encodes the keyframes, in one run.

    ``listing`` and the pipes of the `packet_filters` get the listings as in `build_index`; keyframes are the
    packets that are flagged as such.
    """
    # A separate input: the bitstream filter of an input drops packets for all outputs of that input.
    keyframe_packets = source.video(**{"bsf:v": packet_filter("not(key)")})
    video = source.open(threads=1)[source.stream]
    listings = [_listing(video, urls["listing"], LISTED_STAMPS)]
    listings += _filtered_listings(video, urls, packet_filters)
    keyframe_packets = _detect_interlacing(_intra_only(keyframe_packets), urls)
    images = _image_outputs(keyframe_packets, picture, policy, urls)
    return compile_command(ffmpeg.merge_outputs(*images, *listings), source.binary, "info")


@template
def build_full_and_index(
    source: DecoderInput, picture: SignalFormat, policy: SamplingPolicy, urls: Urls
) -> list[str]:
    """Build the command that lists all packets to ``listing`` and works like `build_full`, in one run."""
    video = source.video()
    listing = _listing(video, urls["listing"], LISTED_STAMPS)
    branches = video.filter_multi_output("split", 2)
    chosen = _detect_interlacing(_selected(branches[0], urls), urls)
    images = _image_outputs(chosen, picture, policy, urls)
    outputs = (*images, _all_frames_output(branches[1], picture, urls, None), listing)
    return compile_command(ffmpeg.merge_outputs(*outputs), source.binary, "info")


def _packet_filtered_input(source: DecoderInput, urls: Urls) -> Any:
    """Return the video without the packets that the bitstream filter in ``packets`` drops."""
    # FFmpeg reads options that begin with a slash from a file: the filter may be longer than an argument.
    return source.video(**{"/bsf:v": urls["packets"]})


def _intra_only(keyframes: Any, most: int | None = None) -> Any:
    """Select at most `most` frames without inter prediction.

    In streams with periodic intra refresh, the container may flag P pictures as keyframes, which can only be
    decoded after the pictures before them.
    """
    return keyframes.filter("select", at_most(most, "not(eq(pict_type,P)+eq(pict_type,B))"))


class _InterlaceDetector(FilterNode):  # type: ignore[misc]
    """Passes all frames, and writes a line to a pipe at the first frame that is flagged as interlaced.

    This is a node of its own since ffmpeg-python does not support branches without an output.
    """

    def __init__(self, video: Any, url: str) -> None:
        super().__init__(video, "detect_interlacing", args=[url])
        self._url = url

    def _get_filter(self, _outgoing_edges: object) -> str:
        return filters.interlace_detector(self._url)


def _detect_interlacing(video: Any, urls: Urls) -> Any:
    """Return the same frames; if ``interlaced`` is open, it gets a line at the first interlaced frame."""
    return _InterlaceDetector(video, urls["interlaced"]).stream() if "interlaced" in urls else video


def _selected(video: Any, urls: Urls) -> Any:
    # Read from a file: FFmpeg parses long expressions inside a filter graph in quadratic time.
    return video.filter("select", **{"/expr": urls["selection"]})


def _apply(video: Any, chain: Sequence[Filter]) -> Any:
    for name, options in chain:
        video = video.filter(name, **options)
    return video


def _image_outputs(frames: Any, picture: SignalFormat, policy: SamplingPolicy, urls: Urls) -> list[Any]:
    """Return the output of images and, if ``measures`` is open, that of their small grey pictures."""
    grey_outputs = []
    frames = _apply(frames, filters.assign_colours(picture))
    if "measures" in urls:
        branches = frames.filter_multi_output("split", 2)
        frames = branches[0]
        grey = _apply(branches[1], filters.GREY)
        grey_outputs = [ffmpeg.output(grey, urls["measures"], f="rawvideo", **_RAW, **_TRUE_TIMES)]
    images = ffmpeg.output(
        _apply(frames, filters.after_selection(picture, policy)),
        "pipe:1",
        f="image2pipe",
        threads=1,
        map_metadata=-1,
        **{"stats_mux_pre:v": urls["images"], "stats_mux_pre_fmt:v": "{pts} {tb} {size}"},
        **FORMATS[policy.image_format].encoder_options(policy.quality),
        **_TRUE_TIMES,
    )
    return [images, *grey_outputs]


def _all_frames_output(
    video: Any, picture: SignalFormat, urls: Urls, scene_filters: Sequence[Filter] | None
) -> Any:
    stats = {"stats_enc_pre:v": urls["frames"], "stats_enc_pre_fmt:v": "{pts} {tb}"}
    if scene_filters is None:
        return ffmpeg.output(
            video, "discarded", f="null", **{"c:v": "wrapped_avframe"}, **stats, **_TRUE_TIMES
        )
    return ffmpeg.output(
        _apply(video, [*filters.for_scenes(picture), *scene_filters]),
        urls["scenes"],
        f="rawvideo",
        **_RAW,
        **stats,
        **_TRUE_TIMES,
    )


def _listing(stream: Any, url: str, packet_filter: str) -> Any:
    return ffmpeg.output(stream, url, f="framecrc", **COPY, **{"bsf:v": packet_filter})


def _filtered_listings(video: Any, urls: Urls, packet_filters: Mapping[str, str]) -> list[Any]:
    return [_listing(video, urls[name], f"{NUMBERED},{text}") for name, text in packet_filters.items()]


def _level(describes_input: bool) -> _Level:
    return "info" if describes_input else "warning"


def compile_command(graph: Any, binary: str, level: _Level = "warning") -> list[str]:
    """Return the argv; FFmpeg logs messages of that level or worse, each with its time and level."""
    # ffmpeg-python puts global options after the last output, where FFmpeg ignores them.
    program, *rest = ffmpeg.compile(graph, cmd=binary)
    return [program, "-loglevel", f"level+repeat+time+{level}", *_GLOBAL_OPTIONS, *rest]
