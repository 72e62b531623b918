"""Packets out of an IVF stream, however it ends."""

from io import BytesIO

import pytest

from extractor.media.ivf import ivf_packets


@pytest.mark.parametrize(
    ("stream", "packets"),
    [
        (b"", []),
        (b"DKIF".ljust(32), []),
        (
            b"DKIF".ljust(32) + b"\2\0\0\0" + b"12345678" + b"ab" + b"\1\0\0\0" + b"12345678" + b"c",
            [b"ab", b"c"],
        ),
        (b"DKIF".ljust(32) + b"\2\0\0\0" + b"12345678" + b"a", []),
        (b"DKIF".ljust(32) + b"\0\0\0\2" + b"12345678" + b"a", []),
    ],
    ids=["nothing", "no packets", "two packets", "cut off", "too large"],
)
def test_packets_of_an_ivf_stream(stream: bytes, packets: list[bytes]) -> None:
    file = BytesIO(stream)

    def read(size: int) -> bytes | None:
        data = file.read(size)
        return data if len(data) == size else None

    assert list(ivf_packets(read)) == packets
