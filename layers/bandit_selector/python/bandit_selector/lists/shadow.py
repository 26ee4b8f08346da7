"""Treatment's list beside the control list that is shown, and what the two have in common. Knows no I/O.

What control's impressions teach about an arm (`agreements`): at a place where the arm, left with the movies shown above
it, would have put the very movie that was shown, the outcome is the arm's own. This is the replay of a log (Li, Chu,
Langford & Wang 2011) whose policy is deterministic, so there is nothing to weigh: the mean of these outcomes is
unbiased for the arm's success rate at the places where it agrees with control, if a reaction depends on the place's
own movie only. It is not unbiased for the arm's rate at all places: where they disagree, control's log has probability
0 for the arm's movie, and no estimator knows that part. So it is prior evidence, discounted, and not an outcome.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bandit_selector.lists.names import algorithm_of
from bandit_selector.lists.slate import Place, Shelf, Stock, offered


@dataclass(frozen=True, slots=True)
class Agreements:
    """Per arm, at how many places it had a movie (`stocked`); and (place, arm) pairs, both counted from 1, where the
    arm would have put the shown movie."""

    stocked: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Shadow:
    """A list of treatment's that nobody is shown: per place which of `arms` (from 1), movie and propensity.

    `movie_ids` is None for a selection, whose movies the site would choose. `same` are the places at which the shown
    list has the same movie, `common` the movies that are on both.
    """

    arms: tuple[str, ...]
    drawn: bytes
    movie_ids: tuple[int, ...] | None
    propensities: tuple[float, ...]
    version: int | None
    agreements: Agreements
    places: int
    same: int
    common: int
    milliseconds: float


def agreements(
    stock: Stock, arms: Sequence[str], shown: Sequence[Place], reserved: Sequence[bool], after: int = 0
) -> Agreements:
    """What each arm would have put at the places of a shown list, which is given from place 1.

    `reserved` has the places that only the long tail may fill; the first `after` places are not counted, and those that
    follow are numbered from 1.
    """
    shelves = {arm: Shelf(stock.lists(arm)) for arm in arms}
    above, stocked = set(stock.rated), dict.fromkeys(arms, 0)
    pairs: list[tuple[int, int]] = []
    for number, (place, only_long_tail) in enumerate(zip(shown, reserved, strict=False), start=1 - after):
        offers = offered(shelves, only_long_tail, above)
        above.add(place.movie_id)
        if number < 1:
            continue
        for which, arm in enumerate(arms, start=1):
            stocked[arm] += arm in offers
            if arm in offers and offers[arm].movie_id == place.movie_id:
                pairs.append((number, which))
    return Agreements(tuple(stocked.values()), tuple(pairs))


def compared(
    drawn: Sequence[Place],
    arms: Sequence[str],
    shown: Sequence[Place],
    found: Agreements,
    version: int | None,
    milliseconds: float,
) -> Shadow:
    """The shadow of a shown page; `arms` are in the order of `found`."""
    names = [algorithm_of(arm) for arm in arms]
    ours, theirs = [place.movie_id for place in drawn], [place.movie_id for place in shown]
    return Shadow(
        arms=tuple(arms),
        drawn=bytes(names.index(place.algorithm) + 1 for place in drawn),
        movie_ids=tuple(ours),
        propensities=tuple(place.propensity or 0.0 for place in drawn),
        version=version,
        agreements=found,
        places=len(shown),
        same=sum(one == other for one, other in zip(ours, theirs, strict=False)),
        common=len({*ours} & {*theirs}),
        milliseconds=milliseconds,
    )
