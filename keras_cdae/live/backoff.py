"""How long to wait before the next attempt."""


class Backoff:
    """Seconds to wait before each new attempt, doubling up to a limit.

    Args:
        first: seconds before the first.
        most: seconds that it never exceeds.

    Example:
        >>> backoff = Backoff(first=0.5, most=3.0)
        >>> [backoff.next() for _ in range(5)]
        [0.5, 1.0, 2.0, 3.0, 3.0]
    """

    def __init__(self, *, first: float = 0.5, most: float = 30.0) -> None:
        self.first = first
        self.most = most
        self._next = min(first, most)

    def next(self) -> float:
        """Return the seconds to wait now."""
        self._next, now = min(2 * self._next, self.most), self._next
        return now

    def reset(self) -> None:
        """Begin with the shortest again."""
        self._next = min(self.first, self.most)
