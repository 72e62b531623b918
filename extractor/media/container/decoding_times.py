"""Derive decoding timestamps from presentation timestamps, as FFmpeg does. Pure."""

from array import array
from collections.abc import Sequence
from heapq import heapreplace

from extractor.media.container.sample_table import UnsupportedTablesError


def decoding_times(pts: "array[int]", durations: Sequence[int], delay: int) -> "array[int]":
    """Return the decoding timestamp of each packet: the earliest pts that was not used yet.

    Args:
        pts: The presentation timestamps of the packets in decode order.
        durations: Their durations.
        delay: The most packets that follow a packet in presentation order, and precede it in decode order.

    Raises:
        UnsupportedTablesError: There are no more than `delay` packets.
    """
    if not delay:
        return pts
    if len(pts) <= delay:
        raise UnsupportedTablesError
    held = sorted(pts[: delay + 1])
    dts = array("q", [held[0]])
    for time in pts[delay + 1 :]:
        heapreplace(held, time)
        dts.append(held[0])
    first = [dts[0] - (delay - number) * durations[0] for number in range(delay)]
    return array("q", first) + dts
