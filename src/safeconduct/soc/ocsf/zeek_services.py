"""Zeek's logs of services: remote shells and desktops, shares, files, mail, logons, addresses, clocks."""

import re
from typing import Any

from safeconduct.ledger.ocsf import AUTHENTICATION, OTHER
from safeconduct.soc.ocsf.forms import RDP, SMB, integer
from safeconduct.soc.ocsf.zeek_forms import TRAFFIC, UNKNOWN_WAY, Meaning, Raw, connection, form, items, outcome, text

DHCP, SSH, FTP, EMAIL, NTP = 4004, 4007, 4008, 4009, 4013
FILE_OPEN, LOGON, TICKET, SERVICE_TICKET = 2, 1, 3, 4
NTLM, KERBEROS = 1, 2
UNKNOWN_FILE = 0
SHARES = {"DISK": 1, "PIPE": 2, "PRINTER": 3, "PRINT": 3}
FTP_ACTIVITIES = {"STOR": 1, "STOU": 1, "APPE": 1, "RETR": 2, "DELE": 4, "RNFR": 5, "RNTO": 5, "LIST": 6, "NLST": 6}
DHCP_MESSAGES = {"DISCOVER": 1, "OFFER": 2, "REQUEST": 3, "DECLINE": 4, "ACK": 5, "NAK": 6, "RELEASE": 7, "INFORM": 8}
DIRECTIONS = {"INBOUND": 1, "OUTBOUND": 2}
NTP_MODES = range(1, 8)
_ADDRESS_CHARS_MAX = 254  # RFC 5321, 4.5.3.1.3, without the brackets
_LOCAL = re.compile(r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.]+$")
_DOMAIN = re.compile(r"[a-zA-Z0-9-]+\.[a-zA-Z0-9.-]+")
PRIMARY, SECONDARY, UNSYNCHRONIZED, RESERVED = 1, 2, 16, 17


def ssh(raw: Raw) -> Meaning:
    """A session of SSH; whether the logon succeeded is Zeek's guess from what was sent."""
    way = DIRECTIONS.get(str(raw.get("direction")), UNKNOWN_WAY)
    copied = "protocol_ver=protocol unmapped.client=client unmapped.server=server unmapped.auth_attempts=auth_attempts"
    told = outcome(raw.get("auth_success"))
    return form(SSH, TRAFFIC, copied, **{"connection_info.direction_id": way}, **told), {
        "protocol": text(raw.get("version"))
    }


def rdp(raw: Raw) -> Meaning:
    """A session of RDP; the cookie is the name that its client sent before any logon."""
    copied = (
        "identifier_cookie=cookie protocol_ver=security_protocol status_detail=result "
        "src_endpoint.hostname=client_name keyboard_info.keyboard_layout=keyboard_layout "
        "remote_display.physical_width=desktop_width remote_display.physical_height=desktop_height"
    )
    return form(RDP, TRAFFIC, copied, **outcome(raw.get("auth_success"))), {}


def smb_files(raw: Raw) -> Meaning:
    """What was done to a file on a share."""
    name, share = text(raw.get("name")) or "", text(raw.get("path")) or ""
    fields = {"base": name.rpartition("\\")[2] or name, "whole": f"{share}\\{name}" if share else name}
    done = str(raw.get("action", ""))
    activity = {"activity_name": done} if done != "SMB::FILE_OPEN" and done else {}
    copied = "file.name=base file.path=whole file.size=size share=path" if name else "share=path"
    kind = {"file.type_id": UNKNOWN_FILE} if name else {}
    return form(SMB, OTHER if activity else FILE_OPEN if done else 0, copied, **activity, **kind), fields


def smb_mapping(raw: Raw) -> Meaning:
    """A share that was connected to."""
    kind = SHARES.get(str(raw.get("share_type")), 0)
    named = {"activity_name": "Tree connect", "share_type_id": kind}
    return form(SMB, OTHER, "share=path share_type=share_type unmapped.service=service", **named), {}


def kerberos(raw: Raw) -> Meaning:
    """A ticket that was asked for. Without a client it tells of no user, and is traffic."""
    name, _, realm = (text(raw.get("client")) or "").partition("/")
    detail = "status_detail=error_msg unmapped.cipher=cipher unmapped.request_type=request_type"
    told = outcome(raw.get("success"))
    if not name:
        return connection(TRAFFIC, detail + " unmapped.service=service", app_name="krb", **told), {}
    copied = f"user.name=name user.domain=realm service.name=service auth_protocol=protocol {detail}"
    asked = {"AS": TICKET, "TGS": SERVICE_TICKET}.get(str(raw.get("request_type")), 0)
    fields = {"name": name, "realm": realm, "protocol": "Kerberos"}
    return form(AUTHENTICATION, asked, copied, auth_protocol_id=KERBEROS, is_remote=True, **told), fields


