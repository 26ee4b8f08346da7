"""Judges whether the service and what it learns are well: facts in, checks and alerts out. Reads nothing itself.

A rate alerts when its 95 % confidence bound lies beyond its threshold, not when its estimate does, and only from
`min_lists` lists on; without data there is no alarm. The first four checks are the deployment guide's.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bandit_selector.evidence.ratio import Interval, Ratio, mean_bounds, rate_bounds
from bandit_selector.health.facts import Alert, Check, Facts, Health, Severity, Thresholds, Value, evenness_among, worst

EXPECTED_FEEDBACK: Final = 10.0
"""How many reactions must be missing before silence is no chance: a Poisson count of 0 then has p = 5e-5."""


def judge(facts: Facts, thresholds: Thresholds) -> Health:
    """Every check on the facts of one window."""
    checks = _checks(facts, thresholds)
    named = {
        name: replace(check, alerts=tuple(replace(alert, check=name) for alert in check.alerts))
        for name, check in checks.items()
    }
    return Health(named)


def _checks(facts: Facts, thresholds: Thresholds) -> dict[str, Check]:
    return {
        "diversity": _diversity(facts, thresholds),
        "quality": _quality(facts, thresholds),
        "algorithm_balance": _balance(facts, thresholds),
        "engagement": _engagement(facts, thresholds),
        "experiment": _experiment(facts),
        "feedback": _feedback(facts, thresholds),
        "learning": _learning(facts, thresholds),
        "candidates": _candidates(facts, thresholds),
    }


def _diversity(facts: Facts, thresholds: Thresholds) -> Check:
    tail, genres = rate_bounds(facts.long_tail), mean_bounds(facts.genre_diversity)
    metrics: dict[str, Value] = {"long_tail_percentage": facts.long_tail.value, "genre_diversity": _estimate(genres)}
    alerts = [
        *_below(
            tail, thresholds.min_long_tail_share, "warning", "long_tail_rate", "Long-tail share", facts.lists,
            "Look at the newest candidate lists: the long_tail arm may be empty, or `movie_popularity` outdated.",
        ),
        *_below(
            genres, thresholds.min_genre_diversity, "warning", "genre_diversity", "Genre diversity", facts.lists,
            "Lists have become one-sided; see which arm's share has grown and which genres it favours.",
        ),
    ]  # fmt: skip
    return _check(metrics, alerts, facts.lists, thresholds)


def _quality(facts: Facts, thresholds: Thresholds) -> Check:
    stars = mean_bounds(facts.avg_rating)
    metrics: dict[str, Value] = {
        "avg_rating": facts.avg_rating.value,
        "ctr": facts.ctr.value,
        "total_events": facts.shown,
    }
    alerts: list[Alert] = []
    if stars and stars.high < thresholds.min_avg_rating:
        value, limit = f"{stars.estimate:.2f}", f"{thresholds.min_avg_rating:.2f}"
        alerts.append(
            Alert(
                "critical", "avg_rating", stars.estimate, thresholds.min_avg_rating,
                f"Average rating ({value}) below threshold ({limit})",
                f"average rating {value} below {limit}",
                f"{facts.avg_rating.denominator:,.0f} ratings, 95 % interval {stars.low:.2f}–{stars.high:.2f}.",
                "People dislike what they are shown: compare the arms' ratings in /analytics/performance, see whether "
                "one arm's candidates broke last night, and switch that arm off (ARMS) until it is repaired.",
            )
        )  # fmt: skip
    return _check(metrics, alerts, facts.lists, thresholds)


def _balance(facts: Facts, thresholds: Thresholds) -> Check:
    places = sum(facts.treatment_places.values())
    rates = {arm: count / places for arm, count in facts.treatment_places.items()} if places else {}
    balance = evenness_among(facts.treatment_places.values(), len(rates))
    metrics: dict[str, Value] = {**rates, "balance": balance} if rates else {}
    alerts: list[Alert] = []
    for arm, share in rates.items():
        bounds = rate_bounds(Ratio(facts.treatment_places[arm], places, share * (1 - share) / places))
        if bounds and bounds.low > thresholds.max_algorithm_dominance:
            limit = f"{thresholds.max_algorithm_dominance:.2%}"
            alerts.append(
                Alert(
                    "warning", f"algorithm_dominance:{arm}", share, thresholds.max_algorithm_dominance,
                    f"Algorithm '{arm}' dominates with {share:.2%} of recommendations (threshold: {limit})",
                    f"{arm} holds {share:.0%} of the places, above {thresholds.max_algorithm_dominance:.0%}",
                    f"{places:,} places of the bandit's lists, 95 % interval {bounds.low:.1%}–{bounds.high:.1%}.",
                    "Other arms may have run out of candidates; see each arm's lists and MAX_ALGORITHM_DOMINANCE.",
                )
            )  # fmt: skip
    return _check(metrics, alerts, facts.lists, thresholds)


def _engagement(facts: Facts, thresholds: Thresholds) -> Check:
    alerts = _below(
        rate_bounds(facts.ctr), thresholds.min_ctr, "warning", "ctr", "CTR", facts.lists,
        "Check that the front end still reports clicks; then see in the timeline since when, and in which arm.",
    )  # fmt: skip
    return _check({"ctr": facts.ctr.value}, alerts, facts.lists, thresholds)


def _experiment(facts: Facts) -> Check:
    found, lift = facts.experiment, facts.experiment.metrics["ctr"].lift
    metrics: dict[str, Value] = {
        "lift": lift.relative.estimate if lift else None,
        "p": lift.p if lift else None,
        "sample_ratio_p": found.sample_ratio_p,
        "verdict": found.verdict,
    }
    alerts: list[Alert] = []
    if found.verdict == "sample_ratio_mismatch":
        alerts.append(
            Alert(
                "critical", "sample_ratio", found.sample_ratio_p, 0.001, found.sentence,
                "the A/B groups are not split as planned", f"p = {found.sample_ratio_p:.2g} (anytime-valid).",
                "Look for a redirect, a cache or an error that only one group meets; set TREATMENT_SHARE to the "
                "split that the front end really uses.",
            )
        )  # fmt: skip
    if found.verdict == "lower" and lift:
        alerts.append(
            Alert(
                "critical", "lift", lift.relative.estimate, 0.0, found.sentence,
                f"the bandit's CTR is {abs(lift.relative.estimate):.0%} lower than control's",
                f"95 % confidence sequence {lift.relative.low:.1%} to {lift.relative.high:.1%}, p = {lift.p:.2g}.",
                "Send fewer visitors to treatment (TREATMENT_SHARE) and compare the arms with the control list.",
            )
        )  # fmt: skip
    return Check(worst(alerts) or ("no_data" if found.verdict == "no_control" else "ok"), metrics, tuple(alerts))


def _feedback(facts: Facts, thresholds: Thresholds) -> Check:
    feedback = facts.feedback
    joined = feedback.received - feedback.unattributed
    rate = joined / feedback.received if feedback.received else None
    metrics: dict[str, Value] = {
        "received": feedback.received,
        "join_rate": rate,
        "unattributed": feedback.unattributed,
        "dead_letters": facts.dead_letters,
    }
    bounds = rate_bounds(Ratio(joined, feedback.received, rate * (1 - rate) / feedback.received)) if rate else None
    alerts = [
        *_below(
            bounds, thresholds.min_join_rate, "warning", "join_rate", "Feedback that found its impression",
            feedback.received,
            "See the reasons in feedback_events: front ends should send event_id, within ATTRIBUTION_WINDOW.",
            "messages",
        ),
        *_silence(facts, thresholds),
        *_dead_letters(facts.dead_letters),
    ]  # fmt: skip
    return Check(worst(alerts) or ("ok" if feedback.received else "no_data"), metrics, tuple(alerts))


def _silence(facts: Facts, thresholds: Thresholds) -> list[Alert]:
    feedback = facts.feedback
    expected = feedback.received / facts.shown * feedback.shown_since if facts.shown else 0.0
    if not feedback.newest or facts.now - feedback.newest <= thresholds.max_feedback_silence:
        return []
    if expected < EXPECTED_FEEDBACK:
        return []
    hours, limit = _hours(facts.now - feedback.newest), _hours(thresholds.max_feedback_silence)
    return [
        Alert(
            "critical", "feedback_silence", hours, limit,
            f"No feedback for {hours:.0f} hours (threshold: {limit:.0f})", f"no feedback for {hours:.0f} hours",
            f"{feedback.shown_since:,} movies were shown meanwhile; about {expected:,.0f} reactions should have come.",
            "Send one click by hand (POST /analytics/track/click) and follow it: the answer, the queue, the consumer.",
        )
    ]  # fmt: skip


def _dead_letters(count: int | None) -> list[Alert]:
    if not count:
        return []
    return [
        Alert(
            "critical", "dead_letters", count, 0, f"Dead letters ({count}) above threshold (0)",
            f"feedback could not be applied, dead letters: {count}", "They stay in the dead-letter queue for 14 days.",
            "Read the consumer's log for the reason, repair it, then redrive the queue; repeats count once.",
        )
    ]  # fmt: skip


def _learning(facts: Facts, thresholds: Thresholds) -> Check:
    metrics: dict[str, Value] = {
        "invariant": "broken" if facts.difference else "holds",
        "contexts_published": facts.contexts_published,
        "contexts_at_dominance_cap": facts.contexts_at_cap,
        "arms_without_outcome": len(facts.arms_without_outcome),
    }
    alerts: list[Alert] = []
    if facts.difference:
        alerts.append(
            Alert(
                "critical", "invariant", "broken", "holds", facts.difference,
                "stored sums do not follow from the recorded events", "`./dev verify` found it.",
                "Find who else writes these tables, stop it, then rebuild the sums from the events.",
            )
        )  # fmt: skip
    if facts.lists >= thresholds.min_lists:
        alerts += [_without_outcome(arm) for arm in facts.arms_without_outcome]
    return Check(worst(alerts) or "ok", metrics, tuple(alerts))


def _without_outcome(arm: str) -> Alert:
    return Alert(
        "warning", f"arm_without_data:{arm}", 0, 1, f"Algorithm '{arm}' had no outcome in this window",
        f"{arm} is never shown", "Every arm should be drawn at least as often as MIN_ARM_PROBABILITY says.",
        "Build its candidate lists again, or take it out of ARMS.",
    )  # fmt: skip


def _candidates(facts: Facts, thresholds: Thresholds) -> Check:
    if facts.candidates_updated is None:
        return Check("no_data", {"age_hours": None})
    age = max(timedelta(), facts.now - facts.candidates_updated)  # lists may be built while a report is made
    hours, limit = _hours(age), _hours(thresholds.max_candidate_age)
    metrics: dict[str, Value] = {"age_hours": hours}
    if hours <= limit:
        return Check("ok", metrics)
    alert = Alert(
        "warning", "candidate_age", hours, limit,
        f"Candidate lists are {hours:.0f} hours old (threshold: {limit:.0f})",
        f"candidate lists are {f'{hours:.0f} hours' if hours < 48 else f'{hours / 24:.0f} days'} old",
        f"Built last at {facts.candidates_updated:%Y-%m-%d %H:%M %Z}.",
        "See why the nightly build failed; visitors keep getting the old lists meanwhile.",
    )  # fmt: skip
    return Check("warning", metrics, (alert,))


def _below(
    bounds: Interval | None, threshold: float, severity: Severity, metric: str, name: str, n: int, advice: str,
    of: str = "lists",
) -> list[Alert]:  # fmt: skip
    if bounds is None or bounds.high >= threshold:
        return []
    return [
        Alert(
            severity, metric, bounds.estimate, threshold,
            f"{name} ({bounds.estimate:.2%}) below threshold ({threshold:.2%})",
            f"{name if name.isupper() else name.lower()} {bounds.estimate:.2%} below {threshold:.2%}",
            f"{n:,} {of}, 95 % interval {bounds.low:.2%}–{bounds.high:.2%}.",
            advice,
        )
    ]  # fmt: skip


def _check(metrics: dict[str, Value], alerts: list[Alert], lists: int, thresholds: Thresholds) -> Check:
    """Below the number of lists that allow a judgement, the figures are shown and nobody is woken."""
    if lists < thresholds.min_lists:
        return Check("no_data", metrics)
    return Check(worst(alerts) or "ok", metrics, tuple(alerts))


def _estimate(interval: Interval | None) -> float | None:
    return interval.estimate if interval else None


def _hours(span: timedelta) -> float:
    return span / timedelta(hours=1)
