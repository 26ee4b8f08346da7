"""What would make a deployment fail half-way, asked before anything is made. Reads an account; changes nothing."""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final, cast

import boto3
from botocore.exceptions import ClientError

from infra.configuration import ADDRESS, EDGE_REGION, Configuration
from infra.credentials import refusals
from infra.local.errors import LocalError
from infra.service import functions

BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"
ENGINE_VERSION: Final = "17.7"
UNRESERVED: Final = 100
"""Concurrent executions that Lambda keeps for functions without a reservation."""
NEVER_MADE: Final = ("", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
"""States of a stack of which nothing is there: unknown, never begun, or removed after its first deployment failed."""


class NotReady(LocalError):
    """A deployment would fail; the message says every reason with its remedy."""


class Account:
    """The account and region of the shell's credentials; raises NotReady or Refused where they are missing."""

    def __init__(self, session: boto3.Session) -> None:
        self._session = session
        self.region: str = session.region_name or ""
        if not self.region:
            raise NotReady("No region is chosen: set AWS_REGION, then deploy again.")
        with refusals("AWS does not take these credentials"):
            self.id = str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str, region: str = "") -> Any:
        """A service in the account's region, unless another is named."""
        return cast("Any", self._session.client(service, region_name=region or self.region))  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] # boto3 has no types


def check(account: Account, configuration: Configuration) -> None:
    """Raises NotReady with everything that is wrong, or Refused; returns if the deployment may begin."""
    with refusals("Nothing was deployed, because the account cannot be asked (--without-preflight asks nothing)"):
        wrong = list(faults(account, configuration))
    if wrong:
        raise NotReady("Nothing was deployed:\n" + "\n".join(f"- {fault}" for fault in wrong))


def faults(account: Account, configuration: Configuration) -> Iterator[str]:
    """A sentence for each thing that would make this deployment fail."""
    yield from bootstrap(account, configuration)
    yield from failed(account, configuration)
    yield from _processes(account, configuration)
    yield from authorities(account)
    yield from names(account, configuration)
    if not configuration.database_secret_arn:
        yield from engine(account)
        yield from source(account, configuration)


def reserved(configuration: Configuration) -> int:
    """Concurrent executions that the stack reserves."""
    made = functions(site_tokens=bool(configuration.site_tokens))
    return sum(configuration.reserved(function) or 0 for function in made)


def bootstrap(account: Account, configuration: Configuration) -> Iterator[str]:
    """CDK's own set-up, in each region that has a stack."""
    for region in sorted({account.region, EDGE_REGION if configuration.edge_origin else account.region}):
        ssm = account.client("ssm", region)
        try:
            ssm.get_parameter(Name=BOOTSTRAP)
        except ssm.exceptions.ParameterNotFound:
            place = f"aws://{account.id}/{region}"
            yield f"CDK is not set up in {region}: run `node_modules/.bin/cdk bootstrap {place}` once."


def failed(account: Account, configuration: Configuration) -> Iterator[str]:
    """Stacks whose first deployment failed; CDK deletes such a stack to make it again, which protection refuses."""
    service = f"bandit-selector-{configuration.environment}"
    for stack in (service, f"{service}-data"):
        found = _stack(account, stack)
        status, protected = found.get("StackStatus"), found.get("EnableTerminationProtection")
        if status == "ROLLBACK_FAILED" or (status == "ROLLBACK_COMPLETE" and protected):
            yield (
                f"The first deployment of the stack {stack} failed, and what is left of it is protected: delete it"
                " (docs/operations.md, “After a failed first deployment”)."
            )


def _processes(account: Account, configuration: Configuration) -> Iterator[str]:
    """What others have reserved in the account is not free; an existing deployment has its own already."""
    if not configuration.reserve_concurrency:
        return
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    deployed = _exists(account, f"bandit-selector-{configuration.environment}")
    free = limits["ConcurrentExecutions" if deployed else "UnreservedConcurrentExecutions"]
    wanted = reserved(configuration) + UNRESERVED
    if free < wanted:
        yield (
            f"The account may run {free} functions at once that nobody has reserved, and this deployment needs"
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


def _exists(account: Account, stack: str) -> bool:
    return _stack(account, stack).get("StackStatus", "") not in NEVER_MADE


def _stack(account: Account, stack: str) -> dict[str, Any]:
    """What CloudFormation says of a stack; nothing where it knows none of this name."""
    found: list[dict[str, Any]] = []

    def ask() -> None:
        found.extend(account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"])

    return found[0] if _found(ask, "ValidationError") else {}


def _found(ask: Callable[[], object], missing: str) -> bool:
    """Whether AWS knows what is asked for; `missing` is its error if it does not."""
    try:
        ask()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == missing:
            return False
        raise
    return True


def names(account: Account, configuration: Configuration) -> Iterator[str]:
    """Names that a first deployment gives, and that a former one or somebody else may have taken."""
    if _exists(account, f"bandit-selector-{configuration.environment}-data"):
        return
    catalogue = f"bandit_selector_{configuration.environment}"
    if _found(lambda: account.client("glue").get_database(Name=catalogue), "EntityNotFoundException"):
        yield f"A Glue database {catalogue} exists already: delete it."
    prefix, people = configuration.sign_in_prefix(account.id), account.client("cognito-idp")
    if not configuration.issuer and people.describe_user_pool_domain(Domain=prefix)["DomainDescription"]:
        yield f"A user pool has the sign-in domain {prefix} already: delete that domain."
    if not configuration.database_secret_arn:
        yield from _names_of_database(account, configuration)


def _names_of_database(account: Account, configuration: Configuration) -> Iterator[str]:
    rds, ssm, cluster = account.client("rds"), account.client("ssm"), configuration.cluster_name
    parameters = [configuration.parameter(part) for part in ADDRESS]
    for one in ssm.get_parameters(Names=parameters)["Parameters"]:
        yield f"The parameter {one['Name']} exists already: delete it."
    if _found(lambda: rds.describe_db_clusters(DBClusterIdentifier=cluster), "DBClusterNotFoundFault"):
        yield f"A database cluster {cluster} exists already: delete it, or restore it by restore_from (operations.md)."
    group = f"/aws/rds/cluster/{cluster}/postgresql"
    found = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if any(one["logGroupName"] == group for one in found):
        yield f"The log group {group} exists already: delete it."


def source(account: Account, configuration: Configuration) -> Iterator[str]:
    """The snapshot or the cluster that the database is to be restored from."""
    name, at, _ = configuration.restore_from.partition("@")
    rds = account.client("rds")
    if at and not _found(lambda: rds.describe_db_clusters(DBClusterIdentifier=name), "DBClusterNotFoundFault"):
        yield f"restore_from names the cluster {name}, which does not exist in {account.region}."
    asked = {"DBClusterSnapshotIdentifier": name}
    missing = "DBClusterSnapshotNotFoundFault"
    if name and not at and not _found(lambda: rds.describe_db_cluster_snapshots(**asked), missing):
        yield f"restore_from names the snapshot {name}, which does not exist in {account.region}."


def engine(account: Account) -> Iterator[str]:
    answer = account.client("rds").describe_db_engine_versions(Engine="aurora-postgresql", EngineVersion=ENGINE_VERSION)
    if not answer["DBEngineVersions"]:
        yield f"{account.region} offers no Aurora PostgreSQL {ENGINE_VERSION}: choose another in infra/database.py."
