"""Which engine answers hunts in a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from safeconduct import settings

if TYPE_CHECKING:
    from safeconduct.adapters.hunts.choosing import Chosen


def hunt_engine(data: Path) -> "Chosen":
    """Returns the engine that the data folder's file names, with its secret. Raises as `choosing.chosen`."""
    from safeconduct.adapters.hunts.choosing import FILE, chosen  # noqa: PLC0415 - with what reads files of secrets

    return chosen(data / FILE, settings.read().secret_at)
