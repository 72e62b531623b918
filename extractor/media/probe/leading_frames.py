"""Find the first decodable frame of a video that was cut from another one.

Its first frames may reference frames that are missing; the decoder does not output them.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import compress, repeat
from operator import mul, or_

from msgspec.structs import replace

from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import Urls
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.log import ErrorFloodError
from extractor.media.ffmpeg.packets import DISCARD, KEY, NO_PTS, PacketTable
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg

_MAX_LEADING_ERRORS = 1_000
"""The number of decode errors from which on the video counts as damaged, not as cut."""


def without_leading_frames(
    packets: PacketTable, source: DecoderInput, picture: SignalFormat, budget: ProcessLimits
) -> PacketTable:
    """Set the flag `DISCARD` of leading packets that the decoder does not output.

    The beginning of the video is decoded only if its first packets may be undecodable.

    Args:
        packets: All packets, with corrected timestamps.
        source: The file and its stream.
        picture: The signal format of the frames.
        budget: The limits of FFmpeg.
    """
    if not _may_have_leading_frames(packets):
        return packets
    first = _first_decoded(source, picture, budget)
    if first is None or first.time_base != packets.time_base:
        return packets
    hidden = (pts < first.pts for pts in packets.pts)
    return replace(packets, flags=bytearray(map(or_, packets.flags, map(mul, repeat(DISCARD), hidden))))


def _may_have_leading_frames(packets: PacketTable) -> bool:
    """Whether a frame is shown before the first packet, or the first packet is not a keyframe."""
    if not len(packets) or NO_PTS in packets.pts:
        return False
    earliest = min(compress(packets.pts, packets.are_shown), default=packets.pts[0])
    return earliest < packets.pts[0] or not packets.flags[0] & KEY


def _first_decoded(source: DecoderInput, picture: SignalFormat, budget: ProcessLimits) -> Timestamp | None:
    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(source, picture, urls, None)

    with run_ffmpeg(build, ("frames",), budget) as child, suppress(ErrorFloodError):
        child.stderr.damage_limit = _MAX_LEADING_ERRORS
        return next(timestamps(child), None)
    return None
