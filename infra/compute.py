"""The functions of infra.service as Lambda functions: code, layers, logs, and a least-privilege role each."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, IgnoreMode, RemovalPolicy, Stack, triggers
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.configuration import Configuration
from infra.data import DataStack
from infra.network import log_retention
from infra.packaging import ROOT, Layers, function_files
from infra.reviewed import PINNED_PYTHON, accept
from infra.roles import function_role
from infra.service import EVERYWHERE, FEEDBACK_QUEUE, OVER_HTTP, SCHEDULES, Function, functions

RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
SCHEDULED: Final = {schedule.function for schedule in SCHEDULES}
BUCKET: Final = {"reports", "archive", "imports", "mails", "counts", "alerts"}
"""Uses of the bucket."""
NETWORK_INTERFACES: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)

INTERFACES_HAVE_NO_NAME_YET: Final = (
    "A function in a VPC manages network interfaces by calls whose resource has no name before the call;"
    " the managed policy AWSLambdaVPCAccessExecutionRole says the same."
)


class Compute(Construct):
    """`functions` by name; `callable_at` is what the API calls: the alias `live` of functions that answer HTTP."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        configuration: Configuration,
        layers: Layers,
        data: DataStack,
        sign_in: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._configuration = configuration
        self._network = data.network
        self._database = data.database.address_in(self)
        self._messaging = data.messaging
        self._sign_in = sign_in
        self._third_party = self._layer("ThirdParty", str(layers.third_party))
        self._product = self._layer("Product", str(layers.product))
        self._own = {
            "candidates": self._layer("Scipy", str(layers.candidates)),
            "archive": self._layer("DuckDB", str(layers.archive)),
        }
        self.made_of = functions(site_tokens=bool(configuration.site_tokens))
        self.functions = {function.name: self._function(function) for function in self.made_of}
        self.callable_at = {name: self._live(name) for name in sorted(OVER_HTTP & self.functions.keys())}
        self._consume()
        self._tell_of_failures()
        self._migrate_first()

    def _layer(self, name: str, folder: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            name,
            code=lambda_.Code.from_asset(folder),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            removal_policy=RemovalPolicy.RETAIN,  # so that an older version still starts after a rollback of the alias
        )

    def _function(self, function: Function) -> lambda_.Function:
        inside = "database" in function.uses
        audited = function.name == "operate"
        log = logs.LogGroup(
            self,
            f"{function.name.title()}Log",
            retention=logs.RetentionDays.ONE_YEAR if audited else log_retention(self._configuration),
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if audited else RemovalPolicy.DESTROY,
        )
        role = self._role(function, log)
        made = lambda_.Function(
            self,
            function.name.title(),
            description=f"Bandit Selector: {function.name}",
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=function_code(function),
            handler=function.handler,
            layers=self._layers(function),
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,  # no three lines of Lambda's own for each event
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            tracing=lambda_.Tracing.ACTIVE if self._configuration.tracing else lambda_.Tracing.DISABLED,
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
            memory_size=function.memory_mb,
            timeout=Duration.seconds(function.timeout.total_seconds()),
            reserved_concurrent_executions=self._configuration.reserved(function),
            environment=self._environment(function),
            vpc=self._network.vpc if inside else None,
            vpc_subnets=self._network.subnets if inside else None,
            security_groups=[self._network.functions] if inside else None,
            snap_start=self._snap_start(function),
        )
        made.invalidate_version_based_on(self._configuration.cluster_name)  # its address is in no template
        accept(made, "AwsSolutions-L1", PINNED_PYTHON)
        if self._configuration.tracing:
            accept(role, "AwsSolutions-IAM5[Resource::*]", "X-Ray's segments belong to no resource with a name.")
        accept(
            made, "Annotation::@aws-cdk/aws-lambda:snapStartRequirePublish", "The alias `live` is a published version."
        )
        return made

    def _layers(self, function: Function) -> Sequence[lambda_.ILayerVersion]:
        own = self._own.get(function.name)
        return [self._product, self._third_party, *([own] if own else [])]

    def _snap_start(self, function: Function) -> lambda_.SnapStartConf | None:
        wanted = self._configuration.snap_start and function.name in OVER_HTTP
        return lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if wanted else None

    def _role(self, function: Function, log: logs.ILogGroup) -> iam.Role:
        role = function_role(self, f"{function.name.title()}Role", log)
        uses = function.uses
        if "database" in uses:
            role.add_to_policy(iam.PolicyStatement(actions=list(NETWORK_INTERFACES), resources=["*"]))
            accept(role, "AwsSolutions-IAM5[Resource::*]", INTERFACES_HAVE_NO_NAME_YET)
            self._database.admit(function.name, role)
        if function.name in SCHEDULED:
            self._messaging.missed_schedules.grant(role, "sqs:SendMessage")
            self._messaging.key.grant(role, "kms:GenerateDataKey", "kms:Decrypt")
        if "send_feedback" in uses:
            self._messaging.feedback.grant(role, "sqs:SendMessage")
            self._messaging.key.grant(role, "kms:GenerateDataKey", "kms:Decrypt")
        if "feedback_queue" in uses:
            for queue in (self._messaging.feedback, self._messaging.dead_letters):
                queue.grant(role, "sqs:GetQueueAttributes", "sqs:GetQueueUrl")
        if "reports" in uses:
            self._admit(role, "reports", "s3:PutObject")
        if "archive" in uses:
            self._admit(
                role,
                "events",
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
            )
            self._admit_to_list(role, "events", "s3:ListBucket", "s3:ListBucketVersions")
        if "imports" in uses:
            self._admit(role, "imports", "s3:GetObject")
        if "mails" in uses:
            self._admit(role, "mails", "s3:PutObject")
        if "counts" in uses:
            self._admit(role, "queue", "s3:GetObject")
        if "alerts" in uses:
            self._admit(role, "mails", "s3:GetObject", "s3:DeleteObject")
            self._admit(role, "queue", "s3:PutObject")
            self._admit_to_list(role, "mails", "s3:ListBucket")
            publish = iam.PolicyStatement(actions=["sns:Publish"], resources=[self._messaging.alerts.topic_arn])
            role.add_to_policy(publish)
            self._messaging.key.grant(role, "kms:GenerateDataKey", "kms:Decrypt")
        if "site_tokens" in uses:
            self._admit_to_key(role)
        return role

    def _admit_to_key(self, role: iam.Role) -> None:
        """Allows reading the key of the site's own tokens."""
        secret, key = self._configuration.site_tokens, self._configuration.site_tokens_key_arn
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[secret]))
        if key:
            role.add_to_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key]))

    def _admit(self, role: iam.Role, folder: str, *actions: str) -> None:
        """Allows these actions on the objects of one folder of the bucket."""
        bucket = self._messaging.reports
        objects = bucket.arn_for_objects(f"{folder}/*")
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=[objects]))
        data = Stack.of(bucket)
        exported = data.resolve(data.export_value(bucket.bucket_arn))["Fn::ImportValue"]
        accept(
            role,
            f"AwsSolutions-IAM5[Resource::{exported}/{folder}/*]",
            f"Objects are named by their date, so the permission covers the folder {folder}/ and nothing else.",
        )

    def _admit_to_list(self, role: iam.Role, folder: str, *actions: str) -> None:
        """Allows listing one folder of the bucket."""
        inside = {"StringLike": {"s3:prefix": f"{folder}/*"}}
        bucket = [self._messaging.reports.bucket_arn]
        role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=bucket, conditions=inside))

    def _environment(self, function: Function) -> dict[str, str]:
        """Settings that differ from the product's defaults, and the addresses of what the function uses."""
        uses = function.uses
        chosen = {**self._sign_in, **self._configuration.settings}
        wired = self._database.settings(function.name) if "database" in uses else {}
        if "database" in uses and function.name in OVER_HTTP and self._configuration.database_pause_minutes:
            wired = wired | {"DATABASE_PAUSES": "true"}
        if {"send_feedback", "feedback_queue"} & set(uses):
            wired = wired | {"FEEDBACK_QUEUE_URL": self._messaging.feedback.queue_url}
        if BUCKET & set(uses):
            wired = wired | {"REPORT_BUCKET": self._messaging.reports.bucket_name}
        if "alerts" in uses:
            wired = wired | {"ALERT_TOPIC_ARN": self._messaging.alerts.topic_arn}
        if "site_tokens" in uses:
            wired = wired | {"SITE_TOKENS": self._configuration.site_tokens}
        if "USER_ID_CLAIM" in function.settings:
            wired = wired | {"USER_ID_CLAIM": user_id_claim(self._configuration)}
        return {name: chosen[name] for name in function.settings if name in chosen} | wired | EVERYWHERE

    def _live(self, name: str) -> lambda_.Alias:
        version = self.functions[name].current_version
        return lambda_.Alias(self, f"{name.title()}Live", alias_name="live", version=version)

    def _consume(self) -> None:
        consumer = self.functions[FEEDBACK_QUEUE.consumer]
        consumer.add_event_source(
            event_sources.SqsEventSource(
                self._messaging.feedback,
                batch_size=FEEDBACK_QUEUE.batch_size,
                max_batching_window=Duration.seconds(FEEDBACK_QUEUE.batch_window.total_seconds()),
                max_concurrency=FEEDBACK_QUEUE.maximum_concurrency,
                report_batch_item_failures=True,
            )
        )

    def _tell_of_failures(self) -> None:
        """Where Lambda puts the event of a scheduled run that failed, after how many tries."""
        for function in self.made_of:
            if function.name in SCHEDULED:
                lambda_.CfnEventInvokeConfig(
                    self,
                    f"{function.name.title()}Failures",
                    function_name=self.functions[function.name].function_name,
                    qualifier="$LATEST",
                    maximum_retry_attempts=function.retries,
                    destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                        on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                            destination=self._messaging.missed_schedules.queue_arn
                        )
                    ),
                )

    def _migrate_first(self) -> None:
        """Every function that uses the tables is created or changed only after the migration has succeeded."""
        others = [self.functions[f.name] for f in self.made_of if "database" in f.uses and f.name != "migrate"]
        triggers.Trigger(
            self,
            "Migration",
            handler=self.functions["migrate"],
            timeout=Duration.minutes(5),
            execute_before=list(others),
        )


def function_code(function: Function) -> lambda_.Code:
    """Of the repository, only `functions/__init__.py` and the function's own folder."""
    package = function.handler.split(".")[1]
    return lambda_.Code.from_asset(str(ROOT), exclude=function_files(package), ignore_mode=IgnoreMode.GIT)


def user_id_claim(configuration: Configuration) -> str:
    """Cognito's access tokens carry the user name, which only an administrator gives; other issuers use `sub`."""
    return configuration.user_id_claim or ("sub" if configuration.issuer else "username")
