"""What the routes of the control API are given. bootstrap.py fills it in; a route takes what it needs from it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from safeconduct.access.directory.ports import AnswerDirectory
from safeconduct.access.evaluating import DecisionPoint
from safeconduct.access.identity import IdentityProvider
from safeconduct.access.log_keys import Closing
from safeconduct.access.model.changes import KeyChange
from safeconduct.access.sign_in import Claims
from safeconduct.access.standing import Standing
from safeconduct.adapters.log_keys import LogKeys
from safeconduct.adapters.siem.asking.file import SiemsFile
from safeconduct.adapters.telemetry.archives import Archives
from safeconduct.adapters.telemetry.gathering import Gathering
from safeconduct.boundary.ports import Vault
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.http.vitals import Metrics, Work, alone_at_work
from safeconduct.kernel.errors import SafeconductError
from safeconduct.kernel.ids import Origin, PrincipalId
from safeconduct.kernel.ports import Clock, Entropy, Records, Writer
from safeconduct.ledger.key_ports import DataKeys
from safeconduct.ledger.ocsf import EntryForm
from safeconduct.ledger.passkeys import Site
from safeconduct.ledger.reader import LogReader
from safeconduct.ledger.service import Logs
from safeconduct.program.vetting.ports import Probes
from safeconduct.runtime.in_force import InForce
from safeconduct.soc.questions.model import ModelCaller


def no_canary(_path: str) -> str:
    """Returns what a path's canary is where nobody has the secret that it is made of."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The installation, as routes see it.

    `snapshot` opens the committed control state; `in_force` has what calls are decided by now; `keys` are the data
    keys of sealed fields, `vault` keeps pseudonyms; `open_log` makes a log ready for entries, new or stored; `stopped`
    are the logs that take none, and why; `cosign_head` waits until the partner has cosigned a joint log's head;
    `next_key` makes another key for a log, `closing` makes a log's successor ready; `decision_keys` sign decisions on
    tool calls; `settle` carries out the effects that wait now and returns what failed, by the id of the entry that
    ordered it;
    `upstreams` are the configured model servers by name, None where no server runs; `siems` are the joined SIEMs;
    `identities` returns the claims of an ID token that an identity provider signed; `caller` returns a principal's
    way to a model; `site` returns where passkeys are used, or raises what is in the way; `lists_url` is where this
    server's lists are fetched from, or None when nothing serves them; `shipping` tells how far each destination of
    the log's rows is; `channels` which channels notices go to; `forms` say what entry types mean in OCSF, `probes`
    what the log says of calls that prove a path; `decisions` answers who may call; `directory` answers identity
    providers that push people; `work` tells what the processes on these data are about; `metrics` is what a running
    server counts; `canary` returns the canary of a path; `gathering` holds what log shippers send until it is taken in.
    """

    writer: Writer
    snapshot: Callable[[], AbstractContextManager[Records]]
    in_force: InForce
    log: LogReader
    keys: DataKeys
    vault: Vault
    logs: Logs
    clock: Clock
    entropy: Entropy
    open_log: Callable[[Origin], None]
    stopped: Callable[[], Mapping[Origin, str]]
    cosign_head: Callable[[Origin], None]
    next_key: Callable[[Origin], KeyChange]
    closing: Callable[[Origin], Closing]
    decision_keys: LogKeys
    settle: Callable[[], Awaitable[Mapping[str, SafeconductError]]]
    upstreams: Mapping[str, UpstreamFacts] | None
    archives: Archives
    siems: SiemsFile
    identities: Callable[[IdentityProvider, str], Claims]
    caller: Callable[[PrincipalId], ModelCaller]
    site: Callable[[], Site]
    lists_url: str | None
    shipping: Callable[[], list[dict[str, Any]]]
    channels: Callable[[], list[dict[str, Any]]]
    forms: Mapping[str, EntryForm]
    decisions: DecisionPoint
    probes: Probes
    directory: AnswerDirectory
    work: Work = alone_at_work
    metrics: Metrics | None = None
    canary: Callable[[str], str] = no_canary
    gathering: Gathering = field(default_factory=Gathering)


def control(request: Request) -> Control:
    """Returns the installation of a request."""
    found: Control = request.app.state.control
    return found


Installation = Annotated[Control, Depends(control)]


async def newest(request: Request) -> Standing:
    """Returns the standing by a reading that began after the request came: whoever changed it finds that in the answer.

    Raises:
        UnavailableError: `standing-unconfirmed`.
    """
    return await control(request).in_force.newest()


Newest = Annotated[Standing, Depends(newest)]
