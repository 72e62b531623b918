"""The gallery shows what happened, and nothing that a video or a message says can act in it."""

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec import structs

from extractor.domain.frames import LeftOutFrame
from extractor.domain.manifest import Extra, Manifest, parse_manifest
from local.demo.download import checked_key
from local.demo.gallery import Card, Gallery, Tile, clock, render
from local.demo.outcomes import Finished, Outcome
from local.demo.videos import DemoVideo
from local.errors import FramesError
from tests.support.samples import a_manifest

TRACK = (
    "WEBVTT\n\n00:00:00.000 --> 01:01:01.250\nsprite-a.jpg#xywh=0,0,108,192\n\n"
    "01:01:01.250 --> 01:01:02.000\nsprite-a.jpg#xywh=108,0,108,192\n"
)
HOSTILE = "\"><script>alert('x')</script>"


class _Page(HTMLParser):
    """Every tag with its attributes, and the text outside of the style sheet and the script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("style", "script"):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _manifest(codec: str = "h264") -> Manifest:
    """A phone video: stored on its side, with a frame at 0, 1.25 and 2.5 s."""
    plain = a_manifest("clip")
    frames = tuple(
        structs.replace(frame, pts_seconds=frame.index * 1.25, width=360, height=640)
        for frame in plain.frames
    )
    video = structs.replace(
        plain.video, codec=codec, width=640, height=360, rotation_degrees=90, duration_seconds=62.5
    )
    return structs.replace(plain, video=video, frames=frames)


VIDEO = DemoVideo("clip", "A clip", Path("clip.mp4"))
GOOD = Card(VIDEO, Finished("clip", Outcome(), 0.5), _manifest())
BAD = Card(VIDEO, Finished("clip", Outcome("TRUNCATED", "it ends early"), 0.1), None)


def _page(*cards: Card) -> _Page:
    return _Page(render(Gallery(cards, 1.0)))


def test_an_extracted_video_is_shown_with_all_its_frames() -> None:
    page = _page(GOOD)
    images = page.all("img")
    assert [image["src"] for image in images] == [f"frames/clip/{index:06d}.jpg" for index in range(3)]
    assert all(image["loading"] == "lazy" and image["alt"] for image in images)
    assert {(image["width"], image["height"]) for image in images} == {("360", "640")}
    for text in ("0:01.250", "1:02.500", "360 × 640", "turned 90°", "extracted"):
        assert text in page.text


def test_of_a_video_with_many_frames_the_first_are_shown_and_the_rest_is_folded() -> None:
    manifest = _manifest()
    frame = manifest.frames[0]
    frames = tuple(structs.replace(frame, index=n, key=f"clip/{n:06d}.jpg") for n in range(30))
    page = _page(replace(GOOD, manifest=structs.replace(manifest, frames=frames)))
    assert [image["src"] for image in page.all("img")] == [f"frames/clip/{n:06d}.jpg" for n in range(30)]
    assert "6 more frames" in page.text
    tags = [name for name, _ in page.tags]
    assert tags[: tags.index("details")].count("img") == 24


def test_the_manifest_is_shown_as_it_is_and_linked() -> None:
    page = _page(GOOD)
    text = page.text[page.text.index("{") : page.text.rindex("}") + 1]
    assert parse_manifest(text.encode()) == GOOD.manifest
    assert "frames/clip/manifest.json" in [link["href"] for link in page.all("a")]


def test_a_failed_video_is_shown_with_its_reason_and_no_frames() -> None:
    page = _page(BAD)
    assert "failed: TRUNCATED" in page.text
    assert "It ends early" in page.text
    assert not page.all("img")


def test_a_video_that_was_made_in_slices_tells_their_number() -> None:
    assert "slices" not in _page(GOOD).text
    assert "made in5 slices" in _page(replace(GOOD, finished=replace(GOOD.finished, slices=5))).text


def test_failures_come_first_and_the_unexpected_before_the_others() -> None:
    expected = replace(BAD, video=replace(VIDEO, code="meant", expected_reason="TRUNCATED"))
    unexpected = replace(BAD, video=replace(VIDEO, code="not-meant"))
    page = _page(GOOD, expected, unexpected)
    cards = [tag["data-text"] for tag in page.all("article")]
    assert cards == [
        "not-meant A clip TRUNCATED",
        "meant A clip TRUNCATED",
        "clip A clip extracted h264",
    ]


def test_no_word_is_left_unexplained() -> None:
    assert "slot" not in _page(GOOD, BAD).text.replace('"slot"', "")


def test_a_preview_is_the_frame_itself_at_the_time_of_players() -> None:
    late = TRACK.replace("00:00:00.000 -->", "00:00:02.500 -->")
    page = _page(replace(GOOD, track=late))
    (scrubber,) = [figure for figure in page.all("figure") if figure.get("class") == "scrub"]
    assert json.loads(scrubber["data-frames"] or "") == [
        {"start": 2.5 + 1.25 * index, "path": f"frames/clip/{index:06d}.jpg"} for index in range(3)
    ]
    (slider,) = [tag for tag in page.all("input") if tag.get("type") == "range"]
    assert (slider["min"], slider["max"], slider["value"]) == ("2.5", "65.0", "2.5")


def test_a_storyboard_is_shown_if_there_is_one() -> None:
    extras = tuple(
        Extra(key=f"clip/{name}", size_bytes=1, sha256="0" * 64, kind=kind)
        for kind, name in (("contact_sheet", "contact-sheet.jpg"), ("thumbnails", "storyboard.vtt"))
    )
    manifest = structs.replace(_manifest(), extras=extras)
    page = _page(replace(GOOD, manifest=manifest, track=TRACK))
    (scrubber,) = [figure for figure in page.all("figure") if figure.get("class") == "scrub"]
    assert [Tile(**tile) for tile in json.loads(scrubber["data-tiles"] or "")] == [
        Tile(0, "0:00.000", "frames/clip/sprite-a.jpg", 0, 0, 108, 192),
        Tile(3661.25, "61:01.250", "frames/clip/sprite-a.jpg", 108, 0, 108, 192),
    ]
    assert "frames/clip/contact-sheet.jpg" in [link["href"] for link in page.all("a")]
    assert not [figure for figure in _page(GOOD).all("figure") if figure.get("class") == "scrub"]


def test_frames_that_are_not_distinct_are_shown_pale_beside_the_one_that_stands_for_them() -> None:
    manifest = _manifest()
    first, second, third = manifest.frames
    kept = (structs.replace(second, index=0, key="other/1.jpg"), structs.replace(third, index=1))
    left_out = (LeftOutFrame(first.slot, first.pts_seconds, 0, 3),)
    page = _page(replace(GOOD, distinct=structs.replace(manifest, frames=kept, left_out=left_out)))
    assert "Distinct frames: 2 of 3" in page.text
    assert len([item for item in page.all("li") if item.get("class") == "left-out"]) == 1
    (stand_in,) = [image for image in page.all("img") if image.get("class") == "stand-in"]
    assert stand_in["src"] == "frames/clip/000001.jpg"
    assert "0:00.000like 0:01.250" in page.text


def test_a_track_that_names_other_files_shows_nothing() -> None:
    for name in ("../x.jpg", "//elsewhere/x.jpg", 'a"b.jpg', "x.svg"):
        page = _page(replace(GOOD, track=TRACK.replace("sprite-a.jpg", name)))
        assert not [figure for figure in page.all("figure") if figure.get("class") == "scrub"]


def test_only_the_script_of_the_page_itself_may_run() -> None:
    html = render(Gallery([GOOD], 1.0))
    script = html[html.index("<script>") + len("<script>") : html.index("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert html.count("<script") == 1
    assert f"script-src &#39;sha256-{digest}&#39;" in html or f"script-src 'sha256-{digest}'" in html


def test_nothing_that_a_video_or_a_message_says_becomes_markup() -> None:
    video = replace(VIDEO, code=HOSTILE, caption=HOSTILE)
    failed = Card(video, Finished(HOSTILE, Outcome(HOSTILE, HOSTILE), 0.1), None)
    extracted = Card(replace(VIDEO, caption=HOSTILE), GOOD.finished, _manifest(codec=HOSTILE))
    page = _page(failed, extracted)
    expected = _page(BAD, GOOD)
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in expected.tags]
    assert page.text.count(HOSTILE) >= 5


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = render(Gallery([GOOD, BAD], 1.0))
    assert "://" not in html
    assert "//" not in "".join(link["href"] or "" for link in _Page(html).all("a"))


@pytest.mark.parametrize(
    "key", ["../x", "/etc/passwd", "a//b", "a/../b", ".hidden", "a/.b", "a\\b", "a b", ""]
)
def test_a_key_that_could_leave_the_folder_is_refused(key: str) -> None:
    with pytest.raises(FramesError):
        checked_key(key)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00.000"), (65.25, "1:05.250"), (59.9999, "1:00.000"), (3_600, "60:00.000")]
)
def test_times_are_minutes_seconds_and_milliseconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text
