"""Which paths a trial may use: past incidents leave under pseudonyms, and the answers come back with what they are of.

docs/spec/trials.md, section 2.
"""

from safeconduct.access.data_handling import PLAIN_CLASS, UNLABELED, DataHandling, clears
from safeconduct.access.model.parties import Principal
from safeconduct.access.model.paths import SealedPath
from safeconduct.kernel.errors import RefusedError

PUBLIC_CLASSES = frozenset({PLAIN_CLASS, "indicator"})
"""Classes that name nobody of the house: text in which nothing was found, and the attackers' addresses and hashes."""


def check_path(path: SealedPath, asker: Principal) -> None:
    """Returns if past incidents may be put to models on a path for somebody.

    Raises:
        RefusedError: `trial-unprotected`: the path lets a class of data through as it is, or looks for none.
            `trial-unrestored`: the asker would get tokens back, and no claim about a token holds.
    """
    through = {name for name in path.data_classes if _open(path, name)} - PUBLIC_CLASSES
    if through or not path.inspected:
        raise RefusedError(
            f"path {path.id} lets {', '.join(sorted(through)) or 'everything'} through as it is",
            code="trial-unprotected",
            clause=f"path:{path.id}/handling",
            remedy="name a path whose handling pseudonymizes, redacts or refuses each of its data classes",
        )
    if not clears(path.restore, asker.id, asker.organization, tuple(asker.roles)):
        raise RefusedError(
            f"path {path.id} restores nothing for {asker.id}",
            code="trial-unrestored",
            clause=f"path:{path.id}/restore",
            remedy="ask as somebody whom the path restores originals for",
        )


def _open(path: SealedPath, name: str) -> bool:
    return name == UNLABELED or path.handling.get(name, DataHandling.ALLOW) is DataHandling.ALLOW
