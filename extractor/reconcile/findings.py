"""What can be wrong with a video, under names that stay. Pure."""

from enum import StrEnum

from msgspec import Struct


class FindingKind(StrEnum):
    """Of a row that says *extracted*, unless it says otherwise."""

    NO_MANIFEST = "NO_MANIFEST"  # there is no manifest of this video
    UNREADABLE_MANIFEST = "UNREADABLE_MANIFEST"  # what lies in its place is none of this version
    FRAMES_MISSING = "FRAMES_MISSING"  # frames, or what comes with them, are not there
    FRAMES_WRONG_SIZE = "FRAMES_WRONG_SIZE"  # … are there with another size
    FRAMES_WRONG_CONTENT = "FRAMES_WRONG_CONTENT"  # … have another SHA-256 (only a deep look sees it)
    SOURCE_CHANGED = "SOURCE_CHANGED"  # the video was overwritten since
    SOURCE_GONE = "SOURCE_GONE"  # the video is not there any more
    OTHER_POLICY = "OTHER_POLICY"  # the frames were sampled in another way than the settings ask for
    OTHER_OUTPUT = "OTHER_OUTPUT"  # the frames have another form, or lack what is to come with them
    OTHER_LAYOUT = "OTHER_LAYOUT"  # the frames lie where another layout put them
    WRONG_FRAME_COUNT = "WRONG_FRAME_COUNT"  # the row counts other frames than the manifest
    NOT_MARKED = "NOT_MARKED"  # the row does not say extracted, although everything is there


class Finding(Struct, frozen=True):
    """One kind of trouble with one video. `prefix` is the folder of its frames, if it has one."""

    code: str
    kind: FindingKind
    detail: str
    prefix: str | None = None


# Against the guarantee: frames are promised that are not there.
BROKEN = frozenset(
    {
        FindingKind.NO_MANIFEST,
        FindingKind.UNREADABLE_MANIFEST,
        FindingKind.FRAMES_MISSING,
        FindingKind.FRAMES_WRONG_SIZE,
        FindingKind.FRAMES_WRONG_CONTENT,
    }
)
# The frames are whole, and would come out otherwise today.
OUTDATED = frozenset(
    {FindingKind.SOURCE_CHANGED, FindingKind.OTHER_POLICY, FindingKind.OTHER_OUTPUT, FindingKind.OTHER_LAYOUT}
)
# The frames are right, the row is not.
UNRECORDED = frozenset({FindingKind.NOT_MARKED, FindingKind.WRONG_FRAME_COUNT})
