"""moto's server as a program, one of its races closed and three of its reckonings made cheap. Knows no queue of ours.

moto deletes a message by replacing the list of all of them, while another thread appends to it or replaces it too: a
message just sent is lost, or one just deleted is back. A delete now holds the lock that a send holds.

moto counts a whole queue for every message it takes or gives, lists its own folder for every request, and tells the
time by calendar arithmetic. The answers stay the same; a message costs a third of the processor time.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, cast

from moto import backends
from moto.server import main
from moto.sqs import models


def quicken() -> None:
    """Replaces the four functions in this process."""
    modules = tuple(backends.list_of_moto_modules())
    sqs, registry = cast("Any", models), cast("Any", backends)
    registry.list_of_moto_modules = lambda: modules
    sqs.unix_time = time.time
    sqs.unix_time_millis = lambda: time.time() * 1000
    sqs.Queue.delete_message = locked(sqs.Queue.delete_message)
    sqs.SQSBackend.is_message_valid_based_on_retention_period = is_retained


def locked(delete_message: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """A queue's delete, alone with its messages."""

    def delete(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:
            delete_message(queue, receipt_handle)

    return delete


def is_retained(backend: Any, queue_name: str, message: Any) -> bool:
    """Whether a message is younger than its queue keeps messages."""
    kept = backend.get_queue(queue_name).message_retention_period
    return bool(kept + message.sent_timestamp / 1000 > time.time())


if __name__ == "__main__":
    quicken()
    main(sys.argv[1:])
