"""State that a SnapStart snapshot must not hold: Lambda restores many environments from one snapshot.

Knows the runtime's hooks; must not know what is forgotten. Keys, `secrets` and uuid4 need no care: they ask the
kernel at each call.
"""

import random
from collections.abc import Callable

from snapshot_restore_py import register_after_restore, register_before_snapshot


def forget_at_snapshot(forget: Callable[[], None]) -> None:
    """Calls `forget` (for example, to close a connection) before the snapshot and after every restore.

    Every restored copy gets its own seed; else all copies would draw the same random numbers.
    """
    register_before_snapshot(forget)
    register_after_restore(forget)
    register_after_restore(random.seed)
