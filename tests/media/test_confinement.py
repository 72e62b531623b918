"""The sandbox denies what FFmpeg does not need: tried by a program that runs in place of FFmpeg."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.media.ffmpeg import landlock, sandbox
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
from extractor.media.ffmpeg.seccomp import MACHINES, build_filter
from tests.support.media.decoding import Decode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines")

_HAS_SECCOMP = Path("/proc/sys/kernel/seccomp/actions_avail").exists() and platform.machine() in MACHINES
needs_seccomp = pytest.mark.skipif(not _HAS_SECCOMP, reason="this kernel has no seccomp filters")


def _has_landlock() -> bool:
    return sys.platform == "linux" and int(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)) >= 1


needs_landlock = pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

_PROBE = """
import ctypes, errno, os, resource, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
x86 = os.uname().machine == "x86_64"
parent, folder = os.getppid(), sys.argv[1]
def raw(number, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(number, *(ctypes.c_long(it) if isinstance(it, int) else it for it in arguments)) == -1:
        raise OSError(ctypes.get_errno(), "")
def call(name, *arguments):
    ctypes.set_errno(0)
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")
tries = {
    "a socket": lambda: socket.socket(socket.AF_INET),
    "a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "a pair of sockets": lambda: socket.socketpair(),
    "executing": lambda: os.execv("/bin/true", ["true"]),
    "executing by descriptor": lambda: os.execve(os.open("/bin/true", os.O_RDONLY), ["true"], {}),
    "a new process": os.fork,
    "a new process by vfork": lambda: raw(58) if x86 else os.fork(),
    "a new process by clone": lambda: raw(56 if x86 else 220, signal.SIGCHLD, 0, 0, 0, 0),
    "tracing": lambda: call("ptrace", 16, parent, 0, 0),
    "reading the memory of others": lambda: raw(310 if x86 else 270, parent, 0, 0, 0, 0, 0),
    "mounting": lambda: call("mount", b"none", folder.encode(), b"tmpfs", 0, None),
    "another root": lambda: os.chroot(folder),
    "a namespace": lambda: call("unshare", 0x10000000),
    "deleting": lambda: os.unlink(folder + "/file"),
    "deleting a folder": lambda: os.rmdir(folder + "/empty"),
    "renaming": lambda: os.rename(folder + "/file", folder + "/other"),
    "linking": lambda: os.link(folder + "/file", folder + "/other"),
    "a symbolic link": lambda: os.symlink("/", folder + "/other"),
    "a folder": lambda: os.mkdir(folder + "/other"),
    "a new file": lambda: os.open(folder + "/other", os.O_CREAT | os.O_RDONLY),
    "a file for writing": lambda: os.open(folder + "/file", os.O_WRONLY),
    "cutting a file": lambda: os.truncate(folder + "/file", 0),
    "its mode": lambda: os.chmod(folder + "/file", 0),
    "its times": lambda: os.utime(folder + "/file"),
    "a signal to the parent": lambda: os.kill(parent, 0),
    "a signal to all": lambda: os.kill(-1, 0),
    "a signal to a group": lambda: os.killpg(os.getpgid(parent), 0),
    "a queued signal": lambda: raw(129 if x86 else 138, parent, 0, 0),
    "outliving its parent": lambda: call("prctl", 1, 0, 0, 0, 0),
    "limits of the parent": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE),
    "bpf": lambda: raw(321 if x86 else 280, 0, 0, 0),
    "perf": lambda: raw(298 if x86 else 241, 0, 0, 0, 0, 0),
    "keys": lambda: raw(250 if x86 else 219, 0, 0, 0, 0, 0),
    "io_uring": lambda: raw(425, 1, 0),
    "userfaultfd": lambda: raw(323 if x86 else 282, 1),
}
if x86:
    tries["the other ABI"] = lambda: raw(0x40000000 + 39)
for name, act in tries.items():
    if sys.argv[2:] and name not in sys.argv[2:]:
        continue
    try:
        act()
        print(name, "ALLOWED", flush=True)
    except OSError as error:
        print(name, errno.errorcode.get(error.errno), flush=True)
try:
    raw(435, 0, 0)
except OSError as error:
    print("clone3", errno.errorcode[error.errno])
