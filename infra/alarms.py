"""The alarms that mail the operators. docs/operations.md says what to do for each."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from datetime import timedelta
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.api import Api
from infra.compute import Compute
from infra.data import DataStack
from infra.database import Database
from infra.messaging import Messaging
from infra.people import SCOPES_TIMEOUT
from infra.service import FEEDBACK_QUEUE, OVER_HTTP

FIVE_MINUTES: Final = Duration.minutes(5)
ALMOST: Final = 0.8  # alarm at this share of a time-out or of the database's capacity
QUEUE_AGE_SECONDS: Final = 600  # feedback older than this reaches serving too late
QUEUE_DEPTH: Final = 100_000
SELECT_P99_MS: Final = 1000
FALLBACK_SHARE: Final = 0.05  # of the lists, where there are enough to speak of a share
FEW_LISTS: Final = 100  # in five minutes
CONNECTIONS: Final = 150  # more than twice what all functions open together
TRANSACTION_AGE: Final = 1_000_000_000  # half of what makes PostgreSQL stop


OFTEN: Final = OVER_HTTP | {FEEDBACK_QUEUE.consumer, "scopes"}
"""What runs whenever there are visitors. Of the others one run may be all in five minutes, or in a day."""


class Alarms(Construct):
    """Every alarm notifies the topic when it starts and when it ends; `of_function` are those of one function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        api: Api,
        compute: Compute,
        data: DataStack,
    ) -> None:
        super().__init__(scope, construct_id)
        messaging = data.messaging
        self._topic = messaging.pages
        self.of_function: dict[str, list[cloudwatch.IAlarm]] = {}
        for function in compute.made_of:
            slow = SELECT_P99_MS if function.name == "select" else _almost(function.timeout)
            self._function(function.name, compute.functions[function.name], slow)
        if data.people:
            self._function("scopes", data.people.scopes, _almost(SCOPES_TIMEOUT))
        self._queues(messaging)
        self._api(api)
        self._missed("MonitorMissed", compute.functions["monitor"], Duration.hours(1), 25)
        self._missed("CourierMissed", compute.functions["courier"], FIVE_MINUTES, 12)
        self._learning()
        if data.database.cluster:
            self._database(data.database)

    def _function(self, name: str, made: lambda_.Function, slow_ms: float) -> None:
        slowest = made.metric_duration(period=FIVE_MINUTES, statistic="p99")
        errors = self._alarm(f"{name.title()}Errors", made.metric_errors(period=FIVE_MINUTES), 1)
        self.of_function[name] = [errors]
        self._alarm(f"{name.title()}Throttles", made.metric_throttles(period=FIVE_MINUTES), 1)
        self._alarm(f"{name.title()}Slow", slowest, slow_ms, 3 if name in OFTEN else 1)

    def _queues(self, messaging: Messaging) -> None:
        feedback = messaging.feedback
        age = feedback.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES)
        self._alarm("FeedbackAge", age, QUEUE_AGE_SECONDS)
        depth = feedback.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)
        self._alarm("FeedbackDepth", depth, QUEUE_DEPTH)
        self._alarm("DeadLetters", _waiting(messaging.dead_letters), 1)
        self._alarm("MissedSchedules", _waiting(messaging.missed_schedules), 1)

    def _api(self, api: Api) -> None:
        failed = api.stage.metric_server_error(period=FIVE_MINUTES, statistic="Sum")
        self._alarm("ServerErrors", failed, 5)

    def _learning(self) -> None:
        """What the product itself counts: lists served without the bandit, and a bandit that stopped learning."""
        lists = {"lists": counted("Recommendations", "select"), "fallbacks": counted("Fallbacks", "select")}
        share = f"IF(lists >= {FEW_LISTS}, FILL(fallbacks, 0) / lists, 0)"
        self._alarm("Fallbacks", _computed(share, lists, FIVE_MINUTES), FALLBACK_SHARE, 3)
        learned = {
            "applied": counted("FeedbackApplied", FEEDBACK_QUEUE.consumer),
            "batches": counted("PosteriorsPublished", FEEDBACK_QUEUE.consumer),
            "minutes": counted("PosteriorsPublished", "settle"),
        }
        stalled = "IF(FILL(applied, 0) > 0 AND FILL(batches, 0) + FILL(minutes, 0) == 0, 1, 0)"
        self._alarm("PublicationStalled", _computed(stalled, learned, Duration.hours(1)), 1, 2)
        self._alarm("FeedbackPoison", counted("FeedbackPoison", FEEDBACK_QUEUE.consumer), 1)

    def _database(self, database: Database) -> None:
        self._alarm("DatabaseCapacity", database.metric("ACUUtilization"), 90, 3)
        self._alarm("DatabaseConnections", database.metric("DatabaseConnections", "Maximum"), CONNECTIONS, 3)
        self._alarm("TransactionAge", database.metric("MaximumUsedTransactionIDs", "Maximum"), TRANSACTION_AGE)

    def _missed(self, name: str, function: lambda_.Function, period: Duration, periods: int) -> None:
        """Alarms when nothing ran in so many periods; after a first deployment it is on until the first run.

        CloudWatch looks some periods further back than it is told, and a run that it finds there keeps the alarm off:
        with one period of a day it would come after three or four days.
        """
        ran = function.metric_invocations(period=period, statistic="Sum")
        self._alarm(
            name,
            ran,
            1,
            periods,
            compare=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=cloudwatch.TreatMissingData.BREACHING,
        )

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        periods: int = 1,
        compare: cloudwatch.ComparisonOperator = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=compare,
            treat_missing_data=missing,
            alarm_description=f"{name}: see docs/operations.md, “What each alarm means”.",
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))
        return alarm


def _almost(time_out: timedelta) -> float:
    return time_out.total_seconds() * 1000 * ALMOST


def _waiting(queue: sqs.IQueue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES)


def _computed(expression: str, metrics: dict[str, cloudwatch.IMetric], period: Duration) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, using_metrics=metrics, period=period)


def counted(metric: str, function: str) -> cloudwatch.Metric:
    """One of the product's own counters (bandit_selector.telemetry)."""
    return cloudwatch.Metric(
        namespace="BanditSelector",
        metric_name=metric,
        dimensions_map={"service": function},
        statistic="Sum",
        period=FIVE_MINUTES,
    )
