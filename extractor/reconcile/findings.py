"""Kinds of findings. Their names are stable. Pure: no I/O."""

from enum import StrEnum

from msgspec import Struct


class FindingKind(StrEnum):
    """A kind of inconsistency of a row that is marked extracted, unless the comment says otherwise."""

    NO_MANIFEST = "NO_MANIFEST"  # there is no manifest of this video
    UNREADABLE_MANIFEST = "UNREADABLE_MANIFEST"  # the manifest cannot be read by this version
    FRAMES_MISSING = "FRAMES_MISSING"  # frames or side files do not exist
    FRAMES_WRONG_SIZE = "FRAMES_WRONG_SIZE"  # frames or side files have another size
    FRAMES_WRONG_CONTENT = "FRAMES_WRONG_CONTENT"  # frames or side files have another SHA-256 (--deep only)
    SOURCE_CHANGED = "SOURCE_CHANGED"  # the video was overwritten later
    SOURCE_GONE = "SOURCE_GONE"  # the video no longer exists
    OTHER_POLICY = "OTHER_POLICY"  # the frames were sampled under another policy than that of the settings
    OTHER_OUTPUT = "OTHER_OUTPUT"  # another output form than that of the settings, or missing side files
    OTHER_LAYOUT = "OTHER_LAYOUT"  # the frames have the keys of another layout
    WRONG_FRAME_COUNT = "WRONG_FRAME_COUNT"  # the row has another number of frames than the manifest
    NOT_MARKED = "NOT_MARKED"  # everything exists, and the row is not marked extracted


class Finding(Struct, frozen=True):
    """One kind of problem of one video.

    Attributes:
        code: The code of the video.
        kind: The kind.
        detail: A description for people.
        prefix: The folder of its frames, if there is one.
    """

    code: str
    kind: FindingKind
    detail: str
    prefix: str | None = None


# Violations of the guarantee: frames that should exist do not.
BROKEN = frozenset(
    {
        FindingKind.NO_MANIFEST,
        FindingKind.UNREADABLE_MANIFEST,
        FindingKind.FRAMES_MISSING,
        FindingKind.FRAMES_WRONG_SIZE,
        FindingKind.FRAMES_WRONG_CONTENT,
    }
)
# The frames are complete, but a new extraction would give others.
OUTDATED = frozenset(
    {FindingKind.SOURCE_CHANGED, FindingKind.OTHER_POLICY, FindingKind.OTHER_OUTPUT, FindingKind.OTHER_LAYOUT}
)
# The frames are correct, the row is not.
UNRECORDED = frozenset({FindingKind.NOT_MARKED, FindingKind.WRONG_FRAME_COUNT})
