"""Raw files as they lie there, whatever the log says of them."""

from collections.abc import Iterator

from safeconduct.adapters.telemetry.raw_store import Description, RawStore
from safeconduct.soc.retention.strays import RawFile

TELEMETRY_KINDS = frozenset({"telemetry", "unread"})
"""Kinds of raw files that retention is about: the others are what people work with."""


class LyingFiles:
    """`RawFiles` of a folder."""

    def __init__(self, raws: RawStore) -> None:
        self._raws = raws

    def raw_files(self) -> Iterator[str]:
        """Returns the digest of every raw file, in no order; what broken-off copying left is removed before."""
        self._raws.sweep()
        return self._raws.digests()

    def lying(self, digest: str) -> RawFile | None:
        """Returns a raw file; None where it is gone, is no telemetry, or is being read in at this moment."""
        size, description = self._raws.size_of_unread(digest), self._raws.known(digest)
        if size is None or not is_telemetry(description):
            return None
        name = description.name if description else ""
        return RawFile(digest=digest, name=name, size=size, described=description is not None)


def is_telemetry(description: Description | None) -> bool:
    """Tells whether a raw file may be telemetry by what is said of it."""
    return description is None or description.kind in TELEMETRY_KINDS
