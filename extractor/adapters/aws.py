"""What the adapters of AWS have in common: how a client is built, and how missing credentials look."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import CredentialRetrievalError, NoCredentialsError, PartialCredentialsError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import get_session

if TYPE_CHECKING:
    from botocore.config import Config

NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


def build_client(service: str, config: "Config") -> Any:
    """A client of botocore, in half the time that boto3 takes for its own: without what boto3 puts on top,
    and with botocore's descriptions of the services read as below."""
    session = get_session()
    session.register_component("data_loader", ModelLoader())
    return session.create_client(service, config=config)


class _Files(JSONFileLoader):
    """Takes another parser than botocore: these files are long."""

    def load_file(self, file_path: str) -> Any:
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return msgspec.json.decode(plain.read_bytes())
        return msgspec.json.decode(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


class ModelLoader(Loader):
    """Finds and reads descriptions of services. Every folder is one: botocore looks what is in each of
    them, and there are some 400."""

    FILE_LOADER_CLASS = _Files

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - as botocore calls it
        folders = (path for path in map(Path, self.search_paths) if path.is_dir())
        return [service.name for folder in folders for service in folder.iterdir()]
