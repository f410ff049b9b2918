"""Step 5: finds the targets a request speaks of: addresses, networks and names, also where they were defanged.

Whether a scope covers them is access' to say. Over-extraction is the safe side (a path may refuse what is out of its
scope), so anything with dots counts as a name unless its last part is a file suffix that no top-level domain bears.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Found = IPv4Address | IPv6Address | IPv4Network | IPv6Network

NAME_BYTES_MAX = 253
"""Bytes of a domain name in text form (RFC 1035 section 2.3.4)."""

REMEMBERED_MAX = 256
"""Characters of a word whose targets are remembered; with the number of words it bounds the memory."""

_DOT = re.compile(r"\s?(?:\[\s?(?:\.|dot)\s?\]|\(\s?(?:\.|dot)\s?\)|\{\s?(?:\.|dot)\s?\})\s?", re.IGNORECASE)
_COLON = re.compile(r"\[:\]|\(:\)|\{:\}")
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?!\w|\.\d)", re.ASCII)
_IPV6 = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})(?:/\d{1,3})?(?![\w:])",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![\w.-])(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+(?:xn--[a-z0-9-]{1,59}|[^\W\d_]{2,63})\.?(?![\w-])", re.IGNORECASE
)
# Suffixes of file names that the root zone does not hold. `.sh`, `.py`, `.zip` are top-level domains and stay out.
_FILE_WORDS = (
    "bak bat bz2 cfg conf csv db dll doc docx elf exe gif gz htm html ini ipynb jpeg jpg js json jsonl key lock log"
    " msi ova pcap pdf pem php png ps1 rb rpm service socket sql sqlite svg tar tgz tmp toml txt vbs xls xlsx xml xz"
    " yaml yml"
)
_FILES = frozenset(_FILE_WORDS.split())


def find_targets(texts: Iterable[str]) -> tuple[str, ...]:
    """Returns the distinct targets of the texts in one spelling, sorted."""
    words = set(refang("\n".join(texts)).split())
    # A target holds a dot or two colons; most words hold neither, and the patterns never see them.
    likely = [word for word in words if "." in word or word.count(":") > 1]
    return tuple(sorted(frozenset[str]().union(*map(_found_in, likely))))


def refang(text: str) -> str:
    """Undoes the brackets that people write into indicators so that nobody clicks on them."""
    if "[" not in text and "(" not in text and "{" not in text:
        return text
    return _COLON.sub(":", _DOT.sub(".", text))


def _found_in(word: str) -> frozenset[str]:
    return _remembered(word) if len(word) <= REMEMBERED_MAX else _in_word(word)


def _in_word(word: str) -> frozenset[str]:
    whole = _parsed(word) if word[-1:].isdigit() else None
    if whole is not None:  # an address that stands alone, as in most log lines
        return frozenset((str(whole),))
    found: set[str] = set()
    if "." in word:
        found.update(_spelled(_IPV4.findall(word)))
        found.update(filter(None, map(_name, _NAME.findall(word))))
    if word.count(":") > 1:
        found.update(_spelled(_IPV6.findall(word)))
    return frozenset(found)


_remembered = lru_cache(maxsize=8192)(_in_word)  # the same hosts come again and again


def _spelled(texts: Iterable[str]) -> Iterable[str]:
    return (str(found) for found in map(_parsed, texts) if found is not None)


def _parsed(text: str) -> Found | None:
    try:
        if "/" in text:
            network = ip_network(text, strict=False)
            return network.network_address if network.prefixlen == network.max_prefixlen else network
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:  # ::ffff:192.0.2.7 reaches the host of 192.0.2.7
        return address.ipv4_mapped
    return address


def _name(text: str) -> str | None:
    name = text.lower().rstrip(".")
    suffix = name.rpartition(".")[2]
    return None if suffix in _FILES or len(name.encode()) > NAME_BYTES_MAX else name
