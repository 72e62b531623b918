"""Fetch only those bytes of a video that its decode plan needs, where that is certain.

The sample table of an MP4 tells where each packet is. What a packet is for the decoder stands in its first
bytes, which are not there: all packets count as references, and all keyframes as access points, until they
are fetched. So the first plan needs whole groups of packets from a keyframe to a wanted frame. With these, it
is made again, until it needs no packet that is missing.
"""

from typing import Final, Literal

from msgspec.structs import replace

from extractor.domain.policy import SamplingPolicy
from extractor.media.container.byte_runs import byte_count, merge, packet_runs, subtract
from extractor.media.container.mp4 import read_sample_table
from extractor.media.container.sample_table import SampleTable, UnsupportedTablesError
from extractor.media.decode.decoded_times import needs_times
from extractor.media.decode.schedule import make_schedule
from extractor.media.ffmpeg.decoder_input import DecoderInput
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.probe.table_index import predict_index
from extractor.pipeline.partial_copy import HeaderReader, PartialCopy
from extractor.pipeline.selection import may_predict

FetchMode = Literal["auto", "all", "needed"]
"""What to fetch: ``all``, ``needed`` bytes where the file allows it, or ``auto``: the latter if it pays."""

MIN_BYTES: Final = 1 << 23
"""With ``auto``, a smaller file is fetched as a whole."""

_MAX_GAP_BYTES: Final = 1 << 18
"""Bytes between two runs that are fetched with them: another request would take longer."""

_MAX_ROUNDS: Final = 5
_PROBED_PACKETS: Final = 32
"""FFmpeg decodes the first packets to describe the stream."""


def fetch_needed(
    copy: PartialCopy, source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, mode: FetchMode
) -> DecoderInput:
    """Fetch what is needed of a video, or all of it.

    Args:
        copy: The copy, of which only the head is there.
        source: Its file.
        policy: The sampling policy.
        budget: The limits of FFmpeg.
        mode: What to fetch.

    Returns:
        The file, with the bytes that are present if it is partial.

    Raises:
        ExtractorError: The object cannot be read.
    """
    may_pay = mode == "needed" or (mode == "auto" and copy.size_bytes >= MIN_BYTES)
    # A tolerance moves the wanted frames to packets of which nothing is known yet.
    if may_pay and may_predict(policy) and not policy.tolerance_seconds:
        most = copy.size_bytes if mode == "needed" else copy.size_bytes // 2
        if _fetch_plan(copy, source, policy, budget, most):
            return replace(source, present=tuple(copy.present))
    copy.complete()
    return source


def _fetch_plan(
    copy: PartialCopy, source: DecoderInput, policy: SamplingPolicy, budget: ProcessLimits, most: int
) -> bool:
    """Fetch the packets of the decode plan; return whether it needs no others, within `most` bytes."""
    try:
        table = read_sample_table(HeaderReader(copy, source.path), copy.size_bytes, source.limits.max_packets)
    except UnsupportedTablesError:
        return False
    for _ in range(_MAX_ROUNDS):
        index = predict_index(replace(source, present=tuple(copy.present)), policy, budget)
        if index is None or index.tables is None or needs_times(index, policy):
            return False
        plan = make_schedule(index, policy).plan
        if plan is None:
            return False
        needed = merge([*packet_runs(plan.kept, table.offsets, table.sizes), _head(table)], _MAX_GAP_BYTES)
        missing = merge(subtract(needed, copy.present), _MAX_GAP_BYTES)
        if not missing:
            return True
        if copy.fetched_bytes + byte_count(missing) > most:
            return False
        copy.fetch(missing)
    return False


def _head(table: SampleTable) -> range:
    """Return the bytes of the first packets, and what lies between them."""
    offsets, sizes = table.offsets[:_PROBED_PACKETS], table.sizes[:_PROBED_PACKETS]
    return range(min(offsets), max(map(int.__add__, offsets, sizes)))
