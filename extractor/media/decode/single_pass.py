"""Index and images out of one run of FFmpeg, where its start weighs as much as its work: for keyframes, and
for files so small that a plan saves nothing.

The command is written before anything is known of the video, and takes its pictures to be as most are.
Unless everything then turns out to be as a run with an index would have had it, nothing of this one is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.errors import PermanentError
from extractor.media.decode.schedule import DecodeSchedule, instants_of, make_schedule
from extractor.media.ffmpeg import command, formats
from extractor.media.ffmpeg.command import DecoderInput, Urls
from extractor.media.ffmpeg.expressions import FrameSelection, select_expression
from extractor.media.ffmpeg.filters import GREY_SIDE, PROGRESSIVE_SDR, as_read, signal_format
from extractor.media.ffmpeg.frame_stream import EncodedImage, Timestamp, images, timestamps
from extractor.media.ffmpeg.input_info import InputInfo, StreamInfo
from extractor.media.ffmpeg.packet_list import NumberedPackets, PacketListing
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import FFmpegProcess, run_ffmpeg
from extractor.media.probe.decode_order import PARAMETERS, scan_request_for, supports_decode_order
from extractor.media.probe.index import VideoIndex, index_of
from extractor.media.probe.packet_scan import PacketScan, head_and_tail
from extractor.media.sampling import SampleMatcher

_MOST_FILE_BYTES: Final = {"keyframe": 8_000_000, "uniform": 100_000, "timestamps": 100_000}
_MOST_HELD_BYTES: Final = 64_000_000
"""Images must wait until the end tells whether they may be used."""

_MOST_SHOWN: Final = 20_000
"""So must the times of all frames. A small file may have millions of them."""


@dataclass(frozen=True, slots=True)
class SinglePass:
    """All that the schedule asks for, each image with its slot, and the time of the last decoded frame."""

    index: VideoIndex
    schedule: DecodeSchedule
    images: Sequence[tuple[int, EncodedImage]] = field(repr=False)
    last: Timestamp


class _Run(Struct, frozen=True):
    """`shown` are all decoded frames; it is empty where only keyframes were decoded."""

    found: PacketScan
    images: Sequence[EncodedImage]
    shown: Sequence[Timestamp]


def try_single_pass(source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits) -> SinglePass | None:
    """`None` if the file or the policy is not of that kind, or if anything about it is unusual or wrong."""
    if not _suits(source, policy):
        return None
    run = _run(source, policy, budget)
    if (
        run is None
        or not run.images
        or run.found.status != 0
        or _is_damaged(run.found, policy)
        or _needs_conversion(run.found.header.first)
    ):
        return None
    try:
        index = index_of(run.found, source, budget)
    except PermanentError:  # a run for the index alone says why, in words that are about nothing else
        return None
    if index is None or index.truncated or index.discontinuities:
        return None
    schedule = make_schedule(index, policy)
    if not schedule.targets:
        return None
    if policy.strategy == "keyframe":
        chosen = _keyframes(index, schedule, run.images)
        last = Timestamp(index.shown_pts[-1], index.time_base)
    else:
        chosen = _selected(index, policy, run)
        last = run.shown[-1]
    return SinglePass(index, schedule, chosen, last) if chosen else None


def _suits(source: DecoderInput, policy: SamplingPolicy) -> bool:
    most = _MOST_FILE_BYTES.get(policy.strategy, 0)
    plain = (
        policy.max_frames is None
        and policy.detector is None
        and not policy.tolerance_seconds
        and not policy.counts_frames
    )
    return plain and source.path.stat().st_size <= most


def _run(source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits) -> _Run | None:
    """`None` if it was broken off."""
    in_full = policy.strategy != "keyframe"
    asked = {} if in_full else scan_request_for(formats.likely_codec(head_and_tail(source)), policy).filters
    asked = {name: text for name, text in asked.items() if name == PARAMETERS}
    texts = {}
    if in_full:
        # Most files start at 0, and that holds even if FFmpeg sets up its filters anew midway.
        start = None if formats.is_transport_stream(head_and_tail(source)) else 0
        texts["selection"] = select_expression(FrameSelection(instants_of(policy), None, start))

    def build(urls: Urls) -> Sequence[str]:
        if in_full:
            return command.build_full_and_index(source, policy, urls)
        return command.build_keyframes_and_index(source, policy, urls, asked)

    pipes = {
        "images": True,
        "interlaced": True,
        "listing": True,
        "frames": in_full,
        "measures": policy.needs_measures,
    }
    names = [name for name, wanted in pipes.items() if wanted]
    listing = PacketListing(source.limits.max_packets)
    parameters = NumberedPackets()
    with run_ffmpeg(build, [*names, *asked], budget, texts) as child:
        held = _held(child, policy)
        if held is None:
            return None
        shown = list(islice(timestamps(child), _MOST_SHOWN + 1)) if in_full else []
        if len(shown) > _MOST_SHOWN:
            return None
        flagged = bytearray()
        sinks = {"listing": listing.feed, PARAMETERS: parameters.feed, "interlaced": flagged.extend}
        child.feed_all(sinks)
        status = child.wait()
    if flagged:
        return None
    listing.mark_new_parameters(parameters.changes)
    return _Run(PacketScan(InputInfo.parse(child.stderr.facts), listing, child.stderr, status), held, shown)


def _held(child: FFmpegProcess, policy: SamplingPolicy) -> list[EncodedImage] | None:
    """All images, unless they are too many, or known to be wrong when the first comes."""
    held: list[EncodedImage] = []
    size = 0
    for image in images(child, GREY_SIDE**2 if policy.needs_measures else 0):
        size += len(image.data) + len(image.grey or b"")
        if size > _MOST_HELD_BYTES or child.arrived("interlaced"):
            return None
        if not held and _needs_conversion(InputInfo.parse(child.stderr.facts).first):
            return None
        held.append(image)
    return held


def _is_damaged(found: PacketScan, policy: SamplingPolicy) -> bool:
    """Where everything is decoded, a mere complaint is no reason to doubt that the images are right."""
    return found.said.has_errors() if policy.strategy == "keyframe" else found.said.decode_errors > 0


def _needs_conversion(stream: StreamInfo | None) -> bool:
    if stream is None:
        return True
    picture = signal_format(stream, stream.width, stream.height)
    is_usual = picture.transfer == PROGRESSIVE_SDR.transfer and as_read(picture) == as_read(PROGRESSIVE_SDR)
    return picture.interlaced or picture.colours.needs_zimg or not is_usual


def _keyframes(
    index: VideoIndex, schedule: DecodeSchedule, made: Sequence[EncodedImage]
) -> list[tuple[int, EncodedImage]] | None:
    """The images with their slots, if they are just those of the packets that are marked as keyframes."""
    targets = schedule.targets or ()
    if index.has_parameters_between_keyframes:
        return None
    expected = [Timestamp(target.pts, index.time_base) for target in targets]
    if [image.moment for image in made] != expected or len(made) != sum(index.packets.are_keyframes):
        return None
    return [(target.slot, image) for target, image in zip(targets, made, strict=True)]


def _selected(index: VideoIndex, policy: SamplingPolicy, run: _Run) -> list[tuple[int, EncodedImage]] | None:
    """The images with their slots as a full decode has them; `None` if a plan might have others."""
    expected = [Timestamp(pts, index.time_base) for pts in index.shown_pts]
    shown = list(run.shown)
    if shown[:1] != expected[:1] or (supports_decode_order(index.codec) and shown != expected):
        return None
    clock = SampleMatcher(shown[0].pts, index.time_base, instants_of(policy))
    answered = ((clock.match(moment.pts), moment) for moment in shown)
    made = {image.moment: image for image in run.images}
    chosen = [(slot, made.get(moment)) for slot, moment in answered if slot is not None]
    complete = [(slot, image) for slot, image in chosen if image is not None]
    return complete if len(complete) == len(chosen) else None
