"""moto's server as a program, with three of its reckonings made cheap. Knows no queue of ours.

moto counts a whole queue for every message it takes or gives, lists its own folder for every request, and tells the
time by calendar arithmetic. The answers stay the same; a message costs a third of the processor time.
"""

import sys
import time
from typing import Any, cast

from moto import backends
from moto.server import main
from moto.sqs import models


def quicken() -> None:
    """Replaces the three functions in this process."""
    modules = tuple(backends.list_of_moto_modules())
    sqs, registry = cast("Any", models), cast("Any", backends)
    registry.list_of_moto_modules = lambda: modules
    sqs.unix_time = time.time
    sqs.unix_time_millis = lambda: time.time() * 1000
    sqs.SQSBackend.is_message_valid_based_on_retention_period = is_retained


def is_retained(backend: Any, queue_name: str, message: Any) -> bool:
    """Whether a message is younger than its queue keeps messages."""
    kept = backend.get_queue(queue_name).message_retention_period
    return bool(kept + message.sent_timestamp / 1000 > time.time())


if __name__ == "__main__":
    quicken()
    main(sys.argv[1:])
