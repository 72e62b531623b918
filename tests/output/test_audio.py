"""The audio track is stored beside the frames, as it is or at 16 kHz; what is wrong with it is a note."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from extractor import extract_frames
from extractor.domain.frames import DecodeLimits
from extractor.domain.layout import parse_layout
from extractor.domain.manifest import Extra
from extractor.domain.output_options import AUDIO_FORMS, AudioForm
from extractor.errors import DeadlineError
from extractor.media.decode import audio as audio_module
from extractor.media.ffmpeg import audio_command
from extractor.media.ffmpeg.audio_times import channel_count
from tests.handler.conftest import World, assert_complete
from tests.handler.faults import faulty_s3, refusal
from tests.support.media import clips

DELAY_SECONDS, SOUND_SECONDS, TONE_HZ = 0.5, 2, 440


def _clip(path: Path, codec: str) -> Path:
    clips.ffmpeg(
        f"-f lavfi -i testsrc2=size=64x48:rate=10:duration=3 -itsoffset {DELAY_SECONDS} -f lavfi"
        f" -i sine=frequency={TONE_HZ}:duration={SOUND_SECONDS}:sample_rate=48000 -c:v {clips.ENCODED}"
        f" -c:a {codec} {{0}}",
        path,
    )
    return path


@pytest.fixture(scope="module")
def tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _clip(tmp_path_factory.mktemp("clips") / "tone.mp4", "aac")


def _extract(clip: Path, out: Path, form: AudioForm) -> tuple[list[Extra], tuple[str, ...]]:
    """The extras and the notes of a clip, whose frames are all there."""
    frames = extract_frames(clip, out, audio=form)
    assert [frame.path.name for frame in frames] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert frames.manifest.audio == form
    assert all((out / extra.key).stat().st_size == extra.size_bytes for extra in frames.manifest.extras)
    return list(frames.manifest.extras), frames.manifest.notes


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        found = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        return [data[7:] for data in found] if container.format.name == "aac" else found  # ADTS headers


@pytest.mark.parametrize(
    ("name", "codec", "stored"),
    [
        ("clip.mp4", "aac", "audio.aac"),
        ("clip.mp4", "libmp3lame", "audio.mp3"),
        ("clip.mkv", "libopus", "audio.ogg"),
        ("clip.mkv", "ac3", "audio.mka"),
    ],
)
def test_a_copy_has_every_packet_of_the_video(name: str, codec: str, stored: str, tmp_path: Path) -> None:
    clip = _clip(tmp_path / name, codec)
    (extra,), notes = _extract(clip, tmp_path / "out", "copy")
    assert (extra.key, extra.kind, notes) == (stored, "audio", ())
    assert _packets(tmp_path / "out" / stored) == _packets(clip)
    assert extra.audio
    assert (extra.audio.codec, extra.audio.sample_rate, extra.audio.channels) == (
        {"libmp3lame": "mp3", "libopus": "opus"}.get(codec, codec),
        48000,
        1,
    )
    # Encoders put up to 30 ms of silence before the first sample.
    assert extra.audio.start_seconds == pytest.approx(DELAY_SECONDS, abs=0.03)
    assert extra.audio.duration_seconds == pytest.approx(SOUND_SECONDS, abs=0.06)


@pytest.mark.parametrize(("form", "stored"), [("wav16k", "audio.wav"), ("flac16k", "audio.flac")])
def test_converted_audio_has_16_khz_one_channel_and_the_same_sound(
    tone: Path, form: AudioForm, stored: str, tmp_path: Path
) -> None:
    (extra,), notes = _extract(tone, tmp_path / "out", form)
    assert (extra.key, notes) == (stored, ())
    with av.open(str(tmp_path / "out" / stored)) as container:
        stream = container.streams.audio[0]
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(stream)])
        assert (stream.rate, stream.channels) == (16_000, 1)
    assert extra.audio
    assert extra.audio.duration_seconds == pytest.approx(len(samples) / 16_000, abs=1e-6)
    # The tone is where the manifest says: silence of the encoder before it, and 440 Hz.
    first = int(np.argmax(np.abs(samples) > 500)) / 16_000
    assert extra.audio.start_seconds + first == pytest.approx(DELAY_SECONDS, abs=0.01)
    spectrum = np.abs(np.fft.rfft(samples[8_000:24_000]))
    assert int(np.argmax(spectrum)) == TONE_HZ


@pytest.mark.parametrize("form", AUDIO_FORMS)
def test_a_video_without_sound_has_its_frames_and_a_note(form: AudioForm, tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "clip.mp4", 3, pictures="testsrc2=size=64x48:rate=10")
    assert _extract(clip, tmp_path / "out", form) == ([], ("the video has no audio track",))


@pytest.mark.parametrize("share", [0.1, 1])
def test_damaged_audio_is_noted_and_stored_as_far_as_it_can_be_decoded(
    tone: Path, share: float, tmp_path: Path
) -> None:
    data = bytearray(tone.read_bytes())
    packets = _packets(tone)
    for packet in packets[: round(share * len(packets))]:
        start = bytes(data).index(packet)
        data[start : start + len(packet)] = b"\xff" * len(packet)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(data)
    extras, (note,) = _extract(damaged, tmp_path / "out", "wav16k")
    assert len(extras) == (share < 1)
    assert note.startswith("the audio track is damaged (" if extras else "the audio track is not stored: ")


def test_audio_that_is_too_large_is_noted(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_module, "MAX_BYTES", 1 << 10)
    extras, notes = _extract(tone, tmp_path / "out", "flac16k")
    assert (extras, notes) == ([], ("the audio track is not stored: it has more than 0 MiB",))


_RUNS: list[tuple[str, AudioForm]] = [
    ("build_probe", "copy"),
    ("build_copy", "copy"),
    ("build_conversion", "wav16k"),
    ("build_conversion", "flac16k"),
]
"""Each run of FFmpeg."""


def _replace_run(monkeypatch: pytest.MonkeyPatch, folder: Path, build: str, program: str) -> None:
    """Have a run of FFmpeg for the audio track start another program."""
    script = folder / "fake-ffmpeg"
    script.write_text(f"#!{sys.executable}\n{program}")
    script.chmod(0o755)
    monkeypatch.setattr(audio_command, build, lambda *_, **__: [str(script)])


@pytest.mark.failure_row(61)
@pytest.mark.parametrize(("build", "form"), _RUNS)
def test_if_ffmpeg_crashes_the_frames_are_stored_and_the_note_names_the_signal(
    tone: Path, build: str, form: AudioForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _replace_run(monkeypatch, tmp_path, build, "import os; os.kill(os.getpid(), 11)")
    extras, (note,) = _extract(tone, tmp_path / "out", form)
    assert extras == []
    assert note.startswith("the audio track is not stored: FFmpeg was killed by signal 11")


@pytest.mark.failure_row(61)
def test_if_ffmpeg_hangs_the_frames_are_stored_with_a_note(
    tone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractor.pipeline.local.DecodeLimits", partial(DecodeLimits, stall_seconds=1))
    _replace_run(monkeypatch, tmp_path, "build_copy", "import time; time.sleep(600)")
    extras, (note,) = _extract(tone, tmp_path / "out", "copy")
    assert extras == []
    assert note.startswith("the audio track is not stored: FFmpeg was idle for")


@pytest.mark.failure_row(61)
@pytest.mark.parametrize("form", AUDIO_FORMS)
def test_if_the_disk_is_full_the_frames_are_stored_with_a_note(
    tone: Path, form: AudioForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is less than a buffer, so the error occurs when the buffer is written."""
    full = partial(Path("/dev/full").open, "w+b")
    monkeypatch.setattr("extractor.pipeline.audio.TemporaryFile", lambda **_: full())
    extras, notes = _extract(tone, tmp_path / "out", form)
    assert (extras, notes) == ([], ("the audio track is not stored: the disk is full",))


