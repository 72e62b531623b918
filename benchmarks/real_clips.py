"""Real clips to measure, from public repositories: where they are, and what they must be.

None is part of this repository. A clip is taken from `build/benchmarks/real/NAME`, or downloaded to there.
"""

import hashlib
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote

from benchmarks.support.clips import ROOT

REAL_DIR = ROOT / "build" / "benchmarks" / "real"
SITE = "https://raw.githubusercontent.com"
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class RealClip:
    """A file in a public repository.

    Attributes:
        name: The name of the local copy.
        repository: Owner and name on GitHub.
        licence: That of the repository, if it names one.
    """

    name: str
    repository: str
    commit: str
    path: str
    sha256: str
    size_bytes: int
    licence: str | None

    @property
    def url(self) -> str:
        """Where to download it."""
        return f"{SITE}/{self.repository}/{self.commit}/{quote(self.path)}"

    @property
    def origin(self) -> str:
        """Where it comes from, as Markdown."""
        licence = f", {self.licence}" if self.licence else ""
        return f"[{self.repository}]({self.url}){licence}"


class ClipUnavailableError(Exception):
    """A clip cannot be had, or is not the one that it should be."""


def fetch_clip(clip: RealClip, folder: Path = REAL_DIR) -> Path:
    """Return the local copy of a clip; download it if there is none.

    Raises:
        ClipUnavailableError: It cannot be downloaded, or the copy or the download has other contents.
    """
    path = folder / clip.name
    if path.is_file():
        check_clip(clip, path.read_bytes(), str(path))
        return path
    print(f"downloading {clip.name}", file=sys.stderr)
    try:
        with urllib.request.urlopen(clip.url, timeout=_TIMEOUT_SECONDS) as response:
            data: bytes = response.read(clip.size_bytes + 1)
    except (URLError, OSError) as error:
        raise ClipUnavailableError(
            f"{clip.name} cannot be downloaded from {clip.url} ({error}); place it at {path} yourself"
        ) from error
    check_clip(clip, data, clip.url)
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    partial.write_bytes(data)
    return partial.replace(path)


def check_clip(clip: RealClip, data: bytes, where: str) -> None:
    """Check that `data` is the clip. Raises `ClipUnavailableError` if it is not."""
    if len(data) != clip.size_bytes or hashlib.sha256(data).hexdigest() != clip.sha256:
        raise ClipUnavailableError(f"{where} is not {clip.name}: its size or its SHA-256 differs")


