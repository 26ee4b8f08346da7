"""Models the AWS deployment's cost per million lists with feedback, and idle, from list prices. Not a bill."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks._requests import measured

RESULT: Final = Path(__file__).parent / "results" / "cost.md"
HOURS: Final = 730.0  # in a month
SECONDS: Final = HOURS * 3600
MILLION: Final = 1e6
IO_UNIT: Final = 4096
IDLE_ACU: Final = 0.5  # the least that Aurora Serverless keeps without pausing
RATES: Final = (1, 100, 10_000)  # lists per second
BALANCER_GB: Final = 0.4  # an hour, that one capacity unit of a load balancer passes to and from Lambda
SEEN: Final = {"feedback_requests": 3.035, "messages": 3.3, "batch_wal": 530 + 3.3 * 800, "database_seconds": 0.00095}
"""What changes of a load where pages tell what was seen: three requests and messages more, .05 ms of CPU each."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, us-east-1, on demand, no free tier. docs/cost.md names the source and date of each."""

    api_million: float = 1.00
    api_million_beyond_300: float = 0.90
    lambda_million: float = 0.20
    lambda_gb_second: float = 0.0000133334  # arm64
    snap_cache_gb_second: float = 0.0000015046
    sqs_million: float = 0.40
    logs_gb: float = 0.50
    rare_logs_gb: float = 0.25  # infrequent access: the access log's class
    acu_hour: float = 0.12
    io_million: float = 0.20
    storage_gb_month: float = 0.10
    endpoint_hour: float = 0.01  # each, per zone
    nat_hour: float = 0.045
    alarm: float = 0.10
    metric: float = 0.30
    bucket_million: float = 5.00  # S3's puts and lists
    key: float = 1.00
    secret: float = 0.40
    traces_million: float = 5.00
    cdn_million: float = 1.00  # CloudFront's HTTPS requests
    firewall_million: float = 0.60
    firewall: float = 5.00
    firewall_rule: float = 1.00
    balancer_hour: float = 0.0225
    balancer_unit_hour: float = 0.008


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one list of 30 places, as the site's front end asks for. The times of functions are measured on one
    laptop core, the database's figures by `./dev bench path`; replace them by the deployment's own."""

    reactions: float = 0.3
    feedback_requests: float = 0.284  # that carry them, gathered for 30 s: ./dev bench cost --requests
    messages: float = 0.3  # in the queue
    select_seconds: float = 0.015
    ingest_seconds: float = 0.010
    consumer_seconds: float = 0.0002  # per reaction, in batches
    access_log_bytes: float = 355  # per request, with the 26 that CloudWatch adds to a line
    line_bytes: float = 650  # of one INFO line of `select`
    log_sample: float = 0.01
    counter_bytes: float = 30  # per request: a line of 300 bytes for ten requests at 1/s, and fewer above
    answer_bytes: float = 9_000
    database_seconds: float = 0.0005  # of one core: read candidates, record the list, settle it, count reactions
    list_wal: float = 1_070  # bytes that recording commits alone
    batch_wal: float = 600 + 0.3 * 870  # settling and reactions, whose commits have many lists in one
    list_bytes: float = 1_270  # with reactions, messages and all indexes
    days_kept: float = 90
    cores_per_acu: float = 0.25
    headroom: float = 2.0

    @property
    def requests(self) -> float:
        """HTTP requests of a list and its feedback."""
        return 1 + self.feedback_requests

    @property
    def ios(self) -> float:
        """Writes of a list, in the units of 4 kB that Aurora bills; a commit alone takes a whole unit."""
        return math.ceil(self.list_wal / IO_UNIT) + self.batch_wal / IO_UNIT


@dataclass(frozen=True, slots=True)
class Bill:
    """Dollars a month, by purpose."""

    lines: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.lines.values())


def idle(prices: Prices) -> Bill:
    """Production as cdk.json sets it, before the first visitor: writer and reader at rest, endpoints in one zone."""
    watched = 55 * prices.alarm + 15 * prices.metric  # an alarm over several metrics is billed for each
    lines = {
        f"Aurora, 2 × {IDLE_ACU} ACU": 2 * IDLE_ACU * prices.acu_hour * HOURS,
        "VPC endpoint, 1 zone": prices.endpoint_hour * HOURS,
        "SnapStart cache, 3.0 GB": 3.0 * SECONDS * prices.snap_cache_gb_second,
        "settle, once a minute": HOURS * 60 * _run(0.3, 1, prices),
        "courier, every five minutes": HOURS * 12 * (2 * prices.bucket_million / MILLION + _run(0.3, 0.5, prices)),
        "52 alarms, 15 metrics, key, secret": watched + prices.key + prices.secret,
    }
    return Bill(lines)


def idle_beside(prices: Prices) -> Bill:
    """The same with the team's own database, in the team's own VPC."""
    ours = ("Aurora", "VPC endpoint")
    return Bill({name: dollars for name, dollars in idle(prices).lines.items() if not name.startswith(ours)})


def running(rate: float, prices: Prices, load: Load) -> Bill:
    """A month at `rate` lists per second, day and night, above the idle cost."""
    lists = rate * SECONDS
    requests = lists * load.requests
    gb_seconds = lists * (
        load.select_seconds + load.feedback_requests * load.ingest_seconds / 2 + load.messages * load.consumer_seconds
    )
    lines = {
        "API Gateway": _api(requests, prices),
        "Lambda requests": requests / MILLION * prices.lambda_million,
        "Lambda time": gb_seconds * prices.lambda_gb_second,
        "SQS": lists * (load.feedback_requests + 0.2 * load.messages) / MILLION * prices.sqs_million,
        "Access log": requests * load.access_log_bytes / 1e9 * prices.rare_logs_gb,
        "Logs and counters": (lists * load.log_sample * load.line_bytes + requests * load.counter_bytes)
        / 1e9
        * prices.logs_gb,
        "Aurora capacity": 2 * (acus(rate, load) - IDLE_ACU) * prices.acu_hour * HOURS,
        "Aurora I/O": lists * load.ios / MILLION * prices.io_million,
        "Aurora storage": rate * 86_400 * load.days_kept * load.list_bytes / 1e9 * prices.storage_gb_month,
    }
    return Bill(lines)


def acus(rate: float, load: Load) -> float:
    """Aurora capacity units for `rate` lists per second with headroom, at least those at rest."""
    return max(IDLE_ACU, rate * load.database_seconds / load.cores_per_acu * load.headroom)


def report(prices: Prices, load: Load) -> str:
    """The tables of docs/cost.md."""
    bills = {rate: running(rate, prices, load) for rate in RATES}
    head = "| US $ per million lists with feedback | " + " | ".join(f"{rate:,}/s" for rate in RATES) + " |"
    rows = [
        f"| {name} | " + " | ".join(f"{bills[rate].lines[name] / _millions(rate):.2f}" for rate in RATES) + " |"
        for name in bills[1].lines
    ]
    fixed = idle(prices)
    sums = {rate: (bill.total + fixed.total) / _millions(rate) for rate, bill in bills.items()}
    return "\n".join(
        [
            head,
            "|---|" + "--:|" * len(RATES),
            *rows,
            "| share of the idle cost | " + " | ".join(f"{fixed.total / _millions(rate):.2f}" for rate in RATES) + " |",
            "| **together** | " + " | ".join(f"**{sums[rate]:.2f}**" for rate in RATES) + " |",
            "| US $ a month | " + " | ".join(f"{bills[rate].total + fixed.total:,.0f}" for rate in RATES) + " |",
            "| Aurora capacity units, writer | " + " | ".join(f"{acus(rate, load):,.1f}" for rate in RATES) + " |",
            "",
            "| idle, US $ a month | |",
            "|---|--:|",
            *(f"| {name} | {dollars:.2f} |" for name, dollars in fixed.lines.items()),
            f"| **together** | **{fixed.total:.2f}** |",
            f"| with the team's own database, in its own VPC | {idle_beside(prices).total:.2f} |",
            f"| with the endpoint in two zones | {fixed.total + prices.endpoint_hour * HOURS:.2f} |",
            f"| a NAT gateway in two zones instead of the endpoint | {2 * prices.nat_hour * HOURS:.2f} |",
            "",
            "| option, more than without it | US $ a month, idle | and per million lists, at 100/s |",
            "|---|--:|--:|",
            *(f"| {option.name} | {option.idle:+.2f} | {option.running:+.2f} |" for option in options(prices, load)),
            "",
        ]
    )


@dataclass(frozen=True, slots=True)
class Option:
    """What something costs that a deployment may have: dollars a month, and per million lists at 100 a second."""

    name: str
    idle: float
    running: float


def options(prices: Prices, load: Load) -> list[Option]:
    """The options of docs/operations.md that have a price, and two that are on paper only."""
    fee = prices.firewall + 3 * prices.firewall_rule
    at_edge = load.requests * (prices.cdn_million + prices.firewall_million)
    api = _each(lambda: running(100, prices, load).lines["API Gateway"])
    units = 100 * load.answer_bytes * 3600 / 1e9 / BALANCER_GB
    balancer = prices.balancer_hour * HOURS
    balanced = _each(lambda: units * prices.balancer_unit_hour * HOURS)
    reader = IDLE_ACU * prices.acu_hour * HOURS
    readers_share = _each(lambda: (acus(100, load) - IDLE_ACU) * prices.acu_hour * HOURS)
    traced = (1 + 0.05 * (100 * load.requests - 1)) / 100
    return [
        _changed("`SILENCE_COUNTS=seen`", prices, load, SEEN),
        _changed("`LOG_SAMPLE=1`", prices, load, {"log_sample": 1}),
        _changed("`KEEP_EVENTS=30d`", prices, load, {"days_kept": 30}),
        Option("`database_readers=0`", -reader, -readers_share),
        Option("`tracing`: one request a second and 5 %", 0, traced * prices.traces_million),
        Option("`route_metrics`: 6 of each of 19 routes", 6 * 19 * prices.metric, 0),
        Option("CloudFront and WAF (`edge_origin`)", fee, at_edge),
        Option("`endpoint_zones=2`", prices.endpoint_hour * HOURS, 0),
        Option("a kept version with a snapshot of 1 GB", SECONDS * prices.snap_cache_gb_second, 0),
        Option("on paper: a load balancer in place of API Gateway", balancer, balanced - api),
        Option("on paper: function URLs in place of API Gateway", 0, -api),
    ]


def _changed(name: str, prices: Prices, load: Load, change: Mapping[str, float]) -> Option:
    other = replace(load, **change)
    return Option(name, 0, _each(lambda: running(100, prices, other).total - running(100, prices, load).total))


def _each(dollars: Callable[[], float]) -> float:
    """Of dollars a month at 100 lists a second, those of a million lists."""
    return dollars() / _millions(100)


def requests_table() -> str:
    """What `Load` assumes of the browser client, measured on synthetic visitors."""
    found = measured(lists=20_000, reactions=Load().reactions, gather=timedelta(seconds=30))
    return "\n".join(
        [
            "| of a list, on average | SILENCE_COUNTS=shown | seen |",
            "|---|--:|--:|",
            f"| requests, with its own | {1 + found.requests:.3f} | {1 + found.requests_with_seen:.3f} |",
            f"| messages | {found.reactions:.3f} | {found.messages_with_seen:.3f} |",
        ]
    )


def main(argv: list[str]) -> int:
    """Prints the tables and saves them in benchmarks/results; with --requests only what the load assumes of clients."""
    if argv == ["--requests"]:
        print(requests_table())
        return 0
    text = report(Prices(), Load())
    RESULT.write_text(text)
    print(text)
    return 0


def _run(seconds: float, memory_gb: float, prices: Prices) -> float:
    """One run of a function."""
    return seconds * memory_gb * prices.lambda_gb_second + prices.lambda_million / MILLION


def _millions(rate: float) -> float:
    return rate * SECONDS / MILLION


def _api(requests: float, prices: Prices) -> float:
    cheap = max(0.0, requests - 300 * MILLION)
    return (requests - cheap) / MILLION * prices.api_million + cheap / MILLION * prices.api_million_beyond_300
