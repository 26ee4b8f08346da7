"""What would make a deployment fail half-way, asked before anything is made. Reads an account; changes nothing."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final, cast

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.configuration import Configuration
from infra.local.errors import LocalError
from infra.service import FEEDBACK_QUEUE, FUNCTIONS

BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"
ENGINE_VERSION: Final = "17.7"
UNRESERVED: Final = 100
"""Concurrent executions that Lambda keeps for functions without a reservation."""


class NotReady(LocalError):
    """A deployment would fail; the message says every reason with its remedy."""


class Account:
    """The account and region of the shell's credentials; raises NotReady where they are missing or refused."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self.region = session.region_name or ""
        if not self.region:
            raise NotReady("No region is chosen: set AWS_REGION, then deploy again.")
        try:
            self.id = str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise NotReady(f"AWS does not take these credentials: {error}") from error

    def client(self, service: str) -> Any:
        return cast("Any", self._session.client(service))  # pyright: ignore[reportCallIssue, reportArgumentType] # boto3 has no types


def check(account: Account, configuration: Configuration) -> None:
    """Raises NotReady with everything that is wrong; returns if the deployment may begin."""
    wrong = list(faults(account, configuration))
    if wrong:
        raise NotReady("Nothing was deployed:\n" + "\n".join(f"- {fault}" for fault in wrong))


def faults(account: Account, configuration: Configuration) -> Iterator[str]:
    """A sentence for each thing that would make this deployment fail."""
    yield from _bootstrap(account)
    yield from _processes(account, configuration)
    yield from authorities(account)
    if not configuration.database_secret_arn:
        yield from names(account, configuration)
        yield from _engine(account)


def reserved(configuration: Configuration) -> int:
    """Concurrent executions that the stack reserves."""
    bounded = [f for f in FUNCTIONS if "database" in f.uses and f.name != FEEDBACK_QUEUE.consumer]
    return sum(function.concurrency for function in bounded) if configuration.reserve_concurrency else 0


def _bootstrap(account: Account) -> Iterator[str]:
    ssm = account.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP)
    except ssm.exceptions.ParameterNotFound:
        place = f"aws://{account.id}/{account.region}"
        yield f"CDK is not set up in {account.region}: run `node_modules/.bin/cdk bootstrap {place}` once."


def _processes(account: Account, configuration: Configuration) -> Iterator[str]:
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    wanted = reserved(configuration) + UNRESERVED if configuration.reserve_concurrency else 0
    if limits["ConcurrentExecutions"] < wanted:
        yield (
            f"The account may run {limits['ConcurrentExecutions']} functions at once, and this deployment needs"
            f" {wanted}: ask for 1,000 in Service Quotas (Lambda, concurrent executions), or deploy with"
            " -c reserve_concurrency=false."
        )


def authorities(account: Account) -> Iterator[str]:
    name = f"{account.region}.pem"
    if not (files("bandit_selector.store") / "authorities" / name).is_file():
        yield (
            f"No certificate authorities are bundled for {account.region}: get"
            f" https://truststore.pki.rds.amazonaws.com/{account.region}/{account.region}-bundle.pem as"
            f" bandit_selector/store/authorities/{name}."
        )


def _stack_exists(account: Account, configuration: Configuration) -> bool:
    cloud = account.client("cloudformation")
    try:
        cloud.describe_stacks(StackName=f"bandit-selector-{configuration.environment}-data")
    except ClientError:
        return False
    return True


def names(account: Account, configuration: Configuration) -> Iterator[str]:
    """Names that a first deployment gives, and that a former one may have left behind."""
    if _stack_exists(account, configuration):
        return
    cluster = f"bandit-selector-{configuration.environment}"
    rds = account.client("rds")
    try:
        rds.describe_db_clusters(DBClusterIdentifier=cluster)
    except ClientError:
        pass
    else:
        yield f"A database cluster {cluster} exists already: delete it, or restore it by restore_from (operations.md)."
    group = f"/aws/rds/cluster/{cluster}/postgresql"
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if any(one["logGroupName"] == group for one in found):
        yield f"The log group {group} exists already: delete it."


def _engine(account: Account) -> Iterator[str]:
    answer = account.client("rds").describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion=ENGINE_VERSION)
    if not answer["DBEngineVersions"]:
        yield f"{account.region} offers no Aurora PostgreSQL {ENGINE_VERSION}: choose another in infra/database.py."
