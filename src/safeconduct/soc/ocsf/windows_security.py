"""Events of Windows' own logs: (provider, number) -> row. Samples of each stand in the corpora."""

from collections.abc import Mapping

from safeconduct.ledger.ocsf import AUTHENTICATION, ENTITY_MANAGEMENT, EVENT_LOG, FAILURE, OTHER, SUCCESS, UPDATE
from safeconduct.soc.ocsf.forms import (
    ACCOUNT_CHANGE,
    AUTHORIZE_SESSION,
    FILE,
    GROUP_MANAGEMENT,
    NETWORK,
    PROCESS,
    RDP,
    REGISTRY_KEY,
    REGISTRY_VALUE,
    SCHEDULED_JOB,
    SCRIPT,
    SMB,
    WINDOWS_SERVICE,
)
from safeconduct.soc.ocsf.rows import Row, Taken
from safeconduct.soc.ocsf.windows_fields import (
    account,
    address,
    client,
    file,
    guid,
    host,
    number,
    object_guid,
    process,
    shared_file,
    words,
)

AUDITING = "Microsoft-Windows-Security-Auditing"
POWERSHELL = "Microsoft-Windows-PowerShell"

_Copy = Mapping[str, str | Taken]

LOGON_TYPES = {0: 1, **{code: code for code in (2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13)}}
"""Windows' logon type -> OCSF's, which counts the same but for the system's own."""

_SUBJECT: _Copy = {**account("actor.user", "Subject"), "actor.session.uid": "SubjectLogonId"}
_BY_PROCESS: _Copy = {**_SUBJECT, **process("actor.process", "@none", "ProcessId", "ProcessName")}
_TARGET: _Copy = {**account("user", "Target"), "user.uid": "TargetSid", "dst_endpoint.hostname": ("@computer", host)}
_FROM: _Copy = {"src_endpoint.ip": ("IpAddress", address), "src_endpoint.port": ("IpPort", number)}
_LOGON: _Copy = {
    **_BY_PROCESS,
    **_FROM,
    **_TARGET,
    "user.uid": "TargetUserSid",
    "src_endpoint.hostname": ("WorkstationName", host),
    "session.uid": "TargetLogonId",
    "auth_protocol": "AuthenticationPackageName",
    "logon_type_id": ("LogonType", lambda value: LOGON_TYPES.get(number(value) or 0, OTHER)),
}
_FAILED: _Copy = {"status_code": "Status", "status_detail": "FailureReason"}
_TICKET: _Copy = {**_FROM, **_TARGET, "service.name": "ServiceName", "status_code": "Status"}
_CHANGED: _Copy = {**_SUBJECT, **account("user", "Target"), "user.uid": "TargetSid"}
_MEMBER: _Copy = {
    **_SUBJECT,
    "group.name": "TargetUserName",
    "group.domain": "TargetDomainName",
    "group.uid": "TargetSid",
    "user.name": "MemberName",
    "user.uid": "MemberSid",
}
_CONNECTION: _Copy = {
    **process("actor.process", "@none", "ProcessId", "Application"),
    "actor.process.pid": ("ProcessID", number),
    "src_endpoint.ip": ("SourceAddress", address),
    "src_endpoint.port": ("SourcePort", number),
    "dst_endpoint.ip": ("DestAddress", address),
    "dst_endpoint.port": ("DestPort", number),
    "connection_info.protocol_num": ("Protocol", number),
    "connection_info.direction_id": ("Direction", lambda value: {"%%14592": 1, "%%14593": 2}.get(str(value), 0)),
}
_BOUND: _Copy = {**_CONNECTION, "actor.process.pid": ("ProcessId", number),
                 "connection_info.direction_id": ("SourceAddress", lambda _value: 0)}  # fmt: skip
_SHARE: _Copy = {**_SUBJECT, **_FROM, "dst_endpoint.hostname": ("@computer", host), "share": "ShareName"}
_JOB: _Copy = {**_SUBJECT, "job.name": "TaskName"}
_SERVICE: _Copy = {
    **_SUBJECT,
    "win_service.name": "ServiceName",
    "win_service.cmd_line": "ServiceFileName",
    "win_service.service_start_name": "ServiceAccount",
}
_SCRIPT: _Copy = {"actor.process.pid": ("@process", number), "actor.user.uid": "@user"}
_CLEARED: _Copy = {"actor.user.name": "SubjectUserName", "actor.user.domain": "SubjectDomainName"}
_ACCESSED = {"activity_name": "Accessed"}

