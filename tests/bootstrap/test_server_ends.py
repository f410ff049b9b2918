"""The server with its local model, as a process: nothing of it outlives it."""

from pathlib import Path

import pytest

from support.patience import PATIENCE_S
from support.shell import agreed, start, until

pytestmark = pytest.mark.model


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_the_models_process_goes_with_the_server(tmp_path, how):
    house = agreed(tmp_path / "house")[0]
    with start("serve", "--port", 0, data=house.data, log=house.root / "server") as process:
        output = house.root / "server.out"
        until(lambda: "serving on http://127.0.0.1:" in output.read_text(), process, says=str(output))
        (model,) = children(process.pid)
        assert alive(model)
        getattr(process, how)()
        process.wait(PATIENCE_S)
        until(lambda: not alive(model), says="the model's end")
    assert (house.data / "server.lock").read_bytes() == b"" or how == "kill"
    assert house("status", "--json").json["server"] == "none"
