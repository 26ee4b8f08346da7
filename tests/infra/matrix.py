"""Deployments in which every documented key of the context occurs. Must not start Node.js."""

from itertools import combinations, product
from typing import Final, TypeAlias

from .synthesised import KINDS, VPCS

Context: TypeAlias = dict[str, str]

EGRESS, ISOLATED = VPCS
OWN = KINDS["own"]
THEIRS: Final = {name: OWN[name] for name in ("database_secret_arn", "vpc_id", "database_security_group_id")}
TOKENS: Final = {"site_tokens": OWN["site_tokens"]}
ISSUER: Final = {name: OWN[name] for name in ("issuer", "audience")}
BY_IAM: Final = {
    "database_resource_id": "cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "database_url": "postgresql://movies.cluster-abc.eu-central-1.rds.amazonaws.com:5432/movies",
}

AXES: Final[dict[str, tuple[Context, ...]]] = {
    "environment": ({"environment": "prod"}, {"environment": "dev"}),
    "database": (
        {},
        {"restore_from": "a-snapshot"},
        {"restore_from": "bandit-selector-prod@latest"},
        {"restore_from": "bandit-selector-prod@2026-11-26T10:00:00Z", "vpc_id": ISOLATED},
        {"vpc_id": EGRESS},
        THEIRS,
        {**THEIRS, "database_secret_key_arn": OWN["database_secret_key_arn"]},
        {**THEIRS, **BY_IAM},
    ),
    "people": (
        {"mfa": "required"},
        ISSUER,
        {"sign_in_urls": "https://movies.example.com/"},
        {**ISSUER, "user_id_claim": "uid"},
    ),
    "address": (
        {"allowed_origins": "https://movies.example.com"},
        {name: OWN[name] for name in ("domain_name", "certificate_arn")},
        {"edge_origin": "abc123.execute-api.eu-central-1.amazonaws.com"},
    ),
    "site": ({}, TOKENS, {**TOKENS, "site_tokens_key_arn": OWN["site_tokens_key_arn"]}, {"SITE_URL": OWN["SITE_URL"]}),
    "functions": (
        {"reserve_concurrency": "false", "snap_start": "false", "canary": "false"},
        {"concurrency_scale": "2", "tracing": "true", "route_metrics": "true", "requests_per_second": "10"},
    ),
    "keeping": ({"keep_data": "false", "log_days": "1"}, {"keep_data": "true", "log_days": "365", "backup_days": "35"}),
    "capacity": (
        {"database_min_capacity": "0", "database_pause_minutes": "10", "settle_minutes": "60"},
        {
            "database_min_capacity": "1",
            "database_max_capacity": "8",
            "database_pause_minutes": "0",
            "database_readers": "2",
        },
    ),
    "network": ({}, {"endpoint_zones": "2", "vpc_cidr": "10.7.0.0/16"}),
    "watching": ({"monthly_budget": "300", "alarm_mails": "a@example.com", "page_mails": "b@example.com"}, {}),
    "settings": ({"TREATMENT_SHARE": "0.1"}, {"LOG_SAMPLE": "1"}),
}


def rows() -> list[Context]:
    """As many deployments as the longest axis has values; each value of each axis occurs, beside changing others."""
    many = max(map(len, AXES.values()))
    found: list[Context] = [{} for _ in range(many)]
    for at, axis in enumerate(AXES.values()):
        step = (1, 2, 4)[at % 3]  # axes that change with every row, every second, every fourth
        step = step if step * len(axis) <= many else 1
        for row, context in enumerate(found):
            context |= axis[(row // step) % len(axis)]
    return found


def pairs() -> list[Context]:
    """Every two values of two axes, with the first value of every other axis."""
    first = {name: axis[0] for name, axis in AXES.items()}
    found: list[Context] = []
    for one, other in combinations(AXES, 2):
        for values in product(AXES[one], AXES[other]):
            chosen = first | {one: values[0], other: values[1]}
            found.append({key: value for part in chosen.values() for key, value in part.items()})
    return found
