"""Random bytes drawn ahead: whoever asks the system for them hands the interpreter to other threads."""

from safeconduct.kernel.ports import Entropy

AHEAD_BYTES = 4096  # salts and nonces of some 90 sealed fields: a commit's


class DrawnAhead:
    """`Entropy` for one thread, from bytes that another source gave in one draw. None is given twice."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._drawn, self._used = b"", 0

    def __call__(self, count: int) -> bytes:
        start, end = self._used, self._used + count
        if end > len(self._drawn):
            self._drawn = self._entropy(max(count, AHEAD_BYTES))
            start, end = 0, count
        self._used = end
        return self._drawn[start:end]
