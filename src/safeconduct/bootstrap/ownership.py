"""How challenges are looked up here, as the environment says."""

from safeconduct import settings
from safeconduct.access.ownership import AuthorizationKind
from safeconduct.adapters.ownership.dns_txt import TxtLookup
from safeconduct.adapters.ownership.http_file import FileFetch
from safeconduct.adapters.ownership.probe import OwnershipProbe
from safeconduct.bootstrap.installation import Installation


def ownership_probe(installation: Installation) -> OwnershipProbe:
    """Returns what looks whether challenges were met.

    Raises:
        InvalidInputError: `resolver-invalid`.
    """
    found = settings.read()
    looks = {
        AuthorizationKind.DNS_TXT: TxtLookup(found.scope_resolvers).look,
        AuthorizationKind.HTTP_FILE: FileFetch(private=found.scope_private).look,
    }
    return OwnershipProbe(installation.writer, looks)
