"""Sysmon's events: number -> row. Fields are those of Sysmon's schema; samples of each stand in the corpora."""

from collections.abc import Mapping

from safeconduct.ledger.ocsf import OTHER
from safeconduct.soc.ocsf.forms import DNS, FILE, MODULE, NETWORK, PROCESS, REGISTRY_KEY, REGISTRY_VALUE
from safeconduct.soc.ocsf.rows import Row, Taken
from safeconduct.soc.ocsf.windows_fields import (
    PIPE,
    address,
    answer_code,
    answers,
    file,
    hashes,
    host,
    key_value,
    number,
    process,
    user,
)

ACTOR: Mapping[str, str | Taken] = {
    **process("actor.process", "ProcessGuid", "ProcessId", "Image"),
    **user("actor.user", "User"),
}
_SUBJECT: Mapping[str, str | Taken] = {
    **process("process", "ProcessGuid", "ProcessId", "Image"),
    **user("process.user", "User"),
    "process.cmd_line": "CommandLine",
    "process.working_directory": "CurrentDirectory",
    "process.integrity": "IntegrityLevel",
    "process.file.hashes": ("Hashes", hashes),
    "process.session.uid": "LogonId",
}
_PARENT = process("process.parent_process", "ParentProcessGuid", "ParentProcessId", "ParentImage")
_STARTER = process("actor.process", "ParentProcessGuid", "ParentProcessId", "ParentImage")
_TARGET: Mapping[str, str | Taken] = {**ACTOR, **file("file", "TargetFilename"), "file.hashes": ("Hashes", hashes)}
_PIPE: Mapping[str, str | Taken] = {**ACTOR, **file("file", "PipeName", PIPE)}
_VALUE: Mapping[str, str | Taken] = {**ACTOR, **key_value("reg_value", "TargetObject")}
_KEY: Mapping[str, str | Taken] = {**ACTOR, "reg_key.path": "TargetObject"}


def _between(actor: str, target: str, unique: str) -> Mapping[str, str | Taken]:
    return {
        **process("actor.process", f"{actor}{unique}", f"{actor}Id", "SourceImage"),
        **user("actor.user", "SourceUser"),
        **process("process", f"{target}{unique}", f"{target}Id", "TargetImage"),
        **user("process.user", "TargetUser"),
    }


SYSMON: Mapping[int, Row] = {
    1: Row(PROCESS, 1, {**_SUBJECT, **_PARENT, **_STARTER, "actor.process.cmd_line": "ParentCommandLine",
                        **user("actor.user", "ParentUser")}),
    2: Row(FILE, 6, _TARGET),
    3: Row(NETWORK, 1, {
        **ACTOR,
        "src_endpoint.ip": ("SourceIp", address), "src_endpoint.port": ("SourcePort", number),
        "src_endpoint.hostname": ("SourceHostname", host),
        "dst_endpoint.ip": ("DestinationIp", address), "dst_endpoint.port": ("DestinationPort", number),
        "dst_endpoint.hostname": ("DestinationHostname", host),
        "connection_info.protocol_name": "Protocol",
        "connection_info.direction_id": ("Initiated", lambda value: 2 if str(value).lower() == "true" else 1),
    }),
    5: Row(PROCESS, 2, {**_SUBJECT, **ACTOR}),
    7: Row(MODULE, 1, {**ACTOR, **file("module.file", "ImageLoaded"), "module.file.hashes": ("Hashes", hashes)},
           {"module.load_type_id": 1}),
    8: Row(PROCESS, 4, _between("SourceProcess", "TargetProcess", "Guid"), {"injection_type_id": 1}),
    9: Row(FILE, 2, {**ACTOR, **file("file", "Device", 4)}),
    10: Row(PROCESS, 3, {**_between("SourceProcess", "TargetProcess", "GUID"),
                         "actual_permissions": ("GrantedAccess", number)}),
    11: Row(FILE, 1, _TARGET),
    12: Row(REGISTRY_KEY, OTHER, _KEY, {"activity_name": "Created or deleted"}),
    13: Row(REGISTRY_VALUE, 2, {**_VALUE, "reg_value.data": "Details"}),
    14: Row(REGISTRY_KEY, 5, {**ACTOR, "reg_key.path": "NewName", "prev_reg_key.path": "TargetObject"}),
    15: Row(FILE, 1, {**_TARGET, "file.hashes": ("Hash", hashes)}),
    17: Row(FILE, 1, _PIPE),
    18: Row(FILE, 14, _PIPE),
    22: Row(DNS, 2, {**ACTOR, "query.hostname": ("QueryName", host), "rcode_id": ("QueryStatus", answer_code),
                     "answers": ("QueryResults", answers), "src_endpoint.hostname": ("@computer", host)}),
    23: Row(FILE, 4, _TARGET),
    26: Row(FILE, 4, _TARGET),
    29: Row(FILE, 1, _TARGET),
}  # fmt: skip

REGISTRY_ACTS: Mapping[str, Row] = {
    "CreateKey": Row(REGISTRY_KEY, 1, _KEY),
    "DeleteKey": Row(REGISTRY_KEY, 4, _KEY),
    "DeleteValue": Row(REGISTRY_VALUE, 4, _VALUE),
}
"""Event 12 by its `EventType`."""
