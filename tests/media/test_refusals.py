"""Files that cannot be decoded completely are refused, with the right reason."""

from pathlib import Path

import pytest

from extractor import errors
from extractor.domain.frames import DecodeLimits
from extractor.domain.policy import SamplingPolicy
from extractor.media.decode import exit_check
from extractor.media.ffmpeg import formats
from extractor.media.ffmpeg.input_info import InputInfo
from tests.support.media import clips, heif
from tests.support.media.decoding import Decode


@pytest.mark.failure_row(14)
def test_random_bytes_are_unreadable_in_ffmpegs_own_words(decode: Decode, tmp_path: Path) -> None:
    path = tmp_path / "source"
    path.write_bytes(bytes(range(7, 256)) * 40)
    with pytest.raises(errors.UnreadableError, match="Invalid data found"):
        decode(path)


@pytest.mark.failure_row(14)
def test_an_mp4_without_its_index_is_unreadable(decode: Decode, plain_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.UnreadableError, match="moov atom not found"):
        decode(clips.cut_off(tmp_path / "source", 0.7, plain_clip))


@pytest.mark.failure_row(14)
def test_an_encrypted_video_is_unreadable(decode: Decode, plain_clip: Path, tmp_path: Path) -> None:
    key = "0123456789abcdef0123456789abcdef"
    path = tmp_path / "encrypted.mp4"
    clips.ffmpeg(
        f"-i {{0}} -c copy -encryption_scheme cenc-aes-ctr -encryption_key {key} -encryption_kid {key} {{1}}",
        plain_clip,
        path,
    )
    with pytest.raises(errors.UnreadableError, match="encrypted"):
        decode(path)


@pytest.mark.failure_row(15)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("muxing", ["-movflags +faststart -f mp4", "-f matroska", "-f flv"])
def test_a_file_that_ends_early_is_truncated(
    decode: Decode, tmp_path: Path, share: float, muxing: str
) -> None:
    whole = clips.with_sound(tmp_path / "whole", 30, 30, muxing)
    expectation = pytest.raises(errors.TruncatedError, match=r"only \d+\.\d\d of 30\.\d\d seconds")
    if share > 0.95 and "flv" in muxing:
        pytest.skip("FLV has no index: what is missing is within what its header may be wrong about")
    with expectation:
        decode(clips.cut_off(tmp_path / "source", share, whole))


@pytest.mark.failure_row(15)
def test_a_truncated_file_is_taken_where_the_setting_says_so(
    decode: Decode, sound_clip: Path, tmp_path: Path
) -> None:
    cut = clips.cut_off(tmp_path / "source", 0.6, sound_clip)
    decoded = decode(cut, limits=DecodeLimits(allow_truncated=True))
    assert decoded.index.truncated
    assert decoded.index.expected_seconds == pytest.approx(4, abs=0.1)
    assert decoded.times == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert decoded.decoder.decoded_seconds < 3


def test_sound_that_outlasts_the_pictures_is_no_truncation(decode: Decode, tmp_path: Path) -> None:
    decoded = decode(clips.with_sound(tmp_path / "clip.mp4", 2, 9))
    assert not decoded.index.truncated
    assert decoded.times == [(0, 0.0), (1, 1.0)]


@pytest.mark.failure_row(16)
def test_a_little_bit_rot_is_counted(decode: Decode, sound_clip: Path, tmp_path: Path) -> None:
    decoded = decode(clips.bit_rot(tmp_path / "source", sound_clip, every_bytes=20_000))
    assert decoded.decoder.decode_errors > 0
    assert len(decoded.frames) == 4


@pytest.mark.failure_row(16)
def test_much_bit_rot_makes_a_video_unreadable(decode: Decode, sound_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.UnreadableError, match="frames are damaged"):
        decode(clips.bit_rot(tmp_path / "source", sound_clip, every_bytes=300))


@pytest.mark.failure_row(17)
@pytest.mark.parametrize("make", [clips.sound_only, clips.cover_art_only])
def test_sound_and_cover_art_are_no_video(decode: Decode, tmp_path: Path, make: object) -> None:
    assert callable(make)
    with pytest.raises(errors.NoVideoStreamError):
        decode(make(tmp_path / "source.m4a"))


@pytest.mark.failure_row(17)
def test_the_error_says_what_is_in_a_file_without_video(decode: Decode, tmp_path: Path) -> None:
    with pytest.raises(errors.NoVideoStreamError, match=r"only sound$"):
        decode(clips.sound_only(tmp_path / "sound.m4a"))
    with pytest.raises(errors.NoVideoStreamError, match=r"only sound and cover art$"):
        decode(clips.cover_art_only(tmp_path / "cover.mp3"))
    with pytest.raises(errors.NoVideoStreamError, match=r"only subtitles$"):
        decode(clips.subtitles_only(tmp_path / "subtitles.mkv"))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            ["  Stream #0:0[0x1](und): Audio: aac (LC)", "  Stream #0:1(eng): Subtitle: subrip"],
            "sound and subt",
        ),
        (["    Stream #0:0: Data: none", "  Stream #0:1[0x2]: Attachment: ttf"], "attachments and data"),
        (["  Stream #0:0: Video: png, rgb24 (attached pic)"], "only cover art"),
        (["  Title: Stream #0:0: Audio: aac"], "nor anything else"),
    ],
)
def test_kinds_of_streams_are_named(facts: list[str], words: str) -> None:
    assert words in formats.describe_missing_video(InputInfo.parse(facts).other_kinds)


