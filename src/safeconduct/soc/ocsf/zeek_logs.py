"""Which of Zeek's logs a record is of: by `_path` where the writer names it, else by members that only that log has.

Zeek's own JSON writer names the log in the file's name alone, and names decide nothing here. The members are those of
Zeek's script reference ("Log Files"); a record of two machines that no row knows is one of a log of the site's own.
"""

from collections.abc import Mapping
from typing import Any

MEMBERS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (log, frozenset(members.split()))
    for log, members in (
        ("conn", "conn_state orig_pkts resp_pkts"),
        ("dns", "trans_id rejected"),
        ("http", "trans_depth request_body_len"),
        ("ssl", "established resumed"),
        ("files", "fuid seen_bytes"),
        ("x509", "certificate.serial certificate.subject"),
        ("dce_rpc", "endpoint operation"),
        ("smb_files", "action name size"),
        ("smb_mapping", "share_type"),
        ("kerberos", "client service"),
        ("kerberos", "request_type service"),
        ("ntlm", "server_nb_computer_name"),
        ("ntlm", "username domainname"),
        ("ssh", "auth_attempts server"),
        ("ssh", "auth_attempts client"),
        ("rdp", "cert_count"),
        ("ftp", "command reply_code"),
        ("smtp", "helo trans_depth"),
        ("dhcp", "msg_types uids"),
        ("ntp", "stratum ref_id"),
        ("notice", "note suppress_for"),
        ("weird", "name peer notice"),
        ("pe", "machine compile_ts"),
        ("syslog", "facility severity message"),
        ("tunnel", "tunnel_type"),
        ("snmp", "get_requests set_requests"),
        ("analyzer", "analyzer_kind analyzer_name"),
        ("dpd", "analyzer failure_reason"),
        ("ocsp", "certStatus serialNumber"),
        ("packet_filter", "filter init node"),
    )
)
"""Log -> members that are in each of its records and, together, in no other log's; the first that are all there."""

ENDS = frozenset({"id.orig_h", "id.resp_h"})
"""Members of every record about a connection; nobody else calls its ends so."""

LONE = frozenset({"dhcp", "files", "x509", "pe", "ocsp", "packet_filter", "weird", "analyzer", "notice"})
"""Logs with records that name no connection."""

UNKNOWN = "zeek"
"""What a record of a log without a row is called."""


def is_zeek(raw: Mapping[str, Any]) -> bool:
    """Tells whether a JSON record is Zeek's: it names its log or a connection's ends, or is of a log of neither."""
    return "ts" in raw and (isinstance(raw.get("_path"), str) or raw.keys() >= ENDS or log_of(raw) in LONE)


def log_of(raw: Mapping[str, Any]) -> str:
    """Returns the name of a record's log, `zeek` where nothing tells it."""
    named = raw.get("_path")
    if isinstance(named, str) and named:
        return named
    return next((log for log, members in MEMBERS if raw.keys() >= members), UNKNOWN)
