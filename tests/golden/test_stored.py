"""Data of earlier versions keeps its meaning: manifests, records of runs that were cut off, checkpoints,
fingerprints and messages. The files in ``stored`` are never written anew; new ones are added."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from extractor.backends.storage.base import StoredObject
from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.layout import FrameKeys
from extractor.domain.manifest import parse_manifest
from extractor.domain.messages import VideoMessage, encode_message, parse_message
from extractor.domain.policy import SamplingPolicy, fingerprint
from extractor.output.partial_run import PartialRun
from tests.enqueue.command_line import CODES, Setup

STORED = Path(__file__).parent / "stored"
MANIFESTS = sorted((STORED / "manifests").rglob("*.json"))
FINGERPRINTS = json.loads((STORED / "fingerprints.json").read_bytes())
MESSAGES = json.loads((STORED / "messages.json").read_bytes())
VIDEO_KEYS = ("{platform}/{code}/video.mp4", "{code}.mp4")

manifests = pytest.mark.parametrize(
    "path", MANIFESTS, ids=lambda path: str(path.relative_to(STORED / "manifests"))
)


@manifests
def test_a_stored_manifest_is_read_with_all_that_it_says(path: Path) -> None:
    manifest = parse_manifest(path.read_bytes())
    assert manifest is not None
    stored, written = json.loads(path.read_bytes()), json.loads(manifest.to_json())
    if path.parent.name == "current":
        assert written == stored
    else:
        _assert_only_empty_fields_are_new(stored, written)


@manifests
def test_a_stored_manifest_still_answers_for_its_video(path: Path) -> None:
    manifest, stored = parse_manifest(path.read_bytes()), json.loads(path.read_bytes())
    assert manifest is not None
    source = msgspec.convert(stored["source"], SourceVideo)
    policy = msgspec.convert(stored["policy"], SamplingPolicy)
    assert manifest.matches(source, policy)
    assert fingerprint(policy) == stored["policy_fingerprint"]


def _body(known: dict[str, Any]) -> str:
    return json.dumps(known["body"])


def _assert_only_empty_fields_are_new(stored: object, written: object) -> None:
    if isinstance(stored, dict):
        assert isinstance(written, dict)
        assert stored.keys() <= written.keys()
        assert not any(written[name] for name in written.keys() - stored.keys())
        for name in stored:
            _assert_only_empty_fields_are_new(stored[name], written[name])
    elif isinstance(stored, list):
        assert isinstance(written, list)
        for one, other in zip(stored, written, strict=True):
            _assert_only_empty_fields_are_new(one, other)
    else:
        assert written == stored


@pytest.mark.parametrize("known", FINGERPRINTS, ids=lambda known: json.dumps(known["policy"]))
def test_the_fingerprint_of_a_policy_stays(known: dict[str, Any]) -> None:
    assert fingerprint(msgspec.convert(known["policy"], SamplingPolicy)) == known["fingerprint"]


@pytest.mark.parametrize("known", MESSAGES, ids=_body)
def test_a_message_asks_for_what_it_asked_for(known: dict[str, Any]) -> None:
    jobs = parse_message(json.dumps(known["body"]), SamplingPolicy(), VIDEO_KEYS)
    assert [
        {
            "code": job.code,
            "platform": job.platform,
            "bucket": job.bucket,
            "key": job.key,
            "policy": _changed(job.policy),
        }
        for job in jobs
    ] == known["jobs"]


@pytest.mark.parametrize("known", [known for known in MESSAGES if "sent" in known], ids=_body)
def test_a_message_that_is_sent_stays(known: dict[str, Any]) -> None:
    assert json.loads(encode_message(VideoMessage.model_validate(known["body"]))) == known["sent"]


def _changed(policy: SamplingPolicy) -> dict[str, Any]:
    """What is not at its default."""
    values, default = (json.loads(msgspec.json.encode(each)) for each in (policy, SamplingPolicy()))
    return {name: value for name, value in values.items() if value != default[name]}


def test_the_record_of_a_run_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    data = (STORED / "interim.json").read_bytes()
    stored = json.loads(data)
    store = FolderObjectStore(tmp_path)
    interim = _interim(store, stored["source"])
    _put(store, interim.key, data)
    there = [StoredObject(frame["key"], frame["size_bytes"], frame["etag"]) for frame in stored["frames"]]
    known = {found.key: found for found in (*store.list(""), *there)}
    frames = interim.read(known)
    assert frames == tuple(msgspec.convert(stored["frames"], list[StoredFrame]))


def test_the_record_of_a_run_that_is_cut_off_stays(tmp_path: Path) -> None:
    stored = json.loads((STORED / "interim.json").read_bytes())
    store = FolderObjectStore(tmp_path)
    interim = _interim(store, stored["source"])
    interim.write(msgspec.convert(stored["frames"], list[StoredFrame]))
    written = store.read("abc/interim.json")
    assert written is not None
    assert json.loads(written.data) == stored


def _interim(store: FolderObjectStore, source: dict[str, Any]) -> PartialRun:
    policy = SamplingPolicy(interval_seconds=2.0, measures=True)
    return PartialRun(
        store, FrameKeys("abc/", "{index:06d}.webp"), msgspec.convert(source, SourceVideo), policy
    )


def _put(store: FolderObjectStore, key: str, data: bytes) -> None:
    digest = hashlib.sha256(data).hexdigest()
    store.put(key, data, content_type="application/json", sha256=digest, replaces=None)


def test_a_stored_checkpoint_is_gone_on_with_and_written_in_the_same_form(setup: Setup) -> None:
    stored = (STORED / "checkpoint.json").read_text()
    stored = stored.replace("QUEUE", setup.queue_url).replace("STATE", setup.environment["SQLITE_PATH"])
    checkpoint = setup.folder / "checkpoint.json"
    checkpoint.write_text(stored)
    options = ("--checkpoint", checkpoint.name, "--interval", "0.5", "--platform", "tiktok", "--since", "2d")
    run = setup.run(*options, "--limit", "3")
    assert run.returncode == 0, run.stderr
    assert [message["code"] for message in setup.queued()] == CODES[10:13]
    expected = {**json.loads(stored), "settled_through": CODES[12], "settled": 13}
    assert json.loads(checkpoint.read_text()) == expected
