"""What the packets of a stream mean to its decoder, from listings of filtered packets. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from extractor.media.dependencies import Dependencies
from extractor.media.listing import Packets, Stamps
from extractor.media.plan import DecodeOrder, closed_order
from extractor.policy import SamplingPolicy

UNSUPPORTED = r"is not supported by the bitstream filter"
"""What FFmpeg says of a codec that it cannot take apart into units."""

_KEY_PACKETS = "noise=drop=not(key),"  # no other packet can be an access point, or need be taken for one

_UNIT_FILTERS: Mapping[str, Mapping[str, str]] = {
    # H.264 states in each unit whether it is a reference; an IDR picture is a unit of type 5.
    "h264": {
        "references": "filter_units=discard=nonref",
        "random_access": _KEY_PACKETS + "filter_units=pass_types=5",
    },
    # HEVC: slices of an odd type below 16 and all random access pictures are references. IDR (19, 20) is a
    # clean start, CRA (21) an open one, over which RASL pictures (8, 9) reach back.
    "hevc": {
        "references": "filter_units=pass_types=1|3|5|7|9|11|13|15|16-21",
        "random_access": _KEY_PACKETS + "filter_units=pass_types=19-20",
        "open_access": _KEY_PACKETS + "filter_units=pass_types=21",
        "leading": "filter_units=pass_types=8-9",
    },
}

_KEYFRAMES_ARE_CLEAN = frozenset({"av1", "vp8", "vp9"})


class Questions(Struct, frozen=True):
    """What `learn_order` wants to be told: which packets pass each of these bitstream `filters`, by name, and
    the dependencies between `frames`."""

    filters: Mapping[str, str]
    frames: bool = False


NOTHING = Questions({})


def questions_about(codec: str, policy: SamplingPolicy) -> Questions:
    """The questions for this codec. Keyframes depend on nothing, but it must be known whether they are open
    access points; and where everything is decoded, there is nothing to ask."""
    if policy.watches_every_frame:
        return NOTHING
    filters = _UNIT_FILTERS.get(codec, {})
    if policy.strategy == "keyframe":
        return Questions(filters) if "open_access" in filters else NOTHING
    return Questions(filters, frames=codec == "av1")


def may_have_order(codec: str) -> bool:
    """Whether there are streams in that codec of which `learn_order` makes something."""
    return codec in _UNIT_FILTERS or codec in _KEYFRAMES_ARE_CLEAN


def learn_order(
    codec: str, packets: Packets, filtered: Mapping[str, Stamps], dependencies: Dependencies | None
) -> DecodeOrder | None:
    """The order, or `None` where it cannot be known for sure."""
    count = len(packets)
    if codec in _KEYFRAMES_ARE_CLEAN:
        one_shown_each = dependencies is not None and len(dependencies.shown) == count
        known = dependencies if one_shown_each else None
        return closed_order([True] * count, [bool(key) for key in packets.are_keyframes], known)
    if not filtered:
        return None
    stamps = packets.stamps
    if len(set(stamps)) != count:  # two packets that cannot be told apart
        return None
    starts = filtered["random_access"] | filtered.get("open_access", set())
    if not starts <= filtered["references"] <= set(stamps):
        return None
    marks = {name: [stamp in listed for stamp in stamps] for name, listed in filtered.items()}
    if "open_access" not in marks:
        return closed_order(marks["references"], marks["random_access"])
    return DecodeOrder(marks["references"], marks["random_access"], marks["open_access"], marks["leading"])
