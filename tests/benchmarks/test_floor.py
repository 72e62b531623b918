"""The floor of a comparison writes the project's images, and the cost of each child process is known."""

import subprocess
from pathlib import Path

from benchmarks.support.floor import ALL_PACKETS, IMAGES, plan_floor
from benchmarks.support.recorded_children import recorded_children
from extractor import extract_frames
from extractor.domain.policy import SamplingPolicy
from tests.support.media import clips


def test_the_floor_writes_the_images_of_the_project_without_decoding_every_packet(tmp_path: Path) -> None:
    clip = clips.plain(tmp_path / "clip.mp4", pictures="testsrc2=size=64x48:rate=5")
    ours = extract_frames(clip, tmp_path / "ours")
    commands = plan_floor(clip, SamplingPolicy(), tmp_path)
    floor = tmp_path / "floor"
    floor.mkdir()
    subprocess.run([argument.replace(IMAGES, str(floor)) for argument in commands.images], check=True)
    assert [path.read_bytes() for path in sorted(floor.iterdir())] == [it.path.read_bytes() for it in ours]
    assert (tmp_path / "packets").read_text() != ALL_PACKETS
    for command in (commands.decoding, commands.start):
        assert subprocess.run(command, check=True, capture_output=True).stderr == b""


def test_each_child_process_is_noted_with_its_own_cost() -> None:
    busy, idle = ["sh", "-c", "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done"], ["sh", "-c", ":"]
    with recorded_children() as children:
        for argv in (busy, idle):
            subprocess.run(argv, check=True)
    subprocess.run(idle, check=True)
    assert [child.argv for child in children] == [busy, idle]
    assert children[0].cpu_seconds > children[1].cpu_seconds > 0
