"""The functions and what calls them, as one CloudFormation stack: connects the parts; must not know what is in them."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import App, CfnOutput, Environment, Stack

from infra.alarms import Alarms
from infra.api import Api
from infra.budget import limit_spending
from infra.canary import Canary
from infra.clock import Clock
from infra.compute import Compute
from infra.configuration import Configuration
from infra.data import DataStack
from infra.identity import Identity
from infra.overview import Overview
from infra.packaging import Layers
from infra.reviewed import LINTED


class ServiceStack(Stack):
    """The stateless half of one environment; it can be deleted and made again."""

    def __init__(
        self, app: App, configuration: Configuration, data: DataStack, layers: Layers, place: Environment | None
    ) -> None:
        super().__init__(
            app,
            f"bandit-selector-{configuration.environment}",
            env=place,
            description="Bandit Selector: chooses recommendation algorithms, and proves whether that pays",
            termination_protection=configuration.keep_data,
        )
        self.add_stack_dependency(data, "The data must be there before what reads it.")
        self.template_options.metadata = LINTED
        self.api = Api(self, "Api", configuration)
        self.identity = Identity(self, "Identity", configuration, data.people, self.api.url)
        here = {**self.identity.settings, "DASHBOARD_URL": f"{self.api.url}/dashboard"}
        self.compute = Compute(self, "Compute", configuration, layers, data, here)
        self.api.serve(self.identity.authorizer, self.compute.callable_at)
        if site_url := configuration.settings.get("SITE_URL"):
            self.api.pass_on(site_url)
        self.clock = Clock(self, "Clock", configuration, self.compute.functions, data.messaging)
        self.alarms = Alarms(self, "Alarms", self.api, self.compute, data)
        self.overview = Overview(self, "Overview", self.api, self.compute, data)
        if configuration.monthly_budget:
            limit_spending(self, configuration.monthly_budget, data.messaging.pages)
        self.canary = Canary(self, "Canary", configuration, self.compute.callable_at, self.alarms.of_function)
        self._say_where()

    def _say_where(self) -> None:
        functions = self.compute.functions
        outputs = {
            "ApiUrl": self.api.url,
            "DashboardUrl": f"{self.api.url}/dashboard",
            "OperateFunction": functions["operate"].function_name,
            "ArchiveFunction": functions["archive"].function_name,
            "CandidatesFunction": functions["candidates"].function_name,
        }
        if self.api.domain_target:
            outputs |= {"DomainTarget": self.api.domain_target}
        outputs |= {name: client.user_pool_client_id for name, client in self.identity.clients.items()}
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
