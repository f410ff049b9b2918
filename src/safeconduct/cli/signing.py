"""Acts that a command signs with its caller's key."""

from pathlib import Path

from safeconduct import settings
from safeconduct.adapters.clock import SystemClock, system_entropy
from safeconduct.http.acts import HEADER, content_of, encode_act, operation_of
from safeconduct.kernel.instants import rfc3339
from safeconduct.ledger.acts import Act, sign_act
from safeconduct.ledger.keys import SecretKey


def reading_headers(key: Path | None, path: str) -> dict[str, str]:
    """Returns what a reading from another machine is sent with: an act signed by the key, if there is one."""
    return {HEADER: act_over(settings.read_key(key), "GET", path, content_of(b""))} if key else {}


def act_over(signer: tuple[str, SecretKey], method: str, path: str, content: str) -> str:
    """Returns a new act, encoded for its header, over a request. `content` is what `content_of` makes of it."""
    name, key = signer
    act = Act(
        actor=name,
        operation=operation_of(method, path),
        content=content,
        at=rfc3339(SystemClock().now()),
        nonce=system_entropy(16).hex(),
    )
    return encode_act(sign_act(act, key))
