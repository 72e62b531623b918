"""Render the demo's result as one HTML page without external resources.

The page's content security policy allows only its own script, for storyboards and search. The template engine
escapes all values from videos and messages; image paths are checked by `local.demo.download.checked_key`.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from extractor.domain.frames import StoredFrame
from extractor.domain.manifest import Manifest
from local.demo.download import FrameDownload, checked_key, manifest_key
from local.demo.outcomes import Finished
from local.demo.videos import DemoVideo

_TEMPLATES = Path(__file__).with_name("templates")
_CUE = re.compile(
    r"(\d+):(\d\d):(\d\d\.\d{3}) --> .*\n"
    r"([A-Za-z0-9-]+\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A region of a sprite image, in pixels, that shows the video from `start` seconds on."""

    start: float
    clock: str
    path: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Card:
    """A video and its outcome.

    Attributes:
        video: The video.
        finished: The outcome.
        manifest: The manifest, exactly if the video was extracted.
        track: The WebVTT text of its storyboard, if any.
        distinct: The manifest of its distinct frames, if the page shows them.
    """

    video: DemoVideo
    finished: Finished
    manifest: Manifest | None
    track: str | None = None
    distinct: Manifest | None = None

    @property
    def as_expected(self) -> bool:
        return self.finished.outcome.reason == self.video.expected_reason

    @property
    def manifest_path(self) -> str:
        return frame_path(manifest_key(self.video.code))

    @property
    def contact_sheet(self) -> str | None:
        extras = self.manifest.extras if self.manifest else ()
        return next((frame_path(extra.key) for extra in extras if extra.kind == "contact_sheet"), None)

    @property
    def tiles(self) -> list[dict[str, object]]:
        folder = self.manifest_path.rpartition("/")[0]
        return [asdict(tile) for tile in _tiles(self.track or "", folder)]

    @property
    def previews(self) -> list[dict[str, object]]:
        """The frames with their display times on the tiles' clock; empty if the frames are in a tar."""
        frames = self.manifest.frames if self.manifest and not self.manifest.archive else ()
        return [
            {"start": round(self.start + frame.pts_seconds, 3), "path": frame_path(frame.key)}
            for frame in frames
        ]

    @property
    def start(self) -> float:
        """The display time of the first frame on the tiles' clock."""
        first = next(_tiles(self.track or "", ""), None)
        return round(first.start - self.manifest.frames[0].pts_seconds, 3) if first and self.manifest else 0.0

    @property
    def stand_ins(self) -> dict[int, StoredFrame]:
        """The frame that stands for each frame that is not distinct, by the slot of the latter."""
        if self.distinct is None or self.manifest is None:
            return {}
        kept = self.distinct.frames
        frames = {frame.slot: frame for frame in self.manifest.frames}
        return {other.slot: frames[kept[other.same_as].slot] for other in self.distinct.left_out}

    @property
    def search_text(self) -> str:
        """The text that the search matches."""
        outcome = self.finished.outcome.reason or "extracted"
        codec = [self.manifest.video.codec] if self.manifest else []
        return " ".join([self.video.code, self.video.caption, outcome, *codec])


@dataclass(frozen=True, slots=True)
class Gallery:
    """The content of the page. `seconds` is the time from the first message to the last outcome."""

    cards: Sequence[Card]
    seconds: float

    @property
    def ordered(self) -> list[Card]:
        """The cards, unexpected outcomes first, then failures, then the others."""
        return sorted(
            self.cards, key=lambda card: (card.as_expected and card.manifest is not None, card.as_expected)
        )

    @property
    def manifests(self) -> list[Manifest]:
        return [card.manifest for card in self.cards if card.manifest]

    @property
    def frame_count(self) -> int:
        return sum(len(manifest.frames) for manifest in self.manifests)

    @property
    def size_bytes(self) -> int:
        return sum(manifest.size_bytes for manifest in self.manifests)


def card_of(video: DemoVideo, finished: Finished, frames: FrameDownload) -> Card:
    """Return the card of a video, and download its frames if it was extracted.

    Raises:
        FramesError: The frames do not match the manifest.
    """
    if finished.outcome.reason:
        return Card(video, finished, None)
    manifest = frames.fetch(video.code)
    tracks = [extra.key for extra in manifest.extras if extra.kind == "thumbnails"]
    track = (frames.directory / tracks[0]).read_text(encoding="utf-8") if tracks else None
    return Card(video, finished, manifest, track)


def render(gallery: Gallery) -> str:
    """Return the page as HTML, for a folder with the frames under ``frames/``."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, size=size, frame_path=frame_path)
    script = (_TEMPLATES / "gallery.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = environment.get_template("gallery.html.j2")
    return template.render(gallery=gallery, script=Markup(script), script_digest=digest)


def clock(seconds: float) -> str:
    """Format a time: 65.25 is ``1:05.250``."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def size(size_bytes: int) -> str:
    """Format a size in kB or MB."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def frame_path(key: str) -> str:
    """Return the path of an object on the page."""
    return f"frames/{checked_key(key)}"


def _tiles(track: str, folder: str) -> Iterator[Tile]:
    """Parse the WebVTT text; the images are in `folder`."""
    for hours, minutes, seconds, name, *region in _CUE.findall(track):
        start = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        yield Tile(start, clock(start), f"{folder}/{name}", *map(int, region))
