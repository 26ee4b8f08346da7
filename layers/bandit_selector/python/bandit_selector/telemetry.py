"""The names of the product's metrics, and its logger. Knows powertools; must not know what the numbers mean."""

import json
import re
from collections.abc import Callable
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


class Telemetry:
    """One function's logger and counters."""

    def __init__(self, function: str) -> None:
        self.logger = Logger(service=f"{SERVICE}.{function}", json_serializer=as_line)
        self._metrics = Metrics(namespace=NAMESPACE, service=function)

    def count(self, metric: Metric, number: float = 1) -> None:
        """Adds to a counter; a zero is not written."""
        if number:
            self._metrics.add_metric(name=metric, unit=MetricUnit.Count, value=number)

    def flush(self) -> None:
        """Writes what was counted since the last flush, as CloudWatch's embedded metric format."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()

    def flushing(self, handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        """Decorates a handler so that its counters are written after each event, also after an error."""

        def counted(event: Any, context: Any) -> Any:
            try:
                return handler(event, context)
            finally:
                self.flush()

        return counted
