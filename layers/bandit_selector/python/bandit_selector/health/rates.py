"""The deployment guide's four checks: rates against their thresholds. Knows no table and sends nothing.

A rate alerts when its whole 95 % interval, by clusters of visitors, lies beyond its threshold; only from `min_lists`
lists and ENOUGH_CLUSTERS effective clusters on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bandit_selector.evidence.ratio import Interval, Ratio, mean_bounds, rate_bounds
from bandit_selector.health.facts import Alert, Check, Facts, Severity, Thresholds, Value, evenness_among, worst
from bandit_selector.health.meanings import readable

NOTHING: Final = Ratio(0.0, 0.0, 0.0, 0.0)


def diversity(facts: Facts, thresholds: Thresholds) -> Check:
    tail = rate_bounds(facts.long_tail) if facts.long_tail.known else None
    genres = mean_bounds(facts.genre_diversity) if facts.genre_diversity.known else None
    metrics: dict[str, Value] = {
        "long_tail_percentage": facts.long_tail.value,
        "genre_diversity": facts.genre_diversity.value,
    }
    alerts = [
        *below(
            tail,
            thresholds.min_long_tail_share,
            severity="warning",
            metric="long_tail_rate",
            name="Long-tail share",
            sample=f"{facts.lists:,} lists",
            advice="Look at the newest candidate lists: the long tail's may be empty, "
            "or the popularity of movies may be outdated.",
        ),
        *below(
            genres,
            thresholds.min_genre_diversity,
            severity="warning",
            metric="genre_diversity",
            name="Genre diversity",
            sample=f"{facts.lists:,} lists",
            advice="Lists have become one-sided; see which arm's share has grown and which genres it favours.",
        ),
    ]
    return _judged(
        metrics,
        alerts,
        facts,
        thresholds,
        {"long_tail_rate": facts.long_tail, "genre_diversity": facts.genre_diversity},
    )


def quality(facts: Facts, thresholds: Thresholds) -> Check:
    metrics: dict[str, Value] = {
        "avg_rating": facts.avg_rating.value,
        "ctr": facts.ctr.value,
        "total_events": facts.shown,
    }
    alerts = _low_rating(facts, thresholds.min_avg_rating)
    return _judged(metrics, alerts, facts, thresholds, {"avg_rating": facts.avg_rating})


def _low_rating(facts: Facts, threshold: float) -> list[Alert]:
    stars = mean_bounds(facts.avg_rating) if facts.avg_rating.known else None
    if stars is None or stars.high >= threshold:
        return []
    return [
        Alert(
            severity="critical",
            metric="avg_rating",
            value=stars.estimate,
            threshold=threshold,
            message=f"Average rating ({stars.estimate:.2f}) below threshold ({threshold:.2f})",
            headline=f"average rating {stars.estimate:.2f} below {threshold:.2f}",
            detail=f"{facts.avg_rating.denominator:,.0f} ratings, 95 % interval {stars.low:.2f}–{stars.high:.2f}.",
            advice="People dislike what they are shown: compare the algorithms' ratings on the dashboard, see "
            "whether one's candidates broke last night, and switch it off until it is repaired.",
        )
    ]


def algorithm_balance(facts: Facts, thresholds: Thresholds) -> Check:
    places = sum(facts.treatment_places.values())
    shares = {arm: count / places for arm, count in facts.treatment_places.items()} if places else {}
    balance = evenness_among(facts.treatment_places.values(), len(shares))
    metrics: dict[str, Value] = {**shares, "balance": balance, **_drop_outs(facts)} if shares else {}
    alerts = [alert for arm in shares for alert in _dominance(arm, facts, thresholds)]
    needed = {f"algorithm_dominance:{arm}": ratio for arm, ratio in facts.arm_shares.items()}
    if not needed:  # nothing was drawn, for example because the bandit fails: no arm's share is known
        needed = {"algorithm_balance": NOTHING}
    return _judged(metrics, alerts, facts, thresholds, needed)


def _drop_outs(facts: Facts) -> dict[str, Value]:
    """How often an arm had no movie left, and the largest share where none lacked one: the rest drop-outs caused."""
    whole = [share for arm in facts.drop_outs if (share := facts.whole_share(arm)) is not None]
    if facts.dropped_out is None or not whole:
        return {}
    return {"drop_outs": facts.dropped_out, "largest_without_drop_outs": max(whole)}


def _dominance(arm: str, facts: Facts, thresholds: Thresholds) -> list[Alert]:
    count, places = facts.treatment_places[arm], sum(facts.treatment_places.values())
    limit = thresholds.max_algorithm_dominance
    share = count / places if places else 0.0
    sampled = facts.arm_shares.get(arm, NOTHING)
    bounds = rate_bounds(replace(sampled, numerator=share * sampled.denominator)) if sampled.known else None
    if bounds is None or bounds.low <= limit:
        return []
    return [
        Alert(
            severity="warning",
            metric=f"algorithm_dominance:{arm}",
            value=share,
            threshold=limit,
            message=f"Algorithm '{arm}' dominates with {share:.2%} of recommendations (threshold: {limit:.2%})",
            headline=f"{readable(arm)} holds {share:.0%} of the places, above {limit:.0%}",
            detail=f"{places:,} places of the bandit's lists, {sampled.denominator:,.0f} sampled; 95 % interval "
            f"{bounds.low:.1%}–{bounds.high:.1%}.",
            advice=_why_dominant(arm, facts, thresholds),
        )
    ]


def _why_dominant(arm: str, facts: Facts, thresholds: Thresholds) -> str:
    """Nothing holds it back, or what it was drawn with is not what it got, or the traffic is another than before."""
    limit, expected = thresholds.max_algorithm_dominance, facts.expected_shares.get(arm)
    if thresholds.dominance == "alert":
        return f"The cap only tells here; as a bound it would keep each algorithm below {limit:.0%} of all traffic."
    if expected is None:
        return f"Nothing is published for {arm}: see whether the settle function runs."
    whole, dropped = facts.whole_share(arm), facts.dropped_out
    if whole is not None and dropped and whole <= limit:
        return (
            f"{arm} has {whole:.0%} of the places for which every arm had a movie. For {dropped:.0%} of the places an "
            "arm had none left, and the others shared them: see the candidate lists of the other arms."
        )
    if expected <= limit:
        return (
            f"{arm} is published for {expected:.0%} of recent traffic, and had more on days whose traffic was another."
        )
    return f"{arm} is published for {expected:.0%} of recent traffic: traffic shifted since; the cap follows in days."


def engagement(facts: Facts, thresholds: Thresholds) -> Check:
    alerts = below(
        rate_bounds(facts.ctr) if facts.ctr.known else None,
        thresholds.min_ctr,
        severity="warning",
        metric="ctr",
        name="CTR",
        sample=f"{facts.lists:,} lists",
        advice="Check that the front end still reports clicks; then see in the timeline since when, and in which arm.",
    )
    return _judged({"ctr": facts.ctr.value}, alerts, facts, thresholds, {"ctr": facts.ctr})


def below(
    bounds: Interval | None, threshold: float, *, severity: Severity, metric: str, name: str, sample: str, advice: str
) -> list[Alert]:
    """An alert if the whole interval lies below the threshold; `sample` says what was measured on, `1,000 lists`."""
    if bounds is None or bounds.high >= threshold:
        return []
    return [
        Alert(
            severity=severity,
            metric=metric,
            value=bounds.estimate,
            threshold=threshold,
            message=f"{name} ({bounds.estimate:.2%}) below threshold ({threshold:.2%})",
            headline=f"{name if name.isupper() else name.lower()} {bounds.estimate:.2%} below {threshold:.2%}",
            detail=f"{sample}, 95 % interval {bounds.low:.2%}–{bounds.high:.2%}.",
            advice=advice,
        )
    ]


def _judged(
    metrics: dict[str, Value], alerts: list[Alert], facts: Facts, thresholds: Thresholds, needed: Mapping[str, Ratio]
) -> Check:
    """Below `min_lists` lists the check shows its figures and raises no alert; `needed` is what each alert rests on.

    It is ok only if something of that is known.
    """
    if facts.lists < thresholds.min_lists:
        meaning = f"{facts.lists:,} lists of this service in the window, {thresholds.min_lists:,} are needed to judge"
        return Check("no_data", {**metrics, "meaning": meaning})
    unknown = tuple(name for name, ratio in needed.items() if not ratio.known)
    status = worst(alerts) or ("no_data" if len(unknown) == len(needed) else "ok")
    return Check(status, metrics, tuple(alerts), unknown)
