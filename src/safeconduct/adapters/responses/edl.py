"""Looks at our lists from outside: fetches them over HTTP with a token of its own, as a firewall does."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import quote, urlencode

import aiohttp

from safeconduct.access.secrets import make_secret, secret_hash
from safeconduct.kernel.effects import Effect
from safeconduct.kernel.ids import ActionId, EntryId
from safeconduct.kernel.ports import Entropy, Writer
from safeconduct.soc.actions.list_tokens import issue_probe_token
from safeconduct.soc.actions.model import PointReport, PointState, Presence
from safeconduct.soc.actions.outcomes import record_look

LIST_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of a list that are read. 10,000 addresses, the most a program allows, take less than 500 KB."""

FETCH_TIMEOUT_S = 5.0
"""Seconds for one fetch. The list comes from this machine."""

ATTEMPTS = 3
"""Fetches before a list counts as unreachable: a server that starts is not down."""

PAUSE_S = 0.3
"""Seconds between two of them."""


class ListProbe:
    """Carries out effects of the kind `response.verify`. Each ends in an entry; carried out twice, the first counts.

    `url` returns where this server's lists are, such as `http://127.0.0.1:8700`.
    """

    def __init__(self, writer: Writer, entropy: Entropy, url: Callable[[], str]) -> None:
        self._writer = writer
        self._entropy = entropy
        self._url = url
        self._token = ""

    async def carry_out(self, effect: Effect) -> None:
        """Fetches the list that the effect names and records whether it is as expected."""
        expect = Presence(effect.body["expect"])
        report = await self._look(effect.body["list"], effect.body["target"], expect)
        action = ActionId(effect.body["action"])
        await asyncio.wrap_future(
            self._writer.submit(lambda tx: record_look(tx, EntryId(effect.key), action, expect, [report]))
        )

    async def _look(self, name: str, target: str, expect: Presence) -> PointReport:
        token = await self._own_token()
        address = f"{self._url()}/edl/{quote(name, safe='')}.txt?{urlencode({'token': token})}"
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            problem, listed = await fetch(address)
            if not problem:
                return judge(name, Presence.PRESENT if target in listed else Presence.ABSENT, expect)
        return PointReport(point=name, state=PointState.UNKNOWN, detail=problem)

    async def _own_token(self) -> str:
        # Made when first needed and kept in memory only: each start has its own, and its hash is in the log.
        if not self._token:
            token = make_secret(self._entropy)
            await asyncio.wrap_future(self._writer.submit(lambda tx: issue_probe_token(tx, secret_hash(token))))
            self._token = token
        return self._token


async def fetch(address: str) -> tuple[str, frozenset[str]]:
    """Returns (problem, addresses): a stable code or the empty text, and what a firewall would block by the list."""
    try:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as response:
            if response.status != 200:  # noqa: PLR2004 - HTTP's OK
                return f"list-answered-{response.status}", frozenset()
            if response.content_type != "text/plain":
                return "list-is-no-text", frozenset()
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LIST_BYTES_MAX:
                    return "list-too-large", frozenset()
    except (aiohttp.ClientError, TimeoutError):
        return "list-unreachable", frozenset()
    return read_list(bytes(body))


def read_list(body: bytes) -> tuple[str, frozenset[str]]:
    """Returns (problem, addresses) of a list's bytes: one address a line and nothing else."""
    try:
        return "", frozenset(str(ip_address(line)) for line in body.decode("ascii").splitlines())
    except ValueError:
        return "list-malformed", frozenset()


def judge(name: str, found: Presence, expect: Presence) -> PointReport:
    """Returns what a list shows of which the target's presence or absence is expected."""
    state, detail = _JUDGED[expect, found]
    return PointReport(point=name, state=state, detail=detail)


_JUDGED = {
    (Presence.PRESENT, Presence.PRESENT): (PointState.SEEN, ""),
    (Presence.PRESENT, Presence.ABSENT): (PointState.UNSEEN, "address-missing"),
    (Presence.ABSENT, Presence.PRESENT): (PointState.SEEN, "address-still-listed"),
    (Presence.ABSENT, Presence.ABSENT): (PointState.UNDONE, ""),
}
