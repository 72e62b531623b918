"""The real handler in a process that counts its requests (started by `benchmarks.request_counts`).

AWS calls are counted in botocore before any retry, requests to the state where httpx sends them.
"""

from collections import Counter
from typing import Any

import httpx
from botocore.client import BaseClient

from lambda_function import lambda_handler

_counts: Counter[str] = Counter()


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the handler's response and its counts.

    The counts are calls by service and operation, ``state requests``, and the bytes that they send
    (``state bytes``).
    """
    _counts.clear()
    answer = lambda_handler(event, context)
    return {**answer, "counts": dict(_counts)}


def _counting_calls(call: Any) -> Any:
    def counted(client: BaseClient, operation: str, parameters: object) -> object:
        _counts[f"{client.meta.service_model.service_name} {operation}"] += 1
        return call(client, operation, parameters)

    return counted


def _counting_requests(send: Any) -> Any:
    def counted(client: httpx.Client, request: httpx.Request, **options: Any) -> object:
        headers = sum(len(name) + len(value) + 4 for name, value in request.headers.raw)
        _counts["state requests"] += 1
        _counts["state bytes"] += len(request.method) + len(str(request.url)) + headers + len(request.content)
        return send(client, request, **options)

    return counted


# botocore has no public place for all clients at once; this one is where its own stubs are put, too.
BaseClient._make_api_call = _counting_calls(BaseClient._make_api_call)  # type: ignore[attr-defined]
httpx.Client.send = _counting_requests(httpx.Client.send)  # type: ignore[method-assign]
