"""One process that plays: reads `[policy, world, seed, horizon]` lines, answers each with its game, as JSON.

`python -m benchmarks.arena.worker policies|peers`; the second runs in another library's environment.
"""

import json
import sys
from dataclasses import asdict
from importlib import import_module

from benchmarks.arena.environments import build
from benchmarks.arena.simulation import play


def main(players: str) -> None:
    policies = import_module(f"benchmarks.arena.{players}").POLICIES
    for line in sys.stdin:
        policy, world_name, seed, horizon = json.loads(line)
        world = build(world_name, horizon, seed)
        print(json.dumps(asdict(play(world, policies[policy](world, seed)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
