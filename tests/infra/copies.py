"""A script inside an unpacked `select`: one process becomes a snapshot, and the snapshot two copies.

Copies are forks: they share all memory, as two environments restored from one SnapStart snapshot do. The hooks are run
by Lambda's own client, in the copies only if asked. Prints a line of JSON for the snapshot and for each copy.
"""

import json
import os
import random
import sys
from typing import Any

from awslambdaric import lambda_runtime_hooks_runner as hooks
from awslambdaric.lambda_context import LambdaContext

from functions.select.handler import DATABASE, handler


def main(event: dict[str, Any], restoring: bool) -> None:
    """Opens a connection, which a snapshot must not keep; then makes the copies."""
    tell(event)
    if restoring:
        hooks.run_before_snapshot()
    state = random.getstate()
    for _ in range(2):
        if os.fork() == 0:
            random.setstate(state)  # Python reseeds after a fork, but not after a restore
            if restoring:
                hooks.run_after_restore()
            tell(event)
            os._exit(0)
        os.wait()


def tell(event: dict[str, Any]) -> None:
    """This process's random draws, and its connection."""
    movies = json.loads(handler(event, LambdaContext("1", None, None, 2**42))["body"])
    seen = {
        "algorithms": [movie["algorithm"] for movie in movies],
        "events": [movie["event_id"] for movie in movies],
        "random": random.random(),  # a library may draw from this generator
        "connection": DATABASE.connection().info.backend_pid,
    }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), restoring=sys.argv[2] == "restoring")
