"""What a whole request pays at the boundary: it is read, looked through, and left as it may leave the house."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from safeconduct.access.compiling import compile_standing
from safeconduct.access.data_handling import DataHandling
from safeconduct.access.inventory import Inventory
from safeconduct.boundary.kept_shapes import INDICATOR
from safeconduct.boundary.pseudonyms import Known, Pseudonyms
from safeconduct.boundary.secret_shapes import SECRET
from safeconduct.boundary.tokens import PREFIXES
from safeconduct.gateway.dialects.model import Shapes
from safeconduct.gateway.dialects.registry import OPENAI_CHAT
from safeconduct.gateway.inspecting import inspect_request
from safeconduct.gateway.protecting import Protection
from safeconduct.kernel.ids import PathId
from support.programs import in_force  # type: ignore[import-not-found]

_HANDLING = {
    **dict.fromkeys(PREFIXES, DataHandling.PSEUDONYMIZE),
    SECRET: DataHandling.REDACT,
    INDICATOR: DataHandling.ALLOW,
}
_SHAPES = Shapes()
_KEY = bytes(range(32))


def request_of(inventory: Inventory) -> Callable[[str], bytes]:
    """Returns what has a text asked in a request and returns the body that may leave: each in a space of its own."""
    path = replace(compile_standing(in_force().state).paths[PathId("soc-triage")], handling=_HANDLING)

    def leaves(text: str) -> bytes:
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
        inspected = inspect_request(path, OPENAI_CHAT.read(body, _SHAPES), inventory)
        if inspected is None:
            raise RuntimeError("the path of the measurement inspects nothing")
        return Protection(path, Pseudonyms(lambda: _KEY, Known()), restored=True).request(inspected)

    return leaves
