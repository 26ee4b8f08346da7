"""Synthetic figures of four services, as the analytics routes would answer them, for pictures that never change.

`empty` has no list yet, `few` one day and one visitor a group, `much` a test that pays, `trouble` one that harms.
"""

from datetime import UTC, datetime, timedelta
from math import cos, sin
from typing import Any, Final

from .figures_alerts import ABSENT, SILENT

NOW: Final = datetime(2026, 3, 12, 10, 15, tzinfo=UTC)
DAYS: Final = 7
ARMS: Final = ("embeddings", "graph", "item_cf", "long_tail", "serendipity", "svd")
CONTEXTS: Final = tuple(
    f"{time}|{day}|{user}"
    for time in ("morning", "afternoon", "evening", "night")
    for day in ("weekday", "weekend")
    for user in ("cold_start", "regular", "power_user")
)
METRICS: Final = ("ctr", "rating_conversion", "avg_rating", "thumbs_up_rate", "thumbs_down_rate")
SENTENCES: Final = {
    "no_control": "One group has no data yet, so the groups cannot be compared.",
    "too_early": "Too early to tell: treatment has 1 click, and the comparison begins at 100.",
    "higher": "Treatment's CTR is 27 % higher (15 to 39 %), p < 0.001; you may look every day.",
    "lower": "Treatment's CTR is 12 % lower (−20 to −4 %), p = 0.003; you may look every day.",
}


def answers(state: str) -> dict[str, Any]:
    """{path below /analytics: answer}; the paths are without a query."""
    reports = _reports(state)
    return {
        "bandit/stats": _stats(state),
        "performance": _performance(state),
        "timeline": _timeline(state),
        "queue": {
            "waiting": 3 if state == "trouble" else 0,
            "underway": 0,
            "dead_letters": 1 if state == "trouble" else 0,
            "sentence": "1 message is in the dead-letter queue: read the consumer's log." if state == "trouble" else "",
        },
        "reports": {"reports": [_listed(report) for report in reports]},
        "health": reports[0] if reports else None,
        **{f"reports/{report['timestamp'][:10]}": report for report in reports},
    }


def _wave(*numbers: float) -> float:
    """Between 0 and 1, the same for the same numbers."""
    return (sin(sum((place + 1) * 1.7 * number for place, number in enumerate(numbers))) + 1) / 2


def _stats(state: str) -> dict[str, Any]:
    contexts = {"empty": (), "few": CONTEXTS[6:7]}.get(state, CONTEXTS)
    cells = {f"{key}_{arm}": _cell(state, key, arm) for key in contexts for arm in ARMS}
    return {
        "silence": {
            "rule": "shown",
            "sentence": "A movie that was shown counts as a failure if it gets no feedback within 10 minutes.",
        },
        "summary": {
            "total_contexts": len(contexts),
            "total_pulls": sum(cell["total_pulls"] for cell in cells.values()),
            "total_successes": sum(cell["total_successes"] for cell in cells.values()),
            "total_failures": sum(cell["total_failures"] for cell in cells.values()),
            "overall_success_rate": 0.12,
        },
        "algorithm_summary": {},
        "detailed_stats": cells,
    }


def _cell(state: str, key: str, arm: str) -> dict[str, Any]:
    place, number = CONTEXTS.index(key), ARMS.index(arm)
    absent = state == "trouble" and arm == "graph"
    pulls = 0 if absent else 2 if state == "few" else round(400 + 3_000 * _wave(place, number))
    won = 1 if state == "few" and arm == "svd" else round(pulls * (0.05 + 0.12 * _wave(number, place)))
    chance = [0.02 + _wave(place, other) ** 6 for other in range(len(ARMS))]
    return {
        "algorithm": arm,
        "context_key": key,
        "total_pulls": pulls,
        "total_successes": won,
        "total_failures": pulls - won,
        "alpha": 1.0 + won,
        "beta": 1.0 + pulls - won,
        "success_rate": won / pulls if pulls else 0.0,
        "posterior_alpha": 1.0 + won,
        "posterior_beta": 1.0 + pulls - won,
        "probability": chance[number] / sum(chance),
    }


