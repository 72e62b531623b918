"""The older system with DynamoDB, written from its rules and not with this project's code: the other side
of a migration. OpenCV reads the videos and writes the images.
"""

import hashlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

VARIABLES = {
    "BUCKET_NAME": "video-sense",
    "VIDEOS_TABLE": "videos",
    "MAX_FRAMES": "100",
    "EXTRACT_FPS": "30",
    "TMP_DIR": "/tmp",
    "LOG_LEVEL": "INFO",
}

WEBP_QUALITY = 80


def video_id(bucket: str, key: str, etag: str) -> str:
    return hashlib.sha256(f"{bucket}|{key}|{etag}".encode()).hexdigest()


def frames_of(path: Path, extract_fps: int = 30, max_frames: int = 100) -> Iterator[NDArray[np.uint8]]:
    """Every n-th frame of the video, the first so many."""
    video = cv2.VideoCapture(str(path))
    step = max(1, round(video.get(cv2.CAP_PROP_FPS) / extract_fps))
    number = found = 0
    while found < max_frames:
        is_there, picture = video.read()
        if not is_there:
            break
        if number % step == 0:
            found += 1
            yield np.asarray(picture, np.uint8)
        number += 1
    video.release()


@dataclass(frozen=True)
class OlderSystem:
    """Its function, with its table and its bucket."""

    s3: "S3Client"
    dynamodb: "DynamoDBClient"

    @property
    def bucket(self) -> str:
        return VARIABLES["BUCKET_NAME"]

    @property
    def table(self) -> str:
        return VARIABLES["VIDEOS_TABLE"]

    def item(self, identifier: str) -> Mapping[str, Any] | None:
        return self.dynamodb.get_item(TableName=self.table, Key={"video_id": {"S": identifier}}).get("Item")

    def begin(self, key: str) -> str | None:
        """Claims the object; `None` if its item says that it is done or in flight."""
        etag = self.s3.head_object(Bucket=self.bucket, Key=key)["ETag"].strip('"')
        identifier = video_id(self.bucket, key, etag)
        item = self.item(identifier) or {}
        if item.get("status", {}).get("S") == "processed":
            return None
        if item.get("status", {}).get("S") == "processing" and int(item["processing_started_at"]["N"]) > 0:
            return None
        now = {"N": str(int(time.time()))}
        self._update(
            identifier,
            status={"S": "processing"},
            original_key={"S": key},
            processing_started_at=now,
            updated_at=now,
        )
        return identifier

    def finish(self, identifier: str, key: str) -> None:
        """Extracts the frames and completes the item."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "video.mp4")
            self.s3.download_file(self.bucket, key, str(path))
            video = cv2.VideoCapture(str(path))
            rate, total = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
            video.release()
            count = 0
            for picture in frames_of(path):
                _, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY])
                name = f"frames/{identifier}/frame_{count:06d}.webp"
                self.s3.put_object(Bucket=self.bucket, Key=name, Body=data.tobytes())
                count += 1
        now = {"N": str(int(time.time()))}
        self._update(
            identifier,
            status={"S": "processed"},
            frames_count={"N": str(count)},
            scenes_count={"N": "1"},
            frames_prefix={"S": f"frames/{identifier}/"},
            total_frames={"N": str(total)},
            video_fps={"N": f"{rate:.2f}"},
            duration_seconds={"N": f"{total / rate:.2f}"},
            processing_finished_at=now,
            updated_at=now,
        )

    def run(self, message: Mapping[str, str]) -> str | None:
        """One message; `None` if there was nothing to do."""
        key = unquote_plus(message["key"])
        identifier = self.begin(key)
        if identifier is not None:
            self.finish(identifier, key)
        return identifier

    def _update(self, identifier: str, **attributes: Mapping[str, str]) -> None:
        """Other attributes stay as they are."""
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"video_id": {"S": identifier}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
        )
