"""Games that were played before, so that a study goes on where it was interrupted; must not know how they are played.

A game is kept under a hash of everything that decides it: the rule's sources, the worlds, and the players.
"""

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from benchmarks.arena.simulation import Game

ARENA = Path(__file__).parent
PRODUCT = ARENA.parents[1] / "layers" / "bandit_selector" / "python" / "bandit_selector"
WORLDS = ("environments", "simulation")

Asked = tuple[str, str, int, int]  # policy, world, seed, horizon


class Kept:
    """The games of one set of sources, one line of JSON each."""

    def __init__(self, folder: Path, players: str) -> None:
        self._path = folder / f"{players}-{_sources(players)}.jsonl"
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def games(self) -> dict[Asked, Game]:
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        return {tuple(asked): Game(**game) for asked, game in map(json.loads, lines)}

    def add(self, asked: Asked, game: Game) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([asked, asdict(game)]) + "\n")


def _sources(players: str) -> str:
    """A hash of what the players' games depend on."""
    files = [ARENA / f"{name}.py" for name in (*WORLDS, players)]
    if players != "peers":
        files += [ARENA / "policies.py"]
        files += [*sorted((PRODUCT / "learning").glob("*.py")), PRODUCT / "services" / "learning_rule.py"]
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
