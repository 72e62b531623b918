"""Which packets must be decoded for the wanted frames. Pure.

Between two random access points, a wanted frame needs its own packet and every reference picture that
is decoded before it. Everything else can be dropped before the decoder, which then gives the same
frames, bit for bit, for less. A plan is only made where that is sure.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from extractor.media.references.av1_dependencies import Dependencies

_LONGEST_LEAP = 100
"""How many pictures may be left out before an open access point. A decoder knows a picture's place in
the order by its last digits only, in HEVC by 7 bits at the usual setting; beyond that it loses count."""


class DecodeOrder(Struct, frozen=True):
    """What the packets of a stream mean to its decoder, in decode order: a flag (1 or 0) for each.

    `reference`: whether another picture may depend on it. `random_access`: nothing from here on depends
    on anything before. `open_access`: the same, but for `leading` pictures, which follow the access
    point in decode order and are shown before it. `dependencies`: those between single frames, if they are
    known; one frame of each packet is shown.
    """

    reference: Sequence[int]
    random_access: Sequence[int]
    open_access: Sequence[int]
    leading: Sequence[int]
    dependencies: Dependencies | None = None


def closed_order(
    reference: Sequence[int], random_access: Sequence[int], dependencies: Dependencies | None = None
) -> DecodeOrder:
    """The order of a stream without open access points."""
    none = bytes(len(reference))
    return DecodeOrder(reference, random_access, none, none, dependencies)


def needed_packets(order: DecodeOrder, wanted: Sequence[int]) -> bytearray:
    """For each packet, whether the frames of the `wanted` packets cannot do without it (1 or 0)."""
    needed = bytearray(len(order.reference))
    reached_into = False  # by leading pictures of the part that follows
    for start, end in _parts_from_the_last(order):
        targets = [place for place in range(start, end) if wanted[place]]
        if not targets and not reached_into:
            continue
        last = end - 1 if reached_into else targets[-1]
        only_leading = all(order.leading[place] for place in range(start + 1, end))
        with_leading = any(order.leading[place] for place in targets) or (reached_into and only_leading)
        for place in range(start, last + 1):
            depended_on = order.reference[place] and (with_leading or not order.leading[place])
            needed[place] = bool(depended_on or wanted[place])
        reached_into = bool(order.open_access[start] and with_leading)
    return needed


def _parts_from_the_last(order: DecodeOrder) -> Iterator[tuple[int, int]]:
    """From one access point to the next."""
    end = len(order.reference)
    for place in range(end - 1, 0, -1):
        if order.random_access[place] or order.open_access[place]:
            yield place, end
            end = place
    yield 0, end


def poc_anchors(order: DecodeOrder, needed: Sequence[int]) -> list[int]:
    """The packets to keep only so that the decoder does not lose count of the pictures before an open access
    point. It need not decode them, and where it cannot, that costs it nothing: it has read their number."""
    kept = (place for place, keep in enumerate(needed) if keep)
    posts = list[int]()
    for before, here in pairwise(kept):
        if order.open_access[here]:
            posts += _posts_between(order, before, here)
    return posts


def _posts_between(order: DecodeOrder, before: int, here: int) -> Iterator[int]:
    countable = (
        place for place in range(before + 1, here) if order.reference[place] and not order.leading[place]
    )
    last = farthest = before
    for place in (*countable, here):
        if place - last > _LONGEST_LEAP and farthest > last:
            last = farthest
            yield last
        farthest = place
