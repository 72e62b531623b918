"""A stand-in between a client and SQS that refuses entries, as SQS does in trouble and moto never."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from tests.support.servers.http import Answer, Request, forward


@dataclass(frozen=True, slots=True)
class SqsProxy:
    """Forwards batches to `upstream_url` without the entries at the positions in `refuse`, and answers
    for those with (code, sender fault)."""

    upstream_url: str
    refuse: Mapping[int, tuple[str, bool]]

    def __call__(self, request: Request) -> Answer:
        body = json.loads(request.body)
        entries = body.get("Entries", [])
        body["Entries"] = [entry for place, entry in enumerate(entries) if place not in self.refuse]
        with httpx.Client(base_url=self.upstream_url) as upstream:
            answer = forward(_with_body(request, body), upstream)
        failed = [_failure(entries[place]["Id"], *why) for place, why in self.refuse.items()]
        content = {**json.loads(answer.body), "Failed": failed}
        return replace(answer, body=json.dumps(content).encode())


def _with_body(request: Request, body: Mapping[str, Any]) -> Request:
    headers = {name: value for name, value in request.headers.items() if name.lower() != "content-length"}
    return replace(request, headers=headers, body=json.dumps(body).encode())


def _failure(entry_id: str, code: str, sender_fault: bool) -> Mapping[str, object]:
    return {"Id": entry_id, "Code": code, "Message": "any text", "SenderFault": sender_fault}
