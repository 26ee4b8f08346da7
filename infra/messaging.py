"""Where functions write: the feedback queue, its dead letters, the reports' bucket, the alerts' topic."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import Duration, RemovalPolicy
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


class Messaging(Construct):
    """`key` encrypts queues, topic and database, so that access is audited and revoked in one place."""

    def __init__(self, scope: Construct, construct_id: str, configuration: Configuration, queue: Queue) -> None:
        super().__init__(scope, construct_id)
        removal = RemovalPolicy.RETAIN if configuration.keep_data else RemovalPolicy.DESTROY
        self.key = kms.Key(self, "Key", enable_key_rotation=True, removal_policy=removal)
        self.key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey*")
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
        self.topic = sns.Topic(self, "Alerts", display_name="Bandit Selector", master_key=self.key, enforce_ssl=True)
        for address in configuration.alarm_mails:
            self.topic.add_subscription(subscriptions.EmailSubscription(address))
        self.reports = self._bucket(removal)

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
                    abort_incomplete_multipart_upload_after=Duration.days(7),
                ),
                s3.LifecycleRule(id="access-logs-go", prefix="access/", expiration=Duration.days(90)),
            ],
            removal_policy=removal,
            auto_delete_objects=False,
        )