def _metric(value: float, percent: float | None, width: float = 12.0) -> dict[str, Any]:
    other = value / (1 + (percent or 0) / 100)
    lift = percent and {
        "percent": percent,
        "percent_low": percent - width,
        "percent_high": percent + width,
        "difference": value - other,
        "difference_low": (value - other) * (percent - width) / percent,
        "difference_high": (value - other) * (percent + width) / percent,
        "p": 0.0004,
        "significant": abs(percent) > width,
    }
    return {"treatment": value, "control": other, "lift": lift or None}


def _metrics(lift: float | None) -> dict[str, Any]:
    values = zip(METRICS, (12.4, 3.1, 3.9, 2.2, 0.4), strict=True)
    return {name: _metric(value, lift if name == "ctr" else None, 8.0) for name, value in values}


def _performance(state: str) -> dict[str, Any]:
    lift = {"much": 27.0, "trouble": -12.0}.get(state)
    verdict = {"empty": "no_control", "few": "too_early", "much": "higher", "trouble": "lower"}[state]
    users = {"empty": 0, "few": 1}.get(state, 12_480)
    since = {"few": NOW - timedelta(hours=3)}.get(state, NOW - timedelta(days=21)).isoformat()
    nothing = {"treatment": None, "control": None, "lift": None}
    return {
        "period_days": DAYS,
        "since": (NOW - timedelta(days=DAYS)).isoformat(),
        "until": NOW.isoformat(),
        "groups": {},
        "algorithms": {},
        "ab_test": {
            "since": since,
            "until": NOW.isoformat(),
            "groups": {"treatment": _group(users), "control": _group(users)},
            "fallback_shown": 0,
            "phases": _phases(state),
            "metrics": dict.fromkeys(METRICS, nothing) if state == "empty" else _metrics(lift),
            "sample_ratio": {"planned_percent": 50.0, "observed_percent": 50.1 if users else None, "p": 1.0},
            "sample_size": {
                "planned_lift_percent": 15.0,
                "planned_users": None if state == "empty" else 9_400,
                "reached_users": users,
                "information_percent": {"much": 100.0, "trouble": 61.0, "few": 0.01}.get(state),
                "precision_percent": 2.0,
                "more_users": None,
            },
            "verdict": verdict,
            "sentence": SENTENCES[verdict],
            "notes": [],
            "contexts": {key: _context(place) for place, key in enumerate(CONTEXTS)} if lift else {},
        },
    }


def _phases(state: str) -> list[dict[str, Any]]:
    if state != "much":
        return []
    shares = enumerate((5.0, 25.0, 50.0), 1)
    return [
        {"phase": phase, "treatment_percent": share, "began_at": (NOW - timedelta(days=17 - 5 * phase)).isoformat()}
        for phase, share in shares
    ]


def _group(users: int) -> dict[str, Any]:
    shown = 20 * users
    return {
        "users": users, "total_recommendations": shown, "total_clicks": shown // 8, "total_ratings": shown // 32,
        "avg_rating": 3.9 if users else None, "total_favorites": 0, "total_watchlist": 0,
        "total_thumbs_up": shown // 45, "total_thumbs_down": shown // 250, "ctr": 12.4, "rating_rate": 3.1,
        "thumbs_up_rate": 2.2, "thumbs_down_rate": 0.4,
    }  # fmt: skip


def _context(place: int) -> dict[str, Any]:
    return {"metrics": _metrics(round(60 * _wave(place, 2) - 20, 1)), "sentence": "For exploring, not for deciding."}


def _timeline(state: str) -> dict[str, Any]:
    count = {"empty": 0, "few": 1}.get(state, DAYS)
    first = (NOW - timedelta(days=count - 1 if count else 0)).replace(hour=0, minute=0)
    days = [first + timedelta(days=number) for number in range(count)]
    lift = {"much": 27.0, "trouble": -12.0}.get(state)
    return {
        "period_days": DAYS,
        "since": (NOW - timedelta(days=DAYS)).isoformat(),
        "resolution": "day",
        "time_zone": "UTC",
        "points": [_point(state, number, day) for number, day in enumerate(days)],
        "contexts": {
            key: {"shown": 200 + 40 * place, "share": 2.0 + place / 6, "ctr": 12.0}
            for place, key in enumerate(CONTEXTS)
            if count > 1
        },
        "lift": [
            {"day": f"{day:%Y-%m-%d}", "percent": lift + 3 * cos(number), "percent_low": lift - 30 / (number + 2),
             "percent_high": lift + 30 / (number + 2)}
            for number, day in enumerate(days)
            if lift
        ],
        "forgettings": [
            {"at": days[-2].isoformat(), "arm": "item_cf", "z": 6.42, "percent_before": 14.1, "percent_after": 9.7}
        ] if state == "trouble" else [],
    }  # fmt: skip


