"""How frames are named: a template, checked once at start, that becomes the keys of each video. Pure.

Whatever passes `parse_layout` gives valid S3 keys, keeps every video in a folder of its own, gives every
frame of a video a name of its own, and leaves the name of the manifest free.
"""

from msgspec import Struct

from extractor.domain.key_template import FIELDS, Seconds, fields, fill, problems, split
from extractor.domain.keys import MANIFEST_NAME

LAYOUTS = {
    "default": "{platform}/{code}/{index:06d}.{ext}",
    "seconds": "{platform}/{code}/frames/{interval}sec/{slot}.{ext}",
    "flat": "{platform}/{code}/frames/{index}.{ext}",
    "timestamped": "{platform}/{code}/{number}_{seconds:.2f}.{ext}",
    "videosense": "frames/{video_id}/frame_{index:06d}.{ext}",
}


PLATFORMS = frozenset({"instagram", "tiktok", "youtube"})
"""Folders that hold the videos of a platform, under a layout that has a folder for it."""


class FrameKeys(Struct, frozen=True):
    """How the frames of one video are called: `prefix` is their folder, with its closing slash, and
    `frame_template` the rest, in which only the fields of a frame are left."""

    prefix: str
    frame_template: str

    @property
    def manifest_key(self) -> str:
        return self.prefix + MANIFEST_NAME

    @property
    def is_flat(self) -> bool:
        """Whether all frames lie in the folder itself. What lies in folders below is another's then."""
        return "/" not in self.frame_template

    def frame_key(self, index: int, slot: int, pts_seconds: float) -> str:
        """The key of a frame; see `extractor.domain.frames.Frame` for what the three are."""
        seconds = Seconds(pts_seconds)
        values = {"index": index, "number": index + 1, "slot": slot}
        return self.prefix + self.frame_template.format(**values, seconds=seconds, pts_seconds=seconds)


class Layout(Struct, frozen=True):
    """A template that `parse_layout` has checked."""

    template: str

    @property
    def needs_video_id(self) -> bool:
        return "video_id" in fields(self.template)

    def frame_keys(
        self,
        *,
        code: str,
        platform: str | None,
        video_id: str | None,
        interval_seconds: float,
        extension: str,
    ) -> FrameKeys:
        """The names of one video's frames. Without a platform, its folder falls away.

        `code` and `platform` fit the patterns of `extractor.domain.keys`. Raises `ValueError` if the layout
        `needs_video_id` and there is none, or if the folder would be that of a whole platform.
        """
        if platform is None and code in PLATFORMS and "platform" in fields(self.template):
            raise ValueError(f"the code {code!r} needs its platform: its folder would be that of a platform")
        if self.needs_video_id and video_id is None:
            raise ValueError(f"{self.template!r} needs the video's id")
        values = {
            "platform": platform,
            "code": code,
            "video_id": video_id,
            "interval": Seconds(interval_seconds),
            "ext": extension,
        }
        segments = self.template.split("/")
        kept = [segment for segment in segments if platform is not None or "platform" not in fields(segment)]
        return FrameKeys(*split(fill("/".join(kept), values)))


def parse_layout(text: str) -> Layout:
    """The layout that `text` names, or the template that it is.

    Raises `ValueError` that says what is wrong with it, and what is allowed.
    """
    template = LAYOUTS.get(text, text)
    if wrong := list(problems(template)):
        raise ValueError(
            f"{text!r}: {'; '.join(wrong)}. Allowed are {', '.join(LAYOUTS)}, and templates of the fields "
            f"{', '.join(FIELDS)}"
        )
    return Layout(template)
