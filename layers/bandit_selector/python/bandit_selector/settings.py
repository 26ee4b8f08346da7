"""Every configurable value with its default. The only reader of os.environ; it must not know who uses a value."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bandit_selector.errors import InvalidSetting

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
GUIDE_ARMS: Final = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")


def parse_duration(text: object) -> object:
    """`90s`, `10m`, `12h`, `7d` → timedelta; a value that is not text is returned unchanged."""
    if not isinstance(text, str):
        return text
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip())
    if not parts:
        raise ValueError(f"{text!r} is not a duration; write one like 90s, 10m, 12h or 7d")
    return timedelta(**{UNITS[parts[2]]: float(parts[1])})


def parse_silence(text: object) -> object:
    """`off` → None, which means that silence never counts; else a duration."""
    return None if text == "off" else parse_duration(text)


def parse_list(text: object) -> object:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def parse_weights(text: object) -> object:
    """`svd=.6,item_cf=.4` → {"svd": .6, "item_cf": .4}."""
    if not isinstance(text, str):
        return text
    return {name.strip(): weight for name, _, weight in (part.partition("=") for part in text.split(","))}


def parse_zone(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not an IANA time zone; write one like 'Europe/Berlin'") from None


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Share = Annotated[float, Field(ge=0, le=1)]
Arm = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Settings(BaseModel):
    """One field per environment variable; the variable has the field's name in capitals."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    # Addresses. An empty one means that this function does not use it.
    database_url: str = ""
    database_secret_arn: str = ""
    feedback_queue_url: str = ""
    report_bucket: str = ""
    alert_topic_arn: str = ""
    # The time zone of contexts and reports, and the claim of a token that holds the user id
    time_zone: Annotated[ZoneInfo, BeforeValidator(parse_zone)] = ZoneInfo("UTC")
    user_id_claim: str = "sub"
    # How people sign in to the dashboard: authorization code with PKCE at this issuer (OAuth 2.1)
    sign_in_authorize_url: str = ""
    sign_in_token_url: str = ""
    sign_in_client_id: str = ""
    sign_in_scope: str = "openid analytics"
    # A sentence that the dashboard shows above its figures, for example that they come from a demo
    dashboard_notice: str = ""
    # The bandit
    arms: Annotated[tuple[Arm, ...], BeforeValidator(parse_list), Field(min_length=1)] = GUIDE_ARMS
    policy: Literal["shared", "independent"] = "shared"
    prior_alpha: float = Field(default=1.0, gt=0)
    prior_beta: float = Field(default=1.0, gt=0)
    half_life: float = Field(default=50_000, gt=0, description="outcomes after which evidence has half its weight")
    min_arm_probability: Share = 0.01
    max_algorithm_dominance: Share = 0.70
    min_long_tail_share: Share = 0.20
    # The control list and the split
    control_weights: Annotated[dict[Arm, float], BeforeValidator(parse_weights)] = {
        "svd": 0.60,
        "item_cf": 0.25,
        "embeddings": 0.15,
    }
    treatment_share: Share = 0.5
    experiment_salt: str = "bandit-selector"
    experiment_start: AwareDatetime | None = None
    planned_lift: float = Field(default=0.15, gt=0, le=1, description="the relative lift that the test should detect")
    # What feedback means
    success_rating: float = Field(default=4.0, ge=0.5, le=5.0)
    failure_rating: float = Field(default=2.0, ge=0.5, le=5.0)
    silence_counts_after: Annotated[timedelta | None, BeforeValidator(parse_silence)] = timedelta(minutes=10)
    silence_counts: Literal["shown", "seen"] = "shown"
    attribution_window: Duration = timedelta(days=7)
    # The thresholds of the monitor's alerts
    min_avg_rating: float = Field(default=3.5, ge=0.5, le=5.0)
    min_ctr: Share = 0.10
    min_genre_diversity: Share = 0.30
    min_join_rate: Share = 0.95
    min_lists: int = Field(default=500, ge=1, description="no rate alerts on fewer lists in the window")
    max_feedback_silence: Duration = timedelta(hours=6)
    max_candidate_age: Duration = timedelta(days=2)

    @property
    def silence(self) -> Literal["shown", "seen", "off"]:
        """Which silence is a failure: that on every place shown, on the places seen, or none."""
        return self.silence_counts if self.silence_counts_after is not None else "off"

    @model_validator(mode="after")
    def _success_above_failure(self) -> Self:
        if self.failure_rating >= self.success_rating:
            raise ValueError(
                f"FAILURE_RATING {self.failure_rating} must lie below SUCCESS_RATING {self.success_rating}"
            )
        return self

    @model_validator(mode="after")
    def _weights_are_of_arms(self) -> Self:
        unknown = sorted(set(self.control_weights) - set(self.arms))
        if unknown or sum(self.control_weights.values()) <= 0 or min(self.control_weights.values()) < 0:
            raise ValueError(
                f"CONTROL_WEIGHTS {self.control_weights} must be non-negative weights of ARMS {', '.join(self.arms)}"
            )
        return self


class Platform(BaseModel):
    """The AWS credentials that Lambda gives to a process, and the endpoint of AWS, which only tests set."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    aws_access_key_id: str = ""
    aws_secret_access_key: str = Field(default="", repr=False)
    aws_session_token: str = Field(default="", repr=False)
    aws_container_credentials_full_uri: str = ""
    aws_container_authorization_token: str = Field(default="", repr=False)
    aws_endpoint_url: str = ""


def read_platform(environment: Mapping[str, str] = os.environ) -> Platform:
    """The values as of now. Lambda may change the keys while a process lives, so callers read them at each use."""
    return Platform(**{name: environment.get(name.upper(), "") for name in Platform.model_fields})


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises InvalidSetting, whose message names every fault."""
    given = {name: environment[name.upper()] for name in Settings.model_fields if environment.get(name.upper())}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(f"{_variable(fault['loc'], given)}: {fault['msg']}" for fault in error.errors())
        raise InvalidSetting(f"These settings cannot be used: {faults}.") from None


def _variable(location: tuple[int | str, ...], given: Mapping[str, str]) -> str:
    """The variable and its value, `POLICY='greedy'`; `together` for a fault between several variables."""
    name = str(location[0]) if location else ""
    return f"{name.upper()}={given[name]!r}" if name in given else "together"
