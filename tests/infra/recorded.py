"""A CloudFormation that fails: moto's, with answers of AWS's own form put in where it knows only success."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import escape
from urllib.parse import parse_qs

import httpx

from tests.infra.account import Account
from tests.support.servers.http import Answer, Request, forward, serving

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_TIME = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Event:
    resource: str
    status: str
    reason: str = ""
    ours: bool = True  # of the change that is being made, and not of an earlier one
    type: str = "AWS::IAM::Role"


@dataclass(slots=True)
class Course:
    """How a change, or the deletion, goes: it leaves the stack with this status, and these events, the
    oldest first. Without a `status` it goes as in moto. `refusal` is why the change set cannot be made.

    `errors` are the codes of the errors with which actions fail, by action. `interrupts` is the action at
    which the program that asks receives a Ctrl-C. With a `status`, both begin with the change. `calls` are
    the names of the actions in the order in which they came; `forms` has the last parameters of each.
    """

    stack: str
    status: str = ""
    events: tuple[Event, ...] = ()
    refusal: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    interrupts: str = ""
    calls: list[str] = field(default_factory=list)
    forms: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _token: str = ""

    def answer(self, request: Request, upstream: httpx.Client) -> Answer:
        form = {
            name: values[0]
            for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()
        }
        action = form.get("Action", "")
        self.calls.append(action)
        self.forms[action] = form
        begun = bool(self._token) or not self.status
        if action in self.errors and begun:
            return _error(self.errors[action], f"not allowed: {action}")
        if action and action == self.interrupts and begun:
            os.kill(os.getpid(), signal.SIGINT)
        match action:
            case "ExecuteChangeSet" | "DeleteStack" if self.status:
                self._token = form.get("ClientRequestToken", "deletion")
                return _xml(action, "")
            case "DescribeStacks" if self._token:
                return _xml(action, f"<Stacks><member>{self._stack()}</member></Stacks>")
            case "DescribeStackEvents":
                events = "".join(f"<member>{self._event(event)}</member>" for event in reversed(self.events))
                return _xml(action, f"<StackEvents>{events}</StackEvents>")
            case "ListStackResources" if self._token:
                resources = "".join(f"<member>{_resource(event)}</member>" for event in self.events)
                return _xml(action, f"<StackResourceSummaries>{resources}</StackResourceSummaries>")
            case "DescribeChangeSet" if self.refusal:
                refusal = f"<Status>FAILED</Status><StatusReason>{escape(self.refusal)}</StatusReason>"
                return _xml(action, refusal)
        return forward(request, upstream)

    def _stack(self) -> str:
        return f"{self._common()}<CreationTime>{_TIME}</CreationTime><StackStatus>{self.status}</StackStatus>"

    def _event(self, event: Event) -> str:
        token = self._token if event.ours else "earlier"
        return (
            f"{self._common()}<EventId>1</EventId><Timestamp>{_TIME}</Timestamp>{_resource(event)}"
            f"<ClientRequestToken>{token}</ClientRequestToken>"
        )

    def _common(self) -> str:
        identifier = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{self.stack}/1"
        return f"<StackId>{identifier}</StackId><StackName>{self.stack}</StackName>"


@contextmanager
def going(account: Account, course: Course) -> Iterator[Account]:
    """The account, as the scripts see it."""
    with (
        httpx.Client(base_url=account.environment["AWS_ENDPOINT_URL"], timeout=None) as upstream,
        serving(lambda request: course.answer(request, upstream)) as url,
    ):
        environment: Mapping[str, str] = {**account.environment, "AWS_ENDPOINT_URL": url}
        yield replace(account, environment=environment)


def _resource(event: Event) -> str:
    reason = f"<ResourceStatusReason>{escape(event.reason)}</ResourceStatusReason>" if event.reason else ""
    return (
        f"<LogicalResourceId>{event.resource}</LogicalResourceId>"
        f"<PhysicalResourceId>the-{event.resource}</PhysicalResourceId><ResourceType>{event.type}</ResourceType>"
        f"<ResourceStatus>{event.status}</ResourceStatus>{reason}"
    )


def _xml(action: str, result: str) -> Answer:
    body = (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{result}</{action}Result></{action}Response>'
    )
    return Answer(200, body.encode(), {"Content-Type": "text/xml"})


def _error(code: str, message: str) -> Answer:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f'<ErrorResponse xmlns="{_NAMESPACE}">{error}</ErrorResponse>'
    return Answer(400, body.encode(), {"Content-Type": "text/xml"})
