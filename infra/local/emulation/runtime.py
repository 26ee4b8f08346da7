"""What AWS Lambda does for a function: processes of the real runtime client, one event at a time in each.

Knows the Runtime API and the limits; must not know what an event means.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from infra.local import leash
from infra.local.emulation.environment import environment
from infra.service import Function

INIT_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 0.2  # wait of an event before another process is started for it
MAX_PAYLOAD: Final = 6 * 1024 * 1024  # bytes of an event and of an answer
ACCOUNT_ARN: Final = "arn:aws:lambda:eu-central-1:123456789012:function"


class InvocationFailed(Exception):
    """The function raised, crashed, or ran out of time; the message is the runtime's own error as JSON."""


class Throttled(Exception):
    """More events at once than the function's concurrency."""


@dataclass(slots=True)
class Invocation:
    """One event in a process."""

    payload: bytes
    answer: "asyncio.Future[bytes]"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Sandbox:
    """One process of the function and the Runtime API that it talks to; `run` is for one event at a time."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._events: asyncio.Queue[Invocation | None] = asyncio.Queue()
        self._current: Invocation | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._api = web.Server(self._serve, request_factory=_request)
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self, environment: Mapping[str, str], root: Path, log: Path) -> None:
        """Returns once the handler is imported and waits for events; raises InvocationFailed if that fails."""
        self._socket = await asyncio.get_running_loop().create_server(self._api, "127.0.0.1", 0)
        port = self._socket.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(INIT_SECONDS):
                await self._spawn({**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}, root, log)
                await self._ready
        except TimeoutError:
            await self.stop()
            raise InvocationFailed(_error("Sandbox.Timedout", f"No handler after {INIT_SECONDS:.0f} s")) from None
        except BaseException:
            await self.stop()
            raise

    async def _spawn(self, environment: Mapping[str, str], root: Path, log: Path) -> None:
        with log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *leash.command([sys.executable, "-m", "awslambdaric", self._function.handler]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=root,
                start_new_session=True,
            )
        self._watch = asyncio.create_task(self._report_exit(self._process))

    async def run(self, payload: bytes) -> bytes:
        """The handler's answer; a process that does not answer in time is killed."""
        self._current = Invocation(payload, asyncio.get_running_loop().create_future())
        self._events.put_nowait(self._current)
        seconds = self._function.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                return await self._current.answer
        except TimeoutError:
            await self.stop()
            raise InvocationFailed(_error("Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")) from None
        finally:
            self._current = None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process and self.alive else None

    async def stop(self) -> None:
        """Kills the process and closes its Runtime API. Stopping twice is fine."""
        if self._process and self.alive:
            self._process.kill()
        if self._watch:
            await asyncio.wait([self._watch])
        else:
            await self._close()

    async def _close(self) -> None:
        self._socket.close()
        self._events.put_nowait(None)
        await self._api.shutdown(1)

    async def _report_exit(self, process: asyncio.subprocess.Process) -> None:
        status = await process.wait()
        failure = InvocationFailed(_error("Runtime.ExitError", f"Runtime exited with error: exit status {status}"))
        for waiting in (self._ready, self._current.answer if self._current else None):
            if waiting and not waiting.done():
                waiting.set_exception(failure)
        await self._close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        *_, subject, verb = request.path.split("/")
        if verb == "next":
            return await self._next()
        body = await request.read()
        if subject == "init":
            self._answer(self._ready, body, failed=True)
        elif self._current and self._current.id == subject:
            if len(body) > MAX_PAYLOAD:
                verb, body = "error", _error("Function.ResponseSizeTooLarge", f"{len(body):,} bytes").encode()
            self._answer(self._current.answer, body, failed=verb == "error")
        return web.json_response({"status": "OK"}, status=202)

    async def _next(self) -> web.Response:
        if not self._ready.done():
            self._ready.set_result(None)
        invocation = await self._events.get()
        if invocation is None:  # the caller has gone
            return web.Response(status=410)
        deadline = time.time() + self._function.timeout.total_seconds()
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": f"{ACCOUNT_ARN}:{self._function.name}",
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return web.Response(body=invocation.payload, headers=headers, content_type="application/json")

    @staticmethod
    def _answer(waiting: "asyncio.Future[bytes] | asyncio.Future[None]", body: bytes, *, failed: bool) -> None:
        if waiting.done():
            return
        if failed:
            waiting.set_exception(InvocationFailed(body.decode(errors="replace")))
        else:
            waiting.set_result(body)  # pyright: ignore[reportArgumentType] # only `_ready` is None, and only fails here


