"""Frames on which no wanted frame depends are not decoded, and the wanted ones stay the same."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.media.binary import find_ffmpeg
from extractor.media.bits import Bits, UnsureError
from extractor.media.command import Source
from extractor.media.dependencies import Dependencies, av1_dependencies
from extractor.media.index import read_index
from extractor.media.ivf import ivf_packets
from extractor.media.process import Budget
from extractor.models import DecodeLimits, SamplingPolicy
from tests.media import clips
from tests.media.decoding import Decode, Decoded

_AOM = "-c:v libaom-av1 -cpu-used 8"
_SVT = "-c:v libsvtav1 -preset 12 -svtav1-params lp=1"

# name, what FFmpeg makes it with; all of them have hidden frames, frames shown later, or layers of frames
_CLIPS: Sequence[tuple[str, str]] = (
    ("svt.mp4", _SVT),
    ("svt_layers.mp4", f"{_SVT}:hierarchical-levels=5"),
    ("svt_low_delay.mkv", f"{_SVT}:pred-struct=1"),
    ("svt_open.mp4", f"{_SVT}:irefresh-type=1 -g 33"),
    ("svt_grain.mp4", f"{_SVT}:film-grain=25"),
    ("svt_deep.webm", f"{_SVT} -pix_fmt yuv420p10le"),
    ("svt_resized.mp4", f"{_SVT}:resize-mode=1:resize-denom=12"),
    ("aom.mkv", f"{_AOM} -g 60"),
    ("aom_no_lag.mp4", f"{_AOM} -lag-in-frames 0"),
    ("aom_no_order.mkv", f"{_AOM} -aom-params enable-order-hint=0"),
    ("aom_grain.mkv", f"{_AOM} -aom-params film-grain-test=7"),
    ("aom_tiles.mp4", f"{_AOM} -tiles 2x2"),
    ("aom.ivf", f"{_AOM} -g 60"),
)

_POLICIES = (
    SamplingPolicy(interval_seconds=0.1),
    SamplingPolicy(interval_seconds=1.0),
    SamplingPolicy(interval_seconds=2.0),
    SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.5, 1.01, 1.02, 3.3, 77)),
    SamplingPolicy(interval_seconds=0.2, max_frames=3, max_frames_mode="spread"),
)


@pytest.fixture(scope="session", params=_CLIPS, ids=lambda clip: clip[0])
def clip(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    name, options = request.param
    path = clip_dir / f"dependencies-{name}"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=4 -pix_fmt yuv420p {options} {{0}}", path
    )
    return path


def _images(decoded: Decoded) -> list[tuple[int, float, bytes]]:
    return [(frame.slot, frame.pts_seconds, frame.data) for frame in decoded.frames]


def _dependencies(decoded: Decoded) -> Dependencies | None:
    return decoded.index.order.dependencies if decoded.index.order else None


@pytest.mark.parametrize("policy", _POLICIES, ids=["0.1 s", "1 s", "2 s", "timestamps", "spread"])
def test_a_decode_of_what_the_wanted_frames_depend_on_is_bit_identical(
    decode: Decode, clip: Path, policy: SamplingPolicy
) -> None:
    full = decode(clip, policy)
    assert _dependencies(full) is not None
    assert _images(decode(clip, policy, plan=True)) == _images(full)


def test_frames_in_layers_need_few_others(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-few.mp4"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=8 {_SVT} {{0}}", path)
    dependencies = _dependencies(decode(path))
    assert dependencies is not None
    assert len(dependencies.shown) == 200
    assert len(dependencies.earlier) > 200  # some are hidden
    assert sum(dependencies.needed_frames(range(0, 200, 50))) < 30


def test_numbered_frames_must_not_be_missing(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-numbered.mkv"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=1 {_AOM} -error-resilience default {{0}}", path
    )
    decoded = decode(path)
    assert decoded.index.order is not None
    assert decoded.index.order.dependencies is None


def test_frames_without_times_of_their_own_are_all_decoded(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-untimed.obu"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=2 {_AOM} {{0}}", path)
    decoded = decode(path, plan=True)
    assert decoded.times == [(0, 0.0), (1, 1.0)]
    assert not decoded.decoder.is_planned


def test_a_damaged_video_is_listed_in_full_all_the_same(clip_dir: Path, tmp_path: Path) -> None:
    whole = clip_dir / "dependencies-whole.mp4"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=4 {_SVT} -movflags +faststart {{0}}", whole
    )
    damaged = clips.bit_rot(tmp_path / "source", whole, every_bytes=900)
    limits = DecodeLimits()
    budget = Budget(time.monotonic() + 60, limits.stall_seconds, limits.memory_bytes)
    index = read_index(Source(damaged, limits, find_ffmpeg()), budget)
    assert len(index.packets) == 100
    assert index.order is not None
    assert index.order.dependencies is None


def test_a_file_that_only_seems_to_be_av1_has_its_own_order(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "dependencies-seems.mkv"
    clips.ffmpeg(
        "-f lavfi -i testsrc2=size=192x128:rate=25:duration=2 -metadata title=V_AV1"
        " -c:v libx264 -g 20 -bf 3 {0}",
        path,
    )
    order = decode(path).index.order
    assert order is not None
    assert order.dependencies is None
    assert not all(order.reference)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What an encoder may choose. A frame that `repeats` shows the one in the slot `reads[0]`."""

    kind: int  # key, inter, intra only, switch
    is_shown: bool
    error_resilient: bool
    short_signaling: bool
    reads: tuple[int, ...]
    refresh: int
    repeats: bool
    with_sequence: bool


