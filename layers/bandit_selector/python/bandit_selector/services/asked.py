"""What a caller asks for: the parameters and the bodies of the routes that answer lists. Knows no table."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bandit_selector.feedback import Id
from bandit_selector.lists.context import USER_TYPES, Context, UserType, context_at
from bandit_selector.parsing import parse_zone
from bandit_selector.settings import Arm, Settings


def spelled(value: object) -> object:
    """A boolean of JSON as a query spells it."""
    return str(value).lower() if isinstance(value, bool) else value


class Asking(BaseModel):
    """Who asks, for which group of the test, and by which clock."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    user_id: Id = Field(description="The visitor.", examples=[1])
    use_bandit: Annotated[
        Literal["true", "false", "auto"], BeforeValidator(spelled, bool | Literal["true", "false", "auto"])
    ] = Field(
        default="true",
        description="Who is asked: the bandit, the control list, or with `auto` the one that the visitor's sticky split"
        " names. Ignored while ASSIGNMENT=server or BANDIT is not `on`.",
    )
    time_zone: Annotated[ZoneInfo | None, BeforeValidator(parse_zone, str | None)] = Field(
        default=None,
        description="The IANA time zone of the visitor's clock; without it, the service's.",
        examples=["Europe/Berlin"],
    )


class Request(Asking):
    """The query of GET /movies/recommendations; parameters it does not name are ignored."""

    limit: int = Field(default=30, ge=1, le=50, description="How many movies.")
    offset: int = Field(default=0, ge=0, le=1000, description="How many movies of the list come before.")
    seed: str | None = Field(
        default=None,
        max_length=64,
        description="For an hour, every `limit` and `offset` of one seed is a window of one recorded list.",
        examples=["monday"],
    )


class Candidate(BaseModel):
    """A movie that an arm would show, with the arm's own score, which the control list blends."""

    model_config = ConfigDict(frozen=True)

    movie_id: Id = Field(examples=[5])
    score: float = Field(allow_inf_nan=False, ge=-1e30, le=1e30, examples=[0.9])


class OwnCandidates(Request):
    """The body of POST /movies/recommendations: the query of GET, and each arm's movies from best to worst.

    Only these are shown. Further fields are read where CONTEXT_FACTORS names them.
    """

    model_config = ConfigDict(extra="allow")

    candidates: dict[Arm, Annotated[list[Candidate], Field(max_length=1000)]] = Field(
        min_length=1,
        max_length=100,
        description="Per arm its movies from best to worst. Every arm must be among ARMS.",
        examples=[{"svd": [{"movie_id": 5, "score": 0.9}, {"movie_id": 7, "score": 0.4}]}],
    )


def own_lists(candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, list[Candidate]]:
    """The same, each movie once in an arm: at its first place."""
    return {
        arm: list({one.movie_id: one for one in reversed(offers)}.values())[::-1] for arm, offers in candidates.items()
    }


def possible_contexts(
    asking: Asking, settings: Settings, now: datetime, fields: Mapping[str, object]
) -> dict[UserType, Context]:
    """The context of a request for each kind of visitor: which kind it is follows from what is read in one round trip
    with what is believed."""
    zone = asking.time_zone or settings.time_zone
    factors = settings.context_factors
    return {name: context_at(now, zone, name).with_factors(factors, fields) for name in USER_TYPES}


def keys_of(contexts: Iterable[Context]) -> list[str]:
    """The keys that beliefs are read for, each once: those of the contexts and of their fallbacks."""
    return list(dict.fromkeys(key for one in contexts for key in (one.key, one.fallback.key)))
