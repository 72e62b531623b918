"""A bucket cut into ranges of keys that are listed at the same time. Pure but for the look that finds cuts.

The ranges cover every key there can be, whatever the cuts are: bad cuts cost speed, never objects. A cut may
run through a video's folder; such a folder is put together when all ranges are listed.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise

from msgspec import Struct, field

from extractor.backends.storage.base import ObjectStore, StoredObject
from extractor.domain.key_parser import TRASH, FrameFolder, KeyParser

_SMALL = 5_000  # objects; a bucket of fewer is not worth a cut
_FOLDERS = 16  # top folders that are cut; there are a handful of platforms


class KeyRange(Struct, frozen=True):
    """The keys greater than `after`, up to and including `until` (``None``: to the end)."""

    after: str
    until: str | None

    def entries(self, store: ObjectStore) -> Iterator[StoredObject]:
        """All objects in the range, in order of their keys."""
        for entry in store.list("", self.after):
            if self.until is not None and entry.key > self.until:
                return
            yield entry

    def cuts_through(self, prefix: str) -> bool:
        """Whether keys with this prefix may lie in another range, too."""
        return self.after.startswith(prefix) or (self.until or "").startswith(prefix)


class FolderObjects(Struct, frozen=True):
    """All frames of one video, and its manifest if it has one, by key."""

    place: FrameFolder
    objects: dict[str, StoredObject] = field(default_factory=dict)


def cut(store: ObjectStore, codes: Sequence[str], places: KeyParser) -> list[KeyRange]:
    """Ranges for the bucket; `codes` are some of those that it holds, evenly spread."""
    if sum(1 for _ in islice(store.list(""), _SMALL)) < _SMALL:
        return [KeyRange("", None)]
    folders = ["", *_top_folders(store, places)]
    cuts = sorted({folder + code for folder in folders for code in ("", *codes)})
    return [KeyRange(after, until) for after, until in pairwise([*cuts, None]) if after is not None]


def _top_folders(store: ObjectStore, places: KeyParser) -> Iterator[str]:
    """The first few, found by looking behind each; not those of single videos."""
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
    """The videos to which the entries belong, which come in order of their keys.

    A folder may lie in another one: it is done when a key comes that is not in it."""
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
