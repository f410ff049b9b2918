"""The secret in the data folder that people's identifiers at vendors are derived from (docs/spec/vendors.md)."""

from pathlib import Path

from safeconduct.adapters.files import alone, write_secret
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.kernel.ports import Entropy

FILE = "safety-id.key"
SECRET_BYTES = 32


def safety_secret(data: Path, entropy: Entropy) -> bytes:
    """Returns the installation's secret, made at the first use. Without it every person is a new one to every vendor.

    Raises:
        InvalidInputError: `safety-key-unreadable`: the file holds something else.
        UnavailableError: it can't be written.
    """
    path = data / FILE
    with alone(data):  # of several workers that begin at once one makes it
        if not path.exists():
            write_secret(path, entropy(SECRET_BYTES).hex())
    try:
        found = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error
    if len(found) != SECRET_BYTES:
        raise _unreadable(path)
    return found


def _unreadable(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"expected {SECRET_BYTES} bytes in hex in {path}",
        code="safety-key-unreadable",
        remedy="restore it; if it is lost, delete it: vendors then see every person as a new one",
    )
