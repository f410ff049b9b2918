"""Sigma's Windows log sources: which channel, and which event ids of it, a category or service means.

Categories are Sysmon's and PowerShell's events by their documented ids, with the audit events that say the same;
services are channels. What stands in neither table has no source here, and its rules match nothing.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from safeconduct.soc.detection.ir import LogSource

Names = Mapping[str, tuple[str, ...]]
"""A field of Sigma -> where it may stand. See `views`."""

WINDOWS: Names = {}
"""Fields under the names Windows gives them."""
AUDITED_PROCESS: Names = {
    "Image": ("NewProcessName",),
    "ParentImage": ("ParentProcessName",),
    "ProcessId": ("NewProcessId",),
    "ParentProcessId": ("ProcessId",),
    "User": ("SubjectUserName",),
    "LogonId": ("SubjectLogonId",),
    "IntegrityLevel": ("MandatoryLabel",),
}
"""Security 4688, whose names differ from Sysmon's for the same thing."""
AUDITED_REGISTRY: Names = {
    "Image": ("ProcessName",),
    "TargetObject": ("ObjectName",),
    "Details": ("NewValue",),
    "User": ("SubjectUserName",),
}
"""Security 4657."""
AUDITED_CONNECTION: Names = {
    "Image": ("Application",),
    "SourceIp": ("SourceAddress",),
    "DestinationIp": ("DestAddress",),
    "DestinationPort": ("DestPort",),
}
"""Security 5156."""


class _Emitted(NamedTuple):
    channels: frozenset[str]
    codes: frozenset[int]
    names: Names = WINDOWS


def _channels(*names: str) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _sysmon(*codes: int) -> _Emitted:
    return _Emitted(_channels("Microsoft-Windows-Sysmon/Operational"), frozenset(codes))


def _security(code: int, names: Names) -> _Emitted:
    return _Emitted(_channels("Security"), frozenset((code,)), names)


