"""How much of the machine this process may use."""

import os


def usable_cores() -> int:
    """Return how many cores this process may use.

    Fewer than the machine has where it is pinned to some (`taskset`, a
    container's cpuset).
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
