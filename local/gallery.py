"""The demo's result as one page: plain HTML and CSS, no script, nothing from the network.

Whatever comes from a video or a message is escaped by the template engine; image paths are keys
that `local.frames.checked_key` has let through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from extractor.manifest import Manifest
from local.frames import checked_key, manifest_key
from local.outcomes import Finished
from local.videos import DemoVideo

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Card:
    """One video with its outcome; a manifest exists exactly if it was extracted."""

    video: DemoVideo
    finished: Finished
    manifest: Manifest | None

    @property
    def as_expected(self) -> bool:
        return self.finished.outcome.reason == self.video.expected_reason

    @property
    def manifest_path(self) -> str:
        return frame_path(manifest_key(self.video.code))


@dataclass(frozen=True, slots=True)
class Gallery:
    """All that the page shows. `seconds` is the time from the first message to the last outcome."""

    cards: Sequence[Card]
    seconds: float

    @property
    def manifests(self) -> list[Manifest]:
        return [card.manifest for card in self.cards if card.manifest]

    @property
    def frame_count(self) -> int:
        return sum(len(manifest.frames) for manifest in self.manifests)

    @property
    def size_bytes(self) -> int:
        return sum(manifest.size_bytes for manifest in self.manifests)


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
    return environment.get_template("gallery.html.j2").render(gallery=gallery)


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
