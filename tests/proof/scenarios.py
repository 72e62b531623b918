"""What happens in the simulations: who asks for what, and what becomes of the video meanwhile."""

from dataclasses import dataclass
from typing import Literal

from tests.proof.patching import GARBAGE


@dataclass(frozen=True, slots=True)
class Setup:
    """What happens in a simulation. `intervals`: one message for each, and as many workers. `versions`: the
    video is overwritten by each in turn. `earlier`: the interval of a finished run that the state has
    forgotten, and of which, if it `loses_frame`, one is gone. `vanishes`: the row goes away meanwhile.
    `state`: a table or claims in memory, or a real SQLite file. `announces`: somebody wants notifications.
    `slices`: every video is split, and three workers make the slices. `silent`: no message comes with a new
    version."""

    name: str
    intervals: tuple[float, ...]
    versions: tuple[bytes, ...] = (b"first",)
    earlier: float | None = None
    loses_frame: bool = False
    vanishes: bool = False
    state: Literal["table", "claims", "sqlite"] = "table"
    layout: str = "default"
    announces: bool = False
    slices: bool = False
    silent: bool = False

    @property
    def workers(self) -> int:
        return 3 if self.slices else len(self.intervals)

    @property
    def ends_extracted(self) -> bool:
        return self.versions[-1] != GARBAGE and not self.vanishes


SAME = Setup("one policy, one version", (1.0, 1.0, 1.0))
AGAIN = Setup("another policy over an earlier manifest", (1.5, 1.5, 1.5), earlier=1.0)
LOST = Setup("a frame of an earlier manifest is gone", (1.0, 1.0), earlier=1.0, loses_frame=True)
CLAIMED = Setup("with claims", (1.0, 1.0, 1.0), state="claims")
BROKEN = Setup("no video at all", (1.0, 1.0), versions=(GARBAGE,))
MENDED = Setup("garbage, overwritten by a video", (1.0, 1.0), versions=(GARBAGE, b"good"), state="sqlite")
GONE = Setup("the row goes away", (1.0, 1.0), vanishes=True, state="sqlite")
APART = Setup(
    "overwritten, versions kept apart", (1.0, 1.0), (b"first", b"second"), state="claims", layout="videosense"
)
ANNOUNCED = Setup("with notifications", (1.0, 1.0, 1.0), announces=True)
ANNOUNCED_MENDED = Setup(
    "garbage, overwritten by a video, with notifications",
    (1.0, 1.0),
    versions=(GARBAGE, b"good"),
    announces=True,
)
SLICED = Setup("in slices", (1.0,), slices=True)
SLICED_TWICE = Setup("in slices, requested twice", (1.0, 1.0), slices=True, announces=True)
SLICED_AGAIN = Setup("in slices, over an earlier manifest", (1.0,), slices=True, earlier=1.5)
SLICED_CLAIMED = Setup("in slices, with claims", (1.0,), slices=True, state="claims")
SLICED_APART = Setup(
    "in slices, overwritten, versions kept apart",
    (1.0,),
    (b"first", b"second"),
    state="claims",
    layout="videosense",
    slices=True,
)
SAFE = (
    SAME,
    AGAIN,
    LOST,
    CLAIMED,
    BROKEN,
    MENDED,
    GONE,
    APART,
    ANNOUNCED,
    ANNOUNCED_MENDED,
    SLICED,
    SLICED_TWICE,
    SLICED_AGAIN,
    SLICED_CLAIMED,
    SLICED_APART,
)

TWO_POLICIES = Setup("two policies at once", (1.0, 1.5))
TWO_POLICIES_CLAIMED = Setup("two policies at once, with claims", (1.0, 1.5), state="claims")
FEWER_FRAMES = Setup("a policy that asks for less of the same, at once", (1.0, 3.0))
OVERWRITTEN = Setup("overwritten meanwhile", (1.0, 1.0), (b"first", b"second"))
OVERWRITTEN_CLAIMED = Setup(
    "overwritten meanwhile, with claims", (1.0, 1.0), (b"first", b"second"), state="claims"
)
SLICED_RISKY = Setup(
    "in slices, overwritten silently", (1.0,), (b"first", b"second"), slices=True, silent=True
)
SLICED_POLICIES = Setup("in slices, two policies at once", (1.0, 1.5), slices=True)
RISKY = (
    SLICED_RISKY,
    SLICED_POLICIES,
    TWO_POLICIES,
    TWO_POLICIES_CLAIMED,
    FEWER_FRAMES,
    OVERWRITTEN,
    OVERWRITTEN_CLAIMED,
)
"""Different frames for the same video at the same time; docs/explanation/proof.md says what holds then."""
