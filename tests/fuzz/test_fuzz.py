"""Damaged files end in frames or in a reason; and the fuzz run would see it if one did not."""

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from extractor import errors
from extractor.pipeline.local import extract_to_folder
from tests.fuzz import trial
from tests.fuzz.cases import POLICIES, is_hostile, make_case, seeds_of, seeds_of_each
from tests.fuzz.elements import parsed
from tests.fuzz.hostile import HOSTILE
from tests.fuzz.mutators import MUTATORS
from tests.fuzz.run import Findings, fuzz, replay
from tests.fuzz.seeds import load_clips
from tests.support.media.recipes import RECIPES

ROOT = Path(__file__).parents[2]
EACH = 2  # files of each clip; many more by hand: python -m tests.fuzz


@pytest.fixture(scope="session")
def fuzz_clips(clip_dir: Path) -> Mapping[str, bytes]:
    return load_clips(clip_dir)


@pytest.fixture(scope="session")
def sound_seed(fuzz_clips: Mapping[str, bytes]) -> int:
    """One whose damage comes after all that counts, with a question that every clip answers."""
    cases = (make_case(seed, fuzz_clips) for seed in seeds_of(0, 10_000, ["gif"]))
    seed = next(case.seed for case in cases if case.policy == "uniform" and case.damage == "append")
    output = io.StringIO()
    assert replay(seed, fuzz_clips, output) == 0, output.getvalue()
    return seed


@pytest.mark.failure_row(14)
@pytest.mark.failure_row(16)
@pytest.mark.failure_row(24)
def test_damaged_files_end_in_frames_or_in_a_reason_and_leave_nothing_behind(
    fuzz_clips: Mapping[str, bytes], clip_dir: Path
) -> None:
    """In a process of its own: a forked case starts with the memory of its parent."""
    options = [f"--each={EACH}", "--seed=1", "--jobs=2", f"--clips={clip_dir}"]
    command = [sys.executable, "-m", "tests.fuzz", *options]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{EACH * (len(RECIPES) + 1)} files" in ended.stdout


def test_all_clips_and_hostile_structures_are_among_the_cases(fuzz_clips: Mapping[str, bytes]) -> None:
    """They are rare, so the files above must have as many of them as of a clip; each changes the clip."""
    cases = [make_case(seed, fuzz_clips) for seed in seeds_of_each(1, EACH)]
    assert sum(case.damage in HOSTILE for case in cases) == EACH
    ordinary = Counter(case.clip for case in cases if case.damage not in HOSTILE)
    assert ordinary == {recipe.name: EACH for recipe in RECIPES}
    clip = fuzz_clips["h264-mp4"]
    assert len({damage(clip) for damage in HOSTILE.values()} | {clip}) == len(HOSTILE) + 1


def test_a_seed_means_the_same_file_and_question_every_time(fuzz_clips: Mapping[str, bytes]) -> None:
    once, again = ([make_case(seed, fuzz_clips) for seed in range(40)] for _ in range(2))
    assert once == again
    assert len({case.data for case in once}) == len(once)


def test_all_clips_policies_and_mutators_have_their_turn() -> None:
    short = {recipe.name: bytes(range(256)) for recipe in RECIPES}
    cases = [make_case(seed, short) for seed in range(1, 1_000) if not is_hostile(seed)]
    assert {case.clip for case in cases} == {recipe.name for recipe in RECIPES}
    assert {case.policy for case in cases} == set(POLICIES)
    assert set(MUTATORS) <= {damage for case in cases for damage in case.damage.split(" + ")}


@pytest.mark.parametrize("name", MUTATORS)
def test_a_mutator_changes_a_clip_of_any_container(fuzz_clips: Mapping[str, bytes], name: str) -> None:
    other = fuzz_clips["gif-gif"]
    for clip in _one_of_each_container(fuzz_clips):
        results = {MUTATORS[name](Random(seed), clip, other) for seed in range(4)}
        assert results - {clip}
    assert MUTATORS[name](Random(1), b"\0", b"\1") is not None


@pytest.mark.parametrize(
    "container", ["mp4", "mov", "avi", "flv", "mpegts", "ogg", "ivf", "apng", "h264", "asf"]
)
def test_elements_are_written_as_they_were_read(fuzz_clips: Mapping[str, bytes], container: str) -> None:
    for name, clip in fuzz_clips.items():
        if name.endswith(f"-{container}"):
            tree = parsed(clip)
            assert sum(len(siblings) for siblings in tree.lists()) >= 5
            assert tree.written() == clip


