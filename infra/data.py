"""What an environment may not lose, as a stack of its own: network, database, queues, bucket, keys, people.

A deployment of functions that fails never touches it. Must not know any function of infra.service.
"""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import App, CfnOutput, Environment, Stack

from infra.archive import Archive
from infra.configuration import Configuration
from infra.database import Database
from infra.messaging import Messaging
from infra.network import Network
from infra.people import People
from infra.reviewed import LINTED
from infra.service import FEEDBACK_QUEUE


class DataStack(Stack):
    """The stateful half of one environment."""

    def __init__(self, app: App, configuration: Configuration, place: Environment | None) -> None:
        super().__init__(
            app,
            f"bandit-selector-{configuration.environment}-data",
            env=place,
            description="Bandit Selector: network, database, queues and files",
            termination_protection=configuration.keep_data,
        )
        self.template_options.metadata = LINTED
        self.messaging = Messaging(self, "Messaging", configuration, FEEDBACK_QUEUE)
        self.archive = Archive(self, "Archive", configuration, self.messaging.reports)
        self.people = None if configuration.issuer else People(self, "People", configuration)
        self.network = Network(self, "Network", configuration)
        self.database = Database(self, "Database", configuration, self.network, self.messaging.key)
        if self.database.cluster:  # last, because a failed first deployment cannot delete a protected cluster
            self.database.cluster.node.add_dependency(self.archive, *([self.people] if self.people else []))
        self._say_where()

    def _say_where(self) -> None:
        outputs = {
            "ReportBucket": self.messaging.reports.bucket_name,
            "ArchiveDatabase": self.archive.database,
            "AlertTopic": self.messaging.alerts.topic_arn,
            "PageTopic": self.messaging.pages.topic_arn,
            "FeedbackQueue": self.messaging.feedback.queue_url,
            "DeadLetterQueue": self.messaging.dead_letters.queue_url,
            "FunctionSecurityGroup": self.network.functions.security_group_id,
        }
        if self.people:
            outputs |= {
                "UserPool": self.people.pool.user_pool_id,
                "ServiceClient": self.people.service.user_pool_client_id,
            }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
