"""The program in force, and how far changes of it went."""

from dataclasses import dataclass

from safeconduct.kernel.ids import AgreementId, EntryId, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The Cedar text in force."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """How many entries have changed who may do what. A compiled standing is current while this has not moved."""

    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Which records one change of who may do what wrote or removed, by collection and key."""

    records: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRecord:
    """Which program is in force: the digest of its document, its name, and the request that brought it.

    `agreement_version` is that of the agreement that stands; it moves on its own when the next one begins.
    """

    digest: str
    origin: Origin
    agreement: AgreementId
    request: EntryId
    agreement_version: int = 0
