"""`./dev bench api`: requests made from the OpenAPI document, right and wrong ones, against the whole local service.

Each answer must have a documented status, kind, headers and shape, and none may be a fault of the service.
`./dev test` sends fewer of them (tests/e2e/test_api.py).
"""

import argparse
import asyncio
import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from infra import openapi
from infra.local.demo import sample
from infra.local.installation import Plan, announced, installation

DOCUMENTED: Final[Any] = openapi_checks
CHECKS: Final = [
    cast("Any", schemathesis).checks.not_a_server_error,
    DOCUMENTED.status_code_conformance,
    DOCUMENTED.content_type_conformance,
    DOCUMENTED.response_headers_conformance,
    DOCUMENTED.response_schema_conformance,
]
SCOPES: Final = "service analytics"
RESULTS: Final = Path(__file__).parent / "results" / "api.md"
ABOUT: Final = """# Requests made from the reference

`./dev bench api`: {:,} requests that schemathesis makes from docs/openapi.json, right and wrong ones, to the whole
service on one machine. Each was answered with a documented status, kind, headers and shape; none by a fault of the
service (500 to 599). Counts of answers by status:
"""
PATIENCE_SECONDS: Final = 120  # what is checked is the answer, also on a busy machine
FEWEST: Final = 40  # requests to an operation
VISITORS: Final = 40
"""Users of the sample catalogue that half of the requests are for; the others are for any user."""


def fuzz(url: str, token: str, cases: int, seconds: float = math.inf) -> Counter[str]:
    """Sends `cases` requests to each operation, and counts the answers; raises the first failure that is found.

    Operations that it comes to after `seconds`, on a slow machine, get FEWEST.
    """
    answers: Counter[str] = Counter()
    until = monotonic() + seconds
    schema: Any = schemathesis.openapi.from_dict(cast("Any", openapi.document()))
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for result in schema.get_all_operations():
            _ask(result.ok(), url, session, cases if monotonic() < until else min(cases, FEWEST), answers)
    return answers


def _ask(operation: Any, url: str, session: requests.Session, cases: int, answers: Counter[str]) -> None:
    modes = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if operation.body or operation.query:
        modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))

    @seed(0)
    @settings(
        max_examples=cases, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=[*cast("list[HealthCheck]", list(HealthCheck))],
    )  # fmt: skip
    @given(case=st.one_of(*modes), user=st.none() | st.integers(1, VISITORS))
    def every_answer_is_documented(case: Any, user: int | None) -> None:
        for part in (case.query, case.body):
            if user and isinstance(part, dict) and isinstance(cast("Any", part).get("user_id"), int):
                part["user_id"] = user
        answer = case.call_and_validate(base_url=url, session=session, checks=CHECKS, timeout=PATIENCE_SECONDS)
        answers[f"{operation.label} {answer.status_code}"] += 1

    every_answer_is_documented()


async def _measure(cases: int) -> Counter[str]:
    with tempfile.TemporaryDirectory(prefix="bandit-api-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL has a user of its own
        plan = Plan(Path(folder), 0, postgres_settings=("fsync=off",))
        async with installation(plan) as service:
            await sample.fill(service)
            token = service.issuer.mint("0", datetime.now(UTC), SCOPES)
            with announced(service, plan):
                return await asyncio.to_thread(fuzz, service.addresses.api, token, cases)


def main(argv: Sequence[str]) -> int:
    """Writes how often each operation answered with each status; fails with the first undocumented answer."""
    parser = argparse.ArgumentParser(prog="./dev bench api", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=12_500, help="requests in total; operations without input need fewer"
    )
    arguments = parser.parse_args(argv)
    answers = asyncio.run(_measure(-(-arguments.cases // len(list(openapi.operations())))))
    text = report(answers)
    RESULTS.write_text(text)
    print(text)
    return 0


def report(answers: Counter[str]) -> str:
    """How often each operation answered with each status, as a page."""
    statuses = sorted({name.rpartition(" ")[2] for name in answers})
    operations = list(dict.fromkeys(name.rpartition(" ")[0] for name in answers))
    rows = [
        [
            operation,
            *(
                f"{answers[f'{operation} {status}']:,}" if answers[f"{operation} {status}"] else ""
                for status in statuses
            ),
        ]
        for operation in operations
    ]
    lines = [["operation", *statuses], ["---", *("--:" for _ in statuses)], *rows]
    return "\n".join([ABOUT.format(answers.total()), *(f"| {' | '.join(line)} |" for line in lines), ""])
