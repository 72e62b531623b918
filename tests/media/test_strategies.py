"""A sampling strategy is one class: everything else follows from its attributes."""

from fractions import Fraction
from pathlib import Path
from typing import cast, get_args

import pytest

from extractor.domain.policy import SamplingPolicy, Strategy
from extractor.media.sampling import GivenTimes, SampleTimes
from extractor.media.strategies import STRATEGIES, Keyframe, SamplingStrategy, strategy_of
from extractor.pipeline.local import extract_to_folder, local_config
from tests.support.media.decoding import Decode

_NEW = cast(Strategy, "start_and_interval")


class _StartAndInterval(SamplingStrategy):
    """The first frame, and the one after an interval."""

    has_sample_times = True

    def sample_times(self, policy: SamplingPolicy) -> SampleTimes:
        return GivenTimes([0, Fraction(policy.interval_seconds)], range(2))


def test_each_strategy_has_a_class() -> None:
    assert tuple(STRATEGIES) == get_args(Strategy)


@pytest.mark.parametrize("name", STRATEGIES)
def test_sample_times_exist_where_a_strategy_has_them(name: Strategy) -> None:
    policy = SamplingPolicy(strategy=name, timestamps_seconds=(1.0,))
    if strategy_of(policy).has_sample_times:
        assert strategy_of(policy).sample_times(policy).slot(0) == 0
    else:
        with pytest.raises(NotImplementedError):
            strategy_of(policy).sample_times(policy)


@pytest.mark.parametrize("plan", [False, True])
def test_a_class_adds_a_strategy(
    decode: Decode, plain_clip: Path, monkeypatch: pytest.MonkeyPatch, plan: bool
) -> None:
    monkeypatch.setitem(STRATEGIES, _NEW, _StartAndInterval())
    policy = SamplingPolicy(strategy=_NEW, interval_seconds=2.0)
    assert decode(plain_clip, policy, plan=plan).times == [(0, 0), (1, 2)]


@pytest.mark.parametrize("single_pass_max_bytes", [0, 1 << 30])
def test_a_new_strategy_works_end_to_end_with_and_without_a_single_pass(
    plain_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, single_pass_max_bytes: int
) -> None:
    monkeypatch.setattr(_StartAndInterval, "single_pass_max_bytes", single_pass_max_bytes)
    monkeypatch.setitem(STRATEGIES, _NEW, _StartAndInterval())
    policy = SamplingPolicy(strategy=_NEW, interval_seconds=2.0)
    manifest = extract_to_folder(plain_clip, tmp_path, policy, local_config())
    assert [(frame.slot, frame.pts_seconds) for frame in manifest.frames] == [(0, 0.0), (1, 2.0)]


def test_a_strategy_of_keyframes_needs_no_name_of_its_own(
    decode: Decode, plain_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRATEGIES, _NEW, Keyframe())
    expected = decode(plain_clip, SamplingPolicy(strategy="keyframe"), plan=True).times
    assert decode(plain_clip, SamplingPolicy(strategy=_NEW), plan=True).times == expected
