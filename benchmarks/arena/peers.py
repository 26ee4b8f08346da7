"""Other libraries' policies as players, each in its own environment; must not know the product.

This module must import with numpy alone; a library is imported when its player is made. Linear models see the context
one-hot by factor; Thompson samplers without contexts get one instance per context. Settings are the libraries'
defaults or, without a sensible default, the best of a few tried by hand.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.arena.environments import Environment, Indices, Reals
from benchmarks.arena.simulation import Outcomes, Player

REQUIREMENTS = {
    "mabwiser-ts": "mabwiser==2.7.4",
    "mabwiser-lints": "mabwiser==2.7.4",
    "vw-squarecb": "vowpalwabbit==9.11.9",
    "river-ts": "river==0.26.1",
    "pybandits-ts": "pybandits==8.4.1",
    "bayesianbandits-glm": "bayesianbandits==1.5.0",
    "contextualbandits-logts": "contextualbandits==0.3.30",
}
REFIT_EVERY = 500  # outcomes; for the library that refits all its history


def features(contexts: tuple[str, ...]) -> Reals:
    """An intercept and, with more than one context, every factor's levels one-hot: shape (contexts, features)."""
    if len(contexts) == 1:
        return np.ones((1, 1))
    rows = [context.split("|") for context in contexts]
    levels = [(j, level) for j in range(len(rows[0])) for level in sorted({row[j] for row in rows})]
    hot = [[float(row[j] == level) for j, level in levels] for row in rows]
    return np.column_stack([np.ones(len(rows)), hot])


class MabwiserThompson:
    def __init__(self, world: Environment, seed: int) -> None:
        contexts = world.contexts
        mab = importlib.import_module("mabwiser.mab")
        arms = list(range(len(world.arms)))
        sampling = mab.LearningPolicy.ThompsonSampling()
        self.mabs = [mab.MAB(arms, sampling, seed=seed * 100 + c) for c in range(len(contexts))]
        for m in self.mabs:
            m.fit([], [])

    def choose(self, visits: Indices, available: Indices) -> Indices:
        sampled = (self.mabs[c].predict_expectations() for c in visits.tolist())
        return np.array([max(available.tolist(), key=sample.__getitem__) for sample in sampled])

    def learn(self, outcomes: Outcomes) -> None:
        visits, arms, clicked = outcomes.visits, outcomes.arms, outcomes.clicked
        for c in np.unique(visits):
            self.mabs[c].partial_fit(arms[visits == c], clicked[visits == c])


class MabwiserLinear:
    def __init__(self, world: Environment, seed: int) -> None:
        contexts = world.contexts
        mab = importlib.import_module("mabwiser.mab")
        self.x = features(contexts)
        self.mab = mab.MAB(list(range(len(world.arms))), mab.LearningPolicy.LinTS(alpha=0.2), seed=seed)
        self.mab.fit(
            np.arange(len(world.arms)), np.zeros(len(world.arms)), np.zeros((len(world.arms), self.x.shape[1]))
        )

    def choose(self, visits: Indices, available: Indices) -> Indices:
        sampled: Any = self.mab.predict_expectations(self.x[visits])
        rows: list[dict[int, float]] = sampled if len(visits) > 1 else [sampled]
        return np.array([max(available.tolist(), key=row.__getitem__) for row in rows])

    def learn(self, outcomes: Outcomes) -> None:
        visits, arms, clicked = outcomes.visits, outcomes.arms, outcomes.clicked
        if len(arms):
            self.mab.partial_fit(arms, clicked, self.x[visits])


class VowpalSquareCB:
    """Action-dependent features, context × arm interactions; learns with the probability that it drew with."""

    def __init__(self, world: Environment, seed: int) -> None:
        contexts = world.contexts
        vowpal = importlib.import_module("vowpalwabbit")
        self.vw = vowpal.Workspace(f"--cb_explore_adf --squarecb --quiet -q ca --random_seed {seed}")
        self.rng = np.random.default_rng(seed)
        self.shared = [f"shared |c {c.replace('|', ' ')}" for c in contexts]
        self.logged: list[tuple[list[int], float]] = []

    def choose(self, visits: Indices, available: Indices) -> Indices:
        arms = [int(a) for a in available]
        return np.array([self._draw(self.shared[int(c)], arms) for c in visits])

    def _draw(self, shared: str, arms: list[int]) -> int:
        share = np.array(self.vw.predict([shared, *(f"|a arm{a}" for a in arms)]))
        index = int(self.rng.choice(len(arms), p=share / share.sum()))
        self.logged.append((arms, float(share[index])))
        return arms[index]

    def learn(self, outcomes: Outcomes) -> None:
        columns = np.column_stack([outcomes.decisions, outcomes.visits, outcomes.arms, outcomes.clicked])
        for t, context, arm, click in columns:
            offered, share = self.logged[int(t)]
            label = f"0:{-int(click)}:{share} "
            self.vw.learn([self.shared[int(context)], *(f"{label if b == arm else ''}|a arm{b}" for b in offered)])


