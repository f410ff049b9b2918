"""The whole way with the real local model: official client, gateway, child process, log."""

import os

import openai
import pytest

from safeconduct.adapters.models.local import LocalModel
from safeconduct.gateway.moves import End
from support.gateway_world import MODEL
from support.wire import wire

pytestmark = pytest.mark.model


def test_a_real_model_behind_the_gateway(tmp_path):
    with wire(tmp_path) as gate:
        model = LocalModel(os.urandom)
        gate.run(model.start())
        try:
            gate.calls.upstreams = {"local": model}
            with openai.OpenAI(base_url=gate.base_url, api_key=gate.world.tokens["ana"], max_retries=0) as client:
                say = {"model": MODEL, "messages": [{"role": "user", "content": "Name a color."}], "max_tokens": 8}
                answer = client.chat.completions.create(**say)
                streamed = "".join(
                    chunk.choices[0].delta.content or ""
                    for chunk in client.chat.completions.create(**say, stream=True)
                    if chunk.choices
                )
        finally:
            gate.run(model.stop())
        assert answer.choices[0].message.content
        assert streamed
        assert [(end.end, end.completion_tokens is None) for end in gate.ends()] == [
            (End.COMPLETED, False),
            (End.COMPLETED, False),
        ]