def _point(state: str, number: int, day: datetime) -> dict[str, Any]:
    shown = 20 if state == "few" else 36_000
    arms = [arm for arm in ARMS if not (state == "trouble" and arm == "graph")]
    arms = [arm for arm in arms if not (state == "much" and arm == "serendipity" and number < 3)]
    weights = {arm: 0.4 + _wave(place, number / 6) for place, arm in enumerate(arms)}
    whole = sum(weights.values())
    algorithms = {
        f"bandit_{arm}": {"shown": round(shown * weight / whole), "share": 100 * weight / whole, "success_rate": 12.0}
        for arm, weight in weights.items()
    }
    groups = {
        "treatment": {"shown": shown, "clicks": shown // 8, "ctr": 12.4 + _wave(number)},
        "control": {"shown": shown, "clicks": shown // 10, "ctr": 10.1 + _wave(number, 1)},
    }
    return {"at": day.isoformat(), "algorithms": algorithms, "groups": groups}


def _reports(state: str) -> list[dict[str, Any]]:
    """Newest first; those of the routes' reports whose test and posteriors the page does not read have none."""
    many = {"empty": 0, "few": 0}.get(state, 7)
    return [_report(state, back) for back in range(many)]


def _report(state: str, back: int) -> dict[str, Any]:
    alerts = [SILENT, ABSENT] if state == "trouble" and back == 0 else [ABSENT] if back == 2 else []
    worst = "critical" if SILENT in alerts else "warning" if alerts else "healthy"
    at = (NOW - timedelta(days=back)).replace(hour=9, minute=0)
    statuses = {alert["check"]: alert["severity"] for alert in alerts}
    names = ("diversity", "quality", "algorithm_balance", "engagement", "experiment", "feedback", "learning")
    return {
        "timestamp": at.isoformat(),
        "period_days": DAYS,
        "overall_status": worst,
        "version": "41" if back > 3 else "42",
        "alerts": alerts,
        "checks": {
            name: {"status": statuses.get(name, "ok"), "metrics": {"figure": 0.5}, "alerts": []} for name in names
        },
        "since": (at - timedelta(days=DAYS)).isoformat(),
        "time_zone": "UTC",
        "ab_test": _performance(state)["ab_test"],
        "timeline": [],
        "ctr_by_day": [],
        "lift": [],
        "posteriors": {},
        "forgettings": [],
    }


def _listed(report: dict[str, Any]) -> dict[str, Any]:
    return {
        "day": report["timestamp"][:10],
        "period_days": DAYS,
        "made_at": report["timestamp"],
        "overall_status": report["overall_status"],
        "version": report["version"],
        "alerts": [{name: alert[name] for name in ("metric", "severity", "headline")} for alert in report["alerts"]],
    }


def shipping() -> dict[str, Any]:
    """A shadow that is not ready, a share that the brake has taken back, and no evaluation."""
    check = {"stage": "Going live", "goal": "At least 500 lists have a shadow", "state": "not yet"}
    arm = {"drawn_percent": 50.0, "stocked_percent": 0.0, "agreed_percent": 4.6, "outcomes": 0, "success_percent": None}
    return {
        "bandit": "shadow",
        "share": {"percent": 5.0, "braked": True, "why": "The lift is at most −7 %.", "since": NOW.isoformat()},
        "shadow": {
            "since": "2026-06-01",
            "until": "2026-06-04",
            "lists": 120,
            "undrawn": 0,
            "same_percent": 4.6,
            "common_percent": 55.0,
            "median_ms": 0.6,
            "slow_ms": 0.9,
            "algorithms": [{"algorithm": name, **arm} for name in ("svd", "graph")],
            "ready": False,
            "checks": [check | {"figure": "120 lists in 4 days; 13 more days at this pace"}],
        },
        "history": [],
        "evaluation": None,
    }
