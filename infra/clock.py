"""The schedules of infra.service: what EventBridge Scheduler calls, when, and where a failed call goes."""

# jsii's interfaces and classes name the same parameters differently:
# pyright: reportArgumentType=false

from aws_cdk import Aws, Duration, TimeZone
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from infra.configuration import Configuration
from infra.messaging import Messaging
from infra.service import SCHEDULES, Schedule


class Clock(Construct):
    """One schedule each; the function is told the scheduled time, not the time it was called."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        configuration: Configuration,
        functions: dict[str, lambda_.Function],
        messaging: Messaging,
    ) -> None:
        super().__init__(scope, construct_id)
        here = TimeZone.of(configuration.settings.get("TIME_ZONE", "UTC"))
        for schedule in SCHEDULES:
            zone = here if schedule.in_time_zone else TimeZone.ETC_UTC
            scheduler.Schedule(
                self,
                schedule.name.title(),
                description=f"Bandit Selector: {schedule.name}",
                schedule=scheduler.ScheduleExpression.expression(_expression(schedule, configuration), zone),
                target=targets.LambdaInvoke(
                    functions[schedule.function],
                    input=scheduler.ScheduleTargetInput.from_object(
                        {"time": scheduler.ContextAttribute.scheduled_time}
                    ),
                    dead_letter_queue=messaging.missed_schedules,
                    role=self._role(schedule, functions[schedule.function], messaging).without_policy_updates(),
                    retry_attempts=2,
                    max_event_age=Duration.hours(1),
                ),
            )

    def _role(self, schedule: Schedule, function: lambda_.IFunction, messaging: Messaging) -> iam.Role:
        """May call this one function and send failed calls to the queue; CDK's own role lacks the queue's key."""
        scheduler_of_this_account = iam.ServicePrincipal(
            "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        )
        role = iam.Role(self, f"{schedule.name.title()}Role", assumed_by=scheduler_of_this_account)
        call = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn])
        role.add_to_policy(call)
        messaging.missed_schedules.grant(role, "sqs:SendMessage")
        messaging.key.grant(role, "kms:GenerateDataKey", "kms:Decrypt")
        return role


def _expression(schedule: Schedule, configuration: Configuration) -> str:
    """The schedule of infra.service, unless the operator settles less often so that the database can pause."""
    if schedule.name == "settle" and configuration.settle_minutes > 1:
        return f"rate({configuration.settle_minutes} minutes)"
    return schedule.expression
