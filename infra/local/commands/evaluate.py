"""Estimates what other policies would have earned on the impressions that were logged. Serves nobody anything."""

import argparse
import dataclasses
import json
import math
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from bandit_selector.errors import InvalidSetting
from bandit_selector.services.evaluate import Answer, Policy, evaluate, fixed, learning, usual
from bandit_selector.settings import GUIDE_FACTORS, Settings, read_settings
from bandit_selector.store.evaluations import keep
from rich.console import Console
from rich.progress import track

from infra.local import logs, moment
from infra.local.database import open_database
from infra.local.errors import LocalError
from infra.local.options import day, whole
from infra.local.sheets import numbers
from infra.local.tables import Listing, console, show

DAYS = whole(1, 3_650, "a number of days")
EPILOG = """\
examples:
  ./dev evaluate                                  the last 30 days of the database; the dashboard shows it, too
  ./dev evaluate --from events.parquet            a file or folder that ./dev export wrote
  ./dev evaluate --from archive --days 90         the archive's bucket
  ./dev evaluate --rule "HALF_LIFE=40000 MIN_ARM_PROBABILITY=0.01"
  ./dev evaluate --rule "FACTORS=time_period,user_type"
  ./dev evaluate --table policy.csv               columns context_key (or *), arm, probability
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--from", dest="source", metavar="FILE|FOLDER|archive", help="default: the database")
    parser.add_argument("--days", type=DAYS, default=30, help="how many UTC days of those; default: 30")
    parser.add_argument("--until", type=day, metavar="YYYY-MM-DD", help="the last of those days; default: today")
    parser.add_argument("--rule", action="append", default=[], metavar="SETTINGS", help="the rule under other settings")
    parser.add_argument("--table", action="append", default=[], type=Path, metavar="CSV", help="given probabilities")
    parser.add_argument(
        "--clip", type=_clip, default=math.inf, help="the largest weight of an impression; default: none"
    )
    parser.add_argument("--anytime", action="store_true", help="intervals that hold however often you look")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    asked = [_rule(text, settings) for text in arguments.rule] + [_table(path) for path in arguments.table]
    with _files(arguments) as files:
        logged = logs.read(files)
    policies = usual(logged.log, settings) + asked
    try:
        found = evaluate(logged.log, policies, arguments.clip, arguments.anytime)
        answers = list(track(found, "evaluating", total=len(policies), console=Console(stderr=True), transient=True))
    except ValueError as error:
        raise LocalError(f"--table: {error}") from None
    if not arguments.source:
        with open_database() as connection:
            keep(connection, _object(logged, answers), moment.now())
    print(json.dumps(_object(logged, answers))) if arguments.json else _print(logged, answers, arguments)
    return 0


@contextmanager
def _files(arguments: argparse.Namespace) -> Generator[list[Path]]:
    last: date = arguments.until or moment.now().date()
    days = [last - timedelta(days=age) for age in reversed(range(arguments.days))]
    if arguments.source == "archive":
        with logs.fetched(days) as files:
            yield files
    elif arguments.source:
        yield logs.parquet_of(Path(arguments.source).resolve())
    else:
        with open_database() as connection, logs.exported(connection, days) as files:
            yield files


def _print(logged: logs.Logged, answers: list[Answer], arguments: argparse.Namespace) -> None:
    log = logged.log
    served = _served(log.reward.mean())
    print(
        f"{len(log):,} places that the bandit filled for {log.visitors:,} visitors, {logged.first} to {logged.last}: "
        f"{served} successes per 100 places as served."
    )
    if logged.control.value is not None:
        print(f"Measured, not estimated: the control group had {_served(logged.control.value)} per 100 places.")
    estimated = [answer for answer in answers if answer.value]
    if estimated:
        show(_listing(estimated), console())
    for answer in answers:
        if not answer.value:
            print(f"No estimate for {answer.policy.name}: {answer.refusal}")
    if estimated:
        print(_reading(arguments))


def _served(rate: float) -> str:
    return f"{100 * rate:.2f}"


def _listing(answers: list[Answer]) -> Listing:
    columns = ("policy", "per 100 places", "95 %", "against served", "IPS", "self-norm.", "n eff.", "top 1 %", "filled")
    return Listing("What each policy would have earned", columns, [_row(answer) for answer in answers])


def _row(answer: Answer) -> tuple[str, ...]:
    value = answer.value
    assert value is not None  # noqa: S101 # the caller keeps only these
    robust, lift = value.doubly_robust, value.lift
    return (
        answer.policy.name,
        f"{100 * robust.estimate:.2f}",
        f"{100 * max(robust.low, 0):.2f}–{100 * robust.high:.2f}",
        f"{lift.estimate:+.1%} ({lift.low:+.1%} … {lift.high:+.1%})",
        f"{100 * value.ips.estimate:.2f}",
        f"{100 * value.snips.estimate:.2f}",
        f"{value.effective:,.0f}",
        f"{value.largest:.0%}",
        f"{value.filled:.0%}",
    )


def _reading(arguments: argparse.Namespace) -> str:
    looks = "at every look at once" if arguments.anytime else "at one look; --anytime holds at every look"
    return (
        "Per 100 places: the doubly robust estimate; IPS and the self-normalised one check it, and should agree. "
        f"Intervals are clustered by visitor and hold {looks}. "
        "Policies that learn do so from nothing, as the log goes. "
        "n eff. is how many impressions the estimate rests on, top 1 % the weight of the largest 1 % of them, "
        "filled the share of places where the policy's arm had a movie left (docs/before-you-ship.md)."
    )


def _object(logged: logs.Logged, answers: list[Answer]) -> Mapping[str, object]:
    log = logged.log
    return {
        "impressions": len(log),
        "visitors": log.visitors,
        "from": str(logged.first),
        "until": str(logged.last),
        "served": float(log.reward.mean()),
        "control": logged.control.value,
        "policies": [
            {"policy": answer.policy.name, "what": answer.policy.what, "refusal": answer.refusal or None}
            | ({"value": dataclasses.asdict(answer.value)} if answer.value else {})
            for answer in answers
        ],
    }


def _rule(text: str, settings: Settings) -> Policy:
    """`HALF_LIFE=40000 FACTORS=time_period` → the rule under these settings; raises LocalError naming the fault."""
    pairs = {name: value for name, _, value in (part.partition("=") for part in text.split())}
    named = pairs.pop("FACTORS", None)
    try:
        changed = read_settings(pairs).model_dump(include={name.lower() for name in pairs})
    except InvalidSetting as error:
        raise LocalError(f"--rule {text!r}: {error}") from None
    unknown = sorted(name for name in pairs if name.lower() not in Settings.model_fields)
    if unknown:
        raise LocalError(f"--rule {text!r}: there is no setting {', '.join(unknown)}; docs/operations.md lists them.")
    return learning(text, f"the rule with {text}", settings, changed, _factors(named, settings))


def _factors(named: str | None, settings: Settings) -> tuple[int, ...] | None:
    if named is None:
        return None
    known = [*GUIDE_FACTORS, *settings.context_factors]
    asked = [name.strip() for name in named.split(",") if name.strip()]
    if wrong := [name for name in asked if name not in known]:
        raise LocalError(f"--rule FACTORS={named}: {', '.join(wrong)} is not a factor; they are {', '.join(known)}.")
    return tuple(known.index(name) for name in asked)


def _table(path: Path) -> Policy:
    given = numbers(path, "context_key", "arm", "probability").items()
    rows = {(context_key, arm): probability for (context_key, arm), probability in given}
    return fixed(path.stem, f"the probabilities of {path.name}", rows)


def _clip(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not weight >= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a weight of at least 1")
    return weight
