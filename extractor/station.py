"""The worker, put together from the settings: built once per process, at its first message."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from extractor import container
from extractor.backends.telemetry import Telemetry
from extractor.domain.layout import parse_layout
from extractor.domain.policy import IMAGE_FORMATS
from extractor.media.ffmpeg.binary import find_ffmpeg
from extractor.media.ffmpeg.threads import decoder_threads
from extractor.pipeline.extract import ExtractorConfig
from extractor.pipeline.job import WorkerContext
from extractor.pipeline.prefetch import Prefetcher
from extractor.pipeline.source import VideoLocator
from extractor.pipeline.worker import Worker
from extractor.reconcile.key_parser import TRASH, KeyParser
from extractor.settings import Settings


class Station(Struct, frozen=True):
    """A worker and what the entry point needs besides it."""

    settings: Settings
    worker: Worker
    telemetry: Telemetry


def build_station(settings: Settings) -> Station:
    """Everything that handles messages. No network is touched before the first message."""
    telemetry = Telemetry(settings)
    context = WorkerContext(
        state=container.build_state(settings),
        sources=Prefetcher(_sources(settings), settings.work_dir),
        frames=container.build_object_store(settings, settings.s3_bucket_frames),
        layout=parse_layout(settings.frames_layout),
        config=ExtractorConfig(
            ffmpeg=find_ffmpeg(str(settings.ffmpeg_binary) if settings.ffmpeg_binary else None),
            limits=replace(
                settings.limits, threads=settings.ffmpeg_threads or decoder_threads(settings.cpu_share)
            ),
            upload_workers=settings.upload_workers,
            output=settings.output_form,
        ),
        work_dir=settings.work_dir,
    )
    worker = Worker(
        context=context,
        policy=settings.policy,
        dead_letters=container.build_dead_letters(settings),
        observe=telemetry.observe,
        report=telemetry.report,
        is_own_output=_own_outputs(settings),
        max_receives=settings.max_receives,
    )
    return Station(settings, worker, telemetry)


def _own_outputs(settings: Settings) -> Callable[[str, str], bool]:
    """Tells the objects that this project writes: frames, with what lies beside them, and trash."""
    places = KeyParser(parse_layout(settings.frames_layout))
    images = tuple(f".{extension}" for extension in IMAGE_FORMATS)

    def is_own_output(bucket: str, key: str) -> bool:
        if key.startswith(TRASH):
            return True
        return bucket == settings.s3_bucket_frames and (key.endswith(images) or places.find(key) is not None)

    return is_own_output


def _sources(settings: Settings) -> VideoLocator:
    return VideoLocator(
        store=lambda bucket: container.build_object_store(settings, bucket),
        bucket=settings.s3_bucket_videos,
        key_templates=settings.video_keys,
        max_bytes=settings.max_video_mb * 1_000_000,
    )
