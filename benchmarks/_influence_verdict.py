"""What attacks and bounds do to the test's verdict: totals of visitors, compared as the product compares them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from bandit_selector.evidence.bound import bound_of, weighed
from bandit_selector.evidence.experiment import CLUSTERS
from bandit_selector.evidence.lift import Lift, contrast, lift_of
from bandit_selector.settings import Settings

from benchmarks._influence_visitors import DAYS, SITES, Site, counted, places

CTR = 0.12
PLANNED = Settings().planned_lift
QUANTILE = Settings().visitor_weight_quantile
SAMPLES = 60  # of each site, for the power
ATTACKED = Site("1,000 visitors a group, lists of 10", 1_000, 10)
Totals = dict[str, list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Attack:
    """`accounts` in `group` that click `clicks` each, on every place shown; the honest truth is `lift`."""

    name: str
    group: str
    accounts: int
    clicks: int
    lift: float
    site: Site

    def totals(self, bound: int | None, days: int) -> list[tuple[float, float]]:
        a_day = self.clicks / days
        counts = days * (a_day if bound is None else min(a_day, bound))
        return [(counts, counts)] * self.accounts


FAKED = Attack("ten accounts, 200 clicks each (A/A)", "treatment", 10, 200, 0.0, ATTACKED)
HIDDEN = Attack("one account, 5,000 control clicks (+20 %)", "control", 1, 5_000, 0.2, ATTACKED)
TOKEN = Attack("one token, 1,000 clicks (A/A)", "treatment", 1, 1_000, 0.0, ATTACKED)


def attacks(bounds: Sequence[int | None], runs: int) -> dict[str, list[int]]:
    """Per attack, its spread and the way of the test: how many of the runs' verdicts it changed, for each bound."""
    answer: dict[str, list[int]] = {}
    for attack in (TOKEN, FAKED, HIDDEN):
        for spread, days in (("13 seconds", 1), ("seven days", DAYS)):
            for way in ("plain", "winsorised"):
                changed = [sum(_changed(attack, bound, days, way, run) for run in range(runs)) for bound in bounds]
                answer[f"{attack.name}, {spread}, {way}"] = changed
    return answer


def honest(bounds: Sequence[int | None]) -> dict[str, list[float]]:
    """Per site and bound, the share of the test's information that is kept with bound and winsorising."""
    return {site.name: _kept(site, bounds) for site in SITES}


def _kept(site: Site, bounds: Sequence[int | None]) -> list[float]:
    plain = np.mean([_z(_read(_honest(site, 0.2, None, run), "plain")) for run in range(SAMPLES)])
    kept = [
        np.mean([_z(_read(_honest(site, 0.2, bound, run), "winsorised")) for run in range(SAMPLES)]) for bound in bounds
    ]
    return [float((one / plain) ** 2) for one in kept]


def _changed(attack: Attack, bound: int | None, days: int, way: str, run: int) -> bool:
    totals = _honest(attack.site, attack.lift, bound, run)
    before = _verdict(_read(totals, way))
    totals[attack.group] = totals[attack.group] + attack.totals(bound, days)
    return _verdict(_read(totals, way)) != before


def _honest(site: Site, lift: float, bound: int | None, run: int) -> Totals:
    """Clicks and counted places of each visitor, from the same visitors for every bound."""
    rng = np.random.default_rng([73, run])
    answer: Totals = {}
    for group, rate in (("treatment", CTR * (1 + lift)), ("control", CTR)):
        shown = counted(places(site, site.visitors, rng), bound).sum(axis=1)
        own = rng.beta(rate * 20, (1 - rate) * 20, site.visitors)  # visitors differ: sd 7 points
        clicks = rng.binomial(shown, own)
        answer[group] = [(float(x), float(n)) for x, n in zip(clicks, shown, strict=True) if n]
    return answer


def _read(totals: Totals, way: str) -> Lift | None:
    """The lift as the product reads it: visitors in clusters, in the order in which they came."""
    groups = [np.array(totals[group]).T[::-1] for group in ("treatment", "control")]
    everybody = np.concatenate(groups, axis=1).T.astype(int)
    bound = bound_of([(n, x) for n, x in everybody.tolist()], QUANTILE) if way == "winsorised" else None
    sums = np.zeros((1, 2, CLUSTERS, 2))
    for group, (shown, clicked) in enumerate(groups):
        n, x = weighed(shown, clicked, bound)
        at = np.arange(len(n)) % CLUSTERS
        sums[0, group] = np.stack([np.bincount(at, part, CLUSTERS) for part in (x, n)], axis=-1)
    return lift_of(contrast(sums), PLANNED)


def _verdict(lift: Lift | None) -> str:
    if lift is None or not lift.significant:
        return "undecided"
    return "higher" if lift.relative.estimate > 0 else "lower"


def _z(lift: Lift | None) -> float:
    assert lift is not None  # noqa: S101 # these sites have clicks in both groups
    return float(np.log1p(lift.relative.estimate) / lift.error)
