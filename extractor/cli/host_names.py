"""Check early that the host names of the settings resolve, so that a typo does not cost a long timeout."""

import socket
import threading
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from extractor.errors import QueueUnavailableError, StateUnavailableError
from extractor.settings import Settings

_SECONDS = 3.0


def check_host_names(settings: Settings, environ: Mapping[str, str], *, queue: bool) -> None:
    """Resolve the host names of the state and of the queue. Hosts behind a proxy are not checked.

    Args:
        settings: The settings.
        environ: The environment.
        queue: Whether the queue is used.

    Raises:
        StateUnavailableError: The host of the state does not resolve; the text names the setting.
        QueueUnavailableError: The host of the queue does not resolve; the text names the setting.
    """
    named = {}
    if settings.state_backend == "supabase":
        named["SUPABASE_URL"] = settings.supabase_url
    if queue:
        endpoint = next(filter(environ.get, ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")), None)
        named[endpoint or "SQS_QUEUE_URL"] = environ[endpoint] if endpoint else settings.sqs_queue_url
    for variable, url in named.items():
        if url and (host := _direct_host(url)) and (problem := _problem(host)):
            kind = StateUnavailableError if variable == "SUPABASE_URL" else QueueUnavailableError
            raise kind(f"{variable}: the host name {host!r} {problem}: check the spelling, and the network")


def _direct_host(url: str) -> str | None:
    """Return the host; ``None`` if a proxy is used for it, or if the URL is invalid (reported later)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    proxies = getproxies_environment()
    through_proxy = parts.scheme in proxies or "all" in proxies
    if host is None:
        return None
    bypassed = urllib.request.proxy_bypass_environment(host, proxies)  # type: ignore[attr-defined] # exists, but not in typeshed
    if through_proxy and not bypassed:
        return None
    return host


def _problem(host: str) -> str | None:
    """Return what is wrong with the host name; ``None`` if it resolves in time."""
    found: list[str | None] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, None)
            found.append(None)
        except (OSError, UnicodeError):
            found.append("does not resolve")

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return found[0] if found else f"does not resolve within {_SECONDS:g} s"
