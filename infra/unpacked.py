"""A function laid out as Lambda lays it out and run by Lambda's own runtime client, on this machine.

Imports come from its asset, its layers and what the managed runtime brings, never from the development environment.
"""

import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from infra.service import Function

RUNTIME_BRINGS: Final = (
    *("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py"),
    *("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"),
)
API: Final = "/2018-06-01/runtime"
HEADERS: Final = {
    "Content-Type": "application/json",
    "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "Lambda-Runtime-Deadline-Ms": "1900000000000",  # in 2030: these runs have no time-out
    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:here",
    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
}
SECONDS: Final = 120.0


class FunctionFailed(Exception):
    """The function did not answer; the message holds the runtime's report and the output."""


@dataclass(frozen=True, slots=True)
class Tree:
    """`/var/task`, `/opt` and `/var/runtime` of one function, under one folder."""

    task: Path
    opt: Path
    runtime: Path

    @property
    def search_path(self) -> str:
        """The import path of Lambda's Python, in its order."""
        return ":".join(str(folder) for folder in (self.task, self.opt / "python", self.runtime))


def unpack(asset: Path, layers: Sequence[Path], folder: Path) -> Tree:
    """Copies an asset and its layers into `folder`; a later layer overwrites an earlier one."""
    tree = Tree(folder / "var" / "task", folder / "opt", folder / "var" / "runtime")
    shutil.copytree(asset, tree.task)
    for layer in layers:
        shutil.copytree(layer, tree.opt, dirs_exist_ok=True, copy_function=_link)
    tree.runtime.mkdir(parents=True)
    for name in RUNTIME_BRINGS:
        installed = _installed(name)
        (tree.runtime / installed.name).symlink_to(installed)
    return tree


@contextmanager
def running(
    tree: Tree, function: Function, environment: Mapping[str, str], snapped: bool = False
) -> Generator["Process"]:
    """One process of the function; `snapped` runs the snapshot and restore hooks before the first event."""
    process = Process(tree, function, environment, snapped)
    try:
        yield process
    finally:
        process.stop()


class Process:
    """The runtime client as a separate process, and the Runtime API that gives it events."""

    def __init__(self, tree: Tree, function: Function, environment: Mapping[str, str], snapped: bool) -> None:
        self.tree = tree
        self.environment = environment
        self._function = function
        self._log = tree.task.parent / "output.log"
        self._events: queue.Queue[bytes | None] = queue.Queue()
        self._answers: queue.Queue[tuple[bool, bytes]] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _api(self._events, self._answers))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        told = {
            **environment,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if snapped else "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "LAMBDA_TASK_ROOT": str(tree.task),
            "PYTHONPATH": tree.search_path,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [bare_python(), "-S", "-m", "awslambdaric", function.handler]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=tree.task, env=told, stdout=log, stderr=subprocess.STDOUT)

    def invoke(self, event: object) -> Any:
        """The handler's answer to one event; raises FunctionFailed if the handler or its import raised."""
        self._events.put(json.dumps(event).encode())
        try:
            answered, body = self._answers.get(timeout=SECONDS)
        except queue.Empty:
            answered, body = False, b"no answer"
        if not answered:
            self._process.kill()
            self._process.wait()
            printed = self._log.read_text(errors="replace")
            raise FunctionFailed(
                f"{self._function.name}, exit {self._process.returncode}: {body.decode()}\n{printed[-4000:]}"
            )
        return json.loads(body)

    def stop(self) -> None:
        """Ends the process; stopping twice is fine."""
        self._process.kill()
        self._process.wait()
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()


def bare_python() -> str:
    """The interpreter under the virtual environment: it finds only what PYTHONPATH names."""
    return str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")


def _api(
    events: "queue.Queue[bytes | None]", answers: "queue.Queue[tuple[bool, bytes]]"
) -> type[BaseHTTPRequestHandler]:
    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet per answer, or the client waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            event = b"{}" if self.path == f"{API}/restore/next" else events.get()
            if event is not None:  # otherwise the process has ended
                self._answer(200, event, HEADERS)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answer(202, b"{}", {})
            answers.put((self.path.endswith("/response"), body))

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing, so that only the functions' own lines appear."""

    return Api


def _installed(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"The package {name} is not installed; run any ./dev command to install it.")
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _link(source: str, target: str) -> None:
    """Hard links where the file system allows it: a layer is never written to."""
    try:
        Path(target).hardlink_to(source)
    except FileExistsError:
        return
    except OSError:
        shutil.copyfile(source, target)
