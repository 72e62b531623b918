"""Command line of data sets: export frames as WebDataset shards with tables."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from extractor.backends.storage.base import ObjectStore
from extractor.backends.storage.folder import FolderObjectStore
from extractor.cli.terminal import complain, counted, escape_control_chars, run_command, say
from extractor.dataset.arguments import S3, ExportOptions, parse_arguments
from extractor.domain.extras import require
from extractor.errors import UsageError

if TYPE_CHECKING:
    from extractor.dataset.copies import Copier


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit status.
    """
    return run_command(lambda: _export(parse_arguments(argv)))


def _export(options: ExportOptions) -> int:
    require("dataset", "an export")
    # --help and wrong usage do without pyarrow.
    from extractor.dataset.export import Export
    from extractor.dataset.source import Source

    if not options.source.startswith(S3) and not Path(options.source).is_dir():
        raise UsageError(f"SOURCE: there is no folder {options.source!r}")
    store, source_prefix = _open(options.source)
    target, prefix = _open(options.out)
    totals = Export(
        source=Source(store, source_prefix),
        target=target,
        prefix=prefix,
        shard_bytes=options.shard_mb * 1_000_000,
        splits=options.split,
        tell=lambda text: complain(escape_control_chars(text)),
        copier=_copier(options, source_prefix, target),
    ).run()
    if not totals.videos and not totals.damaged:
        raise UsageError(f"SOURCE: there is no manifest in {options.source!r}")
    if totals.damaged:
        complain("the data set is not complete: there are no tables until all of the above is repaired")
        return 1
    done = f"{counted(totals.videos, 'video')}, {counted(totals.frames, 'frame')}"
    shards = f"{counted(totals.shards, 'shard')} ({totals.kept} complete already)"
    say(f"{done} -> {shards} in {escape_control_chars(options.out)}")
    return 0


def _copier(options: ExportOptions, source_prefix: str, target: ObjectStore) -> "Copier | None":
    if not (options.source.startswith(S3) and options.out.startswith(S3)):
        return None
    from extractor.backends.storage.s3 import S3ObjectStore
    from extractor.dataset.copies import Copier

    if not isinstance(target, S3ObjectStore):
        return None
    bucket = options.source.removeprefix(S3).partition("/")[0]
    return Copier(bucket, source_prefix, target)


def _open(location: str) -> tuple[ObjectStore, str]:
    """Return the store of a location, and the prefix in it."""
    if not location.startswith(S3):
        return FolderObjectStore(Path(location)), ""
    from extractor import container
    from extractor.cli.environment import load_dotenv_defaults
    from extractor.settings import Settings

    load_dotenv_defaults(os.environ)
    bucket, _, prefix = location.removeprefix(S3).partition("/")
    folder = prefix.strip("/")
    settings = Settings.model_validate({})  # S3 needs no setting
    return container.build_tools_object_store(settings, bucket), f"{folder}/" if folder else ""


if __name__ == "__main__":
    sys.exit(main())
