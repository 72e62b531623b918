"""A real registry that answers under ECR's name: over TLS, with a password, reached through a tunnel.

What pushes to it needs to know nothing: `environment` names the tunnel as the proxy, and the registry's own
certificate as the only one to trust. No name outside of this machine is ever asked for.
"""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import httpx
import pytest

from local.embedded.child_process import ROOT
from local.lambda_runtime.emulator_host import free_ports, listens

_PACKED = ROOT / "build" / "docker-registry" / "usr" / "bin" / "docker-registry"
# The password that moto's ECR gives for its account, hashed as the registry wants it.
_PASSWORD = "123456789012-auth-token"
_HTPASSWD = "AWS:$2b$05$sYhrwkEap0JpxDvJ3B7ay.Zxf0WfCDDEBAdG8tImJGx8Xns/8a9AG\n"
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True)
class Registry:
    """`environment` leads an engine to it."""

    host: str
    port: int
    certificate: Path
    environment: Mapping[str, str]

    def manifest(self, repository: str, tag: str) -> str:
        """As JSON, in Docker's format or not at all."""
        context = ssl.create_default_context(cafile=self.certificate)
        context.check_hostname = False  # it is asked at its address
        answer = httpx.get(
            f"https://127.0.0.1:{self.port}/v2/{repository}/manifests/{tag}",
            headers={"Accept": _MANIFEST},
            auth=("AWS", _PASSWORD),
            verify=context,
            trust_env=False,
        )
        answer.raise_for_status()
        assert answer.headers["Content-Type"] == _MANIFEST
        return answer.text


@contextmanager
def serving_registry(host: str, directory: Path) -> Iterator[Registry]:
    """Skips where a program is missing."""
    binary = shutil.which("docker-registry") or (str(_PACKED) if _PACKED.is_file() else None)
    if binary is None:
        pytest.skip("not installed: docker-registry; scripts/test_image.sh installs it")
    if shutil.which("openssl") is None:
        pytest.skip("not installed: openssl, for the registry's certificate")
    key, certificate = _certificate(host, directory)
    port, _ = free_ports()
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            [binary, "serve", _configuration(directory, port, key, certificate)],
            env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
            stdout=log,
            stderr=log,
        )
        try:
            assert listens(process, port), (directory / "registry.log").read_text()
            logins = directory / "auth.json"
            logins.write_text("{}")
            with _tunnel(port) as tunnel_port:
                environment = {
                    "HTTPS_PROXY": f"http://127.0.0.1:{tunnel_port}",
                    "NO_PROXY": "127.0.0.1",
                    "SSL_CERT_FILE": str(certificate),
                    "REGISTRY_AUTH_FILE": str(logins),
                }
                yield Registry(host, port, certificate, environment)
        finally:
            process.terminate()
            process.wait()


def _certificate(host: str, directory: Path) -> tuple[Path, Path]:
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    names = ("-subj", f"/CN={host[:64]}", "-addext", f"subjectAltName=DNS:{host}")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", key, "-out", certificate)
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], check=True, capture_output=True)
    return key, certificate


def _configuration(directory: Path, port: int, key: Path, certificate: Path) -> Path:
    passwords, configuration = directory / "htpasswd", directory / "registry.yml"
    passwords.write_text(_HTPASSWD)
    configuration.write_text(f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory / "storage"}}}}}
http: {{addr: "127.0.0.1:{port}", tls: {{certificate: {certificate}, key: {key}}}}}
auth: {{htpasswd: {{realm: ecr, path: {passwords}}}}}
""")
    return configuration


@contextmanager
def _tunnel(port: int) -> Iterator[int]:
    """A proxy that leads every connection to `port` of this machine, whatever host was asked for."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass  # CONNECT, and headers
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as upstream:
                back = threading.Thread(target=_copy, args=(upstream, self.connection))
                back.start()
                _copy(self.connection, upstream)
                back.join()

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, destination: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            destination.sendall(data)
    with suppress(OSError):
        destination.shutdown(socket.SHUT_WR)
