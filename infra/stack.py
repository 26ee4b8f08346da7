"""The whole service as one CloudFormation stack: connects the parts; must not know what is in them."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import App, CfnOutput, Environment, Stack

from infra.alarms import Alarms
from infra.api import Api
from infra.archive import Archive
from infra.clock import Clock
from infra.compute import Compute
from infra.configuration import Configuration
from infra.database import Database
from infra.identity import Identity
from infra.messaging import Messaging
from infra.network import Network
from infra.packaging import Layers
from infra.service import FEEDBACK_QUEUE


class ServiceStack(Stack):
    """One environment of Bandit Selector."""

    def __init__(
        self, app: App, stack_id: str, configuration: Configuration, layers: Layers, place: Environment | None
    ) -> None:
        super().__init__(
            app,
            stack_id,
            env=place,
            description="Bandit Selector: chooses recommendation algorithms, and proves whether that pays",
            termination_protection=configuration.keep_data,
        )
        self.messaging = Messaging(self, "Messaging", configuration, FEEDBACK_QUEUE)
        self.archive = Archive(self, "Archive", configuration, self.messaging.reports)
        self.network = Network(self, "Network", configuration)
        self.database = Database(self, "Database", configuration, self.network, self.messaging.key)
        self.api = Api(self, "Api", configuration)
        self.identity = Identity(self, "Identity", configuration, self.api.url)
        self.compute = Compute(
            self,
            "Compute",
            configuration,
            layers,
            self.network,
            self.database,
            self.messaging,
            self.identity.settings,
        )
        self.api.serve(self.identity.authorizer, self.compute.callable_at)
        if site_url := configuration.settings.get("SITE_URL"):
            self.api.pass_on(site_url)
        self.clock = Clock(self, "Clock", configuration, self.compute.functions, self.messaging)
        self.alarms = Alarms(self, "Alarms", self.api, self.compute, self.messaging, self.database, self.identity)
        self._say_where()

    def _say_where(self) -> None:
        outputs = {
            "ApiUrl": self.api.url,
            "DashboardUrl": f"{self.api.url}/dashboard",
            "ReportBucket": self.messaging.reports.bucket_name,
            "ArchiveDatabase": self.archive.database,
            "AlertTopic": self.messaging.topic.topic_arn,
            "FeedbackQueue": self.messaging.feedback.queue_url,
            "DeadLetterQueue": self.messaging.dead_letters.queue_url,
            "DatabaseSecret": self.database.secret.secret_arn,
            "FunctionSecurityGroup": self.network.functions.security_group_id,
        }
        if self.api.domain_target:
            outputs |= {"DomainTarget": self.api.domain_target}
        if self.identity.pool:
            outputs |= {
                "UserPool": self.identity.pool.user_pool_id,
                "SiteClient": self.identity.site.user_pool_client_id,
                "ServiceClient": self.identity.service.user_pool_client_id,
            }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
