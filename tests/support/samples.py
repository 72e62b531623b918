"""Values that tests need and do not care about."""

from extractor.domain.frames import StoredFrame
from extractor.domain.jobs import SourceVideo
from extractor.domain.manifest import Manifest, VideoInfo
from extractor.domain.policy import SamplingPolicy, fingerprint


def a_manifest(
    code: str = "abc",
    source: SourceVideo | None = None,
    policy: SamplingPolicy | None = None,
    frame_count: int = 3,
) -> Manifest:
    policy = policy or SamplingPolicy()
    return Manifest(
        code=code,
        platform=None,
        source=source or SourceVideo("videos", f"{code}.mp4", "etag", 1000),
        video=VideoInfo(
            container="mov",
            codec="h264",
            width=320,
            height=240,
            rotation_degrees=0.0,
            hdr=None,
            start_seconds=0.0,
            duration_seconds=float(frame_count),
            frame_count=25 * frame_count,
            frame_rate=25.0,
        ),
        policy=policy,
        policy_fingerprint=fingerprint(policy),
        frames=tuple(
            StoredFrame(
                index=index,
                slot=index,
                key=f"{code}/{index:06d}.jpg",
                pts_seconds=float(index),
                size_bytes=100 + index,
                sha256=f"{index:064x}",
                width=320,
                height=240,
            )
            for index in range(frame_count)
        ),
        decoded_seconds=float(frame_count),
        expected_seconds=float(frame_count),
        truncated=False,
        decode_errors=0,
        notes=(),
        ffmpeg_version="7",
        extractor_version="0",
        timings={},
    )
