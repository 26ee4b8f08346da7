"""Open Bandit Pipeline's estimators and its sample of the Open Bandit Dataset; runs in an environment of their own.

Reads one line of JSON with the path of an .npz file, answers one line of JSON. The package's own `__init__` imports
PyTorch for policies that are not used here. The estimators ask only whether an array is a tensor, so they get a module
that has the class and nothing else.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np


def main() -> None:
    estimators, folder = loaded()
    asked = json.loads(sys.stdin.readline())
    rows = np.load(asked["file"])
    shared = {
        "reward": rows["reward"],
        "action": rows["action"],
        "pscore": rows["pscore"],
        "action_dist": rows["action_dist"],
        "position": np.zeros(len(rows["reward"]), dtype=int),
    }
    model = {"estimated_rewards_by_reg_model": rows["model"]}
    answer = {
        "ips": estimators.InverseProbabilityWeighting().estimate_policy_value(**shared),
        "snips": estimators.SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**shared),
        "doubly_robust": estimators.DoublyRobust().estimate_policy_value(**shared, **model),
        "folder": str(folder),
    }
    print(json.dumps(answer))


def loaded() -> tuple[ModuleType, Path]:
    """The module of estimators, and the folder with the sample."""
    home = next(Path(place) / "obp" for place in sys.path if (Path(place) / "obp" / "ope").is_dir())
    torch = ModuleType("torch")
    torch.Tensor = type("Tensor", (), {})  # type: ignore[attr-defined]
    sys.modules["torch"] = torch
    for name in ("obp", "obp.ope"):
        package = ModuleType(name)
        package.__path__ = [str(home.parent / name.replace(".", "/"))]
        sys.modules[name] = package
    return import_module("obp.ope.estimators"), home / "dataset" / "obd"


if __name__ == "__main__":
    main()
