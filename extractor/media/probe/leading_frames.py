"""Where a video begins that was cut out of another: its first pictures may hang on others that are not
there any more, and the decoder leaves them out."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import compress, repeat
from operator import mul, or_

from msgspec.structs import replace

from extractor.media.ffmpeg import command
from extractor.media.ffmpeg.command import DecoderInput, Urls
from extractor.media.ffmpeg.filters import SignalFormat
from extractor.media.ffmpeg.frame_stream import Timestamp, timestamps
from extractor.media.ffmpeg.log import ErrorFloodError
from extractor.media.ffmpeg.packets import DISCARD, KEY, NO_PTS, PacketTable
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg

_MAX_LEAD_ERRORS = 1_000
"""A video whose first so many packets cannot be decoded does not begin in the middle: it is damaged."""


def without_leading_frames(
    packets: PacketTable, source: DecoderInput, picture: SignalFormat, budget: ProcessLimits
) -> PacketTable:
    """The packets, with those marked as not to be shown that the decoder leaves out at the beginning. Where
    the first packet says that there may be any, the decoder is asked."""
    if not _may_have_lead(packets):
        return packets
    first = _first_decoded(source, picture, budget)
    if first is None or first.time_base != packets.time_base:
        return packets
    hidden = (pts < first.pts for pts in packets.pts)
    return replace(packets, flags=bytearray(map(or_, packets.flags, map(mul, repeat(DISCARD), hidden))))


def _may_have_lead(packets: PacketTable) -> bool:
    """Whether anything is shown before the first packet, or that one itself hangs on others."""
    if not len(packets) or NO_PTS in packets.pts:
        return False
    earliest = min(compress(packets.pts, packets.are_shown), default=packets.pts[0])
    return earliest < packets.pts[0] or not packets.flags[0] & KEY


def _first_decoded(source: DecoderInput, picture: SignalFormat, budget: ProcessLimits) -> Timestamp | None:
    def build(urls: Urls) -> Sequence[str]:
        return command.build_scenes(source, picture, urls, None)

    with run_ffmpeg(build, ("frames",), budget) as child, suppress(ErrorFloodError):
        child.stderr.damage_limit = _MAX_LEAD_ERRORS
        return next(timestamps(child), None)
    return None
