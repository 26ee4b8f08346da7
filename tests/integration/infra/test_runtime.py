"""Functions as processes of the real runtime client: environment, failures, and number of processes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from infra.local.emulation.runtime import MAX_PAYLOAD, InvocationFailed, Runtime, Throttled
from infra.service import Function

HANDLER = """
import os, sys, time

def handler(event, context):
    match event["do"]:
        case "answer":
            return {"pid": os.getpid(), "left": context.get_remaining_time_in_millis(), "environment": dict(os.environ)}
        case "sleep":
            time.sleep(event["seconds"])
            return {"pid": os.getpid()}
        case "raise":
            raise ValueError("on purpose")
        case "exit":
            os._exit(3)
        case "fill":
            return "x" * event["bytes"]
"""
T = TypeVar("T")
FUNCTION = Function("tried", "tried.handler", 512, timedelta(seconds=20), 3)


def play(folder: Path, function: Function, scene: Callable[[Runtime], Awaitable[T]]) -> T:
    """Runs a scene with a runtime, which is stopped afterwards."""

    async def playing() -> T:
        runtime = Runtime(function, {"SETTING": "seen"}, folder, folder / "log")
        try:
            return await scene(runtime)
        finally:
            await runtime.stop()

    (folder / "tried.py").write_text(HANDLER)
    return asyncio.run(playing())


async def ask(runtime: Runtime, **event: object) -> Any:
    return json.loads(await runtime.invoke(json.dumps(event).encode()))


def test_a_function_sees_its_own_settings_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "unseen")
    said = play(tmp_path, FUNCTION, lambda runtime: ask(runtime, do="answer"))
    assert said["environment"]["SETTING"] == "seen"
    assert said["environment"]["AWS_LAMBDA_FUNCTION_NAME"] == "tried"
    assert "SECRET_OF_THE_DEVELOPER" not in said["environment"]
    assert 0 < said["left"] <= 20_000


def test_an_idle_process_is_used_again_and_busy_ones_get_company(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> tuple[Any, Any, list[Any]]:
        first, second = await ask(runtime, do="answer"), await ask(runtime, do="answer")
        return first, second, await asyncio.gather(*(ask(runtime, do="sleep", seconds=2) for _ in range(3)))

    first, second, at_once = play(tmp_path, FUNCTION, scene)
    assert first["pid"] == second["pid"]
    assert len({said["pid"] for said in at_once}) == 3


def test_more_events_at_once_than_allowed_are_throttled(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> None:
        await asyncio.gather(*(ask(runtime, do="sleep", seconds=1) for _ in range(4)))

    with pytest.raises(Throttled):
        play(tmp_path, FUNCTION, scene)


@pytest.mark.parametrize(("failing", "error"), [({"do": "raise"}, "ValueError"), ({"do": "exit"}, "Runtime.ExitError")])
def test_a_failure_is_reported_and_the_next_event_is_answered(
    tmp_path: Path, failing: dict[str, object], error: str
) -> None:
    async def scene(runtime: Runtime) -> Any:
        with pytest.raises(InvocationFailed, match=error):
            await ask(runtime, **failing)
        return await ask(runtime, do="answer")

    assert play(tmp_path, FUNCTION, scene)["pid"]


def test_an_event_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> Any:
        with pytest.raises(InvocationFailed, match="timed out after 1"):
            await ask(runtime, do="sleep", seconds=30)
        return await ask(runtime, do="answer")

    assert play(tmp_path, replace(FUNCTION, timeout=timedelta(seconds=1)), scene)["pid"]


def test_a_handler_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvocationFailed, match="ImportModuleError"):
        play(tmp_path, replace(FUNCTION, handler="missing.handler"), lambda runtime: ask(runtime, do="answer"))


def test_an_answer_may_have_six_megabytes_and_no_more(tmp_path: Path) -> None:
    async def scene(runtime: Runtime) -> int:
        with pytest.raises(InvocationFailed, match="ResponseSizeTooLarge"):
            await ask(runtime, do="fill", bytes=MAX_PAYLOAD)  # and its quotes
        return len(await ask(runtime, do="fill", bytes=MAX_PAYLOAD - 2))

    assert play(tmp_path, FUNCTION, scene) == MAX_PAYLOAD - 2
