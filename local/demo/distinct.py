"""Extract the distinct frames of a video for the page, by the Python API, as a user would on one machine."""

from pathlib import Path

from msgspec import structs

from extractor import ExtractorError, extract_frames
from extractor.domain.manifest import Manifest
from local.demo.videos import DemoVideo
from local.errors import DemoError

_DISTANCE = 8  # bits of the perceptual hash


def distinct_frames(video: DemoVideo, every: Manifest, work: Path) -> Manifest:
    """Return the manifest of the same frames without those that are like another one.

    Args:
        video: The video.
        every: The manifest of all frames.
        work: A folder for the images.

    Raises:
        DemoError: It failed.
    """
    policy = structs.replace(every.policy, distinct_distance=_DISTANCE)
    try:
        return extract_frames(video.path, work / "distinct", policy=policy).manifest
    except ExtractorError as error:
        raise DemoError(f"the distinct frames of {video.code} cannot be extracted: {error}") from error
