"""How good are the estimates of other policies? `./dev bench evaluation` writes benchmarks/results/evaluation.md.

Coverage on synthetic logs, agreement with Open Bandit Pipeline, the Open Bandit Dataset's own sample, the error by the
length of a log, and the speed.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import duckdb
import numpy as np
from bandit_selector.evidence.logged import Log, Names
from bandit_selector.evidence.off_policy import Estimator, everywhere
from bandit_selector.evidence.ratio import Interval
from bandit_selector.services.evaluate import evaluate, fixed, model, usual
from bandit_selector.settings import Settings
from numpy.typing import NDArray
from rich.progress import track

from benchmarks._logs import logged
from benchmarks.arena.environments import ARMS, CONTEXTS
from benchmarks.arena.field import environment
from benchmarks.arena.report import table

RESULTS = Path(__file__).parent / "results" / "evaluation.md"
OBP = "obp==0.4.1"
BESIDE = ("scikit-learn", "pandas")
ESTIMATORS = ("ips", "snips", "doubly_robust")
LENGTHS = (3_000, 10_000, 30_000, 100_000, 1_000_000)
FIRST = 70_000  # the first seed


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev bench evaluation", description="How good off-policy estimates are.")
    parser.add_argument("--logs", type=int, default=500, help="synthetic logs for the coverage")
    parser.add_argument("--rows", type=int, default=10_000_000, help="impressions for the speed")
    options = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        text = f"""# Off-policy estimates

Made by `./dev bench evaluation --logs {options.logs} --rows {options.rows}`. All but the third part is synthetic.

## Do the 95 % intervals hold?

{options.logs} logs of 20,000 places by 400 visitors of uneven activity and taste, lists of ten. Adaptive: the product's
rule learned while it logged. Policies: every arm equally often, and a fixed random one. The truth is
the policy's rate with all visitors of whom the log's are a sample. Share of the intervals that hold it; from 93 to 97 %
is as it should be.

{table(["logging", "policy", "IPS", "self-normalised", "doubly robust", "its mean error"], _coverage(options.logs))}

## Does another library say the same?

{_agreement(Path(folder))}

## Real logged data

{_open_bandit(Path(folder))}

## How long must a log be?

"Serve everybody the rule as configured", learned as the log goes, against its true value with all such visitors;
medians over ten logs with the product's rule and its default floor of .1 %. Half width: of the 95 % interval, relative.

{table(["places logged", "error", "half width", "truth inside"], _lengths())}

## Speed

{_speed(Path(folder), options.rows)}
"""
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0


def _coverage(logs: int) -> list[list[str]]:
    found: dict[tuple[str, str], list[tuple[list[bool], float]]] = {}
    for seed in track(range(FIRST, FIRST + logs), "coverage"):
        rng = np.random.default_rng(seed)
        some = rng.dirichlet(np.ones(len(ARMS)), len(CONTEXTS))
        even = np.full_like(some, 1 / len(ARMS))
        for adaptive in (False, True):
            truth = logged(rng, 20_000, 400, adaptive)
            estimator = Estimator(truth.log, model(truth.log))
            for name, chances in (("uniform", even), ("random", some)):
                asked = everywhere(truth.log, chances)
                value, right = estimator.value(asked), truth.value(asked)
                intervals = [getattr(value, each) for each in ESTIMATORS]
                held = [interval.low <= right <= interval.high for interval in intervals]
                key = ("adaptive" if adaptive else "fixed", name)
                found.setdefault(key, []).append((held, value.doubly_robust.estimate / right - 1))
    return [
        [*key, *(f"{share:.1%}" for share in np.mean([held for held, _ in runs], axis=0)),
         f"{np.mean([error for _, error in runs]):+.2%}"]
        for key, runs in found.items()
    ]  # fmt: skip


def _agreement(folder: Path) -> str:
    truth = logged(np.random.default_rng(FIRST), 20_000, 400)
    chances = np.random.default_rng(1).dirichlet(np.ones(len(ARMS)), len(CONTEXTS))
    log, asked = truth.log, everywhere(truth.log, chances)
    one = np.stack([model(log)[0]] * 5)  # the library takes one model; ours takes one a fold
    ours = Estimator(log, one).value(asked)
    rows = {
        "reward": log.reward,
        "action": log.arm,
        "pscore": log.propensity,
        "action_dist": chances[log.context][:, :, None],
        "model": one[0][log.context][:, :, None],
    }
    theirs = _asked(folder, rows)
    lines = [
        [name, f"{getattr(ours, name).estimate:.10f}", f"{theirs[name]:.10f}",
         f"{abs(getattr(ours, name).estimate - theirs[name]):.0e}"]
        for name in ESTIMATORS
    ]  # fmt: skip
    worst = max(abs(getattr(ours, name).estimate - theirs[name]) for name in ESTIMATORS)
    verdict = "agree to 1e-9" if worst < 1e-9 else "do not agree to 1e-9"
    return f"""The estimators of Open Bandit Pipeline ({OBP}) on the same 20,000 rows and with the same model {verdict}.
The library runs without its PyTorch policies, in an environment of its own.

