"""The deployment guide's goals, each judged by its figure. Reads nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from bandit_selector.evidence.experiment import INCOMPARABLE, ReadOut
from bandit_selector.evidence.lift import Lift
from bandit_selector.evidence.ratio import Interval
from bandit_selector.evidence.tally import Metric
from bandit_selector.evidence.words import sentence

State: TypeAlias = Literal["met", "not yet", "cannot be known"]
CERTAIN: Final = 0.95
"""P(arm is best) from which a context is said to know its best arm."""
AIM: Final = 0.15
"""The guide's production goal is a lift of 15 to 25 %."""
WEEK_1, WEEKS_2_4, PRODUCTION = "Week 1", "Weeks 2–4", "Production"


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of a checklist; `figure` is why, as part of a sentence."""

    stage: str
    name: str
    state: State
    figure: str


@dataclass(frozen=True, slots=True)
class Leading:
    """The arm that is likeliest best in a context, with which probability; `traffic` are the context's outcomes."""

    context_key: str
    arm: str
    probability: float
    traffic: float


@dataclass(frozen=True, slots=True)
class GoalFacts:
    """What the goals are judged by. `pulls` are outcomes by arm, of every configured one; `critical` the headlines of
    the newest report's critical alerts and `diversity` its figures, None without a report; `places` treatment's by arm
    in the last days."""

    cells: int
    pulls: Mapping[str, int]
    judged: int
    critical: Sequence[str] | None
    leading: Sequence[Leading]
    experiment: ReadOut
    places: Mapping[str, int]
    dominance: float
    diversity: Mapping[str, object] | None
    diverse: bool


def reached(met: bool) -> State:
    """The state of a goal whose figure is known."""
    return "met" if met else "not yet"


def goals(facts: GoalFacts) -> list[Goal]:
    """The guide's lists "Week 1", "Week 2-4" and "Production", in its order and words."""
    return [rule(facts) for rule in RULES]


def _table(facts: GoalFacts) -> Goal:
    state = reached(facts.cells > 0)
    return Goal(WEEK_1, "Bandit table created and populated", state, f"{facts.cells:,} cells in bandit_states")


def _pulls(facts: GoalFacts) -> Goal:
    without = [arm for arm, pulls in facts.pulls.items() if not pulls]
    known = f"{len(facts.pulls) - len(without)} of {len(facts.pulls)} algorithms have outcomes"
    figure = f"{known}; none yet: {', '.join(without)}" if without else known
    return Goal(WEEK_1, "All algorithms have some pulls", reached(not without), figure)


def _loop(facts: GoalFacts) -> Goal:
    figure = f"{facts.judged:,} successes and failures have moved alpha and beta"
    return Goal(WEEK_1, "Feedback loop working (alpha/beta changing)", reached(facts.judged > 0), figure)


def _alerts(facts: GoalFacts) -> Goal:
    name = "No critical monitoring alerts"
    if facts.critical is None:
        return Goal(WEEK_1, name, "cannot be known", "there is no report yet; ./dev monitor makes one")
    figure = "; ".join(facts.critical) or "the newest report has none"
    return Goal(WEEK_1, name, reached(not facts.critical), figure)


def _preferences(facts: GoalFacts) -> Goal:
    name, known = "Clear algorithm preferences emerging", _decided(facts)
    traffic = sum(one.traffic for one in facts.leading)
    if not traffic:
        return Goal(WEEKS_2_4, name, "cannot be known", "nothing is learned yet")
    share = sum(one.traffic for one in known) / traffic
    figure = (
        f"{len(known)} of {len(facts.leading)} contexts, with {share:.0%} of all outcomes, know their best algorithm"
    )
    return Goal(WEEKS_2_4, name, reached(share >= 0.5), figure)


def _improving(facts: GoalFacts) -> Goal:
    return _lifted(facts, WEEKS_2_4, "CTR improving vs control group", "ctr", lambda bounds: bounds.low > 0)


def _patterns(facts: GoalFacts) -> Goal:
    name, known = "Context-specific patterns visible", _decided(facts)
    best = sorted({one.arm for one in known})
    if len(known) < 2:
        return Goal(
            WEEKS_2_4, name, "cannot be known", f"{len(known)} contexts know their best algorithm, two are needed"
        )
    figure = f"in the {len(known)} contexts that know their best algorithm it is {', '.join(best)}"
    return Goal(WEEKS_2_4, name, reached(len(best) > 1), figure)


def _balance(facts: GoalFacts) -> Goal:
    name, places = f"Diversity maintained (no single algo > {facts.dominance:.0%})", sum(facts.places.values())
    if not places:
        return Goal(WEEKS_2_4, name, "cannot be known", "the bandit has filled no place in the last 7 days")
    arm = max(facts.places, key=facts.places.__getitem__)
    share = facts.places[arm] / places
    return Goal(WEEKS_2_4, name, reached(share <= facts.dominance), f"{arm} has {share:.0%} of {places:,} places")


def _aimed(facts: GoalFacts) -> Goal:
    return _lifted(facts, PRODUCTION, "15-25% CTR improvement over baseline", "ctr", lambda bounds: bounds.low >= AIM)


def _ratings(facts: GoalFacts) -> Goal:
    return _lifted(
        facts, PRODUCTION, "Better ratings for recommended movies", "avg_rating", lambda bounds: bounds.low > 0
    )


def _thumbs(facts: GoalFacts) -> Goal:
    return _lifted(facts, PRODUCTION, "Reduced thumbs-down rate", "thumbs_down_rate", lambda bounds: bounds.high < 0)


def _diversity(facts: GoalFacts) -> Goal:
    name = "Maintained or improved diversity"
    if not facts.diversity or None in facts.diversity.values():
        return Goal(PRODUCTION, name, "cannot be known", "the newest report has no figure of it")
    figures = ", ".join(f"{key.replace('_', ' ')} {value:.2f}" for key, value in facts.diversity.items()
                        if isinstance(value, float))  # fmt: skip
    return Goal(PRODUCTION, name, reached(facts.diverse), f"{figures}, by the newest report")


RULES: Final[tuple[Callable[[GoalFacts], Goal], ...]] = (
    *(_table, _pulls, _loop, _alerts),
    *(_preferences, _improving, _patterns, _balance),
    *(_aimed, _ratings, _thumbs, _diversity),
)


def _decided(facts: GoalFacts) -> list[Leading]:
    return [one for one in facts.leading if one.probability >= CERTAIN]


def _lifted(facts: GoalFacts, stage: str, name: str, metric: Metric, met: Callable[[Interval], bool]) -> Goal:
    """A goal of a lift is met once its whole interval is."""
    lift = facts.experiment.metrics[metric].lift
    if lift is None:
        whole = metric == "ctr" or facts.experiment.verdict in INCOMPARABLE
        return Goal(stage, name, "cannot be known", sentence(facts.experiment) if whole else TOO_FEW)
    return Goal(stage, name, reached(met(lift.relative)), _spoken(lift))


TOO_FEW: Final = "too few of them in both groups to compare"


def _spoken(lift: Lift) -> str:
    bounds = lift.relative
    return f"{bounds.estimate:+.1%} against control ({bounds.low:+.1%} to {bounds.high:+.1%}, at every look)"
