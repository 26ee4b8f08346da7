"""Control's list with treatment's drawn beside it, shown to nobody: BANDIT=shadow. Knows the order of steps only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from time import perf_counter

from bandit_selector.lists.names import SHADOW
from bandit_selector.lists.shadow import Shadow, agreements, compared
from bandit_selector.lists.slate import Page, Place, Stock, bandit_slate, whole_control


@dataclass(frozen=True, slots=True)
class Chances:
    """What treatment would draw with: each arm's probability, and the version that it was published in."""

    by_arm: Mapping[str, float]
    version: int | None


def with_shadow(
    control: tuple[Stock, Mapping[str, float]],
    stock: Stock,
    chances: Callable[[], Chances],
    page: Page,
    randomness: Random,
    on_failure: Callable[[Exception], None],
) -> tuple[list[Place], Shadow | None]:
    """The page that is shown, of control's stock and weights, exactly as with BANDIT=off; and treatment's, of `stock`.

    Both keep the same places for the long tail. What fails in treatment goes to `on_failure`, and there is no shadow.
    """
    twin = Random()  # noqa: S311 # nothing secret
    twin.setstate(randomness.getstate())
    whole = whole_control(*control, page, randomness, SHADOW)
    shown = whole[page.offset :]
    if not shown:
        return shown, None
    try:
        return shown, _drawn(stock, chances, page, twin, whole)
    except Exception as error:  # whatever it is, the visitor gets the list
        on_failure(error)
        return shown, None


def _drawn(stock: Stock, chances: Callable[[], Chances], page: Page, twin: Random, whole: list[Place]) -> Shadow:
    state, began = twin.getstate(), perf_counter()
    drawing = chances()
    places = bandit_slate(stock, drawing.by_arm, page, twin)
    milliseconds = 1000 * (perf_counter() - began)
    twin.setstate(state)
    arms = list(drawing.by_arm)
    found = agreements(stock, arms, whole, page.reserved(twin), page.offset)
    return compared(places, arms, whole[page.offset :], found, drawing.version, milliseconds)