{table(["estimator", "ours", "theirs", "difference"], lines)}"""


def _asked(folder: Path, rows: dict[str, NDArray[Any]]) -> dict[str, float]:
    np.savez(folder / "rows.npz", allow_pickle=False, **rows)
    answer = subprocess.run(
        [str(_python()), "-m", "benchmarks._obp"],
        input=json.dumps({"file": str(folder / "rows.npz")}) + "\n",
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    return json.loads(answer.stdout)


def _python() -> Path:
    return environment(OBP, *BESIDE)


def _open_bandit(folder: Path) -> str:
    home = Path(str(_asked(folder, _one_row())["folder"]))
    rows: list[list[str]] = []
    for campaign in ("all", "men", "women"):
        random, sampling = (_campaign(home / kind / campaign / f"{campaign}.csv") for kind in ("random", "bts"))
        target = fixed("BTS", "", _probabilities(sampling))
        names = Names(random.names.contexts, tuple(dict.fromkeys(random.names.arms + sampling.names.arms)))
        log = Log(names, random.visitor, random.context, random.arm, random.propensity, random.reward, random.seconds)
        (answer,) = evaluate(log, [target])
        own = Estimator(sampling, model(sampling)).served()
        value = answer.value
        estimate = [_percent(getattr(value, each)) for each in ESTIMATORS] if value else [answer.refusal, "", ""]
        rows.append([campaign, _percent(Estimator(random, model(random)).served()), *estimate, _percent(own)])
    return f"""The Open Bandit Dataset's sample (Saito, Aihara, Matsutani & Narita 2021, CC BY 4.0) that {OBP}
ships: 10,000 rows of a uniformly random log and 10,000 of Bernoulli Thompson sampling (BTS), for three campaigns of a
fashion shop. From the random log, the CTR under BTS is estimated, and compared with what BTS really had. The context is
the position; the target's probabilities are those that BTS logged. Rows have no visitor, so each is its own. The sample
has 30 to 50 clicks a log: the intervals are wide, and say so.

{table(["campaign", "random's CTR, %", "BTS by IPS", "self-normalised", "doubly robust", "BTS, counted"], rows)}"""


def _one_row() -> dict[str, NDArray[Any]]:
    one = np.ones(1)
    return {"reward": one, "action": np.zeros(1, dtype=int), "pscore": one,
            "action_dist": np.ones((1, 1, 1)), "model": np.ones((1, 1, 1))}  # fmt: skip


def _campaign(file: Path) -> Log:
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    arms = tuple(sorted({row["item_id"] for row in rows}, key=int))
    contexts = tuple(sorted({f"position_{row['position']}" for row in rows}))
    return Log(
        Names(contexts, arms),
        np.arange(len(rows)),
        np.array([contexts.index(f"position_{row['position']}") for row in rows]),
        np.array([arms.index(row["item_id"]) for row in rows]),
        np.array([float(row["propensity_score"]) for row in rows]),
        np.array([int(row["click"]) for row in rows], dtype=np.int8),
        np.arange(len(rows), dtype=np.float64),
    )


def _probabilities(log: Log) -> dict[tuple[str, str], float]:
    """What a log says its policy draws, scaled to 1 in each context."""
    chances = np.zeros((len(log.names.contexts), len(log.names.arms)))
    chances[log.context, log.arm] = log.propensity
    chances /= chances.sum(axis=1, keepdims=True)
    return {
        (context, arm): float(chances[c, a])
        for c, context in enumerate(log.names.contexts)
        for a, arm in enumerate(log.names.arms)
    }


def _percent(interval: Interval) -> str:
    return f"{100 * interval.estimate:.2f} ({100 * interval.low:.2f}–{100 * interval.high:.2f})"


def _lengths() -> list[list[str]]:
    rows: list[list[str]] = []
    for length in LENGTHS:
        errors: list[float] = []
        widths: list[float] = []
        inside: list[bool] = []
        for seed in range(3 if length > 100_000 else 10):
            truth = logged(np.random.default_rng(FIRST + seed), length, max(100, length // 100), floor=0.001)
            policy = next(one for one in usual(truth.log, Settings()) if one.name == "as configured")
            asked = policy.table(truth.log)
            found, right = Estimator(truth.log, model(truth.log)).value(asked).doubly_robust, truth.value(asked)
            errors.append(abs(found.estimate / right - 1))
            widths.append((found.high - found.low) / 2 / right)
            inside.append(found.low <= right <= found.high)
        rows.append(
            [f"{length:,}", *(f"{np.median(each):.1%}" for each in (errors, widths)), f"{sum(inside)}/{len(inside)}"]
        )
    return rows


def _speed(folder: Path, rows: int) -> str:
    file = folder / "events.parquet"
    with duckdb.connect() as duck:
        duck.execute(
            """
            COPY (
                SELECT n AS event_id, (n * 7919) % 300000 AS user_id, 'treatment' AS ab_group, true AS counts,
                    'bandit_' || $2[1 + n % len($2)] AS algorithm,
                    $1[1 + (n // 30) % len($1)] AS context_key, $2[1 + n % len($2)] AS arm, 1.0 / len($2) AS propensity,
                    CASE WHEN hash(n) % 100 < 12 THEN 'success' ELSE 'failure' END AS outcome,
                    TIMESTAMPTZ '2026-01-01' + to_seconds(n // 4) AS created_at
                FROM range($3) AS numbers(n)
            ) TO $4 (FORMAT parquet)
            """,
            [list(CONTEXTS), list(ARMS), rows, str(file)],
        )
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "infra.local", "evaluate", "--from", str(file), "--json"],
        check=True, capture_output=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    seconds, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"""`./dev evaluate --from events.parquet` on {rows:,} impressions of 300,000 visitors, with its
{len(ARMS) + 5} usual policies: {worked:.0f} s of one processor, {after.ru_maxrss / 1e6:.1f} GB of memory at most,
reading included. By the clock on the wall {seconds:.0f} s, on a machine with {os.cpu_count()} processors that did other
work, too."""
