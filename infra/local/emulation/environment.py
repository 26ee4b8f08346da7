"""What a function's process finds in its environment: Lambda's own variables, and its settings."""

import os
from collections.abc import Mapping
from pathlib import Path

from infra.service import EVERYWHERE, Function


def environment(function: Function, settings: Mapping[str, str], root: Path) -> dict[str, str]:
    """The process's environment: Lambda's variables and this function's settings."""
    return {
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **EVERYWHERE,
        "LOG_SAMPLE": "1",
        "LAMBDA_TASK_ROOT": str(root),
        "_HANDLER": function.handler,
        "AWS_EXECUTION_ENV": "local",  # with a real name the client starts a thread and a connection per event
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        **settings,
    }
