"""The names of the product's metrics, and its logger. Knows powertools; must not know what the numbers mean."""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import wraps
from logging import WARNING, LogRecord
from math import inf
from random import SystemRandom
from time import monotonic
from typing import Any, Final, Literal, TypeAlias

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

SERVICE: Final = "bandit-selector"
NAMESPACE: Final = "BanditSelector"

Metric: TypeAlias = Literal[
    "Recommendations",  # lists served
    "Impressions",  # movies shown
    "Fallbacks",  # lists served by the control blend because the bandit failed
    "FeedbackAccepted",  # reactions that the queue took
    "FeedbackApplied",  # messages seen for the first time
    "FeedbackRepeated",  # messages delivered before
    "FeedbackUnattributed",  # messages that match no impression
    "FeedbackPoison",  # messages that cannot be read
    "Successes",  # outcomes that became a success
    "Failures",  # outcomes that became a failure
    "SiteRatings",  # ratings that the site's own backend wrote, read for the first time
    "SiteFeedback",  # impressions of ours that the site's own application spoke about
    "SiteFeedbackSetAside",  # the same that could not be counted
    "ListsSettled",  # lists whose time to react is over
    "PosteriorsPublished",  # versions of the posteriors published
    "ImpressionsArchived",  # impressions that went to the archive and were read back
    "MailsSent",  # alerts, reminders and recoveries that the topic took
    "DeliveriesFailed",  # reports and mails to deliver again
]


ROW: Final = re.compile(r'DETAIL:(?:\\.|[^"\\])*?(?=\\n|")')
"""What PostgreSQL says of the row that a statement failed on, in a line of JSON: it may name a user."""


def as_line(entry: dict[str, Any]) -> str:
    """A log entry as JSON, without the values of rows."""
    return ROW.sub("DETAIL: (left out)", json.dumps(entry, separators=(",", ":"), default=str))


GATHER_SECONDS: Final = 10.0
"""For functions with many events a second; of an hour that a process lives, its last ten seconds may go uncounted."""
AT_ONCE: Final = frozenset[Metric]({"Fallbacks", "FeedbackPoison", "DeliveriesFailed"})
"""Counters that an alarm waits for: they are written at the end of their event."""

Handler = Callable[[Any, Any], Any]


class Telemetry:
    """One function's logger and counters.

    INFO lines are written for `log_sample` of all events, warnings always. Counters are summed, and written as one line
    at the first event that is `gather_seconds` after the last line. A process that ends loses what it has counted since
    then, so functions that run seldom gather nothing.
    """

    def __init__(
        self,
        function: str,
        log_sample: float = 1.0,
        gather_seconds: float = 0.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.logger = Logger(service=f"{SERVICE}.{function}", json_serializer=as_line)
        self.logger.addFilter(self._is_wanted)
        self._metrics = Metrics(namespace=NAMESPACE, service=function)
        self._sums: Counter[Metric] = Counter()
        self._log_sample, self._tells_all = log_sample, True
        self._gather_seconds, self._clock = gather_seconds, clock
        self._written_at = -inf

    def count(self, metric: Metric, number: float = 1) -> None:
        """Adds to a counter; a zero is not written."""
        if number:
            self._sums[metric] += number  # pyright: ignore[reportArgumentType] # a Counter of floats

    def flush(self) -> None:
        """Writes what was counted since the last flush, as CloudWatch's embedded metric format."""
        if not self._sums:
            return
        for metric, number in self._sums.items():
            self._metrics.add_metric(name=metric, unit=MetricUnit.Count, value=number)
        self._metrics.flush_metrics()
        self._sums.clear()
        self._written_at = self._clock()

    def handling(self, handler: Handler) -> Handler:
        """Decorates a handler: each line has Lambda's request id, and counters are written, also after an error."""

        @wraps(handler)
        def handled(event: Any, context: Any) -> Any:
            self._tells_all = SystemRandom().random() < self._log_sample  # copies of a snapshot share `random`
            try:
                return handler(event, context)
            finally:
                if AT_ONCE & self._sums.keys() or self._clock() - self._written_at >= self._gather_seconds:
                    self.flush()

        return self.logger.inject_lambda_context(handled)

    def _is_wanted(self, record: LogRecord) -> bool:
        return self._tells_all or record.levelno >= WARNING
