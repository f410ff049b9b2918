"""What goes where on a path: which data, as what, to whom, kept how long, usable for what, given back to whom.

Nothing of it is written down beside the path and the agreement that are in force: it is what they say, put together
(docs/spec/data-map.md).
"""

from collections.abc import Iterator

import msgspec

from safeconduct.access.catalogue import UNSTATED, Provider
from safeconduct.access.data_handling import PLAIN_CLASS, UNLABELED, DataHandling
from safeconduct.access.model.agreements import Agreement, Opening
from safeconduct.access.model.paths import SealedPath
from safeconduct.access.readership import APART, readership_of, rule_of
from safeconduct.gateway.entries import SEALED
from safeconduct.kernel.entries import Reader, Retention

_AS: dict[DataHandling, str] = {
    DataHandling.ALLOW: "as it is",
    DataHandling.PSEUDONYMIZE: "as a token",
    DataHandling.REDACT: "as a mark",
    DataHandling.REFUSE: "not at all",
}


class DataClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class of data that a path takes or speaks of. `handling` is None where nobody inspects it."""

    name: str
    handling: DataHandling | None
    leaves: str
    taken: bool


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets what leaves: as the program states it, `unstated` where it does not."""

    upstream: str
    vendor: str
    operator: str
    region: str
    jurisdiction: str
    retention: str


class KeptField(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed field of a call's entries: who may open it and how, and for how many days; None is without a limit."""

    entry: str
    field: str
    readers: tuple[Reader, ...]
    opening: Opening
    days: int | None


class PathData(msgspec.Struct, frozen=True, kw_only=True):
    """The data map of one path. `training` is what the agreement states.

    `vendor_keeps` and `vendor_runs` are what the path lets the vendor keep or run out of sight.
    """

    path: str
    version: int
    digest: str
    agreement: str
    purpose: str
    training: str
    inspected: bool
    classes: tuple[DataClass, ...]
    media: tuple[str, ...]
    goes_to: tuple[Destination, ...]
    vendor_keeps: bool
    vendor_runs: tuple[str, ...]
    restored_for: tuple[str, ...]
    kept: tuple[KeptField, ...]


def data_of(path: SealedPath, agreement: Agreement) -> PathData:
    """Returns the data map of a path under the agreement in force."""
    return PathData(
        path=path.id,
        version=path.version,
        digest=path.digest,
        agreement=f"{agreement.id} version {agreement.version}",
        purpose=path.purpose,
        training=agreement.training or UNSTATED,
        inspected=path.inspected,
        classes=tuple(_classes(path)),
        media=path.media,
        goes_to=tuple(_destination(one) for one in path.providers),
        vendor_keeps=path.history,
        vendor_runs=path.provider_tools,
        restored_for=path.restore,
        kept=tuple(_kept(agreement)),
    )


def _classes(path: SealedPath) -> Iterator[DataClass]:
    for name in sorted({*path.data_classes, *path.handling}):
        handling = path.handling.get(name)
        plain = name in (PLAIN_CLASS, UNLABELED) or not path.inspected
        taken = name in path.data_classes
        leaves = _AS[handling or (DataHandling.ALLOW if plain else DataHandling.REFUSE)]
        yield DataClass(name=name, handling=handling, leaves=leaves if taken else "not at all", taken=taken)


def _destination(provider: Provider) -> Destination:
    return Destination(
        upstream=provider.upstream,
        vendor=provider.vendor,
        operator=provider.operator or UNSTATED,
        region=provider.region,
        jurisdiction=provider.jurisdiction or UNSTATED,
        retention=provider.retention,
    )


def _kept(agreement: Agreement) -> Iterator[KeptField]:
    for entry, names in SEALED.items():
        for name in names:
            rule = rule_of(agreement, entry, name)
            yield KeptField(
                entry=entry,
                field=name,
                readers=tuple(sorted(readership_of(agreement, entry, name).readers)),
                opening=rule.opening if rule else Opening.SINGLE,
                days=agreement.days.get(Retention.EXPLOIT if name.startswith(APART) else Retention.CALL),
            )
