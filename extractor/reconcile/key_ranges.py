"""Split a bucket into key ranges that are listed in parallel.

Pure, except for the listings that find boundaries. The ranges cover all possible keys, whatever the
boundaries are: bad boundaries cost speed, never objects. A boundary may split the folder of a video; such a
folder is assembled when all ranges are listed.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise

from msgspec import Struct, field

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.key_parser import TRASH, FrameFolder, KeyParser

_SMALL = 5_000  # objects; a smaller bucket is listed in one range
_FOLDERS = 16  # top-level folders that are split; there are only a few platforms


class KeyRange(Struct, frozen=True):
    """The keys greater than `after`, up to and including `until`; ``None`` is the end of the bucket."""

    after: str
    until: str | None

    def entries(self, store: ObjectStore) -> Iterator[StoredObject]:
        """Yield the objects in the range, in key order."""
        for entry in store.list("", self.after):
            if self.until is not None and entry.key > self.until:
                return
            yield entry

    def cuts_through(self, prefix: str) -> bool:
        """Return whether keys with this prefix may also be in another range."""
        return self.after.startswith(prefix) or (self.until or "").startswith(prefix)


class FolderObjects(Struct, frozen=True):
    """The objects in the folder of one video, by key."""

    place: FrameFolder
    objects: dict[str, StoredObject] = field(default_factory=dict)


def cut(store: ObjectStore, codes: Sequence[str], places: KeyParser) -> list[KeyRange]:
    """Return ranges for the bucket.

    Args:
        store: The bucket.
        codes: A sample of its codes, evenly distributed.
        places: Recognises the folders of videos.
    """
    if sum(1 for _ in islice(store.list(""), _SMALL)) < _SMALL:
        return [KeyRange("", None)]
    folders = ["", *_top_folders(store, places)]
    cuts = sorted({folder + code for folder in folders for code in ("", *codes)})
    return [KeyRange(after, until) for after, until in pairwise([*cuts, None]) if after is not None]


def _top_folders(store: ObjectStore, places: KeyParser) -> Iterator[str]:
    """Yield the first top-level folders, except those of single videos."""
    after = ""
    for _ in range(_FOLDERS):
        entry = next(store.list("", after), None)
        if entry is None:
            return
        folder, slash, _ = entry.key.partition("/")
        place = places.find(entry.key)
        if slash and folder + slash != TRASH and not (place and place.prefix == folder + slash):
            yield folder + slash
        after = folder + "/\U0010ffff" if slash else entry.key


def folders(entries: Iterable[StoredObject], places: KeyParser) -> Iterator[FolderObjects]:
    """Group entries by the folder of their video.

    A folder may be inside another one: it is complete when a key follows that is not in it.

    Args:
        entries: Objects in key order.
        places: Recognises the folders of videos.
    """
    unfinished: list[FolderObjects] = []
    for entry in entries:
        while unfinished and not entry.key.startswith(unfinished[-1].place.prefix):
            yield unfinished.pop()
        if place := places.find(entry.key):
            prefix = place.prefix
            folder = next((folder for folder in unfinished if folder.place.prefix == prefix), None)
            if folder is None:
                folder = FolderObjects(place)
                unfinished.append(folder)
            folder.objects[entry.key] = entry
    yield from reversed(unfinished)
