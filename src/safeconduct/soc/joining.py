"""What two alerts must share to belong together. Most of what events name, everybody's events name."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from safeconduct.soc.entities import WINDOWS_SOURCES, Mention, mentions
from safeconduct.soc.entity_forms import in_system_folder
from safeconduct.soc.inventory import Inventory
from safeconduct.soc.model import Entity, EntityKind, Event
from safeconduct.soc.quotes import quote_at
from safeconduct.soc.windows import windows_record

SHARED_ACCOUNTS = frozenset({"root", "nobody", "www-data", "daemon", "system", "local service", "network service"})
"""Accounts that many unrelated programs run under: too common to join two alerts by themselves."""

SERVICE_SIDS = ("S-1-0-", "S-1-1-", "S-1-2-", "S-1-5-7", "S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-80-", "S-1-5-9")
"""Windows accounts of everybody, nobody, anonymous, the system and its services, on every machine the same."""

SERVICE_SESSIONS = frozenset({"0x3e7", "0x3e4", "0x3e5", "0x3e3"})
"""Logon sessions of LocalSystem, NetworkService, LocalService and anonymous: one each, from start to stop."""

BUSY_PROGRAMS = frozenset(
    {
        "system",
        "smss.exe",
        "csrss.exe",
        "wininit.exe",
        "winlogon.exe",
        "services.exe",
        "svchost.exe",
        "lsass.exe",
        "explorer.exe",
        "taskhostw.exe",
        "runtimebroker.exe",
        "searchindexer.exe",
    }
)
"""Windows programs that one process of serves a whole machine or desktop: what touches it has nothing in common."""

AUTHENTICATION, FAILED = 3002, 2
"""OCSF's Authentication class, and its status of a failure."""

FAILED_LOGONS = frozenset({4625, 4771, 4776})
"""Windows' events of a logon that was refused."""

WISHED = ("/ocsf/user/name", "/ocsf/user/uid", "/TargetUserName", "/TargetUserSid")
"""Where a refused logon names the account that somebody tried."""

GUID_DASHES = 4


def joiners(event: Event, inventory: Inventory) -> tuple[Mention, ...]:
    """Returns those mentions that, shared with another alert's event, say that both belong together.

    The account of a failed logon is whom somebody wished to be: a guesser who tries every name has not become them.
    A process that serves the whole machine, a program that every machine has, a machine's own account and a process
    number beside a GUID are left out by what stands beside them.
    """
    wished = _refused(event)
    return tuple(
        found
        for found in mentions(event)
        if joins(found.entity, inventory) and not found.pointer.endswith(wished) and not _common(found, event)
    )


def joins(entity: Entity, inventory: Inventory) -> bool:
    """Tells whether sharing this entity, and nothing else, says that two alerts belong together.

    Own hosts, addresses and domains, shared accounts and sessions, and URLs (their domain does) never do.
    """
    match entity.kind:
        case EntityKind.IP:
            return not inventory.owns_address(entity.value)
        case EntityKind.DOMAIN:
            return not inventory.owns_domain(entity.value)
        case EntityKind.USER:
            return _own_account(entity.value)
        case EntityKind.SESSION:
            return entity.value.partition("@")[0] not in SERVICE_SESSIONS
        case EntityKind.HOST | EntityKind.URL:
            return False
        case _:
            return True


def _own_account(value: str) -> bool:
    name = value.partition("@")[0].rpartition("\\")[2]
    return name not in SHARED_ACCOUNTS and not name.endswith("$") and not value.startswith(SERVICE_SIDS)


def _common(found: Mention, event: Event) -> bool:
    """Tells whether what stands beside a mention says that it is no one's in particular."""
    parent, _, last = found.pointer.rpartition("/")
    if found.entity.kind is EntityKind.HASH and last == "value":
        return in_system_folder(_text(event, parent.rpartition("/hashes/")[0] + "/path"))
    beside = _BESIDE.get((found.entity.kind, last))
    if beside is None:
        return False
    check, names = beside
    return any(check(_text(event, f"{parent}/{name}")) for name in names)


def _busy(program: str) -> bool:
    return program.lower().rpartition("\\")[2] in BUSY_PROGRAMS


def _busy_or_guid(text: str) -> bool:
    # A process number is used again; where the GUID stands beside it, that is who it is.
    return text.count("-") >= GUID_DASHES or _busy(text)


def _machine(name: str) -> bool:
    return name.endswith("$")


def _refused(event: Event) -> tuple[str, ...]:
    """Returns which fields of a failed logon name whom somebody wished to be."""
    if event.ocsf.get("class_uid") == AUTHENTICATION and event.ocsf.get("status_id") == FAILED:
        return WISHED
    record = windows_record(event.raw) if event.source in WINDOWS_SOURCES else None
    return WISHED if record is not None and record.event_id in FAILED_LOGONS else ()


def _text(event: Event, pointer: str) -> str:
    value = quote_at(event, pointer)
    return value if isinstance(value, str) else ""


_Beside: TypeAlias = tuple[Callable[[str], bool], tuple[str, ...]]

_BESIDE: Mapping[tuple[EntityKind, str], _Beside] = {
    (EntityKind.PROCESS, "uid"): (_busy, ("file/path", "name")),
    (EntityKind.PROCESS, "pid"): (_busy_or_guid, ("file/path", "name", "uid")),
    (EntityKind.PROCESS, "ProcessGuid"): (_busy, ("Image",)),
    (EntityKind.PROCESS, "ParentProcessGuid"): (_busy, ("ParentImage",)),
    (EntityKind.PROCESS, "SourceProcessGUID"): (_busy, ("SourceImage",)),
    (EntityKind.PROCESS, "SourceProcessGuid"): (_busy, ("SourceImage",)),
    (EntityKind.PROCESS, "TargetProcessGUID"): (_busy, ("TargetImage",)),
    (EntityKind.PROCESS, "TargetProcessGuid"): (_busy, ("TargetImage",)),
    (EntityKind.PROCESS, "ProcessId"): (_busy_or_guid, ("ProcessGuid", "Image", "ProcessName", "ParentProcessName")),
    (EntityKind.PROCESS, "NewProcessId"): (_busy, ("NewProcessName",)),
    (EntityKind.USER, "uid"): (_machine, ("name",)),
    (EntityKind.USER, "SubjectUserSid"): (_machine, ("SubjectUserName",)),
    (EntityKind.USER, "TargetUserSid"): (_machine, ("TargetUserName",)),
    (EntityKind.HASH, "Hashes"): (in_system_folder, ("Image", "ImageLoaded")),
}
"""By kind and field: what the fields beside it, from the same place, must not say."""