@pytest.mark.parametrize("container", ["matroska", "webm", "mxf"])
def test_elements_are_found_where_sizes_have_many_forms(
    fuzz_clips: Mapping[str, bytes], container: str
) -> None:
    for name, clip in fuzz_clips.items():
        if name.endswith(f"-{container}"):
            written = parsed(clip).written()
            assert len(list(parsed(written).lists())) == len(list(parsed(clip).lists()))
            assert parsed(written).written() == written


def test_only_some_codecs_and_containers(fuzz_clips: Mapping[str, bytes]) -> None:
    cases = [make_case(seed, fuzz_clips) for seed in seeds_of(5, 20, ["flv", "vvc", "h264-mp4"])]
    assert {"vvc-mp4", "flv1-flv"} < {case.clip for case in cases}
    assert all({"flv", "vvc"} & {*case.clip.split("-")} or case.clip == "h264-mp4" for case in cases)
    assert min(case.seed for case in cases) >= 5


def _one_of_each_container(clips: Mapping[str, bytes]) -> list[bytes]:
    names = {
        recipe.muxer: recipe.name for recipe in sorted(RECIPES, key=lambda recipe: -len(clips[recipe.name]))
    }
    return [clips[name] for name in names.values()]


Break = Callable[..., Any]


def _traceback(*_: Any) -> None:
    raise ZeroDivisionError


def _no_reason(*_: Any) -> None:
    raise errors.ExtractorError("what was it?")


def _reason_of_the_machine(*_: Any) -> None:
    raise errors.StorageUnavailableError("the argument list is too long")


def _raw_text(*_: Any) -> None:
    raise errors.UnreadableError("first line\nsecond line")


def _empty_success(*arguments: Any) -> Any:
    return replace(extract_to_folder(*arguments), frames=())


def _times_that_jump_back(*arguments: Any) -> Any:
    manifest = extract_to_folder(*arguments)
    return replace(manifest, frames=(*manifest.frames, manifest.frames[0]))


def _lost_frame(*arguments: Any) -> Any:
    manifest = extract_to_folder(*arguments)
    (arguments[1] / manifest.frames[0].key).write_bytes(b"other bytes")
    return manifest


def _file_left(video: Path, *_: Any) -> None:
    (video.parent / ".partial-1").mkdir()
    raise errors.UnreadableError("no")


def _descriptor_left(video: Path, *_: Any) -> None:
    os.open(video, os.O_RDONLY)
    raise errors.UnreadableError("no")


def _process_left(*_: Any) -> None:
    if os.fork() == 0:
        signal.pause()
    raise errors.UnreadableError("no")


def _memory(*_: Any) -> None:
    bytearray(b"x") * (600 << 20)
    raise errors.UnreadableError("no")


def _death(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("bug", "words"),
    [
        (_traceback, "ZeroDivisionError"),
        (_no_reason, "the reason is INTERNAL"),
        (_reason_of_the_machine, "the reason is STORAGE_UNAVAILABLE"),
        (_raw_text, "not printable"),
        (_empty_success, "a success without a frame"),
        (_times_that_jump_back, "do not ascend"),
        (_lost_frame, "not what the manifest says"),
        (_file_left, "files are left"),
        (_descriptor_left, "descriptors are left"),
        (_memory, "MB of memory"),
        (_death, "ended with status 9"),
    ],
)
def test_a_broken_promise_is_found_and_kept_with_its_seed(
    fuzz_clips: Mapping[str, bytes],
    sound_seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bug: Break,
    words: str,
) -> None:
    seed, output = sound_seed, io.StringIO()
    monkeypatch.setattr(trial, "extract_to_folder", bug)
    assert fuzz([seed], 1, fuzz_clips, Findings(tmp_path / "findings"), output) == 1
    assert f"seed {seed}: " in output.getvalue()
    kept = json.loads((tmp_path / "findings" / f"{seed}.json").read_text())
    assert words in f"{kept['wrong']} {kept['text']}"
    assert (tmp_path / "findings" / f"{seed}.bin").read_bytes() == make_case(seed, fuzz_clips).data
    assert replay(seed, fuzz_clips, output) == 1


def test_a_case_that_never_ends_is_killed_with_all_it_started(
    fuzz_clips: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: Any) -> None:
        signal.pause()

    monkeypatch.setattr(trial, "extract_to_folder", hang)
    monkeypatch.setattr(trial, "MOST_SECONDS", 0.1)
    output = io.StringIO()
    assert fuzz([1, 2, 3], 3, fuzz_clips, Findings(None), output) == 1
    assert "3 HUNG" in output.getvalue()


def test_a_process_that_is_left_behind_is_found(
    fuzz_clips: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "extract_to_folder", _process_left)
    output = io.StringIO()
    assert fuzz([1], 1, fuzz_clips, Findings(None), output) == 1
    assert "1 processes are left" in output.getvalue()
