"""Determine the role of each packet for the decoder, from listings of filtered packets. Pure."""

from collections.abc import Mapping
from operator import gt, or_

from msgspec import Struct

from extractor.domain.policy import SamplingPolicy
from extractor.media.ffmpeg.packets import PacketTable
from extractor.media.references.av1_dependencies import Dependencies
from extractor.media.references.required_packets import DecodeOrder, closed_order
from extractor.media.strategies import strategy_of

UNSUPPORTED = r"Codec '\w+' \(\d+\) is not supported by the bitstream filter"
"""FFmpeg's message about a codec that the bitstream filter cannot parse."""

DAMAGED = r"Error applying bitstream filters to a packet"
"""FFmpeg's message about a packet that the bitstream filter cannot parse. Such a packet is missing in the
filtered listings, and would wrongly count as non-reference."""

PARAMETERS = "parameters"
"""The name of the filter that only parameter sets pass."""

_KEY_PACKETS = "noise=drop=not(key),"  # only keyframe packets count as access points

_UNIT_FILTERS: Mapping[str, Mapping[str, str]] = {
    # H.264 states in each unit whether it is a reference; an IDR picture is a unit of type 5.
    "h264": {
        "references": "filter_units=discard=nonref",
        "random_access": _KEY_PACKETS + "filter_units=pass_types=5",
        # Sequence and picture parameter sets and their extensions.
        PARAMETERS: "filter_units=pass_types=7|8|13|15",
    },
    # HEVC: slices of an odd type below 16 and all random access pictures are references. IDR (19, 20) is a
    # closed access point; CRA (21) is an open one, whose RASL pictures (8, 9) reference pictures before it.
    "hevc": {
        "references": "filter_units=pass_types=1|3|5|7|9|11|13|15|16-21",
        "random_access": _KEY_PACKETS + "filter_units=pass_types=19-20",
        "open_access": _KEY_PACKETS + "filter_units=pass_types=21",
        "leading": "filter_units=pass_types=8-9",
        PARAMETERS: "filter_units=pass_types=32-34",
    },
}

_KEYFRAMES_ARE_CLEAN = frozenset({"av1", "vp8", "vp9"})


class ScanRequest(Struct, frozen=True):
    """What a packet scan must collect for `infer_decode_order`.

    Attributes:
        filters: Bitstream filters by name: the scan records which packets pass.
        frames: Whether the scan parses the dependencies between frames.
    """

    filters: Mapping[str, str]
    frames: bool = False


EMPTY_REQUEST = ScanRequest({})


def scan_request_for(codec: str, policy: SamplingPolicy) -> ScanRequest:
    """Return the scan request for a codec and a policy.

    If all frames are decoded, nothing is needed. Keyframes have no dependencies, but may be open access
    points, and packets between them may change parameter sets.
    """
    if policy.watches_every_frame:
        return EMPTY_REQUEST
    filters = _UNIT_FILTERS.get(codec, {})
    intra_only = strategy_of(policy).intra_only
    if intra_only and "open_access" not in filters:
        return ScanRequest({name: text for name, text in filters.items() if name == PARAMETERS})
    return ScanRequest(filters, frames=codec == "av1" and not intra_only)


def supports_decode_order(codec: str) -> bool:
    """Whether `infer_decode_order` supports the codec."""
    return codec in _UNIT_FILTERS or codec in _KEYFRAMES_ARE_CLEAN


def infer_decode_order(
    codec: str, packets: PacketTable, passing: Mapping[str, bytes], dependencies: Dependencies | None
) -> DecodeOrder | None:
    """Determine the role of each packet.

    Args:
        codec: FFmpeg's name of the codec.
        packets: All packets.
        passing: For each filter of the request, by name: one byte per packet, 1 if it passes.
        dependencies: The dependencies between frames, if requested and known.

    Returns:
        The roles; ``None`` if they are not known for certain.
    """
    count = len(packets)
    if codec in _KEYFRAMES_ARE_CLEAN:
        one_shown_each = dependencies is not None and len(dependencies.shown) == count
        known = dependencies if one_shown_each else None
        return closed_order(b"\1" * count, packets.are_keyframes, known)
    if not passing.keys() >= {"references", "random_access"}:
        return None
    marks = {name: marked.ljust(count, b"\0") for name, marked in passing.items()}
    none = bytes(count)
    opened, leading = marks.get("open_access", none), marks.get("leading", none)
    references, starts = marks["references"], marks["random_access"]
    if any(map(gt, map(or_, starts, opened), references)) or len(references) != count:
        return None
    return DecodeOrder(references, starts, opened, leading)
