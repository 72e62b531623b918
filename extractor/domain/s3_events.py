"""Events of AWS: S3 notifications, S3 events of EventBridge, and SNS envelopes.

Unknown fields are ignored, since AWS adds some. All functions raise pydantic's `ValidationError` for an
invalid message of their kind.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from extractor.domain import keys


class CreatedObject(Struct, frozen=True):
    """An announced new object.

    Attributes:
        bucket: Its bucket.
        key: Its key, decoded.
    """

    bucket: str
    key: str


def unwrap_sns(message: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Unwrap the envelope of a queue, which has one body, or the event of a function, which may have more.

    Returns:
        The bodies, by their paths in the message; ``None`` if it is not from SNS.
    """
    if message.get("Type") == "Notification":
        return {"Message": _Envelope.model_validate(message).message}
    records = message.get("Records")
    if not isinstance(records, list) or not any(isinstance(item, dict) and "Sns" in item for item in records):
        return None
    envelopes = _SnsRecords.model_validate(message).records
    return {f"Records.{number}.Sns.Message": record.sns.message for number, record in enumerate(envelopes)}


def parse_created_objects(message: Mapping[str, Any]) -> Sequence[CreatedObject] | None:
    """Return the objects that an S3 event announces; ``None`` if it is no S3 event.

    Test events and events other than creations announce none. Empty objects whose keys end with a slash are
    ignored: consoles create them as folders.
    """
    if message.get("Event") == "s3:TestEvent":
        return []
    if "Records" in message:
        records = _S3Records.model_validate(message).records
        found: list[_S3Entity] = [record.s3 for record in records if record.is_creation]
    elif "detail-type" in message:
        event = _BridgeEvent.model_validate(message)
        found = [event.detail] if event.detail_type == "Object Created" else []
    else:
        return None
    return [entity.created for entity in found if not entity.is_folder]


def _form_decoded(key: str) -> str:
    return unquote_plus(key, errors="strict")


_Key = Annotated[str, Field(min_length=1), AfterValidator(keys.checked_key)]
_EncodedKey = Annotated[
    str, AfterValidator(_form_decoded), Field(min_length=1), AfterValidator(keys.checked_key)
]


class _AwsModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class _Bucket(_AwsModel):
    name: str = Field(pattern=rf"\A{keys.BUCKET_PATTERN}\z")


class _Object(_AwsModel):
    key: _Key
    size: int = 0


class _EncodedObject(_Object):
    key: _EncodedKey


class _S3Entity(_AwsModel):
    bucket: _Bucket
    object: _Object

    @property
    def is_folder(self) -> bool:
        return self.object.key.endswith("/") and self.object.size == 0

    @property
    def created(self) -> CreatedObject:
        return CreatedObject(self.bucket.name, self.object.key)


class _EncodedS3Entity(_S3Entity):
    """The entity of an S3 notification, whose key is form-encoded (``+`` for a space)."""

    object: _EncodedObject


class _S3Record(_AwsModel):
    """A record.

    Other services with the S3 API prefix the event name with ``s3:``; a hand-written record may have none.
    """

    event_name: str = Field("ObjectCreated:Put", validation_alias="eventName")
    s3: _EncodedS3Entity

    @property
    def is_creation(self) -> bool:
        return self.event_name.removeprefix("s3:").startswith("ObjectCreated:")


class _S3Records(_AwsModel):
    records: list[_S3Record] = Field(validation_alias="Records", min_length=1)


class _BridgeEvent(_AwsModel):
    detail_type: str = Field(validation_alias="detail-type")
    source: Literal["aws.s3"] = "aws.s3"
    detail: _S3Entity


class _Envelope(_AwsModel):
    message: str = Field(validation_alias="Message")


class _SnsRecord(_AwsModel):
    sns: _Envelope = Field(validation_alias="Sns")


class _SnsRecords(_AwsModel):
    records: list[_SnsRecord] = Field(validation_alias="Records")
