"""Network latency on loopback: a TCP proxy that delays every request.

A request begins when the client sends after the server. The body that a client sends after ``100 Continue``
belongs to its request and is not delayed again.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CHUNK_BYTES = 1 << 16
_INTERIM = b"HTTP/1.1 100"


@dataclass(slots=True)
class _Turn:
    of_client: bool = True


@dataclass(slots=True)
class DelayingProxy:
    """The proxy. Its port is `port` once it is ready.

    `requests` counts forwarded requests, `answer_bytes` the bytes of the answers with their headers.
    """

    upstream_port: int
    delay_seconds: float
    requests: int = 0
    answer_bytes: int = 0
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _ready: threading.Event = field(default_factory=threading.Event)
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    def wait_until_ready(self) -> None:
        self._ready.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()  # what is still connected is cut off when the loop ends

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        turn = _Turn()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_requests(client, to_server, turn))
                both.create_task(self._pass_answers(server, to_client, turn))
        except* ConnectionError:  # one side has left; so has the other, then
            to_client.close()
            to_server.close()

    async def _pass_requests(
        self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter, turn: _Turn
    ) -> None:
        while data := await client.read(_CHUNK_BYTES):
            if turn.of_client:
                turn.of_client = False
                self.requests += 1
                await asyncio.sleep(self.delay_seconds)
            to_server.write(data)
            await to_server.drain()
        to_server.close()

    async def _pass_answers(
        self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, turn: _Turn
    ) -> None:
        while data := await server.read(_CHUNK_BYTES):
            turn.of_client = not data.startswith(_INTERIM)
            self.answer_bytes += len(data)
            to_client.write(data)
            await to_client.drain()
        to_client.close()


@contextmanager
def delaying(upstream_port: int, delay_seconds: float) -> Iterator[DelayingProxy]:
    """Run the proxy in a thread."""
    proxy = DelayingProxy(upstream_port, delay_seconds)
    thread = threading.Thread(target=proxy.run, daemon=True)
    thread.start()
    proxy.wait_until_ready()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
