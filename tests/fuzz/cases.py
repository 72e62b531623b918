"""The cases: a seed becomes a damaged file and what is asked of it, always the same."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from random import Random
from typing import Final

from extractor.domain.output_options import OutputOptions
from extractor.domain.policy import SamplingPolicy
from tests.fuzz.hostile import HOSTILE
from tests.fuzz.mutators import MUTATORS
from tests.support.media.recipes import RECIPES

_HOSTILE_CLIP: Final = "h264-mp4"
_HOSTILE: Final = "hostile"
_HOSTILE_SHARE: Final = 0.02

POLICIES: Final[Mapping[str, tuple[SamplingPolicy, OutputOptions]]] = {
    "uniform": (SamplingPolicy(), OutputOptions()),
    "every 5 s": (SamplingPolicy(interval_seconds=5), OutputOptions()),
    "every 0.1 s": (SamplingPolicy(interval_seconds=0.1, image_format="png"), OutputOptions()),
    "keyframe": (SamplingPolicy(strategy="keyframe"), OutputOptions()),
    "scene": (SamplingPolicy(strategy="scene"), OutputOptions()),
    "timestamps": (SamplingPolicy(strategy="timestamps", timestamps_seconds=(0, 0.25, 0.9)), OutputOptions()),
    "spread": (SamplingPolicy(interval_seconds=0.1, max_frames=4, max_frames_mode="spread"), OutputOptions()),
    "tolerance": (
        SamplingPolicy(interval_seconds=0.5, tolerance_seconds=0.3, image_format="webp"),
        OutputOptions(),
    ),
    "skip similar": (SamplingPolicy(interval_seconds=0.1, skip_similar=6, skip_blank=True), OutputOptions()),
    "scenes beside": (SamplingPolicy(scene_detector="content"), OutputOptions()),
    "storyboard in a tar": (SamplingPolicy(interval_seconds=0.5), OutputOptions("tar", storyboard=True)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """`damage` says what was done to the clip; `policy` is a name of `POLICIES`."""

    seed: int
    clip: str
    damage: str
    policy: str
    data: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.clip}, {self.damage}, {self.policy}, {len(self.data)} bytes"


@dataclass(frozen=True, slots=True)
class _Choice:
    random: Random
    clip: str
    policy: str
    hostile: bool


def make_case(seed: int, clips: Mapping[str, bytes]) -> Case:
    """The case of that seed. `clips` has the clip of every recipe, by its name."""
    choice = _choose(seed)
    random, data = choice.random, clips[choice.clip]
    if choice.hostile:
        damage = random.choice(sorted(HOSTILE))
        return Case(seed, choice.clip, damage, choice.policy, HOSTILE[damage](data))
    names = random.choices(sorted(MUTATORS), k=random.choice((1, 1, 2, 4)))
    for name in names:
        other = clips[random.choice(_names())]
        data = MUTATORS[name](random, data, other) or data
    return Case(seed, choice.clip, " + ".join(names), choice.policy, data)


def seeds_of(first: int, files: int, only: Sequence[str]) -> Iterator[int]:
    """So many seeds from `first` on: those whose clip has one of the words of `only` in its name."""

    def fits(seed: int) -> bool:
        parts = _choose(seed).clip.split("-")
        return not only or any(word in (*parts, "-".join(parts)) for word in only)

    return islice(filter(fits, count(first)), files)


def seeds_of_each(first: int, files: int) -> Iterator[int]:
    """So many seeds from `first` on of each clip, and as many of the files that are built to hurt."""
    left = Counter(dict.fromkeys((*_names(), _HOSTILE), files))
    for seed in count(first):
        choice = _choose(seed)
        kind = _HOSTILE if choice.hostile else choice.clip
        if left[kind]:
            left[kind] -= 1
            yield seed
        if not left.total():
            return


def is_hostile(seed: int) -> bool:
    """Whether the case of that seed is a clip built to hurt, rather than a damaged one."""
    return _choose(seed).hostile


def _choose(seed: int) -> _Choice:
    random = Random(f"case {seed}")
    hostile = random.random() < _HOSTILE_SHARE
    clip = _HOSTILE_CLIP if hostile else random.choice(_names())
    return _Choice(random, clip, random.choice(list(POLICIES)), hostile)


def _names() -> list[str]:
    return [recipe.name for recipe in RECIPES]
