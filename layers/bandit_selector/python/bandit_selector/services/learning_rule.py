"""The learning rule under given settings. Knows what each setting means to the rule; must not know the store."""

from datetime import timedelta
from typing import Final

from bandit_selector.learning.counts import Counts
from bandit_selector.learning.guard import Guards
from bandit_selector.learning.learn import Learned, learn
from bandit_selector.learning.memory import HalfLife, HalfLives, Memory, traffic
from bandit_selector.learning.refutation import Forgetting, refute
from bandit_selector.lists.context import day_of, moment_of
from bandit_selector.settings import Settings

AIM: Final = 0.02
"""The cap is kept on expected traffic; it aims this much below MAX_ALGORITHM_DOMINANCE so that real weeks keep it."""


def half_lives(settings: Settings) -> HalfLives:
    """POLICY=independent never forgets, as in the deployment guide; where its contexts' traffic goes, it notices."""
    recent = _half_life(settings.traffic_half_life, settings.traffic_half_life_time)
    if settings.policy == "independent":
        never = HalfLives.never()
        return HalfLives(never.long, never.short, recent)
    return HalfLives(
        _half_life(settings.half_life, settings.half_life_time),
        _half_life(settings.short_half_life, settings.short_half_life_time),
        recent,
    )


def _half_life(outcomes: float, time: timedelta) -> HalfLife:
    return HalfLife(outcomes, time.total_seconds())


def guards(settings: Settings) -> Guards:
    """The floor and the cap of what is published; with DOMINANCE=alert nothing is capped."""
    capped = settings.dominance == "cap" and settings.max_algorithm_dominance < 1
    cap = settings.max_algorithm_dominance - AIM if capped else 1.0
    return Guards(settings.min_arm_probability, max(cap, settings.min_arm_probability))


def forget_refuted(
    contexts: tuple[str, ...], memory: Memory, settings: Settings
) -> tuple[Memory, tuple[Forgetting, ...]]:
    """The memory without what was refuted; POLICY=independent never forgets."""
    if settings.policy == "independent":
        return memory, ()
    return refute(memory, settings.arms, [moment_of(key) for key in contexts])


def learn_from(contexts: tuple[str, ...], memory: Memory, settings: Settings) -> Learned:
    """One publication, from what is remembered. DOMINANCE_OVER=days caps weekdays and weekends each."""
    counts = Counts(contexts, settings.arms, memory.long_successes, memory.long_failures)
    days = [day_of(key) for key in contexts] if settings.dominance_over == "days" else None
    prior = settings.prior_alpha, settings.prior_beta
    return learn(counts, traffic(memory), settings.policy, *prior, guards(settings), days)
