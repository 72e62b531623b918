"""Take a single frame of a stored video."""

from msgspec import Struct
from msgspec.structs import replace

from extractor.backends.storage.folder import FolderObjectStore
from extractor.domain.jobs import ExtractionJob
from extractor.domain.layout import FrameKeys
from extractor.domain.output_options import OutputOptions
from extractor.domain.timing import Stopwatch
from extractor.output.frame_store import FrameStore
from extractor.pipeline.download import Downloads
from extractor.pipeline.extract import ExtractionTask, ExtractorConfig, extract
from extractor.pipeline.source import StreamedVideo


class SingleFrame(Struct, frozen=True):
    """A frame, and what it took.

    Attributes:
        data: The image as a file would hold it.
        pts_seconds: Its time, from the first frame of the video.
        fetched_bytes: How many bytes of the video were fetched.
    """

    data: bytes
    pts_seconds: float
    fetched_bytes: int


def take_frame(
    source: StreamedVideo,
    job: ExtractionJob,
    downloads: Downloads,
    config: ExtractorConfig,
    deadline: float,
) -> SingleFrame:
    """Take the frame of a job whose policy asks for one.

    Args:
        source: The open video of the job.
        job: The video and the policy.
        downloads: Fetches the video, or what is needed of it.
        config: How to decode.
        deadline: When the work must end, as of `time.monotonic()`.

    Raises:
        NoFramesError: The video has no such frame.
        ExtractorError: The video gives no frames.
    """
    with downloads.run(source, job.policy, deadline) as video:
        task = ExtractionTask(
            path=video.path,
            code=job.code,
            platform=job.platform,
            source=video.video,
            policy=job.policy,
            deadline=deadline,
            copy=video.copy,
        )
        store = FolderObjectStore(video.path.parent)
        frames = FrameStore(store, FrameKeys("", "{index:06d}.image"), job.policy.image_format)
        in_folder = replace(config, upload_workers=0, output=OutputOptions())
        (frame,) = extract(task, frames, in_folder, Stopwatch()).frames
        data = (video.path.parent / frame.key).read_bytes()
        return SingleFrame(data, frame.pts_seconds, video.fetched_bytes)
