"""Whether a deployment answers, counts and can ring: requests over HTTP, and one alarm set by hand. Knows no stack."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

SECONDS: Final = 30.0
ALARM_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and text of an answer."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was asked, whether it held, and what was seen."""

    check: str
    holds: bool
    seen: str


def open_checks(url: str) -> list[Finding]:
    """What anybody sees: the service answers, the dashboard is there, and nothing else is open."""
    wanted = {
        "/health": 200,
        "/dashboard": 200,
        "/movies/recommendations?user_id=1": 401,
        "/analytics/performance": 401,
    }
    return [_status(f"GET {path}", ask(f"{url}{path}"), status) for path, status in wanted.items()]


def round_trip(url: str, token: str, user: int) -> list[Finding]:
    """One visitor's list, and a click on its first movie: it is recorded as a visit of this user."""
    shown = ask(f"{url}/movies/recommendations?user_id={user}&limit=5", token)
    listed = _status("GET /movies/recommendations", shown, 200)
    if not listed.holds or not (movies := json.loads(shown.body)):
        return [listed]
    click = {"user_id": user, "event_id": movies[0]["event_id"]}
    tracked = ask(f"{url}/analytics/track/click", token, click)
    return [listed, _status("POST /analytics/track/click", tracked, 202)]


def rings(cloudwatch: Any, alarm: str, sleep: Callable[[float], None] = time.sleep) -> Finding:
    """Sets an alarm by hand and reads in its history whether its mail could be sent; sets it back afterwards."""
    begun = time.time()
    _set(cloudwatch, alarm, "ALARM")
    try:
        said = _action(cloudwatch, alarm, begun, sleep)
    finally:
        _set(cloudwatch, alarm, "OK")
    return Finding(f"alarm {alarm} → topic", said.startswith("Successfully"), said or "no action in its history")


def ask(url: str, token: str = "", body: object = None) -> Answer:
    """One request; an answer of any status is an answer, and no answer has status 0."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    content = None if body is None else json.dumps(body).encode()
    if content:
        headers["content-type"] = "application/json"
    try:
        with urlopen(Request(url, content, headers), timeout=SECONDS) as found:  # noqa: S310 # the operator's own URL
            return Answer(found.status, _lower(found.headers), found.read().decode())
    except HTTPError as refused:
        with refused:
            return Answer(refused.code, _lower(refused.headers), refused.read().decode())
    except (URLError, TimeoutError) as error:
        return Answer(0, {}, str(error))


def _status(check: str, answer: Answer, wanted: int) -> Finding:
    return Finding(check, answer.status == wanted, f"{answer.status}, expected {wanted}: {answer.body[:120]}")


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _set(cloudwatch: Any, alarm: str, state: str) -> None:
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="./dev smoke: nothing is wrong")


def _action(cloudwatch: Any, alarm: str, begun: float, sleep: Callable[[float], None]) -> str:
    """What CloudWatch says of the alarm's action; empty if it says nothing in time."""
    for _ in range(int(ALARM_SECONDS / PAUSE_SECONDS)):
        found = cloudwatch.describe_alarm_history(AlarmName=alarm, HistoryItemType="Action")["AlarmHistoryItems"]
        recent = [item["HistorySummary"] for item in found if item["Timestamp"].timestamp() >= begun - 1]
        if recent:
            return str(recent[0])
        sleep(PAUSE_SECONDS)
    return ""
