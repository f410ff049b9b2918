"""A port that fails as told, before it did its work or after."""

from safeconduct.kernel.errors import UnavailableError


class Faulty:
    """Another port, one of whose methods fails once: at its call number `at`, counted from 1."""

    def __init__(self, port, method, at, *, applied):
        self._port, self._method = port, method
        self.left, self._applied = at, applied

    def __getattr__(self, name):
        real = getattr(self._port, name)
        return self._fails(real) if name == self._method else real

    def _fails(self, real):
        def call(*given, **named):
            self.left -= 1
            if self.left != 0:
                return real(*given, **named)
            if self._applied:
                real(*given, **named)
            raise UnavailableError("the disk said no", code="store-failed")

        return call
