"""The routes that executors ask, over a real log, on a loopback port; and executors of it."""

import os
from contextlib import closing, contextmanager
from dataclasses import fields

from safeconduct.access.evaluating import AccessPoint
from safeconduct.access.freezes import call_facts
from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.log_keys import LogKeys
from safeconduct.boundary.deciding import rotate
from safeconduct.boundary.decision_events import DECISION_KEYS
from safeconduct.executor import begin, connect
from safeconduct.http.control import me, tool_decisions
from safeconduct.http.control.app import control_app
from safeconduct.http.control.context import Control
from safeconduct.http.executing.client import GatewayDecisions
from safeconduct.http.vitals import alone_at_work
from safeconduct.kernel.ids import ulid
from safeconduct.runtime.in_force import InForce
from support.decided import SESSION, attempt, decided, turn
from support.gateway_world import AGREEMENT, LogWorld, signed
from support.serving import served

WHO = "triage-service"


class House:
    """A gateway that has decided; `let` has it decide a call as the test wants."""

    def __init__(self, world, folder, url=""):
        self.world, self.folder, self.url = world, folder, url
        (folder / "decision-keys").mkdir()
        given = {
            "log": world.reader,
            "snapshot": world.store.snapshot,
            "writer": world.writer,
            "clock": world.clock,
            "decisions": AccessPoint(lambda: world.board.current),
            "in_force": InForce(lambda: world.board.current),
            "work": alone_at_work,
            "decision_keys": LogKeys(folder / "decision-keys", os.urandom),
        }
        self.control = control = Control(**{one.name: None for one in fields(Control)} | given)
        routers = [tool_decisions.router, me.router]
        self.app = control_app(routers, control=control, local_secret="s", check_reader=str, version="0")
        self.made, self.session, self.who = 0, SESSION, WHO

    @property
    def token(self):
        return self.world.tokens[self.who]

    def let(self, tool, arguments=None, *, who=WHO, session=None, approval="", **more):
        """Has a call of a tool decided, of a new turn, and returns the decision."""
        self.made += 1
        call = ulid(self.world.clock.now(), self.made.to_bytes(10))
        made = attempt(tool, arguments or {}, principal=who, session=session or self.session)
        one = decided(made, call=call, now=self.world.clock.now(), **more)
        self.world.run(turn(one, call=call, facts=self.facts(who), approval=approval)(AGREEMENT))
        return one

    def facts(self, who=WHO):
        standing = self.world.board.current
        principal, path = standing.principals[who], standing.path("soc-triage")
        (grant, *_) = standing.grants[(who, "soc-triage")]
        return call_facts(principal, path, grant.id)

    def announce(self):
        """Has a first decision asked for, and so the key announced."""
        one = attempt("announced", {}, principal=self.who, session=self.session)
        self.let("announced", who=self.who)
        GatewayDecisions.at(self.url, self.token).find(one)

    def key(self):
        """Returns the key to pin."""
        with self.world.store.snapshot() as records:
            found = records.get(DECISION_KEYS, AGREEMENT)
        return found.key if found else ""

    def rotate(self):
        """Has another key sign, as an administrator does by the route."""
        made = self.control.decision_keys.make_next(tool_decisions.key_name(AGREEMENT))
        operation = "POST /api/v1/tool-decisions/rotate-key"
        act = signed("ops", operation, b"{}", self.world.clock.now())
        content = act.act.content
        self.world.run(lambda tx: rotate(tx, act, AGREEMENT, made.verifier, operation=operation, content=content))

    def types(self):
        return [one.type.removeprefix("boundary.") for one in self.world.entries("boundary.")]

    @contextmanager
    def executor(self, name, *, keys=None, new=True):
        if new:
            begin(self.folder / name)
        pinned = [self.key()] if keys is None else keys
        with connect(self.url, self.token, keys=pinned, folder=self.folder / name, session=self.session) as executor:
            yield executor


@contextmanager
def house(folder, *, program=None):
    """Yields a house that is served. Its time is the machine's: executors have a clock of their own."""
    with closing(LogWorld(program=program, clock=SystemClock())) as world:
        made = House(world, folder)
        with served(made.app) as url:
            made.url = url
            yield made
