"""Who plays where: fills worker processes with games and collects them; it must not know any rule."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryFile

from rich.progress import Progress, TaskID

from benchmarks.arena.kept import Kept
from benchmarks.arena.peers import REQUIREMENTS
from benchmarks.arena.simulation import Game

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".local" / "bench"
KEPT = ENVIRONMENTS / "games"
ALONE = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")} | {
    "PYTHONPATH": f"{ROOT}:{ROOT}/layers/bandit_selector/python",
    "HOME": str(ENVIRONMENTS),  # where a library may keep its caches
}

Rounds = list[tuple["Team", list[str], list[int]]]  # who plays, in which worlds, with which seeds
Games = dict[tuple[str, str, int], Game]  # (policy, world, seed) → how it went


@dataclass(frozen=True, slots=True)
class Team:
    """Policies that one interpreter can play."""

    python: Path
    players: str
    policies: tuple[str, ...]


def ours(policies: Iterable[str]) -> Team:
    return Team(Path(sys.executable), "policies", tuple(policies))


def trial(policies: Iterable[str]) -> Team:
    """Rules that were tried and not adopted."""
    return Team(Path(sys.executable), "trials", tuple(policies))


def installed(peer: str) -> Team | str:
    """The peer, installed in an environment of its own, or why it cannot be."""
    requirement = REQUIREMENTS[peer]
    try:
        return Team(environment(requirement), "peers", (peer,))
    except subprocess.CalledProcessError as error:
        return f"{requirement} does not install: {str(error.stderr).strip()[-300:]}"


def environment(requirement: str, *beside: str) -> Path:
    """The Python of an environment with one library and numpy, made when it is first asked for.

    With `beside`, the library is installed without its own dependencies, and these beside it.
    """
    folder = ENVIRONMENTS / requirement.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        uv = shutil.which("uv") or "uv"
        for command in (
            (uv, "venv", "--clear", "--python", sys.executable, str(folder)),
            (uv, "pip", "install", "--python", str(python), *(["--no-deps"] if beside else []), requirement),
            (uv, "pip", "install", "--python", str(python), "numpy", *beside),
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        (folder / "installed").touch()
    return python


def play(teams: Iterable[tuple[Team, list[str], list[int]]], horizon: int, processes: int, progress: Progress) -> Games:
    """Every team's policies in its worlds with its seeds; a team that fails is missing from the answer, loudly.

    Games that were played before, with the same sources, are not played again; with no processes, none is played.
    """
    rounds = [(team, p, world, seeds) for team, worlds, seeds in teams for p in team.policies for world in worlds]
    if not processes:
        return {game: regret for each in rounds for game, regret in _known(*each, horizon).items()}
    bar = progress.add_task(f"T = {horizon:,}", total=sum(len(seeds) for *_, seeds in rounds))
    with ThreadPoolExecutor(processes) as pool:
        started = [pool.submit(_round, *each, horizon, progress, bar) for each in rounds]
    return {game: regret for played in started for game, regret in played.result().items()}


def _round(
    team: Team, policy: str, world: str, seeds: list[int], horizon: int, progress: Progress, bar: TaskID
) -> Games:
    games = _known(team, policy, world, seeds, horizon)
    progress.advance(bar, len(games))
    missing = [seed for seed in seeds if (policy, world, seed) not in games]
    return games | (_played(team, policy, world, missing, horizon, progress, bar) if missing else {})


def _known(team: Team, policy: str, world: str, seeds: list[int], horizon: int) -> Games:
    kept = Kept(KEPT, team.players).games()
    return {(policy, world, seed): kept[policy, world, seed, horizon] for seed in seeds
            if (policy, world, seed, horizon) in kept}  # fmt: skip


def _played(
    team: Team, policy: str, world: str, seeds: list[int], horizon: int, progress: Progress, bar: TaskID
) -> Games:
    command = [str(team.python), "-W", "ignore", "-m", "benchmarks.arena.worker", team.players]
    games: Games = {}
    kept = Kept(KEPT, team.players)
    asked = "".join(json.dumps([policy, world, seed, horizon]) + "\n" for seed in seeds)
    with TemporaryFile("w+") as questions, TemporaryFile("w+") as complaints:
        questions.write(asked)
        questions.seek(0)
        with subprocess.Popen(
            command, cwd=ROOT, env=ALONE, text=True, stdin=questions, stdout=PIPE, stderr=complaints
        ) as worker:
            for seed, line in zip(seeds, worker.stdout or (), strict=False):
                games[policy, world, seed] = Game(**json.loads(line))
                kept.add((policy, world, seed, horizon), games[policy, world, seed])
                progress.advance(bar)
        if worker.returncode:
            complaints.seek(0)
            progress.console.print(f"{policy} failed in {world}: {complaints.read()[-300:]}", markup=False)
    return games


def timings() -> dict[str, float]:
    """benchmarks.arena.speed in a process of its own, with one thread."""
    command = [sys.executable, "-m", "benchmarks.arena.speed"]
    done = subprocess.run(command, check=True, cwd=ROOT, env=ALONE, capture_output=True, text=True)
    return json.loads(done.stdout)
