"""The monitor itself, on synthetic sites in real PostgreSQL: its mails on healthy mornings, and how soon a fault is
mailed. Makes no visitors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from bandit_selector.store.connection import Connection, connect

from benchmarks._evidence_site import Habits, copy, morning, template, verdict
from benchmarks._server import server_url

SERVER: Final = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "jit=off")
HEALTHY: Final = Habits()
BEFORE: Final = 14
"""Healthy days before a fault begins: a day's window is seven."""
LONGEST: Final = 30
AFTER: Final = 8
"""A day more than a window: by then the window has seen nothing but the fault."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """The morning on which a fault is mailed (None: not in LONGEST), mails about other metrics, and what was called
    over while it lasted, in AFTER mornings more."""

    fault: str
    morning: int | None
    others: list[str]
    ended: list[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at once and stays so, the metrics whose mail is about it, and what is done by hand on one day."""

    habits: Habits
    mailed_as: tuple[str, ...]
    by_hand: str = ""


FAULTS: Final[Mapping[str, Fault]] = {
    "no reactions arrive": Fault(replace(HEALTHY, heard=(0.0, 0.0)), ("feedback_silence",)),
    "only what was seen arrives": Fault(replace(HEALTHY, heard=(0.0, 0.0), seen=True), ("feedback_silence",)),
    "half of all reactions are lost": Fault(replace(HEALTHY, heard=(0.5, 0.5)), ("ctr",)),
    "treatment's reactions are lost": Fault(replace(HEALTHY, heard=(0.0, 1.0)), ("tracking", "lift")),
    "harm: treatment's CTR falls by 20 %": Fault(replace(HEALTHY, lift=-0.2), ("lift",)),
    "harm: treatment's CTR falls by 50 %": Fault(replace(HEALTHY, lift=-0.5), ("lift",)),
    "drift: the CTR of all falls to 8 %": Fault(replace(HEALTHY, ctr=0.074), ("ctr",)),
    "drift: ratings fall to 3.0 stars": Fault(replace(HEALTHY, stars=3.0), ("avg_rating",)),
    "20 % of reactions find no list": Fault(replace(HEALTHY, joined=0.8), ("join_rate",)),
    "one arm has 90 % of the places": Fault(replace(HEALTHY, arms=(0.9, *(0.02,) * 5)), ("algorithm_dominance:svd",)),
    "one arm is never shown": Fault(replace(HEALTHY, arms=(0.0, *(0.2,) * 5)), ("arm_without_data:svd",)),
    "only movies of one genre": Fault(replace(HEALTHY, one_genre=True), ("genre_diversity",)),
    "only popular movies": Fault(replace(HEALTHY, movies=(1, 199)), ("long_tail_rate",)),
    "20 % of treatment's visitors are lost": Fault(replace(HEALTHY, missing=0.2), ("sample_ratio",)),
    "three scripts click 100 lists a day": Fault(replace(HEALTHY, scripts=3), ("visitors_influence",)),
    "10 % of visitors have twelve lists a day": Fault(replace(HEALTHY, eager=0.1), ("visitors_over",)),
    "candidate lists are not built": Fault(replace(HEALTHY, builds=False), ("candidate_age",)),
    "days are not archived": Fault(replace(HEALTHY, archives=False), ("unarchived",)),
    "messages in the dead-letter queue": Fault(replace(HEALTHY, dead_letters=5), ("dead_letters",)),
    "a sum is changed by hand": Fault(
        HEALTHY,
        ("invariant",),
        "UPDATE recommendation_hours SET shown = shown + 7, changed_at = clock_timestamp()"
        " WHERE hour = (SELECT max(hour) FROM recommendation_hours)",
    ),
}


def healthy(runs: range, days: int, each: Callable[[int, list[str], int], None]) -> None:
    """Calls `each` with every run: its number, the metrics mailed in error, and the mornings with a false verdict."""
    with server_url(SERVER) as url, connect(url) as admin, template(admin, url) as source:
        for run in runs:
            rng = np.random.default_rng([31, run])
            with copy(admin, url, source, f"healthy_{run}") as connection:
                mails: list[str] = []
                called = 0
                for day in range(days):
                    mails += [metric for kind, metric in morning(connection, day, HEALTHY, rng) if kind == "alert"]
                    called += verdict(connection, day) in {"higher", "lower"}
            each(run, mails, called)


def faults(runs: range, each: Callable[[Mailed], None]) -> None:
    """Calls `each` with every run of every fault. A run has one site's healthy days; a fault begins in a copy of it."""
    with server_url(SERVER) as url, connect(url) as admin, template(admin, url) as source:
        for run in runs:
            rng = np.random.default_rng([37, run])
            name = f"before_{run}"
            with copy(admin, url, source, name) as connection:
                for day in range(BEFORE):
                    morning(connection, day, HEALTHY, rng)
            for number, (what, fault) in enumerate(FAULTS.items()):
                with copy(admin, url, name, f"fault_{run}_{number}") as connection:
                    each(_mailed(connection, what, fault, np.random.default_rng([41, run])))


def _mailed(connection: Connection, what: str, fault: Fault, rng: np.random.Generator) -> Mailed:
    if fault.by_hand:
        connection.execute(fault.by_hand.encode())
    found: int | None = None
    others: list[str] = []
    ended: list[str] = []
    for number in range(1, LONGEST + 1):
        for kind, metric in morning(connection, BEFORE + number - 1, fault.habits, rng):
            if kind == "alert" and metric in fault.mailed_as:
                found = found or number
            elif kind == "alert":
                others.append(metric)
            elif kind == "recovery" and metric in fault.mailed_as:
                ended.append(metric)
        if found and number >= found + AFTER:
            break
    return Mailed(what, found, others, ended)
