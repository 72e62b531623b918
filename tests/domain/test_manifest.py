"""A manifest proves what it says and nothing else."""

from msgspec.structs import replace

from extractor.domain.jobs import SourceVideo
from extractor.domain.manifest import Manifest, parse_manifest
from extractor.domain.policy import SamplingPolicy, fingerprint
from tests.support.samples import a_manifest

SOURCE = SourceVideo("videos", "abc.mp4", "etag-1", 1000)
POLICY = SamplingPolicy()


def _manifest() -> Manifest:
    return a_manifest(source=SOURCE, policy=POLICY)


def test_it_comes_back_from_json_as_it_was() -> None:
    assert parse_manifest(_manifest().to_json()) == _manifest()


def test_it_answers_only_for_the_same_version_of_the_same_source() -> None:
    assert _manifest().matches(SOURCE, POLICY)
    assert not _manifest().matches(replace(SOURCE, etag="etag-2"), POLICY)
    assert not _manifest().matches(replace(SOURCE, key="other.mp4"), POLICY)


def test_it_answers_only_for_the_same_policy() -> None:
    for other in (
        replace(POLICY, quality=94),
        replace(POLICY, interval_seconds=2.0),
        replace(POLICY, max_frames=3),
        replace(POLICY, image_format="webp"),
        replace(POLICY, strategy="keyframe"),
    ):
        assert not _manifest().matches(SOURCE, other)
        assert fingerprint(other) != fingerprint(POLICY)


def test_a_source_without_a_version_proves_nothing() -> None:
    unversioned = replace(SOURCE, etag=None)
    assert not a_manifest(source=unversioned, policy=POLICY).matches(unversioned, POLICY)


def test_it_names_the_frames_that_are_missing_or_of_another_size() -> None:
    manifest = _manifest()
    stored = {frame.key: frame.size_bytes for frame in manifest.frames}
    assert manifest.missing_or_resized(stored) == frozenset()
    first, second = manifest.frames[:2]
    del stored[first.key]
    stored[second.key] += 1
    assert manifest.missing_or_resized(stored) == {first.key, second.key}


def test_what_is_no_manifest_is_none() -> None:
    assert parse_manifest(b"no json") is None
    assert parse_manifest(b"{}") is None
    assert (
        parse_manifest(_manifest().to_json().replace(b'"schema_version": 1', b'"schema_version": 99')) is None
    )