class Runtime:
    """All processes of one function: idle ones are kept, more start when concurrent events need them.

    Starts are slower than on AWS: one process at a time, and only for an event that has waited.
    """

    def __init__(self, function: Function, settings: Mapping[str, str], root: Path, log: Path) -> None:
        self._function, self._root, self._log = function, root, log
        self._environment = environment(function, settings, root)
        self._idle: list[Sandbox] = []
        self._sandboxes: set[Sandbox] = set()
        self._waiting: list[asyncio.Future[Sandbox]] = []
        self._starting: asyncio.Task[None] | None = None
        self._events = 0
        self._open = True

    async def invoke(self, payload: bytes) -> bytes:
        """The function's answer to one event; raises InvocationFailed or Throttled."""
        if self._events >= self._function.concurrency:
            raise Throttled(f"{self._function.name} already handles {self._function.concurrency} events at once.")
        self._events += 1
        try:
            sandbox = await self._take()
            try:
                return await sandbox.run(payload)
            except InvocationFailed as error:
                with self._log.open("a") as log:
                    log.write(f"{error}\n")
                raise
            finally:
                await self._put_back(sandbox)
        finally:
            self._events -= 1

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the running processes."""
        return tuple(pid for sandbox in self._sandboxes if (pid := sandbox.pid))

    async def stop(self) -> None:
        """Ends every process; events in flight or waiting fail."""
        self._open = False
        ended = InvocationFailed(_error("Runtime.Stopped", f"{self._function.name} was stopped"))
        while self._next_turn(lambda turn: turn.set_exception(ended)):
            pass
        if self._starting:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        await asyncio.gather(*(sandbox.stop() for sandbox in self._sandboxes))
        self._sandboxes.clear()

    async def _take(self) -> Sandbox:
        while self._open and self._idle:
            sandbox = self._idle.pop()
            if sandbox.alive:
                return sandbox
            await self._discard(sandbox)
        turn: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if not self._sandboxes:
            self._start_one()
        try:
            while not turn.done():
                await asyncio.wait([turn], timeout=PATIENCE_SECONDS)
                self._start_one()
        except asyncio.CancelledError:
            if not turn.cancel():
                self._give_back(turn.result())
            raise
        return turn.result()

    def _start_one(self) -> None:
        if self._open and self._waiting and not self._starting and len(self._sandboxes) < self._function.concurrency:
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> None:
        sandbox = Sandbox(self._function)
        try:
            await sandbox.start(self._environment, self._root, self._log)
        except InvocationFailed as error:
            failure = error
            self._next_turn(lambda turn: turn.set_exception(failure))
        else:
            self._sandboxes.add(sandbox)
            self._give_back(sandbox)
        finally:
            self._starting = None

    async def _put_back(self, sandbox: Sandbox) -> None:
        if sandbox.alive:
            self._give_back(sandbox)
        else:
            self._start_one()
            await self._discard(sandbox)

    def _give_back(self, sandbox: Sandbox) -> None:
        if not self._next_turn(lambda turn: turn.set_result(sandbox)):
            self._idle.append(sandbox)

    def _next_turn(self, take: "Callable[[asyncio.Future[Sandbox]], None]") -> bool:
        while self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                take(turn)
                return True
        return False

    async def _discard(self, sandbox: Sandbox) -> None:
        self._sandboxes.discard(sandbox)
        await sandbox.stop()


def _request(message: Any, content: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request to the Runtime API, whose body may be larger than Lambda allows: then it is refused by name."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, content, protocol, writer, task, loop, client_max_size=2 * MAX_PAYLOAD)


def _error(kind: str, message: str) -> str:
    return json.dumps({"errorType": kind, "errorMessage": message})