SECURITY: Mapping[int, Row] = {
    4624: Row(AUTHENTICATION, 1, _LOGON, SUCCESS),
    4625: Row(AUTHENTICATION, 1, {**_LOGON, **_FAILED}, FAILURE),
    4634: Row(AUTHENTICATION, 2, _LOGON),
    4647: Row(AUTHENTICATION, 2, _LOGON),
    4648: Row(AUTHENTICATION, 1, {**_LOGON, "dst_endpoint.hostname": ("TargetServerName", host)}),
    4657: Row(REGISTRY_VALUE, 3, {**_BY_PROCESS, "reg_value.path": "ObjectName", "reg_value.name": "ObjectValueName",
                                  "reg_value.data": "NewValue", "prev_reg_value.data": "OldValue",
                                  "prev_reg_value.path": "ObjectName", "prev_reg_value.name": "ObjectValueName"}),
    4662: Row(ENTITY_MANAGEMENT, OTHER, {
        **_SUBJECT, "entity.uid": ("ObjectName", object_guid), "entity.type": ("ObjectType", object_guid),
        "entity.type_id": ("ObjectName", lambda _name: OTHER), "access_mask": ("AccessMask", number)}, _ACCESSED),
    4672: Row(AUTHORIZE_SESSION, 1, {**account("user", "Subject"), "session.uid": "SubjectLogonId",
                                     "privileges": ("PrivilegeList", words)}),
    4688: Row(PROCESS, 1, {
        **_BY_PROCESS, **file("actor.process.file", "ParentProcessName"),
        **process("process", "@none", "NewProcessId", "NewProcessName"), "process.cmd_line": "CommandLine",
        "process.parent_process.pid": ("ProcessId", number),
    }),
    4689: Row(PROCESS, 2, {**_BY_PROCESS, **process("process", "@none", "ProcessId", "ProcessName")}),
    4697: Row(WINDOWS_SERVICE, 1, _SERVICE),
    4698: Row(SCHEDULED_JOB, 1, _JOB),
    4699: Row(SCHEDULED_JOB, 3, _JOB),
    4702: Row(SCHEDULED_JOB, 2, _JOB),
    4720: Row(ACCOUNT_CHANGE, 1, _CHANGED),
    4722: Row(ACCOUNT_CHANGE, 2, _CHANGED),
    4724: Row(ACCOUNT_CHANGE, 4, _CHANGED),
    4726: Row(ACCOUNT_CHANGE, 6, _CHANGED),
    4728: Row(GROUP_MANAGEMENT, 3, _MEMBER),
    4732: Row(GROUP_MANAGEMENT, 3, _MEMBER),
    4733: Row(GROUP_MANAGEMENT, 4, _MEMBER),
    4738: Row(ACCOUNT_CHANGE, OTHER, _CHANGED, {"activity_name": "Changed"}),
    4741: Row(ACCOUNT_CHANGE, 1, _CHANGED),
    4742: Row(ACCOUNT_CHANGE, OTHER, _CHANGED, {"activity_name": "Changed"}),
    4768: Row(AUTHENTICATION, 3, _TICKET),
    4769: Row(AUTHENTICATION, 4, _TICKET),
    4771: Row(AUTHENTICATION, 6, _TICKET, FAILURE),
    4776: Row(AUTHENTICATION, 1, {**_TARGET, "src_endpoint.hostname": ("Workstation", host),
                                  "auth_protocol": "PackageName", "status_code": "Status"}),
    4781: Row(ACCOUNT_CHANGE, OTHER, {**_CHANGED, "user.name": "NewTargetUserName"}, {"activity_name": "Renamed"}),
    5136: Row(ENTITY_MANAGEMENT, UPDATE, {
        **_SUBJECT, "entity.name": "ObjectDN", "entity.uid": ("ObjectGUID", guid), "entity.type": "ObjectClass",
        "entity.type_id": ("ObjectDN", lambda _name: OTHER), "unmapped.attribute": "AttributeLDAPDisplayName"}),
    5140: Row(SMB, OTHER, _SHARE, {"activity_name": "Share accessed"}),
    5145: Row(SMB, OTHER, {**_SHARE, **shared_file("file", "RelativeTargetName")}, {"activity_name": "Access checked"}),
    5156: Row(NETWORK, 1, _CONNECTION),
    5157: Row(NETWORK, 5, _CONNECTION),
    5158: Row(NETWORK, 7, _BOUND),
}  # fmt: skip

OBJECTS: Mapping[str, Row] = {
    "File": Row(FILE, OTHER, {**_BY_PROCESS, **file("file", "ObjectName")}, _ACCESSED),
    "Key": Row(REGISTRY_KEY, OTHER, {**_BY_PROCESS, "reg_key.path": "ObjectName"}, _ACCESSED),
}
"""Events 4656 and 4663 by their `ObjectType`."""

OTHERS: Mapping[tuple[str, int], Row] = {
    ("Microsoft-Windows-Eventlog", 104): Row(EVENT_LOG, 1, {**_CLEARED, "log_name": "Channel"}),
    ("Microsoft-Windows-Eventlog", 1102): Row(EVENT_LOG, 1, _CLEARED, {"log_name": "Security"}),
    ("Microsoft-Windows-RemoteDesktopServices-RdpCoreTS", 131): Row(RDP, OTHER, {
        "src_endpoint.ip": ("ClientIP", client), "dst_endpoint.hostname": ("@computer", host),
        "connection_info.protocol_name": "ConnType", "connection_info.direction_id": ("ClientIP", lambda _client: 1),
    }, {"activity_name": "Connection accepted"}),
    ("Microsoft-Windows-TerminalServices-RemoteConnectionManager", 1149): Row(RDP, OTHER, {
        "user.name": "Param1", "user.domain": "Param2", "src_endpoint.ip": ("Param3", address),
        "dst_endpoint.hostname": ("@computer", host)}, {"activity_name": "User authenticated"}),
    ("Service Control Manager", 7045): Row(WINDOWS_SERVICE, 1, {
        "actor.user.uid": "@user", "win_service.name": "ServiceName", "win_service.cmd_line": "ImagePath"}),
    (POWERSHELL, 4103): Row(SCRIPT, 1, {**_SCRIPT, "script.script_content.value": "Payload"}, {"script.type_id": 2}),
    (POWERSHELL, 4104): Row(SCRIPT, 1, {
        **_SCRIPT, "script.script_content.value": "ScriptBlockText", "script.uid": ("ScriptBlockId", guid),
        **file("script.file", "Path")}, {"script.type_id": 2}),
}  # fmt: skip
