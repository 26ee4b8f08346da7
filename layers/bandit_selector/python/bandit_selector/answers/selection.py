"""What `select` answers: the movies of a list, and the arms of a selection. Must not know routes or SQL."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

EVENT_ID = Field(description="The id to report feedback on.", examples=[2896431235751937])


class MovieAnswer(BaseModel):
    """A movie: the columns of the site's own table, and where and why it is shown."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: int = Field(examples=[5])
    genres: list[str] = Field(examples=[["Drama"]])
    algorithm: str = Field(
        description="`bandit_<arm>`, `hybrid_control`, `hybrid_fallback` if the bandit failed, `hybrid_off`,"
        " or `hybrid_shadow`.",
        examples=["bandit_svd"],
    )
    position: int = Field(ge=1, description="The place in the list, from 1.", examples=[1])
    propensity: float | None = Field(
        description="The probability that this arm was drawn with; null where nothing was drawn.", examples=[0.41]
    )
    event_id: int = EVENT_ID
    recommendation_id: UUID = Field(description="The list's id.", examples=["00000000-0000-8000-8000-0292ae230001"])


class PlaceAnswer(BaseModel):
    """The arm that fills a place."""

    model_config = ConfigDict(frozen=True)

    position: int = Field(ge=1, description="The place, from 1.", examples=[1])
    arm: str = Field(description="Show this arm's best item here.", examples=["svd"])
    propensity: float = Field(ge=0, le=1, description="The probability that this arm was drawn with.", examples=[0.41])
    event_id: int = EVENT_ID


class SelectionAnswer(BaseModel):
    """POST /selections. A place counts once its `event_id` is reported as seen, or gets a reaction."""

    model_config = ConfigDict(frozen=True)

    selection_id: UUID = Field(
        description="The `recommendation_id` of its places in `recommendation_events`.",
        examples=["00000000-0000-8000-8000-0292ae230001"],
    )
    group: Literal["treatment", "control"] | None = Field(
        description="The visitor's group; null while BANDIT is off or shadow."
    )
    context_key: str = Field(examples=["evening|weekend|power_user"])
    places: list[PlaceAnswer]