def test_an_unknown_form_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="audio: must be one of copy, wav16k, flac16k"):
        extract_frames(tmp_path / "no.mp4", tmp_path / "out", audio="mp3")  # type: ignore[arg-type]


def test_the_handler_stores_it_and_makes_it_again_when_another_form_is_asked_for(
    world: World, settings: Callable[..., None], tone: Path
) -> None:
    settings(AUDIO="copy")
    world.add_video("abc", tone)
    assert world.deliver({"code": "abc"}) == []
    assert_complete(world, "abc")
    assert "abc/audio.aac" in world.objects()
    head = world.s3.head_object(Bucket="oriane-frames", Key="abc/audio.aac")
    assert head["ContentType"] == "audio/aac"
    (extra,) = json.loads(world.objects()["abc/manifest.json"])["extras"]
    assert extra["audio"]["codec"] == "aac"
    settings(AUDIO="wav16k")
    world.add_row("abc")
    assert world.deliver({"code": "abc"}) == []
    assert {key for key in world.objects() if "audio" in key} == {"abc/audio.wav"}


@pytest.mark.failure_row(61)
def test_if_the_time_ends_the_next_delivery_stores_it(
    world: World, settings: Callable[..., None], tone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(AUDIO="copy")
    world.add_video("abc", tone)

    def too_late(*_: object, **__: object) -> None:
        raise DeadlineError("the time of this invocation ended")

    with monkeypatch.context() as late:
        late.setattr("extractor.pipeline.audio.write_audio", too_late)
        assert world.deliver({"code": "abc"}) == [0]
    _assert_later_delivery_completes(world)


@pytest.mark.failure_row(61)
@pytest.mark.failure_row(32)
def test_if_it_cannot_be_uploaded_the_next_delivery_stores_it(
    world: World, settings: Callable[..., None], tone: Path, server: str
) -> None:
    settings(AUDIO="copy")
    world.add_video("abc", tone)
    with faulty_s3(
        server,
        settings,
        lambda request: refusal(403, "AccessDenied") if "audio.aac" in request.path else None,
    ):
        assert world.deliver({"code": "abc"}) == [0]
    _assert_later_delivery_completes(world)


def _assert_later_delivery_completes(world: World) -> None:
    assert world.manifest("abc") is None
    assert world.dead_letters() == []
    assert not world.is_extracted("abc")
    assert "abc/000000.jpg" in world.objects()
    assert world.deliver({"code": "abc"}, receive_count=2) == []
    assert_complete(world, "abc")
    assert "abc/audio.aac" in world.objects()


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("mono", 1), ("5.1(side)", 6), ("7.1.4", 12), ("3 channels (FL+FR+LFE)", 3), ("unheard of", None)],
)
def test_channels_are_counted_by_the_name_of_their_layout(layout: str, channels: int | None) -> None:
    assert channel_count(layout) == channels


def test_no_layout_gives_a_frame_the_name_of_the_audio_track() -> None:
    with pytest.raises(ValueError, match="must not begin with 'audio'"):
        parse_layout("{code}/audio.mp{index}")