class RiverThompson:
    def __init__(self, world: Environment, seed: int) -> None:
        contexts = world.contexts
        bandit, proba = importlib.import_module("river.bandit"), importlib.import_module("river.proba")
        self.policies = [
            bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=seed * 100 + c) for c in range(len(contexts))
        ]

    def choose(self, visits: Indices, available: Indices) -> Indices:
        arms = available.tolist()
        return np.array([self.policies[c].pull(arms) for c in visits.tolist()])

    def learn(self, outcomes: Outcomes) -> None:
        visits, arms, clicked = outcomes.visits, outcomes.arms, outcomes.clicked
        for c, a, click in zip(visits.tolist(), arms.tolist(), clicked.tolist(), strict=True):
            self.policies[c].update(a, bool(click))


class PybanditsThompson:
    def __init__(self, world: Environment, seed: int) -> None:
        contexts, self.arms = world.contexts, world.arms
        smab = importlib.import_module("pybandits.smab")
        self.policies = [
            smab.SmabBernoulli.cold_start(action_ids=set(world.arms), random_seed=seed * 100 + c)
            for c in range(len(contexts))
        ]

    def choose(self, visits: Indices, available: Indices) -> Indices:
        forbidden = {arm for a, arm in enumerate(self.arms) if a not in available} or None
        chosen = np.zeros_like(visits)
        for c in np.unique(visits):
            at = np.flatnonzero(visits == c)
            names, _ = self.policies[c].predict(n_samples=len(at), forbidden_actions=forbidden)
            chosen[at] = [self.arms.index(name) for name in names]
        return chosen

    def learn(self, outcomes: Outcomes) -> None:
        visits, arms, clicked = outcomes.visits, outcomes.arms, outcomes.clicked
        for c in np.unique(visits):
            of_c = visits == c
            self.policies[c].update(actions=[self.arms[a] for a in arms[of_c]], rewards=clicked[of_c].tolist())


class BayesianGLM:
    def __init__(self, world: Environment, seed: int) -> None:
        self.library: Any = importlib.import_module("bayesianbandits")
        self.x = features(world.contexts)
        self.known = set(np.flatnonzero(world.available[0]).tolist())
        thompson = self.library.ThompsonSampling()
        self.agent = self.library.ContextualAgent([*map(self._arm, self.known)], thompson, random_seed=seed)

    def _arm(self, arm: int) -> Any:
        return self.library.Arm(arm, learner=self.library.BayesianGLM(alpha=1.0, link="logit"))

    def choose(self, visits: Indices, available: Indices) -> Indices:
        for arm in set(available.tolist()) - self.known:
            self.agent.add_arm(self._arm(arm))
            self.known.add(arm)
        return np.array(self.agent.pull(self.x[visits]))

    def learn(self, outcomes: Outcomes) -> None:
        visits, arms, clicked = outcomes.visits, outcomes.arms, outcomes.clicked
        for a in np.unique(arms):
            self.agent.select_for_update(int(a)).update(self.x[visits[arms == a]], clicked[arms == a].astype(float))


class ContextualLogistic:
    """Keeps all history and refits it every REFIT_EVERY outcomes."""

    def __init__(self, world: Environment, seed: int) -> None:
        contexts = world.contexts
        online = importlib.import_module("contextualbandits.online")
        self.x = features(contexts)[:, 1:] if len(contexts) > 1 else np.zeros((1, 1))
        self.model = online.LogisticTS(len(world.arms), njobs=1, random_state=seed)
        self.rng = np.random.default_rng(seed)
        self.history: list[tuple[Indices, Indices, Indices]] = []
        self.seen = self.fitted = 0

    def choose(self, visits: Indices, available: Indices) -> Indices:
        if not self.fitted:
            return self.rng.choice(available, len(visits))
        scores = self.model.decision_function(self.x[visits])
        return available[scores[:, available].argmax(axis=1)]

    def learn(self, outcomes: Outcomes) -> None:
        self.history.append((outcomes.visits, outcomes.arms, outcomes.clicked))
        self.seen += len(outcomes.visits)
        if self.seen >= max(min(2 * self.fitted, self.fitted + REFIT_EVERY), 100):
            past_visits, past_arms, past_clicks = (np.concatenate(x) for x in zip(*self.history, strict=True))
            self.model.fit(self.x[past_visits], past_arms, past_clicks.astype(float))
            self.fitted = self.seen


POLICIES: dict[str, Callable[[Environment, int], Player]] = {
    "mabwiser-ts": MabwiserThompson,
    "mabwiser-lints": MabwiserLinear,
    "vw-squarecb": VowpalSquareCB,
    "river-ts": RiverThompson,
    "pybandits-ts": PybanditsThompson,
    "bayesianbandits-glm": BayesianGLM,
    "contextualbandits-logts": ContextualLogistic,
}
