"""What the network does to the Supabase store: broken connections cost an attempt, not a video."""

import datetime
import ipaddress
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import postgrest._sync.request_builder
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from extractor.backends.state.base import BacklogFilter, StateRow
from extractor.backends.state.supabase import SupabaseStateStore, build_postgrest_client
from extractor.domain.jobs import ExtractionSummary, VideoRef
from extractor.errors import StateUnavailableError
from tests.support.servers.connections import answer_once, listening

EXTRACTION = ExtractionSummary(17, "frames/a/", 3, 12.5, 375, 29.97)
ROW = b'[{"code": "a", "is_fetched": true, "is_extracted": false}]'


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgrest._sync.request_builder, "get_retry_delay", lambda attempt: 0)


def close(connection: socket.socket) -> None:
    """Close it properly: the client can see that before it sends again."""


def hang_up(connection: socket.socket) -> None:
    """Close it only when the next request comes: to the client it looks alive until then."""
    connection.recv(65_536)


def reset(connection: socket.socket) -> None:
    """Forget it: what comes next is answered with a reset."""
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.fixture(params=[close, hang_up, reset], ids=lambda end: end.__name__)
def lines_and_url(request: pytest.FixtureRequest) -> Iterator[tuple[list[bytes], str]]:
    """A server that answers one request on each connection, and the first lines of those requests."""
    lines: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        lines.append(answer_once(connection, ROW))
        if len(lines) < 5:  # let the last client go
            request.param(connection)

    with listening(behave) as url:
        yield lines, url


@pytest.mark.failure_row(39)
def test_a_connection_that_broke_while_idle_fails_no_call(lines_and_url: tuple[list[bytes], str]) -> None:
    lines, url = lines_and_url
    with build_postgrest_client(url, "key") as client:
        store = SupabaseStateStore(client, "watched_content")
        row = store.begin(VideoRef("a"), 1)
        store.pending(None, 10, BacklogFilter())
        store.mark_extracted(VideoRef("a"), EXTRACTION)
        store.record_failure(VideoRef("a"), "UNREADABLE", "any")
    assert row == StateRow("a", is_fetched=True, is_extracted=False)
    methods = [line.split()[0] for line in lines]
    assert methods == [b"GET", b"GET", b"GET", b"PATCH", b"PATCH"]


@pytest.mark.failure_row(39)
def test_a_connection_that_breaks_every_time_is_given_up() -> None:
    attempts: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        attempts.append(connection.recv(65_536))

    with listening(behave) as url, build_postgrest_client(url, "key") as client:
        store = SupabaseStateStore(client, "watched_content")
        with pytest.raises(StateUnavailableError):
            store.begin(VideoRef("a"), 1)
    assert len(attempts) == 4


@pytest.mark.failure_row(39)
def test_http_2_is_not_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are the ones that break: many requests on one, and all of them fail with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    context.set_alpn_protocols(["h2", "http/1.1"])
    chosen: list[str | None] = []

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            chosen.append(secure.selected_alpn_protocol())
            answer_once(secure, ROW)

    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with listening(behave) as url, build_postgrest_client(url.replace("http:", "https:"), "key") as client:
        assert SupabaseStateStore(client, "watched_content").begin(VideoRef("a"), 1) is not None
    assert chosen == ["http/1.1"]


def certificate(directory: Path) -> Path:
    """Of this machine, signed by itself; the key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path
