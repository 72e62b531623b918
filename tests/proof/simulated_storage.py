"""Where things lie in a simulation: buckets, the state, dead letters; and a look behind their back."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from extractor.backends.state.base import StateStore
from extractor.domain.jobs import SourceVideo, VideoRef
from extractor.domain.layout import parse_layout
from tests.proof.invariant import View
from tests.proof.memory import (
    Item,
    MemoryClaims,
    MemoryObjectStore,
    MemoryQueue,
    MemoryTable,
    Row,
    etag_of,
    item_key,
)
from tests.proof.scenarios import Setup
from tests.proof.stores import TABLE, Known, Sqlite

CODE = "v"
BUCKET = "videos"
_KEY = f"{CODE}.mp4"


@dataclass(slots=True)
class Places:
    """Those of one setup; `database` is the file of a state that is a real one. `seen`: the versions of the
    video so far."""

    setup: Setup
    database: Path
    videos: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    frames: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    dead_letters: MemoryQueue = field(default_factory=MemoryQueue)
    seen: list[SourceVideo] = field(default_factory=list)
    _table: MemoryTable = field(default_factory=lambda: MemoryTable({CODE: Row()}))
    _items: dict[str, Item] = field(default_factory=dict)

    def upload(self, video: bytes) -> None:
        self.videos.objects[_KEY] = video
        self.seen.append(SourceVideo(BUCKET, _KEY, etag_of(video), len(video)))

    def state(self, owner: int, now: Callable[[], float]) -> StateStore:
        """As a worker opens it."""
        if self.setup.state == "claims":
            return MemoryClaims(self._items, now, str(owner))
        return self._table if self.setup.state == "table" else self._sqlite.open(now)

    def forget(self) -> None:
        """The state knows nothing of what was done."""
        self._table.rows[CODE] = Row()
        self._items.clear()
        if self.setup.state == "sqlite":
            self.database.unlink(missing_ok=True)
            self._sqlite.add(CODE)

    def lose_frame(self) -> None:
        del self.frames.objects[f"{CODE}/000001.jpg"]

    def remove_row(self) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute(f"DELETE FROM {TABLE}")

    def views(self) -> Iterator[View]:
        """The video as its state has it: once, or once for each version."""
        layout = parse_layout(self.setup.layout)
        for video in self.seen if self.setup.state == "claims" else self.seen[-1:]:
            frame_keys = layout.frame_keys(
                code=CODE,
                platform=None,
                video_id=item_key(VideoRef(CODE, video)),
                interval_seconds=1,
                extension="jpg",
            )
            yield View(
                known=self._known(video),
                objects=self.frames.objects,
                manifest_key=frame_keys.manifest_key,
                is_acknowledged=False,
                dead_letters=len(self.dead_letters.sent),
            )

    def _known(self, video: SourceVideo) -> Known:
        if self.setup.state == "claims":
            item = self._items.get(item_key(VideoRef(CODE, video)), Item())
            return Known(item.status == "processed", item.error)
        if self.setup.state == "sqlite":
            return self._sqlite.look(CODE, video)
        row = self._table.rows[CODE]
        return Known(row.is_extracted, row.error)

    @property
    def _sqlite(self) -> Sqlite:
        return Sqlite(self.database)
