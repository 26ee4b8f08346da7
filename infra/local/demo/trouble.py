"""Two faults for a demo, so that the monitor has something to mail about. Must not know checks or mails."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final, Literal

import numpy as np
from psycopg import sql

from infra.local.demo.visitors import Rated, Reaction, Visit, World
from infra.local.site import Catalogue, Connection

ARM: Final = "long_tail"
"""The arm whose candidate lists are lost."""


@dataclass(frozen=True, slots=True)
class Troubled:
    """A world whose visitors rate through a broken form: it sends half of the stars that they choose."""

    world: World

    @property
    def name(self) -> Literal["synthetic", "movielens"]:
        return self.world.name

    @property
    def sentence(self) -> str:
        return (
            f"{self.world.sentence} In trouble on purpose: the candidate lists of {ARM} are lost, and the rating form "
            "sends half of the stars that a visitor chooses."
        )

    @property
    def catalogue(self) -> Catalogue:
        return self.world.catalogue

    def visits(self, start: datetime, rng: np.random.Generator, per_day: int = 1000) -> Iterator[Visit]:
        return self.world.visits(start, rng, per_day)

    def rated_before(self, user_id: int, at: datetime) -> Sequence[Rated]:
        return self.world.rated_before(user_id, at)

    def react(self, user_id: int, shown: Sequence[int], at: datetime, rng: np.random.Generator) -> list[Reaction]:
        return [halved(reaction) for reaction in self.world.react(user_id, shown, at, rng)]


def halved(reaction: Reaction) -> Reaction:
    """A rating becomes half as many stars, rounded up to the next half; any other reaction stays as it is."""
    return reaction if reaction.rating is None else replace(reaction, rating=ceil(reaction.rating) / 2)


def lose_lists(connection: Connection) -> None:
    """Deletes the arm's lists, and loses those of later builds, as if the nightly builder failed for it every night."""
    connection.execute("DELETE FROM recommendation_candidates WHERE algorithm = %s", [ARM])
    connection.execute("CREATE FUNCTION demo_loses() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
    connection.execute(
        sql.SQL(
            "CREATE TRIGGER demo_loses BEFORE INSERT ON recommendation_candidates FOR EACH ROW"
            " WHEN (NEW.algorithm = {}) EXECUTE FUNCTION demo_loses()"
        ).format(ARM)
    )
