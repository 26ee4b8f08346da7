"""What an operator decides about a deployment, read from CDK context. Must not know any construct."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, Self

from bandit_selector.parsing import parse_list
from bandit_selector.settings import Settings
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from infra.local.errors import LocalError
from infra.service import FEEDBACK_QUEUE, OVER_HTTP, Function

WIRED: Final = ("database_secret_arn", "site_tokens", "feedback_queue_url", "report_bucket", "alert_topic_arn")
"""Settings that the stack fills in itself."""

SNAPSHOT: Final = "[A-Za-z][A-Za-z0-9:/-]*"
MOMENT: Final = r"[a-z][a-z0-9-]*@(latest|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
"""What a database is restored from: a snapshot's name or ARN, or a cluster at a time (`NAME@latest`)."""


def _number(given: object) -> object:
    """The command line gives text."""
    return int(given) if isinstance(given, str) and given.isdecimal() else given


Words = Annotated[tuple[str, ...], BeforeValidator(parse_list)]


ADDRESS: Final = ("host", "users", "secret")
"""What a restore changes of our own database's address."""

EDGE_REGION: Final = "us-east-1"
"""Where the stack of CloudFront and its firewall is, whatever the region of the others."""


class UnusableContext(LocalError):
    """The context has an unknown key or an unusable value."""


class Configuration(BaseModel):
    """One deployment. Lists are written `a,b` on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["dev", "prod"]
    settings: dict[str, str] = {}

    # Who may call
    issuer: str = ""
    audience: Words = ()
    user_id_claim: str = ""
    site_tokens: str = ""
    site_tokens_key_arn: str = ""
    allowed_origins: Words = ()
    sign_in_urls: Words = ()
    mfa: Literal["optional", "required"] = "optional"
    domain_name: str = ""
    certificate_arn: str = ""
    edge_origin: str = Field(default="", pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")
    requests_per_second: int = Field(default=200, gt=0)

    # The database: made by the stack, or the team's own
    database_secret_arn: str = ""
    database_secret_key_arn: str = ""
    database_url: str = ""
    database_resource_id: str = Field(default="", description="of a database that takes IAM's logins: cluster-ABC")
    database_security_group_id: str = ""
    vpc_id: str = ""
    vpc_cidr: str = Field(default="10.90.0.0/16", description="of the VPC made here")
    database_min_capacity: float = Field(default=0.5, ge=0, le=256)
    database_max_capacity: float = Field(default=4, ge=1, le=256)
    database_readers: int = Field(default=0, ge=0, le=15)
    database_pause_minutes: int = Field(default=0, ge=0, le=1440, description="0: never pauses")
    settle_minutes: int = Field(default=1, ge=1, le=60, description="how often the clock's half of feedback runs")
    backup_days: int = Field(default=7, ge=1, le=35)
    restore_from: str = Field(default="", pattern=rf"^({SNAPSHOT}|{MOMENT})?$")

    # Cost limits and retention
    concurrency_scale: float = Field(default=1.0, gt=0, description="multiplies each function's concurrency")
    reserve_concurrency: bool = Field(default=True, description="off where the account may run only a few functions")
    snap_start: bool = True
    canary: bool = True
    tracing: bool = False
    route_metrics: bool = False
    monthly_budget: int = Field(default=0, ge=0, description="US $; 0: no budget")
    endpoint_zones: int = Field(default=1, ge=1, le=2)
    keep_data: bool = True
    log_days: Annotated[Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365], BeforeValidator(_number)] = 30
    alarm_mails: Words = ()
    page_mails: Words = ()

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Self:
        if self.issuer and not self.audience:
            raise ValueError("issuer needs audience: the client ids whose tokens are taken")
        if self.database_secret_arn and not self.vpc_id:
            raise ValueError("database_secret_arn needs vpc_id: where that database is reached from")
        if self.database_secret_key_arn and not self.database_secret_arn:
            raise ValueError("database_secret_key_arn needs database_secret_arn: the secret that it encrypts")
        if self.site_tokens_key_arn and not self.site_tokens:
            raise ValueError("site_tokens_key_arn needs site_tokens: the secret that it encrypts")
        if self.database_resource_id and not (self.database_secret_arn and self.database_url):
            raise ValueError(
                "database_resource_id needs database_url, the host that functions log in at, and database_secret_arn,"
                " with which the migration makes their roles"
            )
        if self.database_secret_arn and self.restore_from:
            raise ValueError("restore_from needs our own database: leave database_secret_arn away")
        if self.domain_name and not self.certificate_arn:
            raise ValueError("domain_name needs certificate_arn: its certificate in ACM, in the same region")
        if self.database_pause_minutes and self.database_min_capacity:
            raise ValueError("database_pause_minutes needs database_min_capacity=0: only then Aurora may pause")
        return self

    @property
    def cluster_name(self) -> str:
        """The name of our own cluster; a restored one has a name of its own, as both exist for a while."""
        name, restored = f"bandit-selector-{self.environment}", self.restore_from
        return f"{name}-{sha256(restored.encode()).hexdigest()[:8]}" if restored else name

    def parameter(self, part: str) -> str:
        """The name of the SSM parameter that hands on a part of our own database's address."""
        return f"/bandit-selector/{self.environment}/database/{part}"

    def sign_in_prefix(self, account: str) -> str:
        """The first part of the sign-in page's name, which nobody else in the region may have."""
        return f"bandit-{self.environment}-{account}"

    def reserved(self, function: Function) -> int | None:
        """Reserved processes, which bound the connections.

        None for a function without a connection, and for the queue's consumer: its event source bounds it, because a
        throttled batch would count as an attempt.
        """
        without = "database" not in function.uses or function.name == FEEDBACK_QUEUE.consumer
        if without or not self.reserve_concurrency:
            return None
        scale = self.concurrency_scale if function.name in OVER_HTTP else 1
        return max(1, round(function.concurrency * scale))


def read_configuration(context: Mapping[str, Any]) -> Configuration:
    """From all CDK context: the chosen environment's block, overridden by single keys; capitals are settings.

    Raises UnusableContext that names every fault. CDK's own keys (they have a `:` or `/`) are left alone.
    """
    environment = context.get("environment", "dev")
    ours = {key: value for key, value in context.items() if not {":", "/"} & set(key) and key not in ("dev", "prod")}
    wanted = {**context.get(str(environment), {}), **ours, "environment": environment}
    settings = {key: str(value) for key, value in wanted.items() if key.isupper()}
    options = {key: value for key, value in wanted.items() if not key.isupper()}
    try:
        _check_settings(settings)
        return Configuration(**options, settings=settings)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'together'}: {fault['msg']}" for fault in error.errors()
        )
        raise UnusableContext(f"This context cannot be used: {faults}.") from None


def _check_settings(settings: Mapping[str, str]) -> None:
    """Refuses at synth the settings that every function would refuse at its start."""
    unknown = [name for name in settings if name.lower() not in Settings.model_fields or name.lower() in WIRED]
    if unknown:
        raise UnusableContext(
            f"No setting {', '.join(unknown)} can be given by context; docs/operations.md lists them."
        )
    Settings.model_validate({name.lower(): value for name, value in settings.items()})
