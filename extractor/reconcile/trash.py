"""Out of the way: objects are moved to the trash of their own bucket, or really deleted."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.domain.key_parser import TRASH
from extractor.domain.keys import MANIFEST_NAME
from extractor.errors import VideoMissingError


class Trash(Struct, frozen=True):
    """`trash` is the prefix that keys get in the trash; ``None`` deletes for good."""

    trash: str | None

    def remove(self, store: ObjectStore, keys: Sequence[str]) -> None:
        """Remove the objects. Nothing is deleted before all are copied; the manifests go first, so that
        none is left behind that promises frames."""
        if self.trash is not None:
            for key in keys:
                with suppress(VideoMissingError):  # somebody else was here
                    store.copy(key, self.trash + key)
        manifests = [key for key in keys if key.endswith("/" + MANIFEST_NAME)]
        store.delete(manifests)
        store.delete([key for key in keys if key not in set(manifests)])


def trash_prefix(moment: datetime) -> str:
    """A folder of the trash for what is thrown away at this moment."""
    return f"{TRASH}{moment:%Y%m%dT%H%M%SZ}/"
