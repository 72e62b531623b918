"""The demo's result as one page: plain HTML and CSS, nothing from the network, and one script, for the
storyboards and the search, which is the only one that may run.

Whatever comes from a video or a message is escaped by the template engine; image paths are keys
that `local.demo.download.checked_key` has let through.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

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
    """A rectangle of an image, in pixels, that shows the video from `start` seconds on, as players count."""

    start: float
    clock: str
    path: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Card:
    """One video with its outcome; a manifest exists exactly if it was extracted. `track` is the text of its
    storyboard, if it has one."""

    video: DemoVideo
    finished: Finished
    manifest: Manifest | None
    track: str | None = None

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
        """Each frame in full, from when it is shown, as the tiles count. None if the frames lie in a tar."""
        frames = self.manifest.frames if self.manifest and not self.manifest.archive else ()
        return [
            {"start": round(self.start + frame.pts_seconds, 3), "path": frame_path(frame.key)}
            for frame in frames
        ]

    @property
    def start(self) -> float:
        """When the video's first frame is shown, as the tiles count."""
        first = next(_tiles(self.track or "", ""), None)
        return round(first.start - self.manifest.frames[0].pts_seconds, 3) if first and self.manifest else 0.0

    @property
    def search_text(self) -> str:
        """What the search looks through."""
        outcome = self.finished.outcome.reason or "extracted"
        codec = [self.manifest.video.codec] if self.manifest else []
        return " ".join([self.video.code, self.video.caption, outcome, *codec])


@dataclass(frozen=True, slots=True)
class Gallery:
    """All that the page shows. `seconds` is the time from the first message to the last outcome."""

    cards: Sequence[Card]
    seconds: float

    @property
    def ordered(self) -> list[Card]:
        """What failed or was not expected first, and of that what was not expected."""
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
    """The card of a video, whose frames are fetched if it was extracted. Raises `FramesError`."""
    if finished.outcome.reason:
        return Card(video, finished, None)
    manifest = frames.fetch(video.code)
    tracks = [extra.key for extra in manifest.extras if extra.kind == "thumbnails"]
    track = (frames.directory / tracks[0]).read_text(encoding="utf-8") if tracks else None
    return Card(video, finished, manifest, track)


def render(gallery: Gallery) -> str:
    """The page, for a folder that has the frames under ``frames/``."""
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
    """65.25 is ``1:05.250``."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def size(size_bytes: int) -> str:
    """In kB or MB, as people read it."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:.0f} kB"


def frame_path(key: str) -> str:
    """Where the page finds the object that was stored under `key`."""
    return f"frames/{checked_key(key)}"


def _tiles(track: str, folder: str) -> Iterator[Tile]:
    """What the extractor's WebVTT says; the images lie in `folder`."""
    for hours, minutes, seconds, name, *region in _CUE.findall(track):
        start = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        yield Tile(start, clock(start), f"{folder}/{name}", *map(int, region))
