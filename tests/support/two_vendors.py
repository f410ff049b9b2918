"""A gateway before two model servers, one for each family of dialects, and paths that reach each of them.

`soc-triage` has OpenAI's way, `other` Anthropic's. Both take both families, so each is translated on one of them.
"""

from safeconduct.adapters.models.openai_compatible import OpenAICompatible
from support.anthropic_stand_in import AnthropicStandIn, anthropic_client
from support.gateway_world import PATH
from support.programs import demo_program
from support.stand_in import StandIn

OTHER = "other"
FAMILIES = {
    PATH: b"    dialects: [openai.chat, openai.responses, openai.embeddings, anthropic.messages]\n",
    OTHER: b"    dialects: [openai.chat, anthropic.messages, anthropic.count-tokens]\n",
}
ROUTES = {
    "chat": f"/paths/{PATH}/openai/v1/chat/completions",
    "responses": f"/paths/{PATH}/openai/v1/responses",
    "embeddings": f"/paths/{PATH}/openai/v1/embeddings",
    "messages": f"/paths/{OTHER}/anthropic/v1/messages",
    "count": f"/paths/{OTHER}/anthropic/v1/messages/count_tokens",
    "chat-to-messages": f"/paths/{OTHER}/openai/v1/chat/completions",
    "messages-to-chat": f"/paths/{PATH}/anthropic/v1/messages",
}
"""Each way that a call can go."""

STREAMED = frozenset(("chat", "responses", "messages", "chat-to-messages", "messages-to-chat"))


def body_of(way, text, *, stream, model, **more):
    """Returns the request of a way that says this text."""
    if way == "embeddings":
        return {"model": model, "input": text, "encoding_format": "base64"}
    if way == "responses":
        return {"model": model, "input": text, "max_output_tokens": 64, "stream": stream, **more}
    said = {"model": model, "messages": [{"role": "user", "content": text}]}
    return said if way == "count" else said | {"max_tokens": 64, "stream": stream, **more}


def program():
    """Returns the demo's program with a second path, which ana and her service may use as they may the first."""
    text = demo_program()
    head, _, rest = text.partition(b"  soc-triage:\n")
    path, _, rest = rest.partition(b"\ngrants:\n")
    grants, _, rest = rest.partition(b"\npolicies:")
    first = b"  soc-triage:\n" + path.replace(b"    upstream: local\n", b"    upstream: local\n" + FAMILIES[PATH])
    second = b"  other:\n" + path.replace(b"    upstream: local\n", b"    upstream: other\n" + FAMILIES[OTHER])
    granted = grants.replace(b"-triage:\n", b"-other:\n").replace(b"path: soc-triage\n", b"path: other\n")
    return head + first + second + b"\ngrants:\n" + grants + granted + b"\npolicies:" + rest


class BothStandIns:
    """Two model servers where a test expects one: `chat` and `messages`, of the classes that it names."""

    def __init__(self, chat=StandIn, messages=AnthropicStandIn):
        self.chat, self.messages = chat(), messages()

    def __call__(self, judge):
        self.chat.judge = self.messages.judge = judge
        return self

    @property
    def url(self):
        return f"{self.chat.url} {self.messages.url}"

    async def start(self):
        await self.chat.start()
        await self.messages.start()

    async def stop(self):
        await self.chat.stop()
        await self.messages.stop()


class BothClients(dict):
    """The gateway's clients of both, by upstream."""

    def __init__(self, urls, secret):
        chat, messages = urls.split(" ")
        super().__init__(local=OpenAICompatible(chat, secret), other=anthropic_client(messages, secret))

    async def start(self):
        for client in self.values():
            await client.start()

    async def stop(self):
        for client in self.values():
            await client.stop()
