"""`./dev bench api`: requests made from the OpenAPI document, right and wrong ones, against the whole local service.

Each answer must have a documented status, kind, headers and shape, and none may be a fault of the service.
`./dev test` sends fewer of them (tests/e2e/test_api.py).
"""

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
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
VISITORS: Final = 40
"""Users of the sample catalogue that half of the requests are for; the others are for any user."""


def fuzz(url: str, token: str, cases: int) -> Counter[str]:
    """Sends `cases` requests to each operation, and counts the answers; raises the first failure that is found."""
    answers: Counter[str] = Counter()
    schema: Any = schemathesis.openapi.from_dict(cast("Any", openapi.document()))
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for result in schema.get_all_operations():
            _ask(result.ok(), url, session, cases, answers)
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
        answer = case.call_and_validate(base_url=url, session=session, checks=CHECKS)
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
    """Prints how often each operation answered with each status; fails with the first undocumented answer."""
    parser = argparse.ArgumentParser(prog="./dev bench api", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="requests in total")
    arguments = parser.parse_args(argv)
    answers = asyncio.run(_measure(-(-arguments.cases // len(list(openapi.operations())))))
    for name, count in sorted(answers.items()):
        print(f"{count:>7,}  {name}")
    print(f"{answers.total():,} requests, each answered as documented.")
    return 0
