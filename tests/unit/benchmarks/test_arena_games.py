"""The arena's games are kept, ordered as they should be, and the trial's evidence is the true one."""

from pathlib import Path

import numpy as np
import pytest
from bandit_selector.learning.counts import Counts
from bandit_selector.learning.hierarchy import effects, pooled_logit
from bandit_selector.learning.posterior import PRIOR
from rich.progress import Progress
from scipy import special, stats

from benchmarks.arena import field
from benchmarks.arena.environments import build
from benchmarks.arena.kept import Kept
from benchmarks.arena.policies import POLICIES
from benchmarks.arena.simulation import play
from benchmarks.arena.trials import covariance, evidence


def test_a_kept_game_is_not_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = build("E1", 500, 1)
    game = play(world, POLICIES["independent"](world, 1))
    monkeypatch.setattr(field, "KEPT", tmp_path)
    Kept(tmp_path, "policies").add(("independent", "E1", 1, 500), game)
    nobody = field.Team(tmp_path / "no python", "policies", ("independent",))
    with Progress() as progress:
        assert field.play([(nobody, ["E1"], [1])], 500, 1, progress)["independent", "E1", 1].regret == game.regret
        assert field.play([(nobody, ["E1"], [2])], 500, 0, progress) == {}


def test_policies_meet_the_same_visitors_and_lose_less_than_uniform_choice() -> None:
    regret = {name: play(build("E1", 2_000, 3), POLICIES[name](build("E1", 2_000, 3), 3)).regret[-1]
              for name in ("as served", "independent", "uniform")}  # fmt: skip
    assert regret["independent"] < regret["as served"] < regret["uniform"]


def test_the_evidence_is_the_integral_over_all_logits() -> None:
    successes, outcomes = np.array([[90.0, 140.0]]), np.array([[1000.0, 1000.0]])
    counts = Counts(("a",), ("x", "y"), successes, outcomes - successes)
    normal = stats.multivariate_normal(np.full(2, pooled_logit(counts, PRIOR)), covariance(effects(("a",), PRIOR), 2))

    centre, steps = special.logit(successes[0] / outcomes[0]), np.linspace(-0.8, 0.8, 201)
    logits = np.stack(np.meshgrid(*(middle + steps for middle in centre)), axis=-1)
    likelihood = logits @ successes[0] - np.logaddexp(0, logits) @ outcomes[0]
    density = np.exp(likelihood - evidence(counts, PRIOR)) * normal.pdf(logits)
    assert density.sum() * (steps[1] - steps[0]) ** 2 == pytest.approx(1, abs=0.02)