"""


def _budget() -> ProcessLimits:
    return ProcessLimits(time.monotonic() + 60, 60, 2_000_000_000)


def _script(tmp_path: Path, text: str) -> str:
    path = tmp_path / "probe"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(text)}")
    path.chmod(0o755)
    return str(path)


def _lines(argv: list[str]) -> tuple[list[str], int]:
    with run_ffmpeg(lambda _: argv, (), _budget()) as child:
        pieces: list[bytes] = []
        child.feed_all({"stdout": pieces.append})
        return b"".join(pieces).decode().splitlines(), child.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "empty").mkdir(parents=True)
    (folder / "file").write_text("text")
    return folder


@needs_seccomp
def test_whatever_could_harm_others_is_denied(tmp_path: Path, folder: Path) -> None:
    found, status = _lines([_script(tmp_path, _PROBE), str(folder)])
    assert status == 0
    *denied, clone3 = found
    assert len(denied) >= 35
    assert [line for line in denied if not line.endswith(" EPERM")] == []
    assert clone3 == "clone3 ENOSYS", "only then libc falls back to clone, which the filter understands"
    assert sorted(path.name for path in folder.iterdir()) == ["empty", "file"]
    assert (folder / "file").read_text() == "text"


def test_the_same_program_without_confinement_may_do_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MACHINES", {})
    monkeypatch.setattr(landlock, "_CREATE_RULESET", 9_999)
    found, _ = _lines([_script(tmp_path, _PROBE), str(folder), "a socket", "deleting", "a folder"])
    assert found[:3] == ["a socket ALLOWED", "deleting ALLOWED", "a folder ALLOWED"]


def test_threads_and_the_childs_own_end_work(tmp_path: Path) -> None:
    script = _script(
        tmp_path,
        """
        import os, threading
        thread = threading.Thread(target=lambda: print("from a thread", flush=True))
        thread.start()
        thread.join()
        os.abort()
        """,
    )
    assert _lines([script]) == (["from a thread"], -6)


@needs_landlock
def test_without_the_filter_landlock_still_keeps_files_from_being_changed(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "MACHINES", {})
    changes = ["deleting", "deleting a folder", "renaming", "linking", "a symbolic link", "a folder"]
    changes += ["a new file", "a file for writing", "cutting a file"]
    found, _ = _lines([_script(tmp_path, _PROBE), str(folder), *changes])
    assert len(found[:-1]) == len(changes)
    assert not [line for line in found if line.endswith("ALLOWED")]


@needs_landlock
@needs_compiler
def test_a_program_reads_its_input_and_nothing_else_of_the_users(tmp_path: Path) -> None:
    source, program = tmp_path / "probe.c", tmp_path / "bin" / "probe"
    program.parent.mkdir()
    source.write_text(
        """
        #include <fcntl.h>
        #include <stdio.h>
        int main(int count, char **names) {
            for (int i = 1; i < count; i++) printf("%d", open(names[i], O_RDONLY) >= 0);
            printf("%d\\n", open(names[1] + 5, O_RDONLY) >= 0);
            return 0;
        }
        """
    )
    subprocess.run(["cc", str(source), "-o", str(program)], check=True)
    (tmp_path / "input").write_text("video")
    (tmp_path / "link").symlink_to(tmp_path / "input")
    (tmp_path / "secret").write_text("secret")
    inside = [str(tmp_path / "link"), str(tmp_path / "input")]
    outside = [str(tmp_path / "secret"), "/etc/passwd", "/proc/self/environ", f"/proc/{os.getpid()}/environ"]
    text = "a text of the caller"
    with run_ffmpeg(
        lambda urls: [str(program), f"file:{tmp_path / 'link'}", *inside, urls["text"], *outside],
        (),
        _budget(),
        {"text": text},
    ) as child:
        assert child.line("stdout") == b"0" + b"111" + b"0000" + b"1"
        assert child.wait() == 0


@needs_seccomp
def test_what_the_parent_leaves_open_by_accident_is_not_passed_on(tmp_path: Path) -> None:
    script = _script(tmp_path, "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        assert _lines([script])[0] == ["[0, 1, 2, 3]"]
    finally:
        os.close(read)
        os.close(write)


@needs_seccomp
def test_a_child_cannot_read_the_environment_of_its_parent(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    script = _script(tmp_path, "import os; print(open(f'/proc/{os.getppid()}/environ').read())")
    assert _lines([script]) == ([], 1)


def test_ours_are_made_unreadable_by_the_first_child() -> None:
    code = """
import ctypes, sys, time
from extractor.media.ffmpeg.pipes import ProcessLimits
from extractor.media.ffmpeg.process import run_ffmpeg
limits = ProcessLimits(time.monotonic() + 60, 60, 2 << 30)
with run_ffmpeg(lambda _: ["/bin/true"], (), limits) as child: child.wait()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout == b"0\n"


@pytest.fixture(params=["no filter", "no rules", "neither"])
def older_kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kernel or a container without seccomp, Landlock or both."""
    if request.param != "no rules":
        monkeypatch.setattr(sandbox, "_PR_SET_SECCOMP", 9_999)
    if request.param != "no filter":
        monkeypatch.setattr(landlock, "_CREATE_RULESET", 9_999)
    yield


def test_videos_are_decoded_without_it_too(older_kernel: None, decode: Decode, plain_clip: Path) -> None:
    assert decode(plain_clip, plan=True).times == [(0, 0), (1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_filter_fits_into_the_kernel(machine: str) -> None:
    assert len(build_filter(machine, 1, (1, 2, 3))) // 8 <= 4096


@needs_seccomp
def test_only_the_one_exec_is_let_through(tmp_path: Path) -> None:
    # The pointers are those of the parent's memory: a later exec with the same path comes with others.
    script = _script(tmp_path, f"import os; os.execv({find_ffmpeg()!r}, ['ffmpeg', '-version'])")
    assert _lines([script]) == ([], 1)
