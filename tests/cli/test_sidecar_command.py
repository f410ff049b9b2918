"""`safeconduct sidecar` as a process, before a real server: official SDKs without a secret, by TCP and by a socket."""

import os
import socket
import stat
import time
from types import SimpleNamespace

import anthropic
import httpx
import openai
import pytest

from safeconduct.bootstrap.sidecar import SidecarOptions, run
from safeconduct.cli.keys import write_key
from safeconduct.http.control.credentials import ASSERTION
from safeconduct.kernel.errors import InvalidInputError
from support.anthropic_stand_in import ALL_DIALECTS
from support.credentials import KEY, SERVICE, assertion, with_service
from support.patience import PATIENCE_S, until
from support.shell import made, serving, start, witness
from support.talker import talking

PATH = "soc-triage"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A gateway on which the service has bound credentials only."""
    house, key = made(tmp_path_factory.mktemp("sidecar") / "house")
    write_key(house.key(SERVICE), SERVICE, KEY)
    with witness(house.root / "witness", key) as told:
        file = house.program(told, upstream="custom", model="m")
        file.write_bytes(with_service(more=", credential: bound", source=file.read_bytes()))
        upstream = b"    upstream: custom\n"
        file.write_bytes(file.read_bytes().replace(upstream, upstream + ALL_DIALECTS))
        said = house("program", "apply", file)
        assert said.code == 0, said
    with talking() as model, serving(house.data, "--model", model.url) as (_process, address):
        yield SimpleNamespace(house=house, url=address.url, data=house.data, model=model)


def beside(served, *words, log):
    return start("sidecar", "--path", PATH, "--key", served.house.key(SERVICE), *words, data=served.data, log=log)


@pytest.fixture(scope="module")
def base(served):
    log = served.house.root / "sidecar"
    with beside(served, "--listen", "127.0.0.1:0", log=log) as process:
        said = log.with_suffix(".out")
        yield until(lambda: said.read_text().strip().partition("sidecar on ")[2], process, says=str(log))


ASKED = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def test_openais_client_calls_without_a_secret(base):
    with openai.OpenAI(base_url=f"{base}/openai/v1", api_key="none", max_retries=0, timeout=PATIENCE_S) as client:
        assert client.chat.completions.create(**ASKED).choices[0].message.content == "{}"
        assert [one.id for one in client.models.list()] == ["m"]
        stream = client.chat.completions.create(**ASKED, stream=True)
        assert next(iter(stream)).choices
        stream.close()


def test_anthropics_client_calls_without_a_secret(base):
    with anthropic.Anthropic(base_url=f"{base}/anthropic", api_key="none", max_retries=0, timeout=PATIENCE_S) as client:
        assert client.messages.create(**ASKED, max_tokens=9).content[0].text == "{}"


def test_no_token_of_the_service_works_without_the_sidecars_key(served, base):
    """Attack: neither its sponsor nor its own key gets it a token that works elsewhere."""
    assert served.house("token", "issue", SERVICE, "--json", by="ana").error == "binding-missing"
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION}
    made_now = assertion(now=int(time.time()))
    for more, code in (
        ({"client_assertion": made_now}, "binding-missing"),
        ({"client_assertion": "a.b.c"}, "assertion-invalid"),
        ({"client_id": SERVICE}, "client-unknown"),
        ({"client_assertion": made_now, "client_id": "ana"}, "credential-request-invalid"),
    ):
        reply = httpx.post(f"{served.url}/api/v1/credentials", data=form | more, timeout=PATIENCE_S)
        assert (reply.status_code >= 400, reply.json()["code"]) == (True, code)


def test_a_unix_socket_is_its_owners_alone(served):
    log, file = served.house.root / "unix", served.house.root / "sidecar.sock"
    with beside(served, "--listen", f"unix:{file}", log=log) as process:
        until(lambda: "sidecar on" in log.with_suffix(".out").read_text(), process, says=str(log))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(file)), timeout=PATIENCE_S) as client:
            assert client.get("http://localhost/openai/v1/models").json()["data"][0]["id"] == "m"
        if os.getuid() == 0:  # only who may become somebody else can try as somebody else
            assert as_somebody_else(file) == "PermissionError"


def as_somebody_else(file):
    """Connects as a user without rights, whom no folder above keeps out."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        told = "let in"
        try:
            os.chdir(file.parent)
            os.setgroups([])
            os.setgid(65_534)
            os.setuid(65_534)
            socket.socket(socket.AF_UNIX).connect(file.name)
        except OSError as error:
            told = type(error).__name__
        os.write(write, told.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return os.read(read, 100).decode()


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:0", "localhost:0", "127.0.0.1:x", "8787"])
def test_it_listens_on_this_machine_only(listen):
    options = SidecarOptions(url="http://127.0.0.1:9", path=PATH, name=SERVICE, key=KEY, listen=listen, ready=print)
    with pytest.raises(InvalidInputError) as caught:
        run(options)
    assert caught.value.code == "listen-beyond-loopback"


def test_a_server_beyond_this_machine_needs_tls_and_one_that_is_away_is_told(served):
    def said(url):
        return served.house("sidecar", "--path", PATH, "--listen", "127.0.0.1:0", "--url", url, by=SERVICE).error

    assert said("http://gateway.example") == "destination-unencrypted"
    assert said("http://127.0.0.1:9") == "server-away"


def test_a_key_that_the_program_does_not_name_gets_no_token(served):
    said = served.house("sidecar", "--path", PATH, "--listen", "127.0.0.1:0", by="ana")
    assert said.error == "client-unknown"
