"""Which packets must be decoded for the wanted frames. Pure.

Between two random access points, a wanted frame needs its own packet and every reference picture that
is decoded before it. Everything else can be dropped before the decoder, which then gives the same
frames, bit for bit, for less. A plan is only made where that is sure.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class DecodeOrder:
    """What the packets of a stream mean to its decoder, in decode order.

    `reference`: whether another picture may depend on it. `random_access`: whether nothing from here
    on depends on anything before.
    """

    reference: Sequence[bool]
    random_access: Sequence[bool]


def needed_packets(order: DecodeOrder, targets: Collection[int]) -> list[bool]:
    """For each packet, whether the frames of the packets `targets` (positions) cannot do without it."""
    count = len(order.reference)
    needed = [False] * count
    starts = [0, *(place for place in range(1, count) if order.random_access[place]), count]
    for start, end in pairwise(starts):
        last = max((place for place in range(start, end) if place in targets), default=None)
        if last is not None:
            for place in range(start, last + 1):
                needed[place] = order.reference[place] or place in targets
    return needed


def drop_expression(needed: Sequence[bool]) -> str:
    """An expression of the packet's number ``n`` that is 1 for the packets to drop: a balanced tree,
    so that each packet costs the logarithm of the number of runs."""
    runs = [0, *(place for place in range(1, len(needed)) if needed[place] != needed[place - 1])]

    def tree(low: int, high: int) -> str:
        if high - low == 1:
            return "0" if needed[runs[low]] else "1"
        middle = (low + high) // 2
        return f"if(lt(n,{runs[middle]}),{tree(low, middle)},{tree(middle, high)})"

    return tree(0, len(runs))
