"""The folder of public corpora that several measurements read."""

import os
from pathlib import Path

VARIABLE = "SAFECONDUCT_CORPORA"


class CorporaError(Exception):
    """The folder is not named, or is not there."""


def corpora() -> Path:
    """Returns the folder.

    Raises:
        CorporaError: what to set.
    """
    named = os.environ.get(VARIABLE, "")
    if not named or not Path(named).is_dir():
        found = f"there is no folder {named}" if named else "it is not set"
        raise CorporaError(f"set {VARIABLE} to the folder of public corpora that this measures over: {found}")
    return Path(named)
