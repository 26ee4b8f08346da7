"""Every configurable value with its default. The only reader of os.environ; it must not know who uses a value."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bandit_selector.errors import InvalidSetting
from bandit_selector.parsing import (
    days,
    parse_bound,
    parse_duration,
    parse_factors,
    parse_list,
    parse_silence,
    parse_weights,
    parse_zone,
)
from bandit_selector.ramp import Step, parse_ramp, planned

GUIDE_FACTORS: Final = ("time_period", "day_of_week", "user_type")
REQUEST_FIELDS: Final = ("user_id", "limit", "offset", "seed", "use_bandit", "time_zone", "context_key")
LONGEST_KEY: Final = 200
QUEUE_RETENTION: Final = timedelta(days=14)
"""How long the queue keeps a message, which is SQS's longest: feedback may arrive this late."""
LONGEST_WINDOW: Final = timedelta(days=90)  # feedback by movie id searches as many weekly tables
LONGEST_KEEPING: Final = timedelta(days=1096)  # each week is three tables; the archive keeps what is older
GUIDE_ARMS: Final = ("svd", "embeddings", "graph", "item_cf", "long_tail", "serendipity")


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(le=1e30, allow_inf_nan=False)]
FactorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Level = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,40}$")]
Arm = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Settings(BaseModel):
    """One field per environment variable; the variable has the field's name in capitals."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    # Addresses. An empty one means that this function does not use it.
    database_url: str = ""
    database_secret_arn: str = ""
    # Whether that address is of a pooler in transaction mode: PgBouncer, RDS Proxy
    database_pooled: bool = False
    # Whether the user of DATABASE_URL logs in by IAM; whose rights a session has, where that role exists; whether the
    # database pauses when idle, so that callers are told to wait while it resumes
    database_iam: bool = False
    database_role: str = ""
    database_pauses: bool = False
    feedback_queue_url: str = ""
    report_bucket: str = ""
    alert_topic_arn: str = ""
    # The time zone of contexts and reports, and the claim of a token that holds the user id
    time_zone: Annotated[ZoneInfo, BeforeValidator(parse_zone)] = ZoneInfo("UTC")
    user_id_claim: str = "sub"
    # The site's backend, which gets every request that no route here takes
    site_url: Annotated[str, Field(pattern=r"^(https?://[^/?#@\s]+)?$")] = ""
    # The secret with the key of the site's own tokens (HS256); empty: visitors' tokens are the OIDC issuer's
    site_tokens: str = ""
    # Their audience, if they have one, and the column of `users` that has what their `sub` has
    site_token_audience: str = ""
    site_user_column: str = "username"
    # How people sign in to the dashboard: authorization code with PKCE at this issuer (OAuth 2.1)
    sign_in_authorize_url: str = ""
    sign_in_token_url: str = ""
    sign_in_revoke_url: str = ""
    sign_in_client_id: str = ""
    sign_in_scope: str = "openid analytics"
    # Where people open the dashboard; mails link to it
    dashboard_url: Annotated[str, Field(pattern=r"^(https?://[^\s#]+)?$")] = ""
    # A sentence that the dashboard shows above its figures, for example that they come from a demo
    dashboard_notice: str = ""
    # Whether log lines name users: off, because logs are kept longer and read by more people than the database
    log_user_ids: bool = False
    # The share of requests whose INFO lines are written; warnings and errors always are
    log_sample: Share = 0.01
    # The bandit
    arms: Annotated[tuple[Arm, ...], BeforeValidator(parse_list), Field(min_length=1)] = GUIDE_ARMS
    # Further factors of the context, from fields of the request: `device:mobile|desktop|tv;country:de|at|ch`
    context_factors: Annotated[dict[FactorName, tuple[Level, ...]], BeforeValidator(parse_factors)] = {}
    policy: Literal["shared", "independent"] = "shared"
    prior_alpha: float = Field(default=1.0, gt=0, le=1e6)
    prior_beta: float = Field(default=1.0, gt=0, le=1e6)
    # How many outcomes an arm's history is worth at most: what shadows and the site's own rows tell of it
    history_worth: float = Field(default=200, ge=0, le=100_000)
    # Evidence has half its weight after this many outcomes, and not before this time has passed
    half_life: float = Field(default=200_000, gt=0)
    half_life_time: Duration = timedelta(days=28)
    # The same for the short memory, with which older evidence is refuted
    short_half_life: float = Field(default=2_000, gt=0)
    short_half_life_time: Duration = timedelta(hours=6)
    # The same for what a context's share of the traffic is measured on
    traffic_half_life: float = Field(default=5_000, gt=0)
    traffic_half_life_time: Duration = timedelta(days=7)
    # How long a version of the probabilities stays in force at least, once published
    publish_every: Duration = timedelta(seconds=1)
    min_arm_probability: Share = 0.001
    max_algorithm_dominance: Share = 0.70
    dominance: Literal["cap", "alert"] = "cap"
    # Of which traffic no arm may have more: of all, or of weekdays and of weekends, each for itself
    dominance_over: Literal["all", "days"] = "all"
    min_long_tail_share: Share = 0.20
    # How long a visitor's session lasts without a rating or click; in it, the arm `graph` goes by the last of them
    session_gap: Annotated[timedelta | None, BeforeValidator(parse_silence)] = timedelta(minutes=30)
    # The columns of `movies` that an answer has beside id, title and genres; empty: all but vectors, bytes and what is
    # larger than 4 kB
    movie_columns: Annotated[tuple[str, ...], BeforeValidator(parse_list)] = ()
    # The control list and the split
    control_weights: Annotated[dict[Arm, Weight], BeforeValidator(parse_weights)] = {
        "svd": 0.60,
        "item_cf": 0.25,
        "embeddings": 0.15,
    }
    bandit: Literal["on", "off", "shadow"] = "on"
    assignment: Literal["caller", "server"] = "caller"
    treatment_share: Share = 0.5
    # Steps of that share over time, in its place: `0.05@2027-01-10,0.25@+3d`; needs ASSIGNMENT=server
    ramp: Annotated[tuple[Step, ...], BeforeValidator(parse_ramp)] = ()
    # The brake takes the share a step back when the lift's upper bound is below this, or with more fallbacks than that;
    # or when so much more of treatment's requests than of control's fail, or are slow: take longer than BRAKE_LATENCY
    brake_below: Annotated[Annotated[float, Field(gt=-1, lt=0)] | None, BeforeValidator(parse_bound)] = -0.05
    brake_fallbacks: Share = 0.05
    brake_errors: Share = 0.02
    brake_slow: Share = 0.05
    brake_latency: Duration = timedelta(seconds=1)
    experiment_salt: str = "bandit-selector"
    experiment_start: AwareDatetime | None = None
    # How many places of a visitor count in a UTC day, for learning and in the test; later ones are served all the same
    max_places_per_visitor: Annotated[Annotated[int, Field(ge=1, le=10_000)] | None, BeforeValidator(parse_bound)] = 100
    planned_lift: float = Field(default=0.15, gt=0, le=1, description="the relative lift that the test should detect")
    planned_ctr: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="control's clicks per movie shown, by which visitors are planned after one day, as if nobody "
        "returned; measured where not set",
    )
    # How much one visitor may weigh in the test: the movies that this share of visitors stays below; 1 bounds nobody
    visitor_weight_quantile: float = Field(default=0.95, ge=0.5, le=1)
    # What feedback means
    success_rating: float = Field(default=4.0, ge=0.5, le=5.0)
    failure_rating: float = Field(default=2.0, ge=0.5, le=5.0)
    silence_counts_after: Annotated[timedelta | None, BeforeValidator(parse_silence)] = timedelta(minutes=10)
    silence_counts: Literal["shown", "seen"] = "shown"
    attribution_window: Duration = timedelta(days=7)
    # Whether the ratings that the site's own backend writes count, and whose clock its timestamps without zone show
    site_ratings: Literal["on", "off"] = "on"
    site_time_zone: Annotated[ZoneInfo, BeforeValidator(parse_zone)] = ZoneInfo("UTC")
    # How long impressions and messages stay in the database; they are archived first (docs/archive.md)
    keep_events: Duration = timedelta(days=90)
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

    @property
    def outcomes_change_for(self) -> timedelta:
        """How long an impression's outcome may change: the window, and as long as the queue may keep its feedback."""
        return self.attribution_window + QUEUE_RETENTION

    @property
    def experiment_begins(self) -> datetime | None:
        """The UTC midnight from which the test counts: EXPERIMENT_START, or the next one after it."""
        if self.experiment_start is None:
            return None
        start = self.experiment_start.astimezone(UTC)
        midnight = datetime.combine(start.date(), time(), UTC)
        return midnight if midnight == start else midnight + timedelta(days=1)

    @property
    def share_plan(self) -> str:
        """What names the plan of treatment's share; a share that was in force under another plan is so no more."""
        steps = [f"{step.share:g}@{step.begins:%Y-%m-%d}" for step in self.ramp] or [f"{self.treatment_share:g}"]
        return f"{','.join(steps)} {self.experiment_salt} {self.experiment_start or ''}".strip()

    def planned_share(self, now: datetime) -> float:
        """Treatment's share by the plan: RAMP's, or TREATMENT_SHARE."""
        return planned(self.ramp, now) if self.ramp else self.treatment_share

    @model_validator(mode="after")
    def _a_ramp_needs_the_server(self) -> Self:
        if self.ramp and self.assignment != "server":
            raise ValueError(
                "RAMP needs ASSIGNMENT=server: otherwise callers decide who gets the bandit, because use_bandit=true is"
                " the default of the API"
            )
        return self

    @model_validator(mode="after")
    def _success_above_failure(self) -> Self:
        if self.failure_rating >= self.success_rating:
            raise ValueError(
                f"FAILURE_RATING {self.failure_rating} must lie below SUCCESS_RATING {self.success_rating}"
            )
        return self

    @model_validator(mode="after")
    def _factors_make_keys(self) -> Self:
        taken = sorted(self.context_factors.keys() & {*GUIDE_FACTORS, *REQUEST_FIELDS})
        longest = len("afternoon|weekday|power_user") + sum(
            1 + max(map(len, ("other", *levels))) for levels in self.context_factors.values()
        )
        if taken or longest > LONGEST_KEY:
            raise ValueError(
                f"CONTEXT_FACTORS may not be named {', '.join(taken)}"
                if taken
                else f"CONTEXT_FACTORS make keys of up to {longest} characters; {LONGEST_KEY} fit"
            )
        return self

    @model_validator(mode="after")
    def _events_are_kept_while_they_can_change(self) -> Self:
        for name, length, longest in (
            ("ATTRIBUTION_WINDOW", self.attribution_window, LONGEST_WINDOW),
            ("KEEP_EVENTS", self.keep_events, LONGEST_KEEPING),
        ):
            if length > longest:
                raise ValueError(f"{name} {days(length)} must be at most {days(longest)}")
        shortest = self.outcomes_change_for
        if self.keep_events < shortest:
            raise ValueError(
                f"KEEP_EVENTS {days(self.keep_events)} must be at least {days(shortest)}: ATTRIBUTION_WINDOW "
                f"{days(self.attribution_window)} and the {days(QUEUE_RETENTION)} for which the queue keeps feedback"
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
    aws_region: str = ""


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
