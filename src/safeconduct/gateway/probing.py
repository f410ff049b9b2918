"""Probes: small calls that prove a path. What they may be, and what the log says of one.

`LoggedProbes` satisfies vetting's port `Probes` (docs/spec/vetting.md section 4) in types of kernel and access.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from safeconduct.access.admissions import PROBE, ProbedCall
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME, ENDED_CALLS
from safeconduct.gateway.moves import End
from safeconduct.kernel.errors import AbsentError, RefusedError
from safeconduct.kernel.ids import EntryId, PathId, PrincipalId, is_ulid
from safeconduct.kernel.ports import Records
from safeconduct.ledger.reader import LogReader

PROBE_BYTES_MAX = 1024
"""Bytes of a probe's request: a question of a few words. It proves a way and must not be a way around."""

PROBE_TOKENS_MAX = 16
"""Tokens of a probe's answer: a word or two."""


def check_probe(purpose: str, body: bytes, output_tokens: int) -> None:
    """Returns if this is no probe, or a small one.

    Raises:
        RefusedError: `probe-too-large`.
    """
    if purpose == PROBE and (len(body) > PROBE_BYTES_MAX or output_tokens > PROBE_TOKENS_MAX):
        raise RefusedError(
            f"a probe has at most {PROBE_BYTES_MAX} bytes and asks for at most {PROBE_TOKENS_MAX} tokens; "
            f"this has {len(body)} and asks for {output_tokens}",
            code="probe-too-large",
            clause="vetting:probe",
            remedy="safeconduct path probe makes one; other calls leave safeconduct-purpose out",
        )


class LoggedProbes:
    """Reads calls in the log. `snapshot` opens committed control state. Any thread."""

    def __init__(self, log: LogReader, snapshot: Callable[[], AbstractContextManager[Records]]) -> None:
        self._log = log
        self._snapshot = snapshot

    def probed(self, call: EntryId) -> ProbedCall:
        """Returns what the log says of a call that was allowed, as `program.vetting.ports.Probes` promises."""
        try:
            entry = self._log.entry(call) if is_ulid(call) else None
        except AbsentError:
            entry = None
        if entry is None or entry.type != CALL_INTENT.name:
            text = f"no call {call[:64]!r} that was allowed is in the log"
            raise AbsentError(text, code="call-unknown", remedy="name the call that safeconduct path probe made")
        intent = CALL_INTENT.read(entry)
        return ProbedCall(
            call=call,
            principal=PrincipalId(intent.principal),
            path=PathId(intent.path),
            path_digest=intent.path_digest,
            purpose=intent.purpose,
            answered=self._answered(call),
            at=entry.at,
        )

    def _answered(self, call: EntryId) -> bool:
        with self._snapshot() as records:
            ended = records.get(ENDED_CALLS, call)
        return ended is not None and CALL_OUTCOME.read(self._log.entry(ended.outcome)).end is End.COMPLETED
