"""moto as an application of a server, with a queue that loses nothing under load. Must not know our queues.

In moto 5.2.5 each deletion replaces the list of messages by a copy made without a lock: a message that is sent while
two others are deleted vanishes, and a deleted one comes back. Here one lock guards the list. moto also counts
the whole queue for every message, lists its own folder and methods for every request, deep-copies each message, and
computes times by calendar arithmetic. The replacements give the same answers for a fraction of the processor time.
"""

import signal
import sys
import time
from copy import copy
from functools import cache
from multiprocessing import parent_process
from typing import Any, cast

from moto import backends
from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sqs import models
from moto.sqs.exceptions import ReceiptHandleIsInvalid

from infra.local import leash

_receive = cast("Any", models).SQSBackend.receive_message


def repair() -> None:
    """Replaces moto's functions in this process."""
    modules = tuple(backends.list_of_moto_modules())
    sqs, registry = cast("Any", models), cast("Any", backends)
    registry.list_of_moto_modules = lambda: modules
    answering = cast("Any", responses)
    answering.method_names_from_class = cache(answering.method_names_from_class)
    answering.camelcase_to_underscores = cache(answering.camelcase_to_underscores)
    sqs.camelcase_to_underscores = cache(sqs.camelcase_to_underscores)
    sqs.deepcopy = copy  # shallow: the attributes are replaced, not changed
    sqs.unix_time = time.time
    sqs.unix_time_millis = milliseconds
    sqs.SQSBackend.is_message_valid_based_on_retention_period = is_retained
    sqs.SQSBackend.receive_message = receive_message
    sqs.Queue.delete_message = delete_message
    sqs.Queue.messages = property(messages)
    sqs.Queue.approximate_number_of_messages_delayed = property(delayed)
    sqs.Queue.approximate_number_of_messages_not_visible = property(in_flight)


def milliseconds() -> float:
    """Milliseconds since 1970, the unit of moto's queues."""
    return time.time() * 1000


def is_retained(backend: Any, queue_name: str, message: Any) -> bool:
    """Whether a message is younger than the queue's retention."""
    kept = backend.get_queue(queue_name).message_retention_period
    return bool(kept + message.sent_timestamp / 1000 > time.time())


def receive_message(backend: Any, queue_name: str, *arguments: Any, **more: Any) -> Any:
    """moto's own under the lock, which is released while it waits for a message."""
    with backend.get_queue(queue_name)._messages_lock:
        return _receive(backend, queue_name, *arguments, **more)


def delete_message(queue: Any, receipt_handle: str) -> None:
    """Removes a message by any of its receipts; deleting twice is fine. Raises ReceiptHandleIsInvalid."""
    with queue._messages_lock:
        if receipt_handle in queue.deleted_messages:
            return
        for message in queue._messages:
            if message.had_receipt_handle(receipt_handle):
                queue.pending_messages.discard(message)
                queue.deleted_messages.update(message.all_receipt_handles)
                queue._messages.remove(message)
                return
        raise ReceiptHandleIsInvalid


def messages(queue: Any) -> list[Any]:
    """Messages that can be received now."""
    now = milliseconds()
    return [one for one in queue._messages if now > one.visible_at and now >= one.delayed_until]


def delayed(queue: Any) -> int:
    """The number of delayed messages."""
    now = milliseconds()
    return sum(now < one.delayed_until for one in queue._messages)


def in_flight(queue: Any) -> int:
    """The number of messages received, not deleted and not visible again."""
    now = milliseconds()
    return sum(now <= one.visible_at for one in queue._messages)


def application() -> DomainDispatcherApplication:
    """moto's application, repaired, in the server's only worker, which ends with the server."""
    leash.hold(signal.SIGKILL)
    server = parent_process()
    if server and not server.is_alive():  # it ended before the leash was on
        sys.exit(1)
    repair()
    return DomainDispatcherApplication(create_backend_app)
