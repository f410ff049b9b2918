"""Zeek's logs of connections, names, requests and certificates."""

from typing import Any

from safeconduct.ledger.ocsf import FAILURE, OTHER, SUCCESS
from safeconduct.soc.ocsf.forms import DNS, HTTP, NETWORK, Form, integer, milliseconds
from safeconduct.soc.ocsf.network import METHODS, QUERY, http_outcome, split_target
from safeconduct.soc.ocsf.zeek_forms import TRAFFIC, UNKNOWN_WAY, Meaning, Raw, connection, form, items, outcome, text

INBOUND, OUTBOUND, LATERAL = 1, 2, 3
WAYS = {(True, True): LATERAL, (True, False): OUTBOUND, (False, True): INBOUND}
"""(originator is local, responder is) -> OCSF's direction. Both false is also what a Zeek without local nets says."""

OPEN, CLOSE, RESET, FAIL, REFUSE = 1, 2, 3, 4, 5
STATES = {
    "S0": FAIL,
    "S1": OPEN,
    "SF": CLOSE,
    "REJ": REFUSE,
    "RSTO": RESET,
    "RSTR": RESET,
    "RSTOS0": RESET,
    "RSTRH": RESET,
}
"""`conn_state` -> activity; the others saw one side, or part, and are traffic."""

MD5 = 1
NO_ERROR = 0


def conn(raw: Raw) -> Meaning:
    """A connection, told when it ended."""
    sides = {name: integer(raw.get(name)) or 0 for name in ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts")}
    fields = {
        "bytes": sides["orig_bytes"] + sides["resp_bytes"] if "orig_bytes" in raw else None,
        "packets": sides["orig_pkts"] + sides["resp_pkts"],
        "duration_ms": milliseconds(raw.get("duration")),
    }
    copied = (
        "traffic.bytes_out=orig_bytes traffic.bytes_in=resp_bytes traffic.packets_out=orig_pkts "
        "traffic.packets_in=resp_pkts traffic.bytes=bytes traffic.packets=packets traffic.bytes_missed=missed_bytes "
        "duration=duration_ms status_code=conn_state app_name=service connection_info.flag_history=history "
        "src_endpoint.mac=orig_l2_addr dst_endpoint.mac=resp_l2_addr"
    )
    way = WAYS.get((raw.get("local_orig") is True, raw.get("local_resp") is True), UNKNOWN_WAY)
    activity = STATES.get(str(raw.get("conn_state")), TRAFFIC)
    return connection(activity, copied, **{"connection_info.direction_id": way}), fields


def dns(raw: Raw) -> Meaning:
    """A name that was asked for, with the answer where one came."""
    code = integer(raw.get("rcode"))
    ttls = items(raw.get("TTLs"))
    answers = [
        {"rdata": rdata, **_ttl(ttls[place] if place < len(ttls) else None)}
        for place, rdata in enumerate(items(raw.get("answers")))
    ]
    named = "query.type=qtype_name query.class=qclass_name " if raw.get("query") else ""
    copied = f"query.hostname=query {named}rcode=rcode_name rcode_id=rcode answers=answered"
    activity = QUERY if code is None and not answers else TRAFFIC
    told = {} if code is None else SUCCESS if code == NO_ERROR else FAILURE
    return form(DNS, activity, copied, **told), {"answered": answers or None}


def http(raw: Raw) -> Meaning:
    """A request with its answer."""
    target = split_target(text(raw.get("host")) or "", text(raw.get("uri")) or "")
    method = str(raw.get("method", "")).upper()
    copied = (
        "http_request.http_method=method http_request.user_agent=user_agent http_request.referrer=referrer "
        "http_request.version=version http_request.body_length=request_body_len http_request.url.path=path "
        "http_request.url.query_string=query http_request.url.hostname=url_host http_request.url.url_string=url"
    )
    if integer(raw.get("status_code")) is not None:
        copied += (
            " http_response.code=status_code http_response.body_length=response_body_len "
            "http_response.status=status_msg http_response.content_type=content_type"
        )
    activity = METHODS.get(method, OTHER if method else 0)
    named = {"activity_name": method} if activity == OTHER else {}
    fields = target | {"url_host": target["host"], "content_type": next(iter(items(raw.get("resp_mime_types"))), None)}
    return form(HTTP, activity, copied, **named, **http_outcome(raw.get("status_code"))), fields


def ssl(raw: Raw) -> Meaning:
    """A TLS handshake."""
    shown = (
        "tls.version=version tls.cipher=cipher tls.sni=server_name tls.certificate_chain=chain tls.ja3_hash=ja3_md5 "
    )
    copied = (
        f"{shown if raw.get('version') else ''}status_detail=detail unmapped.subject=subject unmapped.issuer=issuer "
        "unmapped.server_name=server_name unmapped.next_protocol=next_protocol"
    )
    fields = {
        "chain": items(raw.get("cert_chain_fps")) or None,
        "ja3_md5": _md5(raw.get("ja3")),
        "detail": raw.get("validation_status") or raw.get("last_alert"),
    }
    return connection(TRAFFIC, copied, **outcome(raw.get("established"))), fields


def x509(_raw: Raw) -> Meaning:
    """A certificate that was shown. It names no connection; Zeek's TLS log does, by fingerprint."""
    names = ("fingerprint", "subject", "issuer", "serial", "not_valid_before", "not_valid_after")
    copied = {f"unmapped.{name}": name if name == "fingerprint" else f"certificate.{name}" for name in names}
    ends = {"src_endpoint.ip": "rx", "dst_endpoint.ip": "tx"}
    return Form(NETWORK, TRAFFIC, copied | ends, {"unmapped.activity": "certificate details"}), {}


def files(raw: Raw) -> Meaning:
    """A file that went over a connection, as far as it was seen."""
    names = ("fuid", "filename", "mime_type", "source", "md5", "sha1", "sha256", "seen_bytes", "total_bytes")
    uids = items(raw.get("conn_uids"))
    copied = " ".join(f"unmapped.{name}={name}" for name in names)
    return connection(TRAFFIC, copied), {"uid": raw.get("uid") or (uids[0] if uids else None)}


def dce_rpc(raw: Raw) -> Meaning:
    """A remote procedure call."""
    copied = "unmapped.endpoint=endpoint unmapped.operation=operation unmapped.named_pipe=named_pipe duration=took"
    return connection(TRAFFIC, copied, app_name="dce_rpc"), {"took": milliseconds(raw.get("rtt"))}


def other(_raw: Raw) -> Meaning:
    """A record of a log that has no row of its own."""
    return connection(TRAFFIC), {}


def _ttl(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    seconds = milliseconds(value)
    return {} if seconds is None else {"ttl": seconds // 1000}


def _md5(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    return {"value": value, "algorithm_id": MD5} if isinstance(value, str) and value else None
