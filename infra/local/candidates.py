"""The nightly job run by hand: builds the candidate lists with a progress bar. Must not score movies itself."""

from datetime import datetime

from bandit_selector.store.connection import Connection
from rich.console import Console
from rich.progress import Progress, TaskID

from functions.candidates.handler import build


def build_watched(connection: Connection, now: datetime) -> int:
    """Replaces all candidate lists, with progress on standard error; returns the number of lists."""
    with Progress(console=Console(stderr=True)) as bar:
        stages: dict[str, TaskID] = {}

        def progress(stage: str, done: int, of: int) -> None:
            if stage not in stages:
                stages[stage] = bar.add_task(stage)
            bar.update(stages[stage], completed=done, total=of)

        return build(connection, progress, now).lists
