"""IVF streams are split into packets, wherever they end and however they arrive in pieces."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.media.references.ivf import IvfReader

_HEADER = b"DKIF".ljust(32)


def _packets(pieces: list[bytes]) -> list[bytes]:
    packets: list[bytes] = []
    reader = IvfReader(packets.append)
    for piece in pieces:
        reader.feed(piece)
    return packets


def _packet(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + b"12345678" + data


@pytest.mark.parametrize(
    ("stream", "packets"),
    [
        (b"", []),
        (_HEADER, []),
        (_HEADER + _packet(b"ab") + _packet(b"c"), [b"ab", b"c"]),
        (_HEADER + _packet(b"ab")[:-1], []),
        (_HEADER + b"\0\0\0\2" + b"12345678" + b"a" + _packet(b"c"), []),
    ],
    ids=["nothing", "no packets", "two packets", "cut off", "too large"],
)
def test_packets_of_an_ivf_stream(stream: bytes, packets: list[bytes]) -> None:
    assert _packets([stream]) == packets


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(0, 5000), max_size=20))
def test_packets_are_the_same_however_the_stream_is_cut_into_pieces(
    packets: list[bytes], cuts: list[int]
) -> None:
    stream = _HEADER + b"".join(map(_packet, packets))
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert _packets(pieces) == packets
