"""Entities of Windows events by the names that Windows and Sysmon give their fields.

A process is its GUID, a logon session its number on its machine, an account its SID or `name@domain`: what is written
in each event, and not what a mapping makes of it.
"""

import re
from collections.abc import Iterator, Mapping

from safeconduct.soc.entity_forms import (
    Normalizer,
    as_account,
    as_address,
    as_domain,
    as_file,
    as_hash,
    as_pid,
    as_process,
    as_session,
)
from safeconduct.soc.model import EntityKind
from safeconduct.soc.windows import WindowsRecord

_STRONGEST = re.compile(r"\b(?:SHA256=([0-9A-F]{64})|SHA1=([0-9A-F]{40})|MD5=([0-9A-F]{32}))\b", re.IGNORECASE)

_HEXADECIMAL = re.compile(r"0x[0-9a-f]{1,8}", re.IGNORECASE)


def _hashes(value: str, host: str) -> tuple[EntityKind, str] | None:
    """The longest of Sysmon's `SHA1=...,MD5=...,SHA256=...`: one file is one entity."""
    found = [text for match in _STRONGEST.finditer(value) for text in match.groups() if text]
    return as_hash(max(found, key=len), host) if found else None


def _number(value: str, host: str) -> tuple[EntityKind, str] | None:
    # The security log writes process numbers in hexadecimal, Sysmon in decimal.
    if _HEXADECIMAL.fullmatch(value):
        return as_pid(str(int(value, 16)), host)
    return as_pid(value, host) if value.isascii() and value.isdigit() else None


def _qualified(value: str, _host: str) -> tuple[EntityKind, str] | None:
    domain, _, name = value.rpartition("\\")
    return account(name, domain) if domain else None


def account(name: str, domain: str) -> tuple[EntityKind, str] | None:
    """Returns an account as `name@domain`, the domain by its first label: THESHIRE and theshire.local are one."""
    absent = not name.strip("-") or not domain.strip("-")
    return None if absent else (EntityKind.USER, f"{name.lower()}@{domain.lower().partition('.')[0]}")


FIELDS: Mapping[str, Normalizer] = {
    "ProcessGuid": as_process,
    "ParentProcessGuid": as_process,
    "SourceProcessGUID": as_process,
    "SourceProcessGuid": as_process,
    "TargetProcessGUID": as_process,
    "TargetProcessGuid": as_process,
    "ProcessId": _number,
    "NewProcessId": _number,
    "SubjectLogonId": as_session,
    "TargetLogonId": as_session,
    "LogonId": as_session,
    "SubjectUserSid": as_account,
    "TargetUserSid": as_account,
    "User": _qualified,
    "Hashes": _hashes,
    "Image": as_file,
    "NewProcessName": as_file,
    "TargetFilename": as_file,
    "ImageLoaded": as_file,
    "IpAddress": as_address,
    "SourceIp": as_address,
    "DestinationIp": as_address,
    "QueryName": as_domain,
    "DestinationHostname": as_domain,
}
"""Field -> the normal form of what it names."""

ACCOUNTS = {"SubjectUserName": "SubjectDomainName", "TargetUserName": "TargetDomainName"}
"""Names that are somebody's only together with the domain beside them."""


def windows_places(record: WindowsRecord) -> Iterator[tuple[str, str, Normalizer]]:
    """Yields (pointer, text, normalizer) of the fields of a Windows event that name an entity."""
    for name, value in record.data.items():
        normalize = _account_in(record, ACCOUNTS[name]) if name in ACCOUNTS else FIELDS.get(name)
        if normalize is not None and isinstance(value, str | int) and not isinstance(value, bool):
            yield record.pointers[name], str(value), normalize


def _account_in(record: WindowsRecord, beside: str) -> Normalizer:
    domain = record.data.get(beside)
    return lambda name, _host: account(name, domain if isinstance(domain, str) else "")
