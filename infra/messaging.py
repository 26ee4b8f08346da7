"""Where functions and AWS write: the feedback queue, its dead letters, the reports' bucket, the two topics."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from collections.abc import Sequence
from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.configuration import Configuration
from infra.reviewed import accept
from infra.service import Queue

PAGING: Final = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")
"""Services that publish to the topic of pages."""


class Messaging(Construct):
    """`key` encrypts queues, topics and database, so that access is audited and revoked in one place.

    `alerts` carries what the monitor says about recommendations, `pages` what AWS says about the service.
    """

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration, queue: Queue) -> None:
        super().__init__(scope, construct_id)
        removal = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if configuration.keep_data else RemovalPolicy.DESTROY
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal)
        for service in PAGING:
            self.key.grant(_of_this_account(service), "kms:Decrypt", "kms:GenerateDataKey*")
        self.dead_letters = self._queue("DeadLetters", removal, retention_period=Duration.days(14))
        self.feedback = self._queue(
            "Feedback",
            removal,
            retention_period=Duration.seconds(queue.retention.total_seconds()),
            visibility_timeout=Duration.seconds(queue.visibility.total_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=queue.attempts),
        )
        self.missed_schedules = self._queue("MissedSchedules", removal, retention_period=Duration.days(14))
        reason = "It is itself a dead-letter queue: EventBridge Scheduler sends failed calls there."
        accept(self.missed_schedules, "AwsSolutions-SQS3", reason)
        self.alerts = self._topic("Alerts", "Bandit Selector", configuration.alarm_mails)
        self.pages = self._topic(
            "Pages", "Bandit Selector: operations", configuration.page_mails or configuration.alarm_mails
        )
        for service in PAGING:
            self.pages.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[_of_this_account(service)],
                    actions=["sns:Publish"],
                    resources=[self.pages.topic_arn],
                )
            )
        self.reports = self._bucket(removal)

    def _topic(self, name: str, shown: str, addresses: Sequence[str]) -> sns.Topic:
        """A topic that mails; its policy replaces SNS's own, so whoever may publish has to be named."""
        topic = sns.Topic(self, name, display_name=shown, master_key=self.key, enforce_ssl=True)
        for address in addresses:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        return topic

    def _queue(self, name: str, removal: RemovalPolicy, **options: object) -> sqs.Queue:
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self.key,
            data_key_reuse=Duration.hours(1),
            enforce_ssl=True,
            removal_policy=removal,
            **options,  # pyright: ignore[reportArgumentType] # the caller passes sqs.Queue's own keywords
        )

    def _bucket(self, removal: RemovalPolicy) -> s3.Bucket:
        """Reports, and the bucket's access logs (`access/`); old reports get cheap storage, old versions expire."""
        return s3.Bucket(
            self,
            "Reports",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_prefix="access/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="old-versions-go",
                    noncurrent_version_expiration=Duration.days(30),
                    expired_object_delete_marker=True,  # of mails that were sent long ago
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                s3.LifecycleRule(id="access-logs-go", prefix="access/", expiration=Duration.days(90)),
            ],
            removal_policy=removal,
            auto_delete_objects=False,
        )


def _of_this_account(service: str) -> iam.ServicePrincipal:
    """A service of AWS, acting for this account only."""
    return iam.ServicePrincipal(service, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}})
