"""A planned decode yields bit-identical frames to a full decode, and decodes only the needed packets."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.media.decode.planned import PlanFailedError
from extractor.media.decode.schedule import make_schedule
from extractor.media.references.required_packets import DecodeOrder, closed_order, needed_packets, poc_anchors
from extractor.media.sampling import Targets, snap_to_cheaper, spread_evenly
from tests.support.media import clips
from tests.support.media.decoding import Decode, Decoded

# name, what FFmpeg makes it with, whether a plan is expected at one frame per 2 s
_CLIPS: Sequence[tuple[str, str, bool]] = (
    ("closed.mp4", "-c:v libx264 -g 50 -bf 3", True),
    ("long_gop.mp4", "-c:v libx264 -g 600 -bf 3 -x264-params scenecut=0", True),
    ("open_gop.mp4", "-c:v libx264 -g 40 -bf 3 -x264-params open-gop=1:scenecut=0", True),
    ("strict_pyramid.mp4", "-c:v libx264 -g 50 -bf 7 -b_strategy 2 -x264-params b-pyramid=strict", True),
    ("no_b.mp4", "-c:v libx264 -preset ultrafast -g 30", True),
    ("intra_refresh.mp4", "-c:v libx264 -g 50 -x264-params intra-refresh=1", True),
    ("intra_only.mp4", "-c:v libx264 -g 1", True),
    ("slices.mp4", "-c:v libx264 -g 50 -x264-params slices=4", True),
    ("baseline.mp4", "-c:v libopenh264 -g 30", True),
    ("hevc_closed.mp4", "-c:v libx265 -x265-params log-level=none:keyint=30:open-gop=0", True),
    ("hevc_open.mp4", "-c:v libx265 -x265-params log-level=none:keyint=30:open-gop=1", True),
    ("hevc_open_long.mp4", "-c:v libx265 -x265-params log-level=none:keyint=60:open-gop=1:scenecut=0", True),
    ("hevc_no_b.mkv", "-c:v libx265 -x265-params log-level=none:keyint=30:bframes=0", True),
    ("vp8.webm", "-c:v libvpx -g 40 -deadline realtime -cpu-used 8", True),
    (
        "vp8_altref.webm",
        "-c:v libvpx -g 60 -auto-alt-ref 1 -lag-in-frames 16 -deadline good -cpu-used 5",
        True,
    ),
    ("vp9.webm", "-c:v libvpx-vp9 -g 40 -deadline realtime -cpu-used 8", True),
    ("vp9_altref.webm", "-c:v libvpx-vp9 -g 60 -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 5", True),
    ("svt.mp4", "-c:v libsvtav1 -preset 12 -g 40 -svtav1-params lp=1", True),
    ("aom.mkv", "-c:v libaom-av1 -cpu-used 8 -usage realtime -g 40", True),
    ("mpeg4.mp4", "-c:v mpeg4 -g 25 -bf 2", False),
    ("mpeg2.ts", "-c:v mpeg2video -g 15 -bf 2", False),
    ("mjpeg.mov", "-c:v mjpeg", False),
    ("prores.mov", "-c:v prores", False),
    ("theora.ogv", "-c:v libtheora -g 30", False),
    ("start_at_16_s.ts", "-c:v libx264 -g 30 -bf 3 -output_ts_offset 16", True),
    ("hevc.ts", "-c:v libx265 -x265-params log-level=none:keyint=30 -output_ts_offset 16", True),
    ("fragmented.mp4", "-c:v libx264 -g 30 -bf 3 -movflags frag_keyframe+empty_moov", True),
    ("negative.mp4", "-c:v libx264 -g 30 -bf 3 -use_editlist 0 -movflags negative_cts_offsets", True),
    (
        "variable.mp4",
        "-vf select=not(mod(n\\,7))+lt(t\\,2) -fps_mode passthrough -c:v libx264 -g 30 -bf 3",
        True,
    ),
    ("deep.mp4", "-pix_fmt yuv420p10le -c:v libx264 -g 30 -bf 3", True),
    ("interlaced.mp4", "-vf interlace -c:v libx264 -g 30 -flags +ilme+ildct", False),
)


@pytest.fixture(scope="session", params=_CLIPS, ids=lambda clip: clip[0])
def clip(request: pytest.FixtureRequest, clip_dir: Path) -> tuple[Path, bool]:
    name, options, planned = request.param
    path = clip_dir / f"plan-{name}"
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=192x128:rate=25:duration=5 -pix_fmt yuv420p {options} {{0}}", path
    )
    return path, planned


def _images(decoded: Decoded) -> list[tuple[int, float, bytes]]:
    return [(frame.slot, frame.pts_seconds, frame.data) for frame in decoded.frames]


@pytest.mark.parametrize("interval", [0.1, 2.0])
def test_a_planned_decode_is_bit_identical(decode: Decode, clip: tuple[Path, bool], interval: float) -> None:
    path, planned = clip
    policy = SamplingPolicy(interval_seconds=interval)
    full = decode(path, policy)
    assert len(full.frames) == len({slot for slot, _ in full.times}) > 1
    plan = make_schedule(full.index, policy).plan
    if interval == 2.0:
        assert (plan is not None) == planned
    if plan is not None:
        assert _images(decode(path, policy, plan=True, index=full.index)) == _images(full)


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.5, 1.01, 1.02, 3.9, 77)),
        SamplingPolicy(interval_seconds=0.2, max_frames=3, max_frames_mode="spread"),
        SamplingPolicy(interval_seconds=0.04, max_frames=7),
    ],
    ids=["timestamps", "spread", "first"],
)
def test_every_policy_is_bit_identical_under_a_plan(
    decode: Decode, clip: tuple[Path, bool], policy: SamplingPolicy
) -> None:
    path, planned = clip
    full = decode(path, policy)
    if planned:
        assert _images(decode(path, policy, plan=True, index=full.index)) == _images(full)


@pytest.mark.parametrize(
    ("degrees", "policy"), [(90, SamplingPolicy()), (180, SamplingPolicy(interval_seconds=2.0))]
)
def test_a_rotated_video_is_bit_identical(
    decode: Decode, clip_dir: Path, degrees: int, policy: SamplingPolicy
) -> None:
    path = clips.rotated(clip_dir / f"plan-rotated{degrees}.mp4", degrees)
    assert _images(decode(path, policy, plan=True)) == _images(decode(path, policy))


def test_an_edited_video_is_bit_identical(decode: Decode, clip_dir: Path) -> None:
    whole = clips.plain(clip_dir / "plan-whole.mp4", 5, encoded="libx264 -g 40 -bf 3")
    edited = clip_dir / "plan-edited.mp4"
    clips.ffmpeg("-ss 1.32 -i {0} -c copy {1}", whole, edited)
    assert _images(decode(edited, plan=True)) == _images(decode(edited))


@pytest.fixture(scope="module", params=[140, 250, 300])
def far_clip(request: pytest.FixtureRequest, clip_dir: Path) -> Path:
    """HEVC with open access points at a distance that exceeds the range of the POC bits."""
    apart = request.param
    clip = clip_dir / f"plan-far{apart}.mp4"
    options = f"log-level=none:keyint={apart}:min-keyint={apart}:open-gop=1:scenecut=0"
    picture = f"testsrc2=size=96x64:rate=25:duration={apart * 6.5 / 25}"
    clips.ffmpeg(f"-f lavfi -i {picture} -c:v libx265 -x265-params {options} {{0}}", clip)
    return clip


@pytest.mark.parametrize(
    "policy",
    [
        SamplingPolicy(strategy="keyframe"),
        SamplingPolicy(strategy="keyframe", max_frames=3, max_frames_mode="spread"),
        SamplingPolicy(interval_seconds=17.0),
        SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.0, 20.3, 33.61)),
    ],
    ids=["keyframe", "spread", "sparse", "timestamps"],
)
def test_where_the_decoder_cannot_count_so_far_little_is_decoded_all_the_same(
    decode: Decode, far_clip: Path, policy: SamplingPolicy
) -> None:
    full = decode(far_clip, policy)
    plan = make_schedule(full.index, policy).plan
    assert plan is not None
    assert 0 < plan.poc_anchors < 24
    assert _images(decode(far_clip, policy, plan=True, index=full.index)) == _images(full)


def test_timestamps_give_the_first_frames_at_or_after_them(decode: Decode, plain_clip: Path) -> None:
    policy = SamplingPolicy(strategy="timestamps", timestamps_seconds=(0.5, 1.0, 2.99, 99.0))
    assert decode(plain_clip, policy, plan=True).times == [(0, 0.52), (1, 1.0), (2, 3.0)]


def test_spread_covers_the_whole_video(decode: Decode, plain_clip: Path) -> None:
    policy = SamplingPolicy(interval_seconds=0.04, max_frames=4, max_frames_mode="spread")
    assert decode(plain_clip, policy, plan=True).times == [(0, 0.0), (25, 1.0), (50, 2.0), (75, 3.0)]


@pytest.mark.parametrize(("ending", "encoded"), [("avi", "mpeg4 -bf 2"), ("vob", "mpeg2video -bf 2")])
@pytest.mark.parametrize("strategy", ["uniform", "keyframe"])
def test_spread_covers_the_whole_video_where_the_container_has_no_presentation_times(
    decode: Decode, tmp_path: Path, ending: str, encoded: str, strategy: Strategy
) -> None:
    clip = clips.plain(tmp_path / f"clip.{ending}", 12, f"{encoded} -g 25 -sc_threshold 1000000000")
    every = decode(clip, SamplingPolicy(strategy=strategy)).frames
    policy = SamplingPolicy(strategy=strategy, max_frames=4, max_frames_mode="spread")
    chosen = [every[place * len(every) // 4] for place in range(4)]
    assert [(frame.slot, frame.pts_seconds, frame.data) for frame in decode(clip, policy).frames] == [
        (frame.slot, frame.pts_seconds, frame.data) for frame in chosen
    ]


def test_a_tolerance_prefers_keyframes_and_keeps_the_slots(decode: Decode, clip_dir: Path) -> None:
    path = clips.plain(
        clip_dir / "plan-tolerance.mp4", 6, encoded="libx264 -g 30 -bf 3 -x264-params scenecut=0"
    )
    policy = SamplingPolicy(interval_seconds=1.0, tolerance_seconds=0.3)
    times = decode(path, policy, plan=True).times
    assert [slot for slot, _ in times] == list(range(6))
    assert all(abs(time - slot) <= 0.3 for slot, time in times)
    assert {time for _, time in times} >= {0.0, 1.2, 4.8}


def test_a_damaged_video_is_not_decoded_by_a_plan(decode: Decode, sound_clip: Path, tmp_path: Path) -> None:
    data = bytearray(sound_clip.read_bytes())
    for place, size in _packets(sound_clip):
        middle = place + size // 2
        data[middle : middle + 8] = b"\xff" * 8
    damaged = tmp_path / "source"
    damaged.write_bytes(data)
    with pytest.raises(PlanFailedError):
        decode(damaged, SamplingPolicy(interval_seconds=2.0), plan=True)


def _packets(clip: Path) -> list[tuple[int, int]]:
    """Return the position and the size of each video packet in the file."""
    with av.open(clip) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    return [(place, size) for place, size in packets if place is not None]


@pytest.mark.parametrize("ending", ["mp4", "webm", "ts", "mkv", "mov"])
def test_sound_is_no_hindrance_to_a_plan(decode: Decode, clip_dir: Path, ending: str) -> None:
    clip = clip_dir / f"plan-sound.{ending}"
    codecs = (
        "-c:v libvpx-vp9 -deadline realtime -c:a libopus" if ending == "webm" else "-c:v libx264 -c:a aac"
    )
    sound = "-f lavfi -i sine=frequency=440:duration=4"
    clips.ffmpeg(f"-f lavfi -i testsrc2=size=128x96:rate=25:duration=4 {sound} {codecs} -g 50 {{0}}", clip)
    policy = SamplingPolicy(interval_seconds=1.0)
    assert make_schedule(decode(clip, SamplingPolicy(max_frames=1)).index, policy).plan is not None
    assert _images(decode(clip, policy, plan=True)) == _images(decode(clip, policy))


def test_a_packet_that_cannot_be_taken_apart_allows_no_plan(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    """It is missing in the listing of references, so a plan would drop it as non-reference."""
    place, _ = _packets(plain_clip)[10]
    data = bytearray(plain_clip.read_bytes())
    data[place : place + 4] = b"\x7f\xff\xff\xff"  # the size of its first unit
    damaged = tmp_path / "source"
    damaged.write_bytes(data)
    policy = SamplingPolicy(interval_seconds=1)
    assert decode(plain_clip, policy).index.order is not None
    assert decode(damaged, policy).index.order is None


def test_damage_that_the_decoder_conceals_ends_a_plan(decode: Decode, clip_dir: Path, tmp_path: Path) -> None:
    """The decoder logs an error and conceals it, with a frame that depends on what was decoded before."""
    clip = clips.plain(clip_dir / "plan-hevc.mp4", 4, encoded="libx265 -x265-params log-level=none:keyint=50")
    damaged = clips.bit_rot(tmp_path / "source", clip, every_bytes=9_000)
    policy = SamplingPolicy(interval_seconds=0.2)
    assert decode(damaged, policy).decoder.decode_errors == 0, "the case is another one"
    with pytest.raises(PlanFailedError):
        decode(damaged, policy, plan=True)


def test_a_plan_longer_than_an_argument_can_be_is_carried_out(decode: Decode, clip_dir: Path) -> None:
    path = clip_dir / "plan-long.mp4"
    clips.ffmpeg(
        "-f lavfi -i color=gray:size=32x32:rate=60:duration=400"
        " -c:v libx264 -preset ultrafast -bf 1 -b_strategy 0 -g 6000 {0}",
        path,
    )
    policy = SamplingPolicy(interval_seconds=1.0)
    with patch(
        "extractor.media.ffmpeg.expressions._FLAGS_PER_NUMBER", 1
    ):  # as if it were fifty times as long
        plan = make_schedule(decode(path, SamplingPolicy(max_frames=1)).index, policy).plan
        assert plan is not None
        assert len(plan.packets) > 128 * 1024
        assert len(decode(path, policy, plan=True).frames) == 400


@st.composite
def _streams(draw: st.DrawFn) -> tuple[DecodeOrder, set[int]]:
    count = draw(st.integers(1, 60))
    access = [place == 0 or draw(st.booleans()) for place in range(count)]
    reference = [starts or draw(st.booleans()) for starts in access]
    targets = draw(st.sets(st.integers(0, count - 1), max_size=8))
    return closed_order(reference, access), targets


def _flags(order: DecodeOrder, places: set[int]) -> list[bool]:
    return [place in places for place in range(len(order.reference))]


@given(_streams())
def test_a_plan_has_all_that_its_targets_may_depend_on_and_nothing_else(
    stream: tuple[DecodeOrder, set[int]],
) -> None:
    order, targets = stream
    needed = needed_packets(order, _flags(order, targets))
    for target in targets:
        start = max(place for place in range(target + 1) if order.random_access[place])
        assert needed[target]
        assert all(needed[place] for place in range(start, target) if order.reference[place])
    for place, kept in enumerate(needed):
        if kept and place not in targets:
            assert order.reference[place]
            following = [target for target in targets if target > place]
            assert following
            assert not any(order.random_access[place + 1 : min(following) + 1])


@st.composite
def _open_streams(draw: st.DrawFn) -> tuple[DecodeOrder, list[set[int]], set[int]]:
    """Generate streams with open access points, the true dependencies of each picture, and targets."""
    kinds, depends = list[str](), list[set[int]]()
    for place in range(draw(st.integers(1, 50))):
        start = max((i for i, kind in enumerate(kinds) if kind in ("idr", "cra")), default=None)
        may_lead = start is not None and kinds[start] == "cra" and set(kinds[start + 1 :]) <= {"leading"}
        allowed = ["trail", "skip", "idr", "cra", *(["leading"] * 3 if may_lead else [])]
        kind = draw(st.sampled_from(allowed)) if kinds else "idr"
        if kind in ("idr", "cra"):
            depends.append(set())
        else:
            assert start is not None
            own = {i for i in range(start, place) if kinds[i] not in ("skip", "leading")}
            before = max((i for i in range(start) if kinds[i] in ("idr", "cra")), default=start)
            # Decoding may begin at the access point before: its own leading pictures are not there then.
            gone = {i for i in range(before, start) if kinds[i] == "leading"}
            reach = (
                {i for i in range(before, place) if kinds[i] != "skip"} - gone if kind == "leading" else own
            )
            depends.append(draw(st.sets(st.sampled_from(sorted(reach)), max_size=3)))
        kinds.append(kind)
    order = DecodeOrder(
        [kind != "skip" for kind in kinds],
        [kind == "idr" for kind in kinds],
        [kind == "cra" for kind in kinds],
        [kind == "leading" for kind in kinds],
    )
    return order, depends, draw(st.sets(st.integers(0, len(kinds) - 1), max_size=4))


@given(_open_streams())
def test_a_plan_over_open_access_points_has_all_that_its_pictures_depend_on(
    stream: tuple[DecodeOrder, list[set[int]], set[int]],
) -> None:
    order, depends, targets = stream
    needed = needed_packets(order, _flags(order, targets))
    for place, kept in enumerate(needed):
        assert kept or place not in targets
        assert not kept or all(needed[other] for other in depends[place])


def test_no_leap_before_an_open_access_point_is_longer_than_the_decoder_can_count() -> None:
    count = 1_000
    access = [place % 250 == 0 for place in range(count)]
    none = [False] * count
    order = DecodeOrder([True] * count, [place == 0 for place in range(count)], access, none)
    needed = needed_packets(order, _flags(order, {5, 760}))
    kept = [place for place, keep in enumerate(needed) if keep]
    anchors = poc_anchors(order, needed)
    assert kept == [*range(6), *range(750, 761)]
    assert all(later - earlier <= 100 for earlier, later in pairwise(sorted((*kept, *anchors))))
    assert len(anchors) == 7
    assert not poc_anchors(order, needed_packets(order, _flags(order, {200, 260})))


@given(_open_streams(), st.integers(1, 9))
def test_poc_anchors_are_reference_pictures_as_close_together_as_possible(
    stream: tuple[DecodeOrder, list[set[int]], set[int]], leap: int
) -> None:
    order, _, targets = stream
    needed = needed_packets(order, _flags(order, targets))
    with patch("extractor.media.references.required_packets._MAX_POC_GAP", leap):
        anchors = poc_anchors(order, needed)
    assert not any(
        needed[anchor] or order.leading[anchor] or not order.reference[anchor] for anchor in anchors
    )
    kept = sorted({place for place, keep in enumerate(needed) if keep} | set(anchors))
    for before, here in pairwise(kept):
        if here - before > leap and (order.open_access[here] or here in anchors):
            nearer = range(before + 1, min(before + leap + 1, here))
            assert not any(order.reference[place] and not order.leading[place] for place in nearer)


@given(
    st.lists(st.integers(0, 500), unique=True, min_size=1).map(sorted),
    st.lists(st.integers(0, 500), unique=True).map(sorted),
    st.integers(0, 50),
)
def test_relaxed_targets_stay_near_in_order_and_complete(
    pts: list[int], cheap: list[int], tolerance: int
) -> None:
    targets = Targets(range(len(pts)), pts)
    relaxed = snap_to_cheaper(targets, tolerance, [cheap])
    assert [target.slot for target in relaxed] == list(range(len(pts)))
    assert all(abs(new.pts - old.pts) <= tolerance for new, old in zip(relaxed, targets, strict=True))
    assert all(later.pts > earlier.pts for earlier, later in pairwise(relaxed))


@given(st.integers(0, 300), st.integers(1, 300))
def test_spread_takes_so_many_and_the_first_among_them(available: int, count: int) -> None:
    targets = Targets(range(available), range(available))
    chosen = spread_evenly(targets, count)
    assert len(chosen) == min(available, count)
    assert chosen[:1] == targets[:1]
    steps = {later.pts - earlier.pts for earlier, later in pairwise(chosen)}
    assert not steps or max(steps) - min(steps) <= 1
