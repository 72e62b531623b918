"""The subcommand `duplicates`: read the hashes of all manifests, group the videos, print and record them."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import asdict

from extractor.cli.terminal import counted
from extractor.domain.manifest import parse_manifest
from extractor.reconcile.arguments import ReconcileOptions
from extractor.reconcile.context import EXAMPLES, CommandContext
from extractor.reconcile.duplicates.corpus import Corpus, gather
from extractor.reconcile.duplicates.fingerprint import Fingerprint, make_fingerprint
from extractor.reconcile.duplicates.groups import Groups, Link, Thresholds, find_groups
from extractor.reconcile.observations import manifest_key
from extractor.reconcile.parallel import in_parallel
from extractor.reconcile.record_files import reports
from extractor.reconcile.scan import ScanScope
from extractor.reconcile.snapshot import Snapshot


class DuplicateRecord(Struct, frozen=True):
    """A video of a group, or one that was not compared.

    Attributes:
        status: ``duplicate``, ``no hashes`` or ``too few frames``.
        code: The code of the video.
        prefix: The folder of its frames.
        group: The number of the group, from 1.
        same_as: The folder of the video that it matches; ``None`` for the first video of a group. From here
            on, see `alignment.Evidence`.
    """

    status: str
    code: str
    prefix: str
    group: int | None = None
    same_as: str | None = None
    matching_frames: int | None = None
    mean_distance: float | None = None
    offset_seconds: float | None = None
    speed: float | None = None
    share: float | None = None
    share_of_other: float | None = None


class Hashed(Struct, frozen=True):
    """Videos with hashes, as (code, folder), and their fingerprints; and the videos without hashes."""

    videos: list[tuple[str, str]]
    corpus: Corpus
    without: list[tuple[str, str]]


def duplicates_command(options: ReconcileOptions, context: CommandContext, snapshot: Snapshot) -> int:
    """Print and record groups of duplicates. Returns the exit status."""
    hashed = read_hashes(context.scope, snapshot)
    thresholds = Thresholds(options.distance, options.share)
    groups = find_groups(hashed.corpus, thresholds, context.scope.watch)
    with reports(options.csv, options.json) as record:
        for found in duplicate_records(hashed, groups):
            record(asdict(found))
            if found.group is not None and found.group <= EXAMPLES:
                context.say(_line(found))
    compared, few = sum(groups.compared), groups.compared.count(False)
    found_videos = sum(map(len, groups.members))
    many = f"{counted(len(groups.members), 'group')} of {counted(found_videos, 'video')} that show the same"
    context.say(f"{counted(compared, 'video')} compared: {many if groups.members else 'no duplicates'}")
    for count, text in (
        (len(hashed.without), "without hashes (extract them with MEASURES=true)"),
        (few, "with too few distinct frames"),
    ):
        if count:
            context.say(f"not compared: {counted(count, 'video')} {text}")
    if groups.common_frames:
        context.say(f"ignored: {counted(groups.common_frames, 'frame')} that many videos share")
    return 1 if groups.members else 0


def read_hashes(scope: ScanScope, snapshot: Snapshot) -> Hashed:
    """Read the manifests of all videos once more, for their hashes."""
    store = scope.frames

    def read(place: tuple[str, str]) -> tuple[tuple[str, str], Fingerprint | None]:
        found = store.read(manifest_key(place[1]))
        manifest = parse_manifest(found.data) if found else None
        return place, make_fingerprint(manifest.frames) if manifest else None

    results = scope.watch(in_parallel(_places(snapshot), read, scope.workers), "hashes", None)
    videos: list[tuple[str, str]] = []
    without: list[tuple[str, str]] = []

    def fingerprints() -> Iterator[Fingerprint]:
        for place, fingerprint in results:
            if fingerprint is None:
                without.append(place)
            else:
                videos.append(place)
                yield fingerprint

    corpus = gather(fingerprints())
    # Calls end in any order: sorted, so that equal manifests give equal output.
    order = sorted(range(len(videos)), key=videos.__getitem__)
    corpus = gather(corpus.fingerprint(number) for number in order)
    return Hashed([videos[number] for number in order], corpus, sorted(without))


def duplicate_records(hashed: Hashed, groups: Groups) -> Iterator[DuplicateRecord]:
    """Yield the groups, each from its first video on, and then the videos that were not compared."""
    neighbours: dict[int, list[Link]] = {}
    for link in groups.links:
        neighbours.setdefault(link.video, []).append(link)
    for number, members in enumerate(groups.members, 1):
        for video in members:
            # A video that joins two groups has two links.
            for link in neighbours.get(video, []):
                yield DuplicateRecord(
                    "duplicate",
                    *hashed.videos[video],
                    number,
                    hashed.videos[link.other][1],
                    **asdict(link.evidence),
                )
            if video not in neighbours:
                yield DuplicateRecord("duplicate", *hashed.videos[video], number)
    for video, compared in enumerate(groups.compared):
        if not compared:
            yield DuplicateRecord("too few frames", *hashed.videos[video])
    for place in hashed.without:
        yield DuplicateRecord("no hashes", *place)


def _places(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for folder in snapshot.folders():
        if folder.manifest == "in place" and folder.code is not None:
            yield folder.code, folder.prefix


def _line(found: DuplicateRecord) -> str:
    if found.same_as is None:
        return f"group {found.group}: {found.prefix}"
    return (
        f"group {found.group}: {found.prefix} = {found.same_as}: {found.matching_frames} frames "
        f"({found.share:.0%} and {found.share_of_other:.0%}), distance {found.mean_distance}, "
        f"offset {found.offset_seconds} s, speed {found.speed}"
    )
