"""Entities and values from Cedar's JSON, as people and tools write them down."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from safeconduct.kernel.errors import InvalidInputError
from safeconduct.policy.model import EntityRecord, EntityUid, Extension, Value

_UID = {"type", "id"}


class EntityDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entity as Cedar's JSON has it."""

    uid: Any
    attrs: dict[str, Any] = {}
    parents: list[Any] = []

    def record(self) -> EntityRecord:
        """Returns the entity.

        Raises:
            InvalidInputError: a value has no form in Cedar.
        """
        return EntityRecord(read_uid(self.uid), read_record(self.attrs), tuple(map(read_uid, self.parents)))


def read_uid(document: object) -> EntityUid:
    """Reads `{"type": T, "id": I}`, with or without `__entity` around it.

    Raises:
        InvalidInputError: it is no uid.
    """
    found = document.get("__entity", document) if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping) or set(found) != _UID or not all(isinstance(one, str) for one in found.values()):
        raise InvalidInputError(f"expected an entity as {{type, id}}, got {str(document)[:80]!r}", code="value-invalid")
    return EntityUid(found["type"], found["id"])


def read_record(document: Mapping[str, Any]) -> dict[str, Value]:
    """Reads a record.

    Raises:
        InvalidInputError: a value has no form in Cedar.
    """
    return {name: read_value(value) for name, value in document.items()}


def read_value(document: Any) -> Value:  # noqa: ANN401 - any JSON
    """Reads one value.

    Raises:
        InvalidInputError: it has no form in Cedar, such as a fraction or null.
    """
    if isinstance(document, bool | int | str):
        return document
    if isinstance(document, list):
        return tuple(map(read_value, document))
    if isinstance(document, Mapping):
        return _read_map(document)
    raise InvalidInputError(f"{document!r:.80} has no form in Cedar", code="value-invalid")


def _read_map(document: Mapping[str, Any]) -> Value:
    if "__extn" in document:
        stated = document["__extn"]
        if not isinstance(stated, Mapping) or set(stated) != {"fn", "arg"}:
            raise InvalidInputError("expected __extn as {fn, arg}", code="value-invalid")
        return Extension(str(stated["fn"]), str(stated["arg"]))
    return read_uid(document) if "__entity" in document else read_record(document)


def read_entities(documents: Iterable[EntityDocument]) -> tuple[EntityRecord, ...]:
    """Reads a small store.

    Raises:
        InvalidInputError: a value has no form in Cedar.
    """
    return tuple(document.record() for document in documents)