# fmt: off
REAL_CLIPS = (
    RealClip(
        "walking-through-a-room-432p.mp4",
        "intel-iot-devkit/sample-videos",
        "57978890822836f2b4743852f04f62fc511757e4",
        "one-by-one-person-detection.mp4",
        "a5964aa259099a482a8b360ffc2c57b5a30f84d5919236a4dad01f8e929ac07c",
        3_291_918,
        "CC BY 4.0",
    ),
    RealClip(
        "cars-from-above-432p.mp4",
        "intel-iot-devkit/sample-videos",
        "57978890822836f2b4743852f04f62fc511757e4",
        "car-detection.mp4",
        "d31e0ebf194cc16e50eea784e7c3b0b1bb7976a4fb9b3fec26cb92a6704cca34",
        2_811_553,
        "CC BY 4.0",
    ),
    RealClip(
        "bottles-360p.mp4",
        "intel-iot-devkit/sample-videos",
        "57978890822836f2b4743852f04f62fc511757e4",
        "bottle-detection.mp4",
        "d52ba94aedf8a923c342fe9ea1d2bd85f712c4cc0f49a6de1bac43eebe3a48ff",
        504_961,
        "CC BY 4.0",
    ),
    RealClip(
        "cockatoo-720p.mp4",
        "imageio/imageio-binaries",
        "f8f64710ea88e7e4a352c0f7d8c0deac9f5fd685",
        "images/cockatoo_yuv420.mp4",
        "6a801786c6b4fcfb1abaf0cb8a79d36ee102c1301665de33e5c201f1827118fa",
        1_739_190,
        None,
    ),
    RealClip(
        "big-buck-bunny-480p.mp4",
        "bower-media-samples/big-buck-bunny-480p-30s",
        "b2fcfd503b8683b177fde855824096f05b89550d",
        "video.mp4",
        "521a78e22a4065814066d8a60d53b99472a80d6a8fb0908370df0410298b4b12",
        4_139_823,
        "CC BY 3.0",
    ),
    RealClip(
        "drone-over-trees-720p60.mp4",
        "MF-swiss/the.drone.shot",
        "71e4ab230df5c5619678f54dafe8eb6380fe8c06",
        "assets/videos/hero.mp4",
        "79975d92540116ea911f5a37cf1c5c488d111c2eca5e587de49aecb73a93e9d1",
        3_572_489,
        "CC BY-NC 4.0",
    ),
    RealClip(
        "mountains-1080p60.mp4",
        "swissperiences/swissperiences",
        "d4731f5830de47579195a47046c8b79794a52ffc",
        "public/teams-hero.mp4",
        "acc7f9110dc4bd2c5c7260a6bab68df6b876ca61b4bdf1fa93f39a8ac20dccd9",
        3_122_087,
        None,
    ),
    RealClip(
        "children-vp9-1080p.webm",
        "red-robots/rally-charlotte",
        "e032c4c29f9bf0d12d7a9e1a7eba2248d959d7be",
        "videos/hero.webm",
        "f7ab14080553624479d2f48caa715264eb5d69b1a6a4e79db98d24c4802416c4",
        2_477_922,
        None,
    ),
    RealClip(
        "meadow-hevc-540p.mp4",
        "t-kozak/video_background_sample",
        "ead876ea0affb325284279232b4efbf84c71ef32",
        "assets/bg_hevc.mp4",
        "7426c1178b4c4768bf354ef2d643bb902265ebcac3e7c5432e57749b336fcdfb",
        798_395,
        "MIT",
    ),
    RealClip(
        "meadow-vp9-portrait.webm",
        "t-kozak/video_background_sample",
        "ead876ea0affb325284279232b4efbf84c71ef32",
        "assets/bg_portrait.webm",
        "55fa30feef9f49378ebf5d40befd2ec8da2b8f52c7a7d1b0c1ab3585f7b1fc41",
        381_616,
        "MIT",
    ),
    RealClip(
        "speaker-portrait-720p.mp4",
        "LucaCoding21/ondek",
        "8e081602de0075fc5cb81c584f521a104eb1593f",
        "public/videos/testimonials/gabriel-northwest-railing.mp4",
        "4464f05a420b952b6452b50e99e4a6ed3db242862a8ab6b13749a07b67b38c74",
        3_479_158,
        None,
    ),
    RealClip(
        "mural-rotated-480p.mp4",
        "Alexbeim/GRFT",
        "24dcb12e22bd603ecd61ae36b872befa341981f8",
        "vid/complexcon-hong-kong-2025.mp4",
        "7ac45c1849ada8ebe61aecf29e6799401b125827509bcd4d7fc15137ae7a6ddb",
        1_856_895,
        None,
    ),
    RealClip(
        "pedestrians-360p.avi",
        "VamsiVarma0210/Abhiyaan_Software_module",
        "a7fca416937fb3ef7364342df9096caea5ec2e96",
        "pedestrians.avi",
        "1b0d64a1686c00e1691a74e1fa472be96c932d1ccb59d9a3a61b3aff66bd9e70",
        3_112_940,
        None,
    ),
    RealClip(
        "kitchen-mpeg4-480p.mov",
        "thomaspiguet/videos",
        "a708c44017fc38a748076f9ced0e47724723321a",
        "ISA-CC.mov",
        "c3a8be1a4520d34093027aac02aee89ad172406dde1c6e41821969a9e1e8b597",
        1_483_280,
        None,
    ),
    RealClip(
        "music-vp8-270p.webm",
        "mediaelement/mediaelement-files",
        "4d21a042353022326071acb0251ab75cd6bae114",
        "echo-hereweare.webm",
        "348cf53b7358b88af2f6d5194fe367f0f7a0bb5eb446ce51df298843fca7a0e3",
        3_389_922,
        None,
    ),
    RealClip(
        "warehouse-av1-540p.mp4",
        "WareOnGo/wareongo-website",
        "ac3b66b7c72828f4a3aaa63e3fbb12e02cfefc49",
        "public/hero.av1.mp4",
        "bda6dfa2e5eb20af1f6013c46e2de454e2da82b42febafc8873706a7e042f99a",
        513_656,
        None,
    ),
)
