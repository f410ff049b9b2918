"""Fields of Windows events in the type and normal form that OCSF's attributes need."""

from typing import Any

from safeconduct.soc.entity_forms import normal_address, normal_host
from safeconduct.soc.ocsf.forms import integer
from safeconduct.soc.ocsf.rows import Taken

HASHES = {"MD5": (1, "MD5"), "SHA1": (2, "SHA-1"), "SHA256": (3, "SHA-256"), "IMPHASH": (18, "Imphash")}
"""Sysmon's name of a hash -> OCSF's algorithm id and name."""

DNS_ERRORS = {0: 0} | {9000 + code: code for code in range(1, 11)}
"""Windows' error codes of DNS answers (DNS_ERROR_RCODE_*) -> the answer's own code."""

REGULAR, PIPE = 1, 6
LISTED_MAX = 64
"""Members of one list, answers or privileges: more is no list that a person wrote or reads."""


def number(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns a number as Windows writes it: decimal, or hexadecimal after 0x."""
    if type(value) is str and value[:2] in {"0x", "0X"}:
        try:
            return int(value, 16) if len(value) <= len("0x1fffffffffffff") else None
        except ValueError:
            return None
    return integer(value)


def guid(value: Any) -> str:  # noqa: ANN401 - JSON
    """Returns a GUID in lower case, without the braces that some loggers write."""
    return str(value).strip("{}").lower()


def address(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Returns an address in its normal form."""
    return normal_address(str(value))


def object_guid(value: Any) -> str:  # noqa: ANN401 - JSON
    """Returns a directory object's GUID, which the security log writes as `%{...}`."""
    return guid(str(value).removeprefix("%"))


def client(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Returns the address of `address:port`."""
    return normal_address(str(value).rpartition(":")[0].strip("[]"))


def host(value: Any) -> str | None:  # noqa: ANN401 - JSON
    """Returns a host's name in its normal form."""
    return normal_host(str(value).lstrip("\\")) or None


def _last(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return str(value).rpartition("\\")[2] or None


def _before(value: Any) -> str | None:  # noqa: ANN401 - JSON
    return str(value).rpartition("\\")[0] or None


def hashes(value: Any) -> list[dict[str, Any]] | None:  # noqa: ANN401 - JSON
    """Returns Sysmon's `SHA1=...,MD5=...` as fingerprints."""
    pairs = [part.partition("=") for part in str(value).split(",")]
    known = [(HASHES[name.upper()], text) for name, _, text in pairs if name.upper() in HASHES and text.isalnum()]
    return [{"algorithm_id": code, "algorithm": name, "value": text} for (code, name), text in known] or None


def words(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Returns the words of a list that is written over several lines."""
    return str(value).split()[:LISTED_MAX]


def answers(value: Any) -> list[dict[str, str]] | None:  # noqa: ANN401 - JSON
    """Returns Sysmon's `type:  5 name;::ffff:192.0.2.1;` as DNS answers."""
    found = [part.strip() for part in str(value).split(";")][:LISTED_MAX]
    return [{"rdata": (normal_address(part) or part.rpartition(" ")[2])} for part in found if part] or None


def answer_code(value: Any) -> int | None:  # noqa: ANN401 - JSON
    """Returns a DNS answer's code."""
    return DNS_ERRORS.get(code) if (code := number(value)) is not None else None


def file(at: str, source: str, kind: int = REGULAR) -> dict[str, str | Taken]:
    """The attributes of a file, from its path."""
    return {f"{at}.path": source, f"{at}.name": (source, _last), f"{at}.type_id": (source, lambda _path: kind)}


def shared_file(at: str, source: str) -> dict[str, str | Taken]:
    """The attributes of what was opened on a share, from its path there; of what kind it is, nobody says."""
    named = (source, lambda path: _last(path) or str(path))
    return {f"{at}.path": source, f"{at}.name": named, f"{at}.type_id": (source, lambda _path: 0)}


def user(at: str, source: str) -> dict[str, str | Taken]:
    r"""The attributes of a user, from `DOMAIN\name`."""
    return {f"{at}.name": (source, _last), f"{at}.domain": (source, _before)}


def account(at: str, prefix: str) -> dict[str, str | Taken]:
    """The attributes of a user that the security log names in fields of their own."""
    return {f"{at}.name": f"{prefix}UserName", f"{at}.domain": f"{prefix}DomainName", f"{at}.uid": f"{prefix}UserSid"}


def process(at: str, unique: str, pid: str, image: str) -> dict[str, str | Taken]:
    """The attributes of a process."""
    return {f"{at}.uid": (unique, guid), f"{at}.pid": (pid, number), **file(f"{at}.file", image)}


def key_value(at: str, source: str) -> dict[str, str | Taken]:
    """The attributes of a registry value, from the path that ends in its name."""
    return {f"{at}.path": (source, _before), f"{at}.name": (source, _last)}
