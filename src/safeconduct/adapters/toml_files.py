"""The operator's files in TOML: read whole, within a bound, as the form that is expected."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from safeconduct.adapters.files import read_file
from safeconduct.kernel.errors import InvalidInputError

T = TypeVar("T")


def read_toml(path: Path, form: type[T], bytes_max: int, wrong: Callable[[Path, str], InvalidInputError]) -> T:
    """Returns a file as a form. `wrong` makes the error out of what was expected.

    Raises:
        InvalidInputError: it can't be read, has more than `bytes_max` bytes, or is not of the form.
    """
    content = read_file(path, bytes_max)
    if len(content) > bytes_max:
        raise wrong(path, f"it has more than {bytes_max} bytes")
    try:
        return msgspec.convert(tomllib.loads(content.decode()), form)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise wrong(path, str(error)) from error