def ntlm(raw: Raw) -> Meaning:
    """A logon by NTLM. Without a name it tells of no user, and is traffic."""
    told = outcome(raw.get("success"))
    fields = {"server": raw.get("server_dns_computer_name") or raw.get("server_nb_computer_name"), "protocol": "NTLM"}
    ends = "src_endpoint.hostname=hostname dst_endpoint.hostname=server"
    if not raw.get("username"):
        return connection(TRAFFIC, ends, app_name="ntlm", **told), fields
    copied = f"user.name=username user.domain=domainname auth_protocol=protocol {ends}"
    return form(AUTHENTICATION, LOGON, copied, auth_protocol_id=NTLM, is_remote=True, **told), fields


def ftp(raw: Raw) -> Meaning:
    """A command with its answer."""
    command, argument = text(raw.get("command")) or "", text(raw.get("arg")) or ""
    code, activity = integer(raw.get("reply_code")), FTP_ACTIVITIES.get(command.upper(), 0)
    fields = {
        "spoken": f"{command} {argument}".strip(),
        "file": argument.rpartition("/")[2] if activity else "",
        "codes_of": None if code is None else [code],
        "code_text": text(code),
    }
    copied = "command=spoken codes=codes_of status_code=code_text status_detail=reply_msg unmapped.user=user "
    kind = {"file.type_id": UNKNOWN_FILE} if fields["file"] else {}
    if kind:
        copied += "file.name=file file.path=arg file.size=file_size"
    return form(FTP, activity, copied, **kind), fields


def smtp(raw: Raw) -> Meaning:
    """A mail as its envelope and heads have it. Without anybody in its heads it is traffic."""
    fields: dict[str, Any] = {
        "sender": address(text(raw.get("from")) or ""),
        "heads_to": _addresses(raw.get("to")),
        "envelope_from": address(text(raw.get("mailfrom")) or ""),
        "envelope_to": _addresses(raw.get("rcptto")),
    }
    copied = "status_detail=last_reply "
    if not (fields["sender"] or fields["heads_to"]):
        extra = "unmapped.mailfrom=envelope_from unmapped.rcptto=envelope_to unmapped.helo=helo"
        return connection(TRAFFIC, copied + extra, app_name="smtp"), fields
    copied += (
        "smtp_hello=helo email.message_uid=msg_id email.subject=subject email.from=sender email.to=heads_to "
        "email.smtp_from=envelope_from email.smtp_to=envelope_to"
    )
    return form(EMAIL, 0, copied, direction_id=UNKNOWN_WAY), fields


def address(told: str) -> str | None:
    """Returns the mail address in a header's value, which may name its owner too; None where there is none."""
    before, at, after = told.rpartition("@")
    local, domain = _LOCAL.search(before[-_ADDRESS_CHARS_MAX:]), _DOMAIN.match(after[:_ADDRESS_CHARS_MAX])
    return f"{local.group()}@{domain.group()}" if at and local and domain else None


def _addresses(value: Any) -> list[str] | None:  # noqa: ANN401 - JSON
    found = [address(item) for item in items(value)]
    return [one for one in found if one] or None


def dhcp(raw: Raw) -> Meaning:
    """An address that was asked for or given; the last message tells how it went."""
    messages, uids = items(raw.get("msg_types")), items(raw.get("uids"))
    fields = {
        "uid": uids[0] if uids else None,
        "id.orig_h": raw.get("client_addr") or raw.get("requested_addr"),
        "id.resp_h": raw.get("server_addr"),
    }
    copied = "src_endpoint.mac=mac src_endpoint.hostname=host_name unmapped.assigned=assigned_addr"
    return form(DHCP, DHCP_MESSAGES.get(messages[-1], 0) if messages else 0, copied), fields


def ntp(raw: Raw) -> Meaning:
    """A question about the time, or its answer."""
    mode, stratum, version = (integer(raw.get(name)) for name in ("mode", "stratum", "version"))
    kind = _stratum(stratum)
    named = {} if mode in NTP_MODES or not mode else {"activity_name": f"mode {mode}"}
    activity = mode if mode in NTP_MODES else OTHER if mode else 0
    return form(NTP, activity or 0, "version=said", **named, **kind), {"said": text(version) or "unknown"}


def _stratum(number: int | None) -> dict[str, int]:
    if not number:
        return {}
    return {
        "stratum_id": number
        if number in {PRIMARY, UNSYNCHRONIZED}
        else SECONDARY
        if number < UNSYNCHRONIZED
        else RESERVED
    }
