"""An installation to which Northwind's directory pushes, and requests as its identity provider makes them."""

import json
import os
from dataclasses import dataclass, fields
from urllib.parse import parse_qsl

from safeconduct.access.directory.credentials import issue_credential
from safeconduct.access.directory.ports import DirectoryRequest
from safeconduct.adapters.scim.serving import ScimDirectories
from safeconduct.http import scim
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.kernel.instants import Instant, seconds
from support.gateway_world import LogWorld
from support.programs import demo_program, signed
from support.sign_ins import SUBJECT, with_sign_ins

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
DAY = seconds(86_400)


def pushed_program():
    """Returns the demo's program, in which ana of Northwind is an administrator too, and known to its directory."""
    text = with_sign_ins(demo_program()).decode()
    line = next(line for line in text.splitlines() if line.startswith("  ana: "))
    return text.replace(line, line.replace("roles: [analyst]", "roles: [analyst, administrator]")).encode()


def connecting(organization, *, by, now, days=30):
    """Returns the command by which an administrator has a credential issued."""
    operation = f"POST /api/v1/directories/{organization}/connect"
    act = signed(by, operation, str(days).encode(), now)
    return lambda tx: issue_credential(
        tx,
        os.urandom,
        act,
        operation=operation,
        content=act.act.content,
        organization=organization,
        expires_at=Instant(now + days * DAY),
    )


@dataclass
class Answered:
    status: int
    headers: dict
    body: dict | None

    @property
    def id(self):
        return self.body["id"]

    @property
    def detail(self):
        return self.body["detail"]


class PushedWorld(LogWorld):
    """A log with a program in force, and what answers directories."""

    def __init__(self, folder=None, program=None):
        super().__init__(folder, program=program or pushed_program())
        self.secrets = {
            name: self.run(connecting(name, by=by, now=self.clock.now())).value.secret
            for name, by in (("northwind", "ana"), ("meridian", "ops"))
        }

    @property
    def directory(self):
        return ScimDirectories(
            writer=self.writer, snapshot=self.store.snapshot, log=self.reader, clock=self.clock
        ).answer

    def ask(self, method, path, body=None, *, organization="northwind", secret=None, **headers):
        path, _, query = path.partition("?")
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answered = self.directory(
            DirectoryRequest(
                organization=organization,
                method=method,
                base_url=f"https://gate.example/scim/v2/{organization}",
                path=path,
                query=dict(parse_qsl(query)),
                headers={"content-type": "application/scim+json"}
                | {name.replace("_", "-"): value for name, value in headers.items()},
                secret=self.secrets[organization] if secret is None else secret,
                body=content,
            )
        )
        return Answered(answered.status, dict(answered.headers), json.loads(answered.body) if answered.body else None)

    def add(self, name, *, external_id=None, organization="northwind", **more):
        stated = {"schemas": [USER], "userName": name, "active": True} | more
        if external_id:
            stated["externalId"] = external_id
        answered = self.ask("POST", "Users", stated, organization=organization)
        assert answered.status == 201, answered.body
        return answered

    def add_ana(self, **more):
        return self.add("ana@northwind.example", external_id=SUBJECT, **more)

    def patch(self, where, *operations, **more):
        return self.ask("PATCH", where, {"schemas": [PATCH], "Operations": list(operations)}, **more)

    def app(self):
        """Returns the routes, as a server has them."""
        given = {"directory": self.directory}
        control = Control(**{field.name: None for field in fields(Control)} | given)
        return control_app([scim.router], control=control, local_secret="local", check_reader=str, version="0")
