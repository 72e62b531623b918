"""The settings of buckets, keys, queues and the state."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from extractor.settings.field_types import (
    ColumnsText,
    KeyTemplates,
    LayoutText,
    NotifyTarget,
    StateBackendName,
)


class StorageSettings(BaseModel):
    """Where videos, frames, messages and states are."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    # Buckets, keys and queues
    s3_bucket_videos: str = Field("oriane-videos", description="bucket of the videos")
    s3_bucket_frames: str = Field("oriane-frames", description="bucket of frames and manifests")
    video_keys: KeyTemplates = Field(
        ("{platform}/{code}/video.mp4", "{code}.mp4"),
        description="key templates, tried in this order; those with a platform only for videos with one",
    )
    frames_layout: LayoutText = Field(
        "default", description="keys of frames: default, seconds, flat, timestamped, videosense or a template"
    )
    sqs_queue_url: str | None = Field(
        None, description="queue that run_sqs_batches.py fills, and that slices of long videos are sent to"
    )
    dead_letter_queue_url: str | None = Field(None, description="dead-letter queue, for final failures")
    max_receives: int | None = Field(
        None,
        ge=1,
        description="maxReceiveCount of the queue; needs DEAD_LETTER_QUEUE_URL, which gets the last delivery",
    )

    # Notifications
    notify_target: NotifyTarget | None = Field(
        None,
        description="receives an event when a video is done or has failed: ARN of an SNS topic, SQS queue or "
        "EventBridge bus, URL of an SQS queue, or https address",
    )
    notify_secret: SecretStr | None = Field(
        None, description="signs notifications to an https address: whsec_ and 24 bytes or more in base64"
    )
    notify_secret_arn: str | None = Field(None, description="secret in Secrets Manager with NOTIFY_SECRET")

    # State
    state_backend: StateBackendName = Field(
        "supabase", description="state store: supabase, dynamodb or sqlite"
    )
    state_table: str = Field(
        "watched_content", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="table of the state"
    )
    state_columns: ColumnsText = Field(
        "", description="other names of its columns, such as is_fetched=is_downloaded,frame_count=frames"
    )
    videos_table: str = Field(
        "videos", pattern=r"^[A-Za-z0-9_.-]{3,255}$", description="DynamoDB table of STATE_BACKEND=dynamodb"
    )
    supabase_url: str | None = Field(None, description="https://PROJECT.supabase.co")
    supabase_key: SecretStr | None = Field(
        None, description="service-role key, or a key that may read and update rows"
    )
    supabase_token: SecretStr | None = Field(
        None, description="token of the role frame_extractor; SUPABASE_KEY must then be the public key"
    )
    supabase_key_secret_arn: str | None = Field(
        None,
        description="secret in Secrets Manager with SUPABASE_KEY and SUPABASE_TOKEN",
    )
    sqlite_path: Path | None = Field(
        None, description="existing database of STATE_BACKEND=sqlite (python -m local.state)"
    )
