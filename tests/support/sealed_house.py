"""A real log with sealed fields for several readers, the routes about them, and a partner that cosigns or does not."""

import asyncio
from dataclasses import fields
from types import SimpleNamespace
from urllib.parse import urlencode

import msgspec
from msgspec.structs import replace

from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.destruction_events import DESTROY
from safeconduct.access.reading_rights import reader_by
from safeconduct.access.retention import look
from safeconduct.access.waiting import COSIGN
from safeconduct.bootstrap.destruction import destroy
from safeconduct.gateway.events import CALL_INTENT, CALL_OUTCOME
from safeconduct.http import copies, log
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control import calls, destructions, holds, openings, rechecks, restorations
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control, no_canary
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import SafeconductError, UnavailableError
from safeconduct.ledger.service import Logs
from safeconduct.runtime.in_force import InForce
from support.calls import ENDED, INTENT
from support.gateway_world import AGREEMENT, PROJECTIONS, SIGNERS
from support.programs import cosigned, signed

PREFIX = "/api/v1/logs"


def logs_of(world):
    """Returns the use cases over a world's logs."""
    return Logs(
        source=world.store.reader(),
        frozen=world.store.frozen,
        heads=world.heads,
        keys=world.keys,
        signer=SIGNERS.__getitem__,
        projections=PROJECTIONS,
    )


class SealedHouse:
    """`call` is an intent with fields for partner and provider (`request`) and the partner alone (`sent`);
    `outcome` has one that both parties must open (`released`), for partner and auditor."""

    def __init__(self, world):
        self.world, self.partner_answers = world, True
        sealed = {"request": "a question", "sent": "what left"}
        self.call = self.append(CALL_INTENT.draft(INTENT, sealed=sealed, subject="ana"))
        self.outcome = self.append(
            CALL_OUTCOME.draft(replace(ENDED, call=self.call), sealed={"released": "an answer"}, subject="ana")
        )
        self.installation = SimpleNamespace(
            snapshot=world.store.snapshot,
            writer=world.writer,
            keys=world.keys,
            clock=world.clock,
            log_keys=SimpleNamespace(signer=SIGNERS.__getitem__),
        )
        given = {
            "canary": no_canary,
            "writer": world.writer,
            "snapshot": world.store.snapshot,
            "log": world.reader,
            "keys": world.keys,
            "vault": world.keys,
            "logs": logs_of(world),
            "clock": world.clock,
            "settle": self.settle,
            "in_force": InForce(lambda: world.board.current),
        }
        self.app = control_app(
            [part.router for part in (openings, holds, destructions, rechecks, restorations, calls, log, copies)],
            control=Control(**{one.name: None for one in fields(Control)} | given),
            local_secret="local",
            check_reader=self.check_reader,
            version="0",
        )

    def append(self, draft):
        return self.world.run(lambda tx: tx.append(AGREEMENT, draft)).value.id

    def check_reader(self, act):
        with self.world.store.snapshot() as records:
            return reader_by(records, act, self.world.clock.now())

    async def settle(self):
        failed = {}
        with self.world.store.snapshot() as records:
            waiting = [effect for _, effect in records.scan(OUTBOX)]
        for effect in waiting:
            try:
                await asyncio.to_thread(self.carry_out, effect)
            except SafeconductError as error:
                failed[effect.key] = error
        return failed

    def carry_out(self, effect):
        if effect.kind == DESTROY:
            destroy(self.installation, effect)
        elif effect.kind == COSIGN:
            if not self.partner_answers:
                raise UnavailableError("the witness does not answer", code="witness-unreachable")
            index = self.world.reader.place(effect.key)
            note = cosigned(AGREEMENT, index + 1)
            self.world.run(lambda tx: complete_cosign(tx, effect.key, note, index=index))

    def settled(self):
        return asyncio.run(self.settle())

    def look(self):
        return self.world.run(lambda tx: look(tx, self.world.keys, AGREEMENT)).value

    def get(self, path, *, by=None, prefix=PREFIX, **query):
        where, encoded = f"{prefix}/{path}", urlencode(query)
        headers = {"authorization": "Bearer local"}
        if by:
            headers = {HEADER: encode_act(signed(by, f"GET {where}", b"", self.world.clock.now(), query=encoded))}
        return self.send(Ask(method="GET", path=where, query=encoded, headers=headers))

    def post(self, path, body, *, by, act=None, prefix=PREFIX):
        where = f"{prefix}/{path}"
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        act = act or signed(by, f"POST {where}", content, self.world.clock.now())
        return self.send(Ask(method="POST", path=where, headers={HEADER: encode_act(act)}, body=content))

    def open(self, entry, field, *, by, reason="incident 7", act=None, **more):
        return self.post(f"entries/{entry}/fields/{field}/open", {"reason": reason, **more}, by=by, act=act)

    def send(self, request):
        reply = asyncio.run(ask(self.app, request))
        try:
            return reply.status, msgspec.json.decode(reply.body)
        except msgspec.DecodeError:
            return reply.status, reply.body

    def log(self):
        return list(self.world.reader.entries(AGREEMENT))