_POWERSHELL = _channels("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CLASSIC = _channels("Windows PowerShell")

CATEGORIES: Mapping[str, tuple[_Emitted, ...]] = {
    "process_creation": (_sysmon(1), _security(4688, AUDITED_PROCESS)),
    "file_change": (_sysmon(2),),
    "network_connection": (_sysmon(3), _security(5156, AUDITED_CONNECTION)),
    "sysmon_status": (_sysmon(4, 16),),
    "process_termination": (_sysmon(5),),
    "driver_load": (_sysmon(6),),
    "image_load": (_sysmon(7),),
    "create_remote_thread": (_sysmon(8),),
    "raw_access_thread": (_sysmon(9),),
    "process_access": (_sysmon(10),),
    "file_event": (_sysmon(11),),
    "registry_event": (_sysmon(12, 13, 14), _security(4657, AUDITED_REGISTRY)),
    "registry_add": (_sysmon(12),),
    "registry_delete": (_sysmon(12),),
    "registry_set": (_sysmon(13), _security(4657, AUDITED_REGISTRY)),
    "registry_rename": (_sysmon(14),),
    "create_stream_hash": (_sysmon(15),),
    "pipe_created": (_sysmon(17, 18),),
    "wmi_event": (_sysmon(19, 20, 21),),
    "dns_query": (_sysmon(22),),
    "file_delete": (_sysmon(23, 26),),
    "clipboard_capture": (_sysmon(24),),
    "process_tampering": (_sysmon(25),),
    "file_block_executable": (_sysmon(27),),
    "file_block_shredding": (_sysmon(28),),
    "file_executable_detected": (_sysmon(29),),
    "sysmon_error": (_sysmon(255),),
    "ps_module": (_Emitted(_POWERSHELL, frozenset((4103,))),),
    "ps_script": (_Emitted(_POWERSHELL, frozenset((4104,))),),
    "ps_classic_start": (_Emitted(_CLASSIC, frozenset((400,))),),
    "ps_classic_provider_start": (_Emitted(_CLASSIC, frozenset((600,))),),
    "ps_classic_script": (_Emitted(_CLASSIC, frozenset((800,))),),
}

SERVICES: Mapping[str, frozenset[str]] = {
    "application": _channels("Application"),
    "applocker": _channels(
        "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/MSI and Script",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment",
        "Microsoft-Windows-AppLocker/Packaged app-Execution",
    ),
    "appmodel-runtime": _channels("Microsoft-Windows-AppModel-Runtime/Admin"),
    "appxdeployment-server": _channels("Microsoft-Windows-AppXDeploymentServer/Operational"),
    "appxpackaging-om": _channels("Microsoft-Windows-AppxPackaging/Operational"),
    "bits-client": _channels("Microsoft-Windows-Bits-Client/Operational"),
    "capi2": _channels("Microsoft-Windows-CAPI2/Operational"),
    "certificateservicesclient-lifecycle-system": _channels(
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"
    ),
    "codeintegrity-operational": _channels("Microsoft-Windows-CodeIntegrity/Operational"),
    "dhcp": _channels("Microsoft-Windows-DHCP-Server/Operational"),
    "diagnosis-scripted": _channels("Microsoft-Windows-Diagnosis-Scripted/Operational"),
    "dns-client": _channels(
        "Microsoft-Windows-DNS Client Events/Operational", "Microsoft-Windows-DNS-Client/Operational"
    ),
    "dns-server": _channels("DNS Server"),
    "dns-server-analytic": _channels("Microsoft-Windows-DNS-Server/Analytical"),
    "dns-server-audit": _channels("Microsoft-Windows-DNS-Server/Audit"),
    "driver-framework": _channels("Microsoft-Windows-DriverFrameworks-UserMode/Operational"),
    "firewall-as": _channels("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"),
    "iis-configuration": _channels("Microsoft-IIS-Configuration/Operational"),
    "ldap": _channels("Microsoft-Windows-LDAP-Client/Debug"),
    "lsa-server": _channels("Microsoft-Windows-LSA/Operational"),
    "microsoft-servicebus-client": _channels(
        "Microsoft-ServiceBus-Client", "Microsoft-ServiceBus-Client/Admin", "Microsoft-ServiceBus-Client/Operational"
    ),
    "msexchange-management": _channels("MSExchange Management"),
    "ntlm": _channels("Microsoft-Windows-NTLM/Operational"),
    "openssh": _channels("OpenSSH/Operational"),
    "powershell": _POWERSHELL,
    "powershell-classic": _CLASSIC,
    "printservice-admin": _channels("Microsoft-Windows-PrintService/Admin"),
    "printservice-operational": _channels("Microsoft-Windows-PrintService/Operational"),
    "security": _channels("Security"),
    "security-mitigations": _channels(
        "Microsoft-Windows-Security-Mitigations/Kernel Mode", "Microsoft-Windows-Security-Mitigations/User Mode"
    ),
    "shell-core": _channels("Microsoft-Windows-Shell-Core/Operational"),
    "smbclient-connectivity": _channels("Microsoft-Windows-SmbClient/Connectivity"),
    "smbclient-security": _channels("Microsoft-Windows-SmbClient/Security"),
    "smbserver-connectivity": _channels("Microsoft-Windows-SMBServer/Connectivity"),
    "sysmon": _channels("Microsoft-Windows-Sysmon/Operational"),
    "system": _channels("System"),
    "taskscheduler": _channels("Microsoft-Windows-TaskScheduler/Operational"),
    "terminalservices-localsessionmanager": _channels(
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"
    ),
    "vhdmp": _channels("Microsoft-Windows-VHDMP-Operational", "Microsoft-Windows-VHDMP/Operational"),
    "windefend": _channels("Microsoft-Windows-Windows Defender/Operational"),
    "wmi": _channels("Microsoft-Windows-WMI-Activity/Operational"),
}


_UNSAID = LogSource()
_NO_CHANNELS: frozenset[str] = frozenset()


def windows_names(channel: str, code: int, wanted: LogSource) -> Names | None:
    """Returns where a log source's fields stand in events of a channel with an id; None if they are not of it."""
    if wanted.product not in {"", "windows"} or wanted == _UNSAID:
        return None
    if wanted.service and channel.lower() not in SERVICES.get(wanted.service, _NO_CHANNELS):
        return None
    if not wanted.category:
        return WINDOWS
    return next(_of_category(wanted.category, channel.lower(), code), None)


def _of_category(category: str, channel: str, code: int) -> Iterator[Names]:
    for emitted in CATEGORIES.get(category, ()):
        if channel in emitted.channels and code in emitted.codes:
            yield emitted.names
