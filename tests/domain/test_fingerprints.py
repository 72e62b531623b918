"""The fingerprint of a policy is the same in every version, so finished videos stay finished."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.policy import SamplingPolicy, fingerprint, identifying_options
from tests.support.samples import a_manifest

GOLDEN = json.loads(Path(__file__).with_name("data").joinpath("fingerprints.json").read_text())


class NextPolicy(SamplingPolicy, frozen=True):
    """The policy of a later version, which has one more option."""

    denoise: bool = False


def _policy(kind: type[SamplingPolicy], options: dict[str, object]) -> SamplingPolicy:
    times = options.get("timestamps_seconds", ())
    assert isinstance(times, list | tuple)
    return replace(kind(), **{**options, "timestamps_seconds": tuple(times)})


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["fingerprint"][:12])
@pytest.mark.parametrize("kind", [SamplingPolicy, NextPolicy], ids=["today", "with one more option"])
def test_fingerprints_are_those_that_earlier_versions_have_stored(
    golden: dict[str, object], kind: type[SamplingPolicy]
) -> None:
    assert isinstance(golden["options"], dict)
    assert fingerprint(_policy(kind, golden["options"])) == golden["fingerprint"]


def test_the_stored_fingerprints_cover_every_option() -> None:
    covered = {name for golden in GOLDEN for name in golden["options"]}
    assert covered >= set(identifying_options(SamplingPolicy()))
    assert len({golden["fingerprint"] for golden in GOLDEN}) >= 30


def test_a_new_option_changes_the_fingerprint_only_if_it_is_used() -> None:
    assert fingerprint(NextPolicy()) == fingerprint(SamplingPolicy())
    assert fingerprint(NextPolicy(denoise=True)) != fingerprint(SamplingPolicy())


def test_a_new_option_leaves_the_manifest_of_a_finished_video_valid() -> None:
    finished = a_manifest()
    assert finished.matches(finished.source, NextPolicy())
    assert not finished.matches(finished.source, NextPolicy(denoise=True))


def test_a_manifest_lists_a_later_option_only_if_it_is_used() -> None:
    default, used = a_manifest(policy=NextPolicy()), a_manifest(policy=NextPolicy(denoise=True))
    assert default.to_json() == a_manifest().to_json()
    assert json.loads(used.to_json())["policy"]["denoise"] is True
    assert identifying_options(SamplingPolicy(counts_frames=True))["counts_frames"] is True
    assert _read_again(a_manifest(policy=SamplingPolicy(counts_frames=True))).policy.counts_frames


def _read_again(manifest: Manifest) -> Manifest:
    found = parse_manifest(manifest.to_json())
    assert found is not None
    return found
