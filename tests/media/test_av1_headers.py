"""AV1 headers are parsed correctly, also those that no encoder would write."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.media.references.av1_dependencies import av1_dependencies
from extractor.media.references.bit_reader import BitReader, UnsupportedBitstreamError
from tests.support.media.av1_streams import (
    KEYFRAME,
    Av1Frame,
    Av1Stream,
    bits,
    frame_header,
    obu,
    packets_of,
    sequence_header,
    shown_by,
    streams,
)


@given(streams, st.sets(st.integers(0, 40), max_size=3))
def test_a_decoder_of_needed_frames_alone_shows_the_same(stream: Av1Stream, wanted: set[int]) -> None:
    dependencies = av1_dependencies(packets_of(stream))
    assert dependencies is not None
    everything = shown_by(stream, [True] * len(stream.frames))
    assert list(everything) == list(dependencies.shown)
    places = {place for place in wanted if place < len(dependencies.shown)}
    some = shown_by(stream, [keep == 1 for keep in dependencies.needed_frames(places)])
    assert all(some[dependencies.shown[place]] == everything[dependencies.shown[place]] for place in places)


def test_only_what_is_read_is_needed() -> None:
    def inter(slot: int, refresh: int) -> Av1Frame:
        return Av1Frame(1, True, False, False, (slot,) * 7, refresh, False, False)

    frames = [KEYFRAME, inter(0, 1), inter(1, 2), inter(0, 4), inter(2, 0), replace(KEYFRAME), inter(3, 0)]
    dependencies = av1_dependencies(packets_of(Av1Stream(True, 0, False, frames)))
    assert dependencies is not None
    assert dependencies.needed_frames([4]) == bytes([1, 1, 0, 1, 1, 0, 0])
    assert dependencies.needed_frames([6]) == bytes([0] * 5 + [1] * 2)
    assert dependencies.needed_frames([]) == bytes(7)


_STREAM = Av1Stream(True, 0, False, [KEYFRAME])
_FRAME = frame_header(KEYFRAME, _STREAM)
_SEQUENCE = sequence_header(_STREAM)
_INTER = frame_header(replace(KEYFRAME, kind=1), _STREAM)


@pytest.mark.parametrize(
    "packets",
    [
        [_FRAME],
        [_SEQUENCE + _INTER],
        [_SEQUENCE + _FRAME, sequence_header(replace(_STREAM, timing=True)) + _FRAME],
        [_SEQUENCE + _FRAME, _SEQUENCE + obu(5, b"\1\0\0\0\0") + _FRAME],
        [_SEQUENCE + _FRAME + _INTER],
        [_SEQUENCE + obu(15, b"\0")],
        [_SEQUENCE + obu(8, b"\0") + _FRAME],
        [_SEQUENCE + _FRAME[:-1]],
        [_SEQUENCE + obu(6, b"\x20")],
        [_SEQUENCE[:3]],
        [obu(1, bits((0, 3), (0b11, 2), (0, 80))) + _FRAME],
        [obu(1, bits((0, 3), (0, 2), (0, 2), (1, 5), (0, 80))) + _FRAME],
        [obu(1, bits((0, 3), (0, 2), (0, 2), (0, 5), (0x101, 12), (0, 80))) + _FRAME],
    ],
    ids=[
        "no sequence header",
        "no reference",
        "another sequence header",
        "other metadata",
        "two frames in a packet",
        "no frame",
        "unknown unit",
        "cut off",
        "header cut off",
        "sequence header cut off",
        "still picture",
        "two operating points",
        "layers",
    ],
)
def test_nothing_is_said_of_a_stream_that_is_not_understood(packets: list[bytes]) -> None:
    assert av1_dependencies([_SEQUENCE + _FRAME]) is not None
    assert av1_dependencies(packets) is None


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_bytes_are_too_strange(packets: list[bytes]) -> None:
    av1_dependencies(packets)
    av1_dependencies([_SEQUENCE + _FRAME, *(_SEQUENCE + packet for packet in packets)])


@given(st.lists(st.tuples(st.integers(1, 70), st.integers(min_value=0)), min_size=1))
def test_bits_are_read_as_they_were_written(written: list[tuple[int, int]]) -> None:
    fields = [(value % (1 << length), length) for length, value in written]
    reader = BitReader(bits(*fields))
    assert [reader.read(length) for _, length in fields] == [value for value, _ in fields]
    with pytest.raises(UnsupportedBitstreamError):
        reader.read(9)


@given(st.integers(0, 1 << 40))
def test_numbers_of_any_size_are_read(number: int) -> None:
    digits = (number + 1).bit_length()
    assert BitReader(bits((0, digits - 1), (number + 1, digits))).exp_golomb() == number
