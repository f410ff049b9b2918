"""A service that sends telemetry in by a token, and batches as log shippers send them."""

import asyncio
import json

import msgspec

from safeconduct.access.freezes import freeze
from safeconduct.access.tokens import issue_token, revoke_token
from safeconduct.adapters.clock import system_entropy
from safeconduct.http.inprocess import Ask, ask
from safeconduct.kernel.instants import seconds
from support.freezing import ordered
from support.operations_house import House
from support.programs import demo_program, in_force, signed

COLLECTOR = "collector"
OPERATION, BODY = "POST /api/v1/tokens", b"{}"
SERVICE = "  triage-service: {organization: northwind, kind: service, sponsor: ana}\n"
NDJSON = "application/x-ndjson"
PLACE = "/api/v1/telemetry/streams/firewall"


def shipping_program(source=None, *, ships="true", more=""):
    """Returns a program, by default the demo's, with a service of the partner's that sends telemetry in."""
    row = f"  {COLLECTOR}: {{organization: northwind, kind: service, sponsor: ana, ships: {ships}}}\n"
    return (source or demo_program()).replace(SERVICE.encode(), (SERVICE + row + more).encode())


def token_of(writer, principal=COLLECTOR, *, by="ana", lives_s=3600):
    act = signed(by, OPERATION, BODY, writer.now)
    return writer.run(
        lambda tx: issue_token(
            tx, system_entropy, act, operation=OPERATION, content=act.act.content, principal=principal,
            expires_at=writer.now + seconds(lives_s),
        )
    )  # fmt: skip


def revoked(writer, token, *, by="ana"):
    act = signed(by, OPERATION, BODY, writer.now)
    writer.run(lambda tx: revoke_token(tx, act, operation=OPERATION, content=act.act.content, token_id=token.id))


def frozen(writer, selector, *, by="ops"):
    act = signed(by, OPERATION, BODY, writer.now)
    return writer.run(lambda tx: freeze(tx, act, ordered(selector), operation=OPERATION, content=act.act.content))


def record(number, **more):
    return json.dumps({"time": f"2026-11-20T08:00:{number % 60:02d}Z", "n": number} | more).encode() + b"\n"


class ShippingHouse(House):
    """The house with the collector in its program, and what it sends."""

    def __init__(self, folder, program=None):
        super().__init__(folder, writer=in_force(program or shipping_program()))
        self.token = token_of(self.writer)

    def ship(self, body, *, place=PLACE, token=None, query="", **headers):
        return asyncio.run(self.shipped(body, place=place, token=token, query=query, **headers))

    async def shipped(self, body, *, place=PLACE, token=None, query="", **headers):
        """Sends a batch; a header's name is written with underscores."""
        secret = self.token.secret if token is None else token
        told = {"authorization": f"Bearer {secret}", "content-type": NDJSON}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        reply = await ask(self.app, Ask(method="POST", path=place, query=query, headers=told, body=body))
        return reply.status, msgspec.json.decode(reply.body)

    def entries(self):
        return [entry for entry in self.writer.entries if entry.type == "soc.telemetry.ingested/1"]
