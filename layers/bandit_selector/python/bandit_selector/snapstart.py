"""What a process must not carry into its copies: Lambda SnapStart restores many environments from one snapshot.

Knows the runtime's hooks. Keys, `secrets` and uuid4 ask the kernel each time and need nothing.
"""

import random
from collections.abc import Callable

from snapshot_restore_py import register_after_restore, register_before_snapshot


def forget_at_snapshot(forget: Callable[[], None]) -> None:
    """Calls `forget` (say, closing a connection) before the snapshot and in every copy, and seeds each copy anew."""
    register_before_snapshot(forget)
    register_after_restore(forget)
    register_after_restore(random.seed)
