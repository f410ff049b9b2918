"""A gateway on a real group-commit writer: the demo's program in force, tokens issued, everything but the sockets."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.events import PROJECTIONS as ACCESS
from safeconduct.access.freezes import freeze
from safeconduct.access.program import parse_program
from safeconduct.access.programs import apply
from safeconduct.access.readership import AgreementMatrix
from safeconduct.access.secrets import secret_hash
from safeconduct.access.tokens import issue_token, revoke_token
from safeconduct.adapters.files import FileHeads, file_name, write_secret
from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.memory.log import MemoryHeads, MemoryStore
from safeconduct.adapters.sqlite.control import SqliteStore
from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.approvals.events import PROJECTIONS as APPROVALS
from safeconduct.boundary.decision_events import PROJECTIONS as DECISIONS
from safeconduct.gateway.events import PROJECTIONS as GATEWAY
from safeconduct.gateway.held_events import PROJECTIONS as HELD_ANSWERS
from safeconduct.gateway.holding import PROJECTIONS as HELD
from safeconduct.gateway.label_events import PROJECTIONS as LABELS
from safeconduct.gateway.ports import Classifier, Inspector, Upstream
from safeconduct.gateway.turn_events import PROJECTIONS as TURNS
from safeconduct.gateway.usage_events import PROJECTIONS as USAGE
from safeconduct.kernel.ids import Origin, PrincipalId
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.keys import SecretKey
from safeconduct.ledger.notes import NoteSigner
from safeconduct.ledger.reader import LogReader
from safeconduct.runtime.calls import Calls
from safeconduct.runtime.commits import LoopCommits
from safeconduct.runtime.freeze import StandingBoard
from safeconduct.runtime.patience import Patience
from safeconduct.runtime.writer import GroupCommitWriter
from safeconduct.watch.events import PROJECTIONS as WATCH
from support.freezing import ordered
from support.immediate import START
from support.logs import sqlite_keys
from support.patience import PATIENCE_S
from support.programs import APPLY, KEYS, cosigned, demo_program, signed, signed_by_both

MODEL = "smollm2-135m"
PATH = "soc-triage"
PURPOSE = "incident-triage"
INSTALLATION = Origin("safeconduct.example/demo/installation")
AGREEMENT = Origin("safeconduct.example/demo/ag-2026-01")
SIGNERS = {origin: NoteSigner(origin, SecretKey(bytes([i]) * 32)) for i, origin in enumerate((INSTALLATION, AGREEMENT))}


PROJECTIONS = {
    **ACCESS,
    **APPROVALS,
    **DECISIONS,
    **GATEWAY,
    **HELD,
    **HELD_ANSWERS,
    **LABELS,
    **TURNS,
    **USAGE,
    **WATCH,
}


class FixedClock:
    def __init__(self, now: Instant = START) -> None:
        self.at = now

    def now(self) -> Instant:
        return self.at


class LogWorld:
    """The log and control state with the program in force. In memory, or on disk if a folder is given."""

    def __init__(
        self, folder: Path | None = None, *, program: bytes | None = None, clock: FixedClock | None = None
    ) -> None:
        self.clock = clock or FixedClock()
        if folder is None:
            self.store, self.heads, self.keys = MemoryStore(), MemoryHeads(), MemoryKeys(os.urandom)
        else:
            self.store = SqliteStore(folder / "safeconduct.db")
            self.heads, self.keys = FileHeads(folder / "heads"), sqlite_keys(folder, os.urandom)
        self._open()
        self.apply(program or demo_program())
        self._listen()
        self.reader = LogReader(self.store.reader(), self.keys)
        self.tokens = {name: self.token(name) for name in ("ana", "bo", "triage-service")}

    def _open(self) -> None:
        self.writer = GroupCommitWriter(
            self.store,
            self.heads,
            self.keys,
            signers=list(SIGNERS.values()),
            clock=self.clock,
            entropy=os.urandom,
            projections=PROJECTIONS,
            matrix=AgreementMatrix(),
        )
        assert self.writer.start() == []

    def _listen(self) -> None:
        self.board = StandingBoard(self.store.snapshot)
        self.writer.subscribe(self.board.take_in)

    def restart(self) -> None:
        """Begins anew on the same store, as after a crash: nothing but what was committed is known."""
        self.writer.close()
        self._open()
        self._listen()

    def run(self, command):
        return self.writer.submit(command).result(timeout=PATIENCE_S)

    def apply(self, source: bytes) -> None:
        source = signed_by_both(source)
        program = parse_program(source)
        act = signed("ops", APPLY, source, self.clock.now())
        content = act.act.content
        applied = self.run(lambda tx: apply(tx, program, act, operation=APPLY, content=content))
        request, receipt = applied.value.request, applied.receipts[-1]
        note = cosigned(receipt.origin, receipt.index + 1)
        self.run(lambda tx: complete_cosign(tx, request, note, index=receipt.index))

    def token(self, name: str) -> str:
        operation, body = "POST /api/v1/tokens", name.encode()
        act = signed(name if name in KEYS else "ana", operation, body, self.clock.now())  # services are ana's
        issued = self.run(
            lambda tx: issue_token(
                tx,
                os.urandom,
                act,
                operation=operation,
                content=act.act.content,
                principal=PrincipalId(name),
                expires_at=Instant(self.clock.now() + seconds(3600)),
            )
        )
        return issued.value.secret

    def revoke_command(self, name: str):
        operation, token_id = "POST /api/v1/tokens/revoke", self.board.current.tokens[secret_hash(self.tokens[name])].id
        act = signed(name, operation, token_id.encode(), self.clock.now())
        return lambda tx: revoke_token(tx, act, operation=operation, content=act.act.content, token_id=token_id)

    def freeze_command(self, selector: str):
        operation = "POST /api/v1/freezes"
        act = signed("ops", operation, selector.encode(), self.clock.now())
        return lambda tx: freeze(tx, act, ordered(selector), operation=operation, content=act.act.content)

    def calls(
        self,
        upstream: Upstream | Mapping[str, Upstream],
        *,
        patience: Patience | None = None,
        models=None,
        decide=None,
        worker: str = "worker-1",
        inspector: Inspector | None = None,
        safety_secret: bytes = b"",
        classifier: Classifier | None = None,
    ) -> Calls:
        """Returns the runtime of this worker; on the loop that runs it."""
        upstreams = upstream if isinstance(upstream, Mapping) else {"local": upstream}
        calls = Calls(
            standing=lambda: self.board.current,
            commits=LoopCommits(self.writer).commit,
            upstreams=upstreams,
            models={"local": models or {}},
            installation=INSTALLATION,
            worker=worker,
            clock=self.writer.time,
            entropy=os.urandom,
            patience=patience,
            decide=decide,
            inspector=inspector,
            vault=self.keys,
            safety_secret=safety_secret,
            classifier=classifier,
            open_answer=lambda entry, field: self.reader.open_field(entry, field).value,
        )
        self.board.attach(asyncio.get_running_loop(), calls)
        return calls

    def entries(self, area: str = "gateway."):
        """Returns the entries of calls in both logs, in order within each."""
        return [
            entry
            for origin in self.store.origins()
            for entry in self.reader.entries(origin)
            if entry.type.startswith(area)
        ]

    def close(self) -> None:
        self.writer.close()
        self.store.close()
        if isinstance(self.keys, SqliteKeys):
            self.keys.close()


def laid_out(folder):
    """Makes the folder of an installation with the logs' keys in it, and nothing else."""
    for name in ("log-keys", "raw"):
        (folder / name).mkdir(parents=True)
    for number, origin in enumerate(SIGNERS):
        write_secret(folder / "log-keys" / file_name(origin), SecretKey(bytes([number]) * 32).text)
    return folder


@contextmanager
def log_world(folder: Path | None = None, *, program: bytes | None = None):
    world = LogWorld(folder, program=program)
    try:
        yield world
    finally:
        world.close()
