"""Files compressed by Zstandard (RFC 8878), read as a stream. Python's own library reads them from 3.14 on."""

from importlib import import_module
from typing import IO, Any

from safeconduct.kernel.errors import InvalidInputError

MAGIC = b"\x28\xb5\x2f\xfd"

WINDOW_LOG_MAX = 27
"""The largest window, as a power of two: 128 MiB, held while a file is read. RFC 8878 asks for 8 MiB at least."""


class DamagedError(Exception):
    """What can't be unpacked: no frame, one that was changed, or one whose window is over the limit."""


class Unpacked:
    """A compressed file as what it holds."""

    def __init__(self, file: IO[bytes]) -> None:
        """Opens it.

        Raises:
            InvalidInputError: `telemetry-compressed`: the package that reads it is not installed.
        """
        module = _module()
        self._damaged: type[Exception] = module.ZstdError
        limit = {module.DecompressionParameter.window_log_max: WINDOW_LOG_MAX}
        self._file = module.ZstdFile(file, options=limit)

    def read(self, size: int, /) -> bytes:
        """Returns so many bytes at most, none at the end.

        Raises:
            DamagedError, EOFError: it can't be unpacked, or is cut.
        """
        try:
            unpacked: bytes = self._file.read(size)
        except self._damaged as error:
            raise DamagedError(str(error)) from error
        return unpacked


def _module() -> Any:  # noqa: ANN401 - one of two
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise InvalidInputError(
        "the file is compressed by Zstandard, which takes a package to read",
        code="telemetry-compressed",
        remedy="pip install 'safeconduct[zstd]', or unpack it first: unzstd FILE",
    )