@pytest.mark.failure_row(22)
@pytest.mark.parametrize("ending", ["avif", "bmp", "jp2", "jpg", "jxl", "png", "tiff", "webp"])
def test_a_picture_is_refused_as_a_still_picture(decode: Decode, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"picture.{ending}"
    clips.ffmpeg("-f lavfi -i testsrc2=size=64x64 -frames:v 1 {0}", picture)
    with pytest.raises(errors.ForbiddenFormatError, match="a still picture"):
        decode(picture)


@pytest.mark.failure_row(22)
@pytest.mark.parametrize("policy", [SamplingPolicy(), SamplingPolicy(strategy="keyframe")])
def test_a_photo_in_tiles_is_refused_as_a_still_picture(
    decode: Decode, tmp_path: Path, policy: SamplingPolicy
) -> None:
    with pytest.raises(errors.ForbiddenFormatError, match="a still picture"):
        decode(heif.phone_photo(tmp_path / "photo"), policy)


def test_an_animated_png_of_one_picture_is_a_still_picture(decode: Decode, tmp_path: Path) -> None:
    animation = tmp_path / "animation"
    clips.ffmpeg("-f lavfi -i testsrc2=size=64x64:rate=5 -frames:v 3 -f apng {0}", animation)
    assert decode(animation, SamplingPolicy(interval_seconds=0.2)).times == [(0, 0.0), (1, 0.2), (2, 0.4)]
    animation.write_bytes(clips.first_picture_of_apng(animation.read_bytes()))
    with pytest.raises(errors.ForbiddenFormatError, match="a still picture"):
        decode(animation)


def test_a_gif_of_one_picture_is_a_video_of_one_frame(decode: Decode, tmp_path: Path) -> None:
    picture = tmp_path / "picture"
    clips.ffmpeg("-f lavfi -i testsrc2=size=64x64 -frames:v 1 -f gif {0}", picture)
    assert decode(picture).times == [(0, 0.0)]


def test_an_animated_webp_is_refused_but_not_called_a_still_picture(decode: Decode, tmp_path: Path) -> None:
    animation = tmp_path / "animation.webp"
    clips.ffmpeg("-f lavfi -i testsrc2=size=64x64 -frames:v 3 -c:v libwebp_anim {0}", animation)
    with pytest.raises(errors.ForbiddenFormatError, match="this file format"):
        decode(animation)


@pytest.mark.parametrize(
    ("brands", "packets", "still"),
    [
        (b"heic\0\0\0\0mif1heic", 1, True),
        (b"mif1\0\0\0\0heic", 0, True),
        (b"avif\0\0\0\0mif1miaf", 1, True),
        (b"heic\0\0\0\0mif1heic", 30, False),
        (b"avis\0\0\0\0avifmsf1", 1, True),  # a sequence of one picture
        (b"avis\0\0\0\0avifmsf1", 30, False),
        (b"heic\0\0\0\0mif1hevcmsf1", 30, False),
        (b"avis\0\0\0\0avifmsf1", 0, False),  # a damaged sequence
        (b"isom\0\0\0\0iso2avc1mp41", 1, False),
        (b"qt  \0\0\0\0qt  ", 1, False),
    ],
)
def test_a_heif_file_is_a_still_picture_unless_it_has_a_sequence(
    brands: bytes, packets: int, still: bool
) -> None:
    head = (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + b"\0\0\0\x08mdat" + b"hevcmsf1"
    assert formats.is_still_picture(head, packets) is still


def test_a_stream_of_jpegs_is_no_still_picture() -> None:
    jpeg = b"\xff\xd8\xff\xdb" + bytes(40) + b"\xff\xd9"
    assert formats.is_still_picture(jpeg, 0)
    assert not formats.is_still_picture(jpeg * 5, 0)


@pytest.mark.parametrize("length", range(0, 40, 3))
def test_a_file_of_a_few_bytes_is_judged_without_error(length: int) -> None:
    for start in (
        b"",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xff\xff\xffftypheic",
        b"\0\0\0\4ftypheic",
        b"BM",
    ):
        assert formats.is_still_picture(start[:length], 0) in (True, False)


@pytest.mark.failure_row(18)
def test_a_decode_without_one_image_is_never_a_success() -> None:
    silent = exit_check.DecodeResult(
        status=0,
        images=0,
        decode_errors=0,
        expected_frames=10,
        decoded_seconds=0,
        expected_seconds=1,
        out_of_memory=False,
        summary="no message",
    )
    assert isinstance(exit_check.check_decode(silent, DecodeLimits()), errors.NoFramesError)


@pytest.mark.failure_row(22)
@pytest.mark.parametrize("suffix", ["", ".mp4", ".m3u8"])
@pytest.mark.parametrize("make", [clips.concat_script, clips.playlist])
def test_a_script_never_opens_a_neighbouring_video(
    decode: Decode, plain_clip: Path, tmp_path: Path, suffix: str, make: object
) -> None:
    assert callable(make)
    with pytest.raises(errors.ForbiddenFormatError):
        decode(make(tmp_path / f"source{suffix}", plain_clip))


@pytest.mark.failure_row(22)
@pytest.mark.parametrize(
    "text",
    [
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"/>',
    ],
    ids=["sdp", "svg", "dash"],
)
def test_texts_for_programs_are_refused(decode: Decode, tmp_path: Path, text: str) -> None:
    (tmp_path / "source").write_text(text)
    with pytest.raises(errors.ForbiddenFormatError):
        decode(tmp_path / "source")


@pytest.mark.failure_row(20)
def test_pictures_with_too_many_pixels_are_refused(decode: Decode, plain_clip: Path) -> None:
    with pytest.raises(errors.TooLargeError, match="MAX_PIXELS"):
        decode(plain_clip, limits=DecodeLimits(max_pixels=320 * 240 - 1))


@pytest.mark.failure_row(19)
def test_more_frames_than_the_ceiling_are_refused_before_the_first(decode: Decode, plain_clip: Path) -> None:
    with pytest.raises(errors.TooLargeError, match="100 frames are requested"):
        decode(plain_clip, SamplingPolicy(interval_seconds=0.01), DecodeLimits(max_frames=99))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi"])
def test_a_file_with_too_many_streams_is_refused_as_such(
    decode: Decode, plain_clip: Path, tmp_path: Path, ending: str
) -> None:
    clip = tmp_path / f"clip.{ending}"
    streams = " ".join(["-map 0:v"] * 70)
    clips.ffmpeg(f"-t 1 -i {{0}} {streams} -c copy {{1}}", plain_clip, clip)
    with pytest.raises(errors.TooLargeError, match="more than 64 streams"):
        decode(clip)


@pytest.mark.failure_row(26)
@pytest.mark.parametrize("memory_bytes", [190_000_000, 250_000_000])
def test_a_decoder_that_needs_too_much_memory_is_stopped(
    decode: Decode, plain_clip: Path, memory_bytes: int
) -> None:
    with pytest.raises(errors.TooLargeError, match="FFMPEG_MEMORY_MB"):
        decode(plain_clip, limits=DecodeLimits(memory_bytes=memory_bytes))


@pytest.mark.failure_row(26)
@pytest.mark.parametrize("memory_bytes", [600_000_000, 700_000_000])
def test_memory_that_runs_out_in_the_middle_of_decoding_is_no_damage(
    decode: Decode, clip_dir: Path, memory_bytes: int
) -> None:
    encoded = "libx264 -preset ultrafast -refs 16 -x264-params ref=16:bframes=0 -pix_fmt yuv444p"
    pictures = "testsrc2=size=2560x2560:rate=25"
    clip = clip_dir / "references.mp4"
    if not clip.exists():
        clips.plain(clip, 1.2, encoded=encoded, pictures=pictures)
    with pytest.raises(errors.TooLargeError, match="FFMPEG_MEMORY_MB"):
        decode(clip, limits=DecodeLimits(memory_bytes=memory_bytes, threads=1))


def test_a_header_that_claims_an_absurd_size_is_damage(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.ivf"
    clips.ffmpeg("-i {0} -t 1 -c:v libvpx -deadline realtime -cpu-used 8 {1}", plain_clip, clip)
    data = bytearray(clip.read_bytes())
    data[32:36] = b"\xff" * 4  # the size of the first packet
    clip.write_bytes(data)
    with pytest.raises(errors.UnreadableError):
        decode(clip)


def test_an_encrypted_video_is_named_in_one_sentence(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    clip = tmp_path / "encrypted.mp4"
    key = "-encryption_scheme cenc-aes-ctr -encryption_kid {0} -encryption_key {0}"
    clips.ffmpeg(f"-i {{1}} -c copy {key} {{2}}", Path("0123456789abcdef" * 2), plain_clip, clip)
    with pytest.raises(errors.UnreadableError) as raised:
        decode(clip)
    assert str(raised.value) == "the video is encrypted, and the file does not contain the key"


def test_a_codec_that_a_file_only_pretends_to_have_does_no_harm(
    decode: Decode, plain_clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "source"
    path.write_bytes(plain_clip.read_bytes() + b"\x00\x00\x00\x0cfreehvc1")
    assert decode(path, plan=True).times == decode(plain_clip).times
    assert decode(path).index.order is not None
