"""Models the AWS deployment's cost per million lists with feedback, and idle, from list prices. Not a bill."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULT: Final = Path(__file__).parent / "results" / "cost.md"
HOURS: Final = 730.0  # in a month
SECONDS: Final = HOURS * 3600
MILLION: Final = 1e6
IO_UNIT: Final = 4096
IDLE_ACU: Final = 0.5  # the least that Aurora Serverless keeps without pausing
RATES: Final = (1, 100, 10_000)  # lists per second


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
    acu_hour: float = 0.12
    io_million: float = 0.20
    storage_gb_month: float = 0.10
    endpoint_hour: float = 0.01  # each, per zone
    nat_hour: float = 0.045
    alarm: float = 0.10
    metric: float = 0.30
    key: float = 1.00
    secret: float = 0.40


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one list of 30 places, as the site's front end asks for. The times of functions are measured on one
    laptop core, the database's figures by `./dev bench path`; replace them by the deployment's own."""

    reactions: float = 0.3
    select_seconds: float = 0.025
    ingest_seconds: float = 0.010
    consumer_seconds: float = 0.0002  # per reaction, in batches
    log_bytes: float = 1_380  # per request: access log, one line, counters; 320 less than with Lambda's own three
    database_seconds: float = 0.0008  # of one core: read candidates, record the list, settle it, count reactions
    list_wal: float = 1_070  # bytes that recording commits alone
    batch_wal: float = 530 + 0.3 * 800  # settling and reactions, whose commits have many lists in one
    list_bytes: float = 1_300  # with reactions, messages and all indexes
    days_kept: float = 90
    cores_per_acu: float = 0.25
    headroom: float = 2.0

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
    watched = 51 * prices.alarm + 15 * prices.metric  # an alarm over several metrics is billed for each
    lines = {
        f"Aurora, 2 × {IDLE_ACU} ACU": 2 * IDLE_ACU * prices.acu_hour * HOURS,
        "VPC endpoints, 3 × 1 zone": 3 * prices.endpoint_hour * HOURS,
        "SnapStart cache, 3.0 GB": 3.0 * SECONDS * prices.snap_cache_gb_second,
        "settle, once a minute": HOURS * 60 * (0.3 * prices.lambda_gb_second + prices.lambda_million / MILLION),
        "48 alarms, 15 metrics, key, secret": watched + prices.key + prices.secret,
    }
    return Bill(lines)


def idle_beside(prices: Prices) -> Bill:
    """The same with the team's own database, in the team's own VPC."""
    ours = ("Aurora", "VPC endpoints")
    return Bill({name: dollars for name, dollars in idle(prices).lines.items() if not name.startswith(ours)})


def running(rate: float, prices: Prices, load: Load) -> Bill:
    """A month at `rate` lists per second, day and night, above the idle cost."""
    lists = rate * SECONDS
    requests = lists * (1 + load.reactions)
    gb_seconds = lists * (load.select_seconds + load.reactions * (load.ingest_seconds / 2 + load.consumer_seconds))
    lines = {
        "API Gateway": _api(requests, prices),
        "Lambda requests": requests / MILLION * prices.lambda_million,
        "Lambda time": gb_seconds * prices.lambda_gb_second,
        "SQS": lists * load.reactions * 1.2 / MILLION * prices.sqs_million,
        "Logs": requests * load.log_bytes / 1e9 * prices.logs_gb,
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
            f"| with the endpoints in two zones | {fixed.total + 3 * prices.endpoint_hour * HOURS:.2f} |",
            f"| a NAT gateway in two zones instead of the endpoints | {2 * prices.nat_hour * HOURS:.2f} |",
            "",
        ]
    )


def main(argv: list[str]) -> int:
    """Prints the tables and saves them in benchmarks/results."""
    del argv
    text = report(Prices(), Load())
    RESULT.write_text(text)
    print(text)
    return 0


def _millions(rate: float) -> float:
    return rate * SECONDS / MILLION


def _api(requests: float, prices: Prices) -> float:
    cheap = max(0.0, requests - 300 * MILLION)
    return (requests - cheap) / MILLION * prices.api_million + cheap / MILLION * prices.api_million_beyond_300
