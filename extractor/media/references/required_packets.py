"""Select the packets that must be decoded for the wanted frames. Pure.

Between two random access points, a wanted frame needs its own packet and all reference pictures that
precede it in decode order. All other packets can be dropped before the decoder: its output for the wanted
frames stays bit-identical.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, count, pairwise
from operator import gt, or_

from msgspec import Struct

from extractor.media.references.av1_dependencies import Dependencies

_MAX_POC_GAP = 100
"""The largest gap of dropped pictures before an open access point. A slice header codes only the low bits of
the picture order count (POC), often 8 in HEVC, which resolve gaps below 128. The decoder derives the high
bits from an earlier picture, and after a larger gap derives them wrong (ITU-T H.265, 8.3.1)."""


class DecodeOrder(Struct, frozen=True):
    """The role of each packet of a stream, in decode order: one flag (1 or 0) per packet.

    Attributes:
        reference: Whether other pictures may reference this picture.
        random_access: Whether it is a closed random access point: no packet from here on depends on an
            earlier one.
        open_access: Whether it is an open random access point: as above, except for its leading pictures.
        leading: Whether it is a leading picture: one that follows the access point in decode order, and
            precedes it in presentation order.
        dependencies: The dependencies between single frames, if known; then each packet shows one frame.
    """

    reference: Sequence[int]
    random_access: Sequence[int]
    open_access: Sequence[int]
    leading: Sequence[int]
    dependencies: Dependencies | None = None


def closed_order(
    reference: Sequence[int], random_access: Sequence[int], dependencies: Dependencies | None = None
) -> DecodeOrder:
    """Return the order of a stream without open random access points."""
    none = bytes(len(reference))
    return DecodeOrder(reference, random_access, none, none, dependencies)


def needed_packets(order: DecodeOrder, wanted: Sequence[int]) -> bytearray:
    """Find the packets that must be decoded.

    Args:
        order: The roles of all packets.
        wanted: One flag (1 or 0) per packet: whether its frame is wanted.

    Returns:
        One byte per packet: 1 if it must be decoded, else 0.
    """
    needed = bytearray(len(order.reference))
    is_referenced = False  # by leading pictures of the following segment
    for start, end in _segments_backwards(order):
        targets = list(compress(range(start, end), wanted[start:end]))
        if not targets and not is_referenced:
            continue
        last = end - 1 if is_referenced else targets[-1]
        only_leading = all(order.leading[start + 1 : end])
        with_leading = any(map(order.leading.__getitem__, targets)) or (is_referenced and only_leading)
        part = slice(start, last + 1)
        references: Iterable[int] = order.reference[part]
        if not with_leading:
            references = map(gt, references, order.leading[part])
        needed[part] = bytes(map(or_, references, wanted[part]))
        is_referenced = bool(order.open_access[start] and with_leading)
    return needed


def _segments_backwards(order: DecodeOrder) -> Iterator[tuple[int, int]]:
    """Yield the segments between random access points as (start, end), the last one first."""
    end = len(order.reference)
    starts = list(compress(count(), map(or_, order.random_access, order.open_access)))
    for position in filter(None, reversed(starts)):
        yield position, end
        end = position
    yield 0, end


def poc_anchors(order: DecodeOrder, needed: Sequence[int]) -> list[int]:
    """Find the packets to keep only for their picture order count (POC).

    They limit the POC gap before an open access point to `_MAX_POC_GAP`. The decoder only needs to read their
    slice headers: whether it can decode their pictures does not matter.

    Args:
        order: The roles of all packets.
        needed: One flag (1 or 0) per packet: whether it is decoded.

    Returns:
        The numbers of the packets, ascending.
    """
    kept = (position for position, keep in enumerate(needed) if keep)
    anchors = list[int]()
    for before, following in pairwise(kept):
        if order.open_access[following]:
            anchors += _anchors_between(order, before, following)
    return anchors


def _anchors_between(order: DecodeOrder, before: int, following: int) -> Iterator[int]:
    countable = (
        position
        for position in range(before + 1, following)
        if order.reference[position] and not order.leading[position]
    )
    last = farthest = before
    for position in (*countable, following):
        if position - last > _MAX_POC_GAP and farthest > last:
            last = farthest
            yield last
        farthest = position