@dataclass(frozen=True, slots=True)
class _Stream:
    order_hint: bool
    screen_content: int  # never, always, chosen per frame
    timing: bool
    frames: list[_Frame]


def _bits(*fields: tuple[int, int]) -> bytes:
    """Numbers with their lengths in bits, and what a header may be followed by."""
    text = "".join(f"{value:0{length}b}" for value, length in fields if length) + "1"
    return int(text.ljust((len(text) + 7) // 8 * 8, "0"), 2).to_bytes((len(text) + 7) // 8, "big")


def _obu(kind: int, payload: bytes) -> bytes:
    size = bytes([len(payload) & 0x7F | 0x80, len(payload) >> 7])  # not the shortest form, but a valid one
    return bytes([kind << 3 | 2]) + size + payload


def _sequence_header(stream: _Stream) -> bytes:
    timing = [(1, 1), (1, 32), (25, 32), (1, 1), (0b00101, 5), (0, 1)] if stream.timing else [(0, 1)]
    points = [(0, 1), (0, 5), (0, 12), (8, 5), (0, 1)]
    size = [(7, 4), (6, 4), (191, 8), (127, 7)]
    order = [(1, 1), (0b11, 2)] if stream.order_hint else [(0, 1)]
    tools = [[(0, 1), (0, 1)], [(0, 1), (1, 1), (1, 1)], [(1, 1), (1, 1)]][stream.screen_content]
    hint = [(6, 3)] if stream.order_hint else []
    rest = [(0, 1), (0, 7), *order, *tools, *hint, (0, 16)]
    return _obu(1, _bits((0, 3), (0, 2), *timing, *points, *size, *rest))


def _frame_header(frame: _Frame, stream: _Stream) -> bytes:
    if frame.repeats:
        return _obu(3, _bits((1, 1), (frame.reads[0], 3)))
    hint = 7 if stream.order_hint else 0
    anew = (frame.kind == 0 and frame.is_shown) or frame.kind == 3
    intra = frame.kind in (0, 2)
    resilient = anew or frame.error_resilient
    fields = [(0, 1), (frame.kind, 2), (frame.is_shown, 1)]
    fields += [] if frame.is_shown else [(1, 1)]
    fields += [] if anew else [(frame.error_resilient, 1)]
    fields += [(0, 1), *[[], [(1, 1)], [(1, 1), (0, 1)]][stream.screen_content]]
    fields += [] if frame.kind == 3 else [(0, 1)]
    fields += [(5, hint)] if hint else []
    fields += [] if intra or resilient else [(2, 3)]
    fields += [] if anew else [(frame.refresh, 8)]
    if not intra:
        fields += [(3, hint)] * 8 if resilient and hint else []
        fields += [(frame.short_signaling, 1)] if hint else []
        fields += [(1, 3), (4, 3)] if hint and frame.short_signaling else [(slot, 3) for slot in frame.reads]
    return _obu(6, _bits(*fields, (0, 200)))


def _packets(stream: _Stream) -> Iterator[bytes]:
    for frame in stream.frames:
        sequence = _sequence_header(stream) if frame.with_sequence else b""
        yield _obu(2, b"") + sequence + _frame_header(frame, stream)


def _decoded(stream: _Stream, kept: Sequence[bool]) -> dict[int, object]:
    """What a decoder shows: for each kept frame all that went into it."""
    slots: list[tuple[bool, object]] = [(False, "nothing")] * 8
    shown: dict[int, object] = {}
    has_sequence = False
    for number, frame in enumerate(stream.frames):
        if not kept[number]:
            continue
        has_sequence = has_sequence or frame.with_sequence
        if frame.repeats:
            is_key, content = slots[frame.reads[0]]
            written = 0xFF if is_key else 0
        else:
            is_key = frame.kind == 0
            reads = range(8) if stream.order_hint and frame.short_signaling else frame.reads
            sources = [] if frame.kind in (0, 2) else [slots[slot][1] for slot in sorted(set(reads))]
            content = hash((has_sequence, number, *sources))
            written = 0xFF if frame.kind == 3 or (is_key and frame.is_shown) else frame.refresh
        slots = [(is_key, content) if written >> slot & 1 else slots[slot] for slot in range(8)]
        if frame.is_shown or frame.repeats:
            shown[number] = content
    return shown


_frames = st.builds(
    _Frame,
    kind=st.sampled_from([0, 1, 1, 1, 1, 2, 3]),
    is_shown=st.booleans(),
    error_resilient=st.booleans(),
    short_signaling=st.sampled_from([False, False, False, True]),
    reads=st.tuples(*[st.integers(0, 7)] * 7) | st.integers(0, 7).map(lambda slot: (slot,) * 7),
    refresh=st.integers(0, 255) | st.sampled_from([0, 1, 2, 4, 8, 16, 32, 64, 128]),
    repeats=st.sampled_from([False, False, False, True]),
    with_sequence=st.sampled_from([False, False, False, True]),
)
_KEYFRAME = _Frame(0, True, True, False, (0,) * 7, 255, False, True)
_streams = st.builds(
    _Stream,
    order_hint=st.booleans(),
    screen_content=st.integers(0, 2),
    timing=st.booleans(),
    frames=st.lists(_frames, max_size=40).map(lambda frames: [_KEYFRAME, *frames]),
)


@given(_streams, st.sets(st.integers(0, 40), max_size=3))
def test_a_decoder_of_needed_frames_alone_shows_the_same(stream: _Stream, wanted: set[int]) -> None:
    dependencies = av1_dependencies(_packets(stream))
    assert dependencies is not None
    everything = _decoded(stream, [True] * len(stream.frames))
    assert list(everything) == dependencies.shown
    places = {place for place in wanted if place < len(dependencies.shown)}
    some = _decoded(stream, dependencies.needed_frames(places))
    assert all(some[dependencies.shown[place]] == everything[dependencies.shown[place]] for place in places)


def test_only_what_is_read_is_needed() -> None:
    def inter(slot: int, refresh: int) -> _Frame:
        return _Frame(1, True, False, False, (slot,) * 7, refresh, False, False)

    frames = [_KEYFRAME, inter(0, 1), inter(1, 2), inter(0, 4), inter(2, 0), replace(_KEYFRAME), inter(3, 0)]
    dependencies = av1_dependencies(_packets(_Stream(True, 0, False, frames)))
    assert dependencies is not None
    assert dependencies.needed_frames([4]) == [True, True, False, True, True, False, False]
    assert dependencies.needed_frames([6]) == [False] * 5 + [True] * 2
    assert dependencies.needed_frames([]) == [False] * 7


_STREAM = _Stream(True, 0, False, [_KEYFRAME])
_FRAME = _frame_header(_KEYFRAME, _STREAM)
_SEQUENCE = _sequence_header(_STREAM)
_INTER = _frame_header(replace(_KEYFRAME, kind=1), _STREAM)


@pytest.mark.parametrize(
    "packets",
    [
        [_FRAME],
        [_SEQUENCE + _INTER],
        [_SEQUENCE + _FRAME, _sequence_header(replace(_STREAM, timing=True)) + _FRAME],
        [_SEQUENCE + _FRAME, _SEQUENCE + _obu(5, b"\1\0\0\0\0") + _FRAME],
        [_SEQUENCE + _FRAME + _INTER],
        [_SEQUENCE + _obu(15, b"\0")],
        [_SEQUENCE + _obu(8, b"\0") + _FRAME],
        [_SEQUENCE + _FRAME[:-1]],
        [_SEQUENCE + _obu(6, b"\x20")],
        [_SEQUENCE[:3]],
        [_obu(1, _bits((0, 3), (0b11, 2), (0, 80))) + _FRAME],
        [_obu(1, _bits((0, 3), (0, 2), (0, 2), (1, 5), (0, 80))) + _FRAME],
        [_obu(1, _bits((0, 3), (0, 2), (0, 2), (0, 5), (0x101, 12), (0, 80))) + _FRAME],
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
    bits = Bits(_bits(*fields))
    assert [bits.take(length) for _, length in fields] == [value for value, _ in fields]
    with pytest.raises(UnsureError):
        bits.take(9)


@given(st.integers(0, 1 << 40))
def test_numbers_of_any_size_are_read(number: int) -> None:
    digits = (number + 1).bit_length()
    assert Bits(_bits((0, digits - 1), (number + 1, digits))).exp_golomb() == number


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
