"""Fetch only those bytes of a video that its decode plan needs, where that is certain.

The sample table of an MP4 tells where each packet is. What a packet is for the decoder stands in its first
bytes, which are not there: all packets count as references, and all keyframes as access points, until they
are fetched. So the first plan needs whole groups of packets from a keyframe to a wanted frame. With these, it
is made again, until it needs no packet that is missing.

Parameter sets in a packet count for all packets after it. So the first bytes of each keyframe before the last
needed packet are fetched as well: a keyframe that changes them is needed, too.
"""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from extractor.domain.fetch_mode import FetchMode
from extractor.domain.jobs import FrameSlice
from extractor.domain.policy import SamplingPolicy
from extractor.media.container.byte_runs import byte_count, merge, packet_runs, subtract
from extractor.media.container.mp4 import read_sample_table
from extractor.media.container.sample_table import SampleTable, UnsupportedTablesError
from extractor.media.decode.decoded_times import needs_times
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.table_index import predict_index
from extractor.media.probe.table_scan import TableScan
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.partial_copy import HeaderReader, PartialCopy
from extractor.pipeline.selection import needs_only_planned
from extractor.pipeline.splitting import SliceMismatchError, schedule_of

MIN_BYTES: Final = 1 << 23
"""With ``auto``, a smaller file is fetched as a whole."""

_MAX_GAP_BYTES: Final = 1 << 18
"""Bytes between two runs that are fetched with them: another request would take longer."""

_HEAD_BYTES: Final = 1 << 10
"""Of a keyframe whose parameter sets are not known: mostly enough to read its units, else it is needed."""

_MAX_UNREAD: Final = 1_024
"""The most keyframes that are read for their parameter sets alone."""

_MAX_ROUNDS: Final = 8
_PROBED_PACKETS: Final = 32
"""FFmpeg decodes the first packets to describe the stream."""


class FetchRules(Struct, frozen=True):
    """Of which videos only the needed bytes are fetched.

    Attributes:
        mode: Of all that allow it, of none, or of those for which it pays.
        config: How videos are decoded and stored.
    """

    mode: FetchMode
    config: ExtractorConfig

    def apply_to(self, size_bytes: int, policy: SamplingPolicy) -> bool:
        """Whether to try it with a video.

        Args:
            size_bytes: Its size.
            policy: The sampling policy.
        """
        if self.mode == "all" or (self.mode == "auto" and size_bytes < MIN_BYTES):
            return False
        # A tolerance moves the wanted frames to packets of which nothing is known yet.
        is_planned = self.config.plan and needs_only_planned(policy) and not policy.tolerance_seconds
        return is_planned and self.config.output.audio is None


def fetch_needed(
    copy: PartialCopy,
    policy: SamplingPolicy,
    rules: FetchRules,
    deadline: float,
    part: FrameSlice | None = None,
) -> bool:
    """Fetch what is needed of a video.

    Args:
        copy: The copy, of which only the head is there.
        policy: The sampling policy.
        rules: They apply to the video.
        deadline: When the work must end, as of `time.monotonic()`.
        part: The slice of the video that is wanted, if not all of it.

    Returns:
        Whether the copy has all that is needed. If not, what is needed is not known for certain, or fetching
        only this does not pay: then fetch everything.

    Raises:
        ExtractorError: The object cannot be read, or does not fit on the disk.
    """
    limits = rules.config.limits
    source = DecoderInput(copy.path, limits, rules.config.ffmpeg)
    budget = ProcessLimits(deadline, limits.stall_seconds, limits.memory_bytes)
    try:
        return _fetch_plan(copy, source, policy, budget, part, is_forced=rules.mode == "needed")
    except (UnsupportedTablesError, SliceMismatchError):
        return False


def _fetch_plan(
    copy: PartialCopy,
    source: DecoderInput,
    policy: SamplingPolicy,
    budget: ProcessLimits,
    part: FrameSlice | None,
    *,
    is_forced: bool,
) -> bool:
    """Fetch the packets of the decode plan; return whether it needs no others, and whether that pays.

    Raises:
        UnsupportedTablesError: What is needed is not known.
        SliceMismatchError: Likewise.
    """
    table = read_sample_table(HeaderReader(copy), copy.size_bytes, source.limits.max_packets)
    for _ in range(_MAX_ROUNDS):
        index = predict_index(replace(source, present=tuple(copy.present)), policy, budget)
        if index is None or index.tables is None or needs_times(index, policy):
            return False
        plan = schedule_of(index, policy, part).plan
        if plan is None:
            return False
        needed = [*packet_runs(plan.kept, table.offsets, table.sizes), *_unread(index.tables, plan.kept)]
        needed = merge([*needed, _head(table)], _MAX_GAP_BYTES)
        missing = merge(subtract(needed, copy.present), _MAX_GAP_BYTES)
        if not missing:
            return index.tables.suffices(plan.kept)
        cost = copy.fetched_bytes + byte_count(missing) + len(missing) * _MAX_GAP_BYTES
        if not is_forced and cost > copy.size_bytes // 2:
            return False
        copy.fetch(missing)
    return False


def _unread(tables: TableScan, kept: bytes) -> Iterator[range]:
    """Yield what to read of the keyframes before the last needed packet whose parameter sets are not known.

    Raises:
        UnsupportedTablesError: There are too many.
    """
    unread = tables.unread[: bisect_right(tables.unread, kept.rfind(1))]
    if len(unread) > _MAX_UNREAD:
        raise UnsupportedTablesError
    for number in unread:
        offset, size = tables.table.offsets[number], tables.table.sizes[number]
        has_head = tables.held is None or tables.held[number] >= _HEAD_BYTES
        yield range(offset, offset + (size if has_head else min(size, _HEAD_BYTES)))


def _head(table: SampleTable) -> range:
    """Return the bytes of the first packets, and what lies between them."""
    offsets, sizes = table.offsets[:_PROBED_PACKETS], table.sizes[:_PROBED_PACKETS]
    return range(min(offsets), max(map(int.__add__, offsets, sizes)))
