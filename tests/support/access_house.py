"""An installation on memory with the routes of access, and a witness that answers or does not."""

import asyncio
import contextlib
from dataclasses import dataclass, fields
from urllib.parse import urlencode

import msgspec

from safeconduct.access.compiling import compile_standing
from safeconduct.access.cosigning import complete_cosign
from safeconduct.access.evaluating import AccessPoint
from safeconduct.access.freezes import pending
from safeconduct.access.reading_rights import reader_by
from safeconduct.bootstrap.forms import FORMS
from safeconduct.gateway.ports import UpstreamFacts
from safeconduct.http import authzen
from safeconduct.http.acts import HEADER, encode_act
from safeconduct.http.control import (
    break_glass,
    freezes,
    grants,
    obligations,
    passkeys,
    paths,
    programs,
    proposals,
    recertifications,
    restrictions,
    standing,
    to_sign,
    tokens,
)
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.inprocess import Ask, ask
from safeconduct.http.vitals import alone_at_work
from safeconduct.kernel.errors import UnavailableError
from safeconduct.ledger.notes import NoteSigner
from safeconduct.runtime.in_force import InForce
from support.authenticator import SITE
from support.immediate import ImmediateWriter
from support.programs import ACCESS, APPROVALS, KEYS, cosigned, signed

LOCAL = {"authorization": "Bearer local"}


@dataclass
class House:
    """The installation. With `signers_known` who signs is known before anything is looked at, as in the real one."""

    writer: ImmediateWriter
    witness_answers: bool = True
    signers_known: bool = False

    def __post_init__(self):
        self.opened = []
        given = {
            "writer": self.writer,
            "snapshot": lambda: contextlib.nullcontext(self.writer.state),
            "clock": self,
            "entropy": bytes,
            "open_log": self.opened.append,
            "logs": self,
            "settle": self.settle,
            "in_force": InForce(self.standing),
            "decisions": AccessPoint(self.standing),
            "work": alone_at_work,
            "forms": FORMS,
            "site": lambda: SITE,
            "upstreams": {"local": UpstreamFacts(vendor="local", dialects=frozenset(("openai.chat",)))},
        }
        control = Control(**{field.name: None for field in fields(Control)} | given)
        self.app = control_app(
            [
                part.router
                for part in (
                    programs,
                    paths,
                    grants,
                    break_glass,
                    standing,
                    tokens,
                    freezes,
                    proposals,
                    obligations,
                    recertifications,
                    restrictions,
                    passkeys,
                    to_sign,
                    authzen,
                )
            ],
            control=control,
            local_secret="local",
            check_reader=self.check_reader,
            **({"check_signer": self.check_reader} if self.signers_known else {}),
            version="0",
        )

    def standing(self):
        return compile_standing(self.writer.state)

    def verifier(self, origin):
        assert any(entry.origin == origin for entry in self.writer.entries)  # as the real one asks
        return NoteSigner(origin, KEYS["meridian"]).verifier

    def now(self):
        return self.writer.now

    def check_reader(self, signed_):
        return reader_by(self.writer.state, signed_, self.now())

    async def settle(self):
        waiting = pending(self.writer.state)
        if not self.witness_answers:
            return {
                one.request: UnavailableError("the witness does not answer", code="witness-down") for one in waiting
            }
        for one in waiting:
            place = self.writer.place(one.request)
            note = cosigned(one.origin, place + 1)
            self.writer.run(
                lambda tx, one=one, note=note, place=place: complete_cosign(tx, one.request, note, index=place)
            )
        return {}

    def get(self, path, /, **query):
        return self.send(Ask(method="GET", path=f"/api/v1/{path}", query=urlencode(query), headers=LOCAL))

    def check(self, path, body):
        return self.send(Ask(method="POST", path=f"/api/v1/{path}", headers=LOCAL, body=body))

    def post(self, path, body=b"", *, by="ops"):
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        act = encode_act(signed(by, f"POST /api/v1/{path}", content, self.now()))
        return self.send(Ask(method="POST", path=f"/api/v1/{path}", headers={HEADER: act}, body=content))

    def send(self, request):
        reply = asyncio.run(ask(self.app, request))
        return reply.status, msgspec.json.decode(reply.body)


def empty():
    """Returns an installation without a program."""
    return House(ImmediateWriter({**ACCESS, **APPROVALS}))
