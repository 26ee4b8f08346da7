"""The service on one page of CloudWatch: requests, functions, feedback, learning, database."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from collections.abc import Sequence

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import counted
from infra.api import Api
from infra.compute import Compute
from infra.data import DataStack
from infra.database import Database
from infra.service import FEEDBACK_QUEUE


class Overview(Construct):
    """A CloudWatch dashboard; the first three of an account are free."""

    def __init__(self, scope: Construct, construct_id: str, api: Api, compute: Compute, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        functions, queue = compute.functions, data.messaging.feedback
        rows = [
            [
                _graph("Requests", [api.stage.metric_count(), api.stage.metric_server_error()]),
                _graph("Answer time p99", [api.stage.metric_latency(statistic="p99")]),
            ],
            [
                _graph("Errors", [made.metric_errors(label=name) for name, made in functions.items()]),
                _graph("Duration p99", [m.metric_duration(statistic="p99", label=n) for n, m in functions.items()]),
            ],
            [
                _graph("Feedback waiting", [queue.metric_approximate_number_of_messages_visible()]),
                _graph("Oldest feedback, s", [queue.metric_approximate_age_of_oldest_message()]),
            ],
            [
                _graph("Lists", [counted("Recommendations", "select"), counted("Fallbacks", "select")]),
                _graph("Outcomes", [counted(name, FEEDBACK_QUEUE.consumer) for name in ("Successes", "Failures")]),
            ],
        ]
        if data.database.cluster:
            rows += _database(data.database)
        cloudwatch.Dashboard(self, "Page", widgets=rows)


def _database(database: Database) -> list[list[cloudwatch.GraphWidget]]:
    return [
        [
            _graph("Database capacity, units", [database.metric("ServerlessDatabaseCapacity")]),
            _graph("Connections", [database.metric("DatabaseConnections", "Maximum")]),
        ],
        [
            _graph("Commit latency, ms", [database.metric("CommitLatency")]),
            _graph("Reads and writes billed", [database.metric(f"Volume{kind}IOPs") for kind in ("Read", "Write")]),
        ],
    ]


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)
