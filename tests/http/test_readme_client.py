"""The README's client, run as it stands there, but for the address."""

import re
from pathlib import Path

from safeconduct.bootstrap.listening import Where
from safeconduct.gateway.events import CALL_INTENT
from support.gateway_world import PATH
from support.wire import wire

README = Path(__file__).parents[2] / "README.md"
DEFAULTS = Where()
ADDRESS = f"http://{DEFAULTS.host}:{DEFAULTS.port}/paths/{PATH}/openai/v1"


def test_the_client_of_the_readme_gets_an_answer_and_its_entry(monkeypatch, capsys):
    [code] = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert ADDRESS in code
    with wire() as gate:
        monkeypatch.setenv("SAFECONDUCT_TOKEN", gate.world.tokens["ana"])
        names = {}
        exec(compile(code.replace(ADDRESS, gate.base_url), "README.md", "exec"), names)  # noqa: S102 - our own page
        names["client"].close()
        answered, call = capsys.readouterr().out.split("\n")[:2]
        [intent] = [entry for entry in gate.world.entries() if entry.type == CALL_INTENT.name]
    assert answered == "What is an external dynamic list?"
    assert call == intent.id
