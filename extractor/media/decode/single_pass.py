"""Index a file and encode its images in one run of FFmpeg.

For small files, starting FFmpeg twice costs as much as decoding. The command is built before the video is
known, and assumes progressive frames with standard dynamic range, and the colour matrix that untagged video
of the guessed size has. If only the matrix is another, the run is repeated with that matrix. The result is
used only if it is identical to that of a decode with an index.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice, pairwise
from typing import ClassVar, Final

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.domain.values import ValueWithLargeFields
from extractor.errors import PermanentError
from extractor.media.decode.schedule import DecodeSchedule, make_schedule
from extractor.media.ffmpeg import command, formats
from extractor.media.ffmpeg.colours import Colours, is_high_definition
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.expressions import FrameSelection, select_expression
from extractor.media.ffmpeg.filters import (
    GREY_SIDE,
    SignalFormat,
    have_same_filters,
    signal_format,
)
from extractor.media.ffmpeg.frame_stream import EncodedImage, Timestamp, images, timestamps
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo
from extractor.media.ffmpeg.packet_list import NumberedPackets, PacketListing
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.probe.decode_order import PARAMETERS, scan_request_for, supports_decode_order
from extractor.media.probe.index import index_from_scan
from extractor.media.probe.packet_scan import PacketScan, head_and_tail
from extractor.media.probe.video_index import VideoIndex
from extractor.media.sampling import SampleMatcher
from extractor.media.strategies import strategy_of

_MAX_IMAGE_BYTES: Final = 64_000_000
"""The limit of the images in memory, which are kept until the end of the run."""

_MAX_FRAMES: Final = 20_000
"""The limit of the timestamps in memory. A small file may have millions of frames."""


class SinglePass(ValueWithLargeFields, frozen=True):
    """The result of a single pass.

    Attributes:
        index: The index of the video.
        schedule: The frames to extract.
        images: The image of each target, with its slot.
        start: The timestamp of the first frame.
        last: The timestamp of the last decoded frame.
    """

    large_fields: ClassVar = frozenset({"images"})

    index: VideoIndex
    schedule: DecodeSchedule
    images: Sequence[tuple[int, EncodedImage]]
    start: Timestamp
    last: Timestamp


class _Run(Struct, frozen=True):
    """The output of FFmpeg; `shown` are all decoded frames, empty if only keyframes were decoded."""

    scan: PacketScan
    images: Sequence[EncodedImage]
    shown: Sequence[Timestamp]


class _OtherFormatError(Exception):
    """The pictures have another signal format than was assumed; ``None`` if it is unknown."""

    def __init__(self, picture: SignalFormat | None) -> None:
        super().__init__()
        self.picture = picture


def try_single_pass(source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits) -> SinglePass | None:
    """Try to index and decode a file in one run.

    Args:
        source: The file.
        policy: The sampling policy.
        budget: The limits of FFmpeg.

    Returns:
        The result; ``None`` if the file or the policy does not suit, or the result may differ from that of
        a decode with an index.
    """
    excerpt = head_and_tail(source)
    codec = formats.guess_codec(excerpt)
    lacks_times = formats.may_lack_times(excerpt)
    can_plan = supports_decode_order(codec) and not lacks_times
    if not _is_suitable(source, policy, can_plan) or (lacks_times and strategy_of(policy).intra_only):
        return None
    guess = SignalFormat(colours=Colours(_guess_matrix(excerpt), is_assumed=True))
    run = _run_with_right_filters(source, policy, budget, codec, guess)
    if run is None or not run.images or run.scan.status != 0 or _is_damaged(run.scan, policy):
        return None
    try:
        index = index_from_scan(run.scan, source, budget)
    except PermanentError:  # the run for the index alone gives a better error
        return None
    if index is None or index.truncated or index.discontinuities:
        return None
    schedule = make_schedule(index, policy)
    if not schedule.targets and (index.shown_pts or not lacks_times):
        return None
    if strategy_of(policy).intra_only:
        chosen = _keyframes(index, schedule, run.images)
        start, last = (Timestamp(index.shown_pts[at], index.time_base) for at in (0, -1))
    else:
        chosen = _selected(index, policy, run)
        start, last = run.shown[0], run.shown[-1]
    return SinglePass(index, schedule, chosen, start, last) if chosen else None


def _is_suitable(source: DecoderInput, policy: SamplingPolicy, can_plan: bool) -> bool:
    plain = (
        policy.max_frames is None
        and policy.detector is None
        and not policy.tolerance_seconds
        and not policy.counts_frames
        and not policy.takes_part
        and not policy.keeps_distinct
    )
    strategy = strategy_of(policy)
    most = strategy.single_pass_max_bytes if can_plan else strategy.unplanned_single_pass_max_bytes
    return plain and source.path.stat().st_size <= most


def _run_with_right_filters(
    source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, codec: str, guess: SignalFormat
) -> _Run | None:
    """Run FFmpeg with the filters for a guessed format; if only the matrix is another, run it again."""
    try:
        return _run(source, policy, budget, codec, guess)
    except _OtherFormatError as error:
        picture = error.picture
    if picture is None or not have_same_filters(picture, picture):
        return None
    with suppress(_OtherFormatError):
        return _run(source, policy, budget, codec, picture)
    return None


def _guess_matrix(data: bytes) -> str:
    """Guess the colour matrix from some bytes of a file: its tag, or that of untagged video of its size."""
    if matrix := formats.guess_matrix(data):
        return matrix
    size = formats.guess_size(data)
    return "bt709" if size is None or is_high_definition(*size) else "smpte170m"


def _run(
    source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, codec: str, picture: SignalFormat
) -> _Run | None:
    """Run FFmpeg for pictures of a signal format; return ``None`` if the run was aborted.

    Raises:
        _OtherFormatError: The pictures have another signal format.
    """
    strategy = strategy_of(policy)
    decodes_all = not strategy.intra_only
    request = {} if decodes_all else scan_request_for(codec, policy).filters
    request = {name: text for name, text in request.items() if name == PARAMETERS}
    texts = {}
    if decodes_all:
        texts["selection"] = select_expression(FrameSelection(strategy.sample_times(policy), None, None))

    def build(urls: Urls) -> Sequence[str]:
        if decodes_all:
            return command.build_full_and_index(source, picture, policy, urls)
        return command.build_keyframes_and_index(source, picture, policy, urls, request)

    pipes = {
        "images": True,
        "interlaced": True,
        "listing": True,
        "frames": decodes_all,
        "measures": policy.needs_measures,
    }
    names = [name for name, wanted in pipes.items() if wanted]
    listing = PacketListing(source.limits.max_packets)
    parameters = NumberedPackets()
    with run_ffmpeg(build, [*names, *request], budget, texts) as child:
        collected = _collect_images(child, policy, picture)
        if collected is None:
            return None
        shown = list(islice(timestamps(child), _MAX_FRAMES + 1)) if decodes_all else []
        if len(shown) > _MAX_FRAMES:
            return None
        interlaced_lines = bytearray()
        sinks = {"listing": listing.feed, PARAMETERS: parameters.feed, "interlaced": interlaced_lines.extend}
        child.feed_all(sinks)
        status = child.wait()
    if interlaced_lines or child.stderr.frames_change:  # the assumed matrix was that of the first frames
        return None
    listing.mark_new_parameters(parameters.changes)
    input_info = InputInfo.parse(child.stderr.input_lines)
    if collected:
        _check_format(input_info.first, picture)
    return _Run(PacketScan(input_info, listing, child.stderr, status), collected, shown)


def _collect_images(
    child: FFmpegProcess, policy: SamplingPolicy, picture: SignalFormat
) -> list[EncodedImage] | None:
    """Read all images; return ``None`` if they are too large or interlaced.

    Raises:
        _OtherFormatError: The file has another signal format, found when the first image arrives.
    """
    collected: list[EncodedImage] = []
    size = 0
    for image in images(child, GREY_SIDE**2 if policy.needs_measures else 0):
        size += len(image.data) + len(image.grey or b"")
        if size > _MAX_IMAGE_BYTES or child.has_unread("interlaced"):
            return None
        if not collected:
            _check_format(InputInfo.parse(child.stderr.input_lines).first, picture)
        collected.append(image)
    return collected


def _is_damaged(scan: PacketScan, policy: SamplingPolicy) -> bool:
    """Whether the images may be damaged. In a full decode, only decode errors count."""
    return scan.log.has_errors() if strategy_of(policy).intra_only else scan.log.decode_errors > 0


def _check_format(stream: StreamInfo | None, picture: SignalFormat) -> None:
    """Check that the filters for one signal format suit a stream.

    Raises:
        _OtherFormatError: They do not.
    """
    actual = None if stream is None else signal_format(stream, stream.width, stream.height)
    if actual is None or not have_same_filters(actual, picture):
        raise _OtherFormatError(actual)


def _keyframes(
    index: VideoIndex, schedule: DecodeSchedule, encoded: Sequence[EncodedImage]
) -> list[tuple[int, EncodedImage]] | None:
    """Return the images with their slots, if they are exactly those of the keyframe packets."""
    targets = schedule.targets or ()
    if index.has_parameters_between_keyframes:
        return None
    expected = [Timestamp(target.pts, index.time_base) for target in targets]
    if [image.timestamp for image in encoded] != expected or len(encoded) != sum(index.packets.are_keyframes):
        return None
    return [(target.slot, image) for target, image in zip(targets, encoded, strict=True)]


def _selected(index: VideoIndex, policy: SamplingPolicy, run: _Run) -> list[tuple[int, EncodedImage]] | None:
    """Return the images with their slots, as in a full decode; ``None`` if a plan might yield others."""
    expected = [Timestamp(pts, index.time_base) for pts in index.shown_pts]
    shown = list(run.shown)
    if not expected:  # the packets have no times: those of the decoder count, as in a full decode
        if any(later.pts <= earlier.pts for earlier, later in pairwise(shown)):
            return None
    elif shown[:1] != expected[:1] or (supports_decode_order(index.codec) and shown != expected):
        return None
    matcher = SampleMatcher(shown[0].pts, shown[0].time_base, strategy_of(policy).sample_times(policy))
    matched = ((matcher.match(timestamp.pts), timestamp) for timestamp in shown)
    encoded = {image.timestamp: image for image in run.images}
    chosen = [(slot, encoded.get(timestamp)) for slot, timestamp in matched if slot is not None]
    complete = [(slot, image) for slot, image in chosen if image is not None]
    return complete if len(complete) == len(chosen) else None
