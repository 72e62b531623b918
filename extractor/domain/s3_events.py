"""What AWS says of new objects: S3 notifications, plain or as EventBridge events, and SNS around any message.

AWS adds fields as it likes: those that we do not know are passed over, those that we need must be right.
Every function raises pydantic's `ValidationError` for a message of its kind that is broken.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from extractor.domain import keys


class CreatedObject(Struct, frozen=True):
    """A new object as it was announced."""

    bucket: str
    key: str


def unwrap_sns(message: Mapping[str, Any]) -> Mapping[str, str] | None:
    """The bodies that SNS carries, each under its place in the message: one in the envelope that a queue
    gets, one in each record that a function gets. `None` if this is not from SNS."""
    if message.get("Type") == "Notification":
        return {"Message": _Envelope.model_validate(message).message}
    records = message.get("Records")
    if not isinstance(records, list) or not any(isinstance(item, dict) and "Sns" in item for item in records):
        return None
    carried = _SnsRecords.model_validate(message).records
    return {f"Records.{place}.Sns.Message": record.sns.message for place, record in enumerate(carried)}


def parse_created_objects(message: Mapping[str, Any]) -> Sequence[CreatedObject] | None:
    """The objects that S3 announces. `None` if this is no event of S3's.

    Its test event announces none, nor does any event but a creation, nor an empty object whose key ends
    with a slash: that is how consoles make folders.
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
    return [place.created for place in found if not place.is_folder]


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
    """As S3's own notifications have it: the key as in an HTML form, a space as ``+``."""

    object: _EncodedObject


class _S3Record(_AwsModel):
    """Other services of S3's protocol put ``s3:`` before the name; what is written by hand may have none."""

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
