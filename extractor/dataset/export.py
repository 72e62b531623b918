"""Export a data set: shard by shard, and the tables last."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from extractor.backends.storage.base import ObjectStore
from extractor.cli.terminal import counted
from extractor.dataset.copies import Copier
from extractor.dataset.plan import Planner, Shard
from extractor.dataset.shards import ShardStore
from extractor.dataset.source import DamagedSource, Source
from extractor.dataset.splits import Split
from extractor.dataset.tables import FRAMES_TABLE, VIDEOS_TABLE, Tables
from extractor.errors import AccessDeniedError, SourceChangedError
from extractor.output.tar import PART_BYTES

_TABLES = (FRAMES_TABLE, VIDEOS_TABLE)
_MOST_DENIED = 10
_PARQUET = "application/vnd.apache.parquet"


class ExportTotals(Struct):
    """What an export did.

    Attributes:
        videos: Number of videos.
        frames: Number of frames.
        shards: Number of shards.
        kept: Number of shards that were complete already.
        damaged: Number of manifests and shards that could not be exported.
    """

    videos: int = 0
    frames: int = 0
    shards: int = 0
    kept: int = 0
    damaged: int = 0


class Export(Struct, frozen=True):
    """An export.

    Attributes:
        source: What is exported.
        target: Where the data set is written.
        prefix: Prefix of its keys, with its closing slash; it may be empty.
        shard_bytes: Size of a shard.
        splits: The splits.
        tell: Prints a line of progress.
        copier: Copies within S3, if source and target are both there.
    """

    source: Source
    target: ObjectStore
    prefix: str
    shard_bytes: int
    splits: Sequence[Split]
    tell: Callable[[str], None]
    copier: Copier | None = None

    def run(self) -> ExportTotals:
        """Write the shards that are missing, then the tables, unless something is damaged.

        What is damaged, or may not be read, is named, and the other shards are written.

        Raises:
            AccessDeniedError: Several manifests in a row may not be read: the credentials are wrong.
        """
        totals = ExportTotals()
        existing = {entry.key: entry for entry in self.target.list(self.prefix, deep=False)}
        tables = [self.prefix + name for name in _TABLES]
        # Tables are there only while they describe the shards.
        self.target.delete([key for key in tables if key in existing])
        shard_store, names = ShardStore(self.target, self.prefix, existing, self.copier), set[str]()
        with TemporaryDirectory(prefix="dataset-") as folder:
            with Tables(Path(folder)) as rows:
                for shard in self._shards(totals):
                    names.add(shard.name)
                    self._store(shard, shard_store, totals)
                    rows.add(shard)
            if not totals.damaged:
                for name in _TABLES:
                    parts = _parts(Path(folder, name))
                    self.target.put_parts(self.prefix + name, parts, content_type=_PARQUET, replaces=None)
        self._tell_of_others(existing.keys() - {self.prefix + name for name in names} - set(tables))
        return totals

    def _shards(self, totals: ExportTotals) -> Iterator[Shard]:
        planner, denied = Planner(self.shard_bytes, self.splits), 0
        for video in self.source.videos():
            denied = denied + 1 if isinstance(video, DamagedSource) and video.denied else 0
            if isinstance(video, DamagedSource):
                totals.damaged += 1
                self.tell(video.text)
                if denied == _MOST_DENIED:
                    raise AccessDeniedError(
                        f"{denied} manifests in a row may not be read; check the credentials"
                    )
            elif full := planner.add(video):
                yield full
        yield from planner.rest()

    def _store(self, shard: Shard, shard_store: ShardStore, totals: ExportTotals) -> None:
        totals.shards += 1
        totals.videos += len(shard.videos)
        totals.frames += shard.frame_count
        try:
            if kept := shard_store.has(shard):
                totals.kept += 1
            else:
                shard_store.write(shard, self.source)
        except SourceChangedError as error:
            totals.damaged += 1
            self.tell(f"{shard.name}: not written: {error}")
            return
        size = f"{counted(len(shard.videos), 'video')}, {counted(shard.frame_count, 'frame')}"
        state = "complete already" if kept else "written"
        self.tell(f"{shard.name}: {state}: {size}, {shard.size_bytes / 1e6:.1f} MB")

    def _tell_of_others(self, keys: set[str]) -> None:
        shards = sorted(key for key in keys if key.endswith(".tar"))
        if shards:
            self.tell(f"not of this data set, delete them if no reader needs them: {', '.join(shards)}")


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part
