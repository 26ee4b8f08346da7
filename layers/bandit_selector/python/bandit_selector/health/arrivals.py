"""Judges whether feedback arrives, finds its impression and is applied. Knows no storage or clock."""

from math import exp
from typing import Final

from bandit_selector.evidence.ratio import rate_bounds
from bandit_selector.health.facts import Alert, Check, Facts, Feedback, Severity, Thresholds, Value, hours_of, worst
from bandit_selector.health.meanings import counted
from bandit_selector.health.rates import below

EXPECTED_FEEDBACK: Final = 10.0
"""Silence alerts if so many clusters of visitors were expected to react; then none does by chance with p = 5e-5."""


def arrivals(facts: Facts, thresholds: Thresholds) -> Check:
    feedback = facts.feedback
    metrics: dict[str, Value] = {
        "received": feedback.received,
        "join_rate": feedback.joined.value,
        "unattributed": feedback.unattributed,
        "dead_letters": facts.dead_letters,
        "site_set_aside": facts.site_set_aside,
    }
    bounds = rate_bounds(feedback.joined) if feedback.joined.known else None
    alerts = [
        *below(
            bounds,
            thresholds.min_join_rate,
            severity="warning",
            metric="join_rate",
            name="Feedback that found its impression",
            sample=f"{feedback.received:,} messages",
            advice="Let front ends send the event id of each movie, in time; the handbook (docs/monitoring.md) says "
            "where each message's reason is.",
        ),
        *_silence(facts, thresholds),
        *_dead_letters(facts.dead_letters or 0),
        *_site_set_aside(facts.site_set_aside or 0),
    ]
    status = worst(alerts) or ("ok" if feedback.joined.known else "no_data")
    return Check(status, metrics, tuple(alerts), _unknown_of_feedback(facts, thresholds))


def _unknown_of_feedback(facts: Facts, thresholds: Thresholds) -> tuple[str, ...]:
    """What cannot be judged: nobody could ask the queue, few visitors sent messages, or none comes and few could."""
    feedback = facts.feedback
    quiet = not feedback.newest or facts.now - feedback.newest > thresholds.max_feedback_silence
    unknown = {
        "join_rate": not feedback.joined.known,
        "dead_letters": facts.dead_letters is None,
        "site_set_aside": facts.site_set_aside is None,
        "feedback_silence": quiet and _expected(feedback) < EXPECTED_FEEDBACK,
    }
    return tuple(name for name, is_unknown in unknown.items() if is_unknown)


def _expected(feedback: Feedback) -> float:
    """How many clusters of visitors should have reacted to what they were shown since the newest message.

    By what was usual before it; each counts once at most, and reactions that come together as one: they are divided by
    their design effect, the variance over that of a Poisson number (Kish 1965, 8.2). 0 where too few were heard.
    """
    rate = feedback.usual.value
    if not rate or not feedback.usual.known:
        return 0.0
    apart = rate / max(1.0, feedback.usual.variance * feedback.usual.denominator / rate)
    return sum(1 - exp(-apart * shown) for shown in feedback.shown_since)


def _silence(facts: Facts, thresholds: Thresholds) -> list[Alert]:
    feedback = facts.feedback
    if not feedback.newest or facts.now - feedback.newest <= thresholds.max_feedback_silence:
        return []
    if _expected(feedback) < EXPECTED_FEEDBACK:
        return []
    hours, limit = hours_of(facts.now - feedback.newest), hours_of(thresholds.max_feedback_silence)
    return [_silent(feedback, hours, limit)]


def _silent(feedback: Feedback, hours: float, limit: float) -> Alert:
    shown = sum(feedback.shown_since)
    return Alert(
        severity="critical",
        metric="feedback_silence",
        value=hours,
        threshold=limit,
        message=f"No feedback for {hours:.0f} hours (threshold: {limit:.0f})",
        headline=f"no feedback for {counted(round(hours), 'hour')}",
        detail=f"{shown:,} movies were shown since the newest feedback; "
        f"about {shown * (feedback.usual.value or 0.0):,.0f} reactions were expected.",
        advice="Send one click by hand and follow it: the answer, the queue, the consumer.",
    )


def _dead_letters(count: int) -> list[Alert]:
    return _uncounted(
        count,
        "Dead letters",
        severity="critical",
        metric="dead_letters",
        headline=f"{counted(count, 'feedback message')} could not be counted",
        detail="They stay in the dead-letter queue for 14 days.",
        advice="Read the consumer's log for the reason, repair it, then redrive the queue; a message that is "
        "delivered twice counts once.",
    )


def _site_set_aside(count: int) -> list[Alert]:
    return _uncounted(
        count,
        "Feedback of the site's own application set aside",
        severity="warning",
        metric="site_set_aside",
        headline=f"{counted(count, 'reaction')} of the site's own application could not be counted",
        detail="It stays visible in recommendation_events and does not count.",
        advice="Repair those rows and let them be read again; the handbook (docs/monitoring.md) says where each "
        "row's reason is, and how.",
    )


def _uncounted(
    count: int, name: str, *, severity: Severity, metric: str, headline: str, detail: str, advice: str
) -> list[Alert]:
    """An alert where any feedback could not be counted."""
    message = f"{name} ({count}) above threshold (0)"
    return [Alert(severity, metric, count, 0, message, headline, detail, advice)] if count else []
