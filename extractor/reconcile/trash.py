"""Move objects to the trash prefix of their bucket, or delete them permanently."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.domain.key_parser import TRASH
from extractor.domain.keys import MANIFEST_NAME
from extractor.errors import VideoMissingError


class Trash(Struct, frozen=True):
    """Removes objects.

    Attributes:
        trash: The prefix of keys in the trash; ``None`` to delete permanently.
    """

    trash: str | None

    def remove(self, store: ObjectStore, keys: Sequence[str]) -> None:
        """Remove objects.

        All objects are copied before any is deleted. Manifests are deleted first, so that no manifest refers
        to deleted frames.
        """
        if self.trash is not None:
            for key in keys:
                with suppress(VideoMissingError):  # deleted in the meantime
                    store.copy(key, self.trash + key)
        manifests = [key for key in keys if key.endswith("/" + MANIFEST_NAME)]
        store.delete(manifests)
        store.delete([key for key in keys if key not in set(manifests)])


def trash_prefix(moment: datetime) -> str:
    """Return the trash prefix for objects that are removed at this time."""
    return f"{TRASH}{moment:%Y%m%dT%H%M%SZ}/"
