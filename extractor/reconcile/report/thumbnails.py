"""Thumbnails of frames, embedded as data URIs."""

import base64
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.manifest import Manifest, StoredFile, parse_manifest
from extractor.reconcile.observations import FolderState, manifest_key

_FRAMES = 6  # per video
_HEIGHT = 240  # pixels
_QUALITY = 78
_MOST_BYTES = 100_000_000  # of a frame or a tar; larger ones are not read


class Thumbnail(Struct, frozen=True):
    """A small image as a data URI, with its size in pixels."""

    uri: str
    pts_seconds: float
    width: int
    height: int


class FilmStrip(Struct, frozen=True):
    """A video with some of its frames, evenly spread."""

    facts: FolderState
    thumbnails: tuple[Thumbnail, ...]

    @property
    def is_broad(self) -> bool:
        return any(image.width > image.height for image in self.thumbnails)


def film_strip(store: ObjectStore, facts: FolderState) -> FilmStrip:
    """Return thumbnails of the frames that exist and can be decoded."""
    found = store.read(manifest_key(facts.prefix))
    manifest = parse_manifest(found.data) if found else None
    if manifest is None:
        return FilmStrip(facts, ())
    count = len(manifest.frames)
    step = max(1, count / _FRAMES)
    chosen = [int(index * step) for index in range(min(_FRAMES, count))]
    made = (
        _thumbnail(data, manifest.frames[index]) for index, data in _images(store, manifest, chosen) if data
    )
    return FilmStrip(facts, tuple(filter(None, made)))


def _images(store: ObjectStore, manifest: Manifest, chosen: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the images at these indexes, read from the tar if there is one; empty if they do not exist."""
    archive = manifest.archive
    if archive is not None:
        tar = _read(store, archive)
        for index in chosen:
            start = archive.offsets[index]
            yield index, tar[start : start + manifest.frames[index].size_bytes]
    else:
        for index in chosen:
            yield index, _read(store, manifest.frames[index])


def _read(store: ObjectStore, item: StoredFrame | StoredFile) -> bytes:
    found = store.read(item.key) if item.size_bytes <= _MOST_BYTES else None
    return found.data if found else b""


def _thumbnail(data: bytes, frame: StoredFrame) -> Thumbnail | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    height, width = image.shape[:2]
    size = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if height > _HEIGHT else image
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    uri = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    return Thumbnail(uri, frame.pts_seconds, small.shape[1], small.shape[0])
