"""The whole templates of production as last reviewed. Run as a module, it writes the current ones."""

import json
import re
import tempfile
from pathlib import Path
from typing import Final

from .synthesised import Synthesised

FOLDER: Final = Path(__file__).parent / "golden"


def file(stack: str) -> Path:
    """The reviewed template of a stack."""
    return FOLDER / f"{stack}.json"


def text(made: Synthesised, stack: str) -> str:
    """The template with blanks for hashes, which change with every line of code."""
    lines = json.dumps(made.stacks[stack], indent=1, sort_keys=True)
    lines = re.sub(r"\b[0-9a-f]{64}\b", "HASH", lines)
    return re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1HASH", lines) + "\n"


def main() -> None:
    from .synthesis import synthesise

    with tempfile.TemporaryDirectory() as folder:
        made = synthesise("prod", Path(folder))
        FOLDER.mkdir(exist_ok=True)
        for stack in made.stacks:
            file(stack).write_text(text(made, stack))


if __name__ == "__main__":
    main()
