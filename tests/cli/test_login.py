"""`login`, `token` and `logout` against the control API: who acts is remembered, and tokens end when they say."""

import asyncio
import json
import os
import stat
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from safeconduct.access.tokens import list_tokens
from safeconduct.adapters.clock import SystemClock
from safeconduct.cli import keys, logins
from safeconduct.cli.client import Client
from safeconduct.cli.main import app
from safeconduct.cli.output import EXIT_CODE
from safeconduct.http.inprocess import ask
from safeconduct.kernel.errors import InvalidInputError, SafeconductError
from safeconduct.kernel.instants import rfc3339, seconds
from support.access_house import House
from support.programs import KEYS, in_force

NOW = SystemClock().now()


class Terminal:
    """Somebody's terminal, with nothing in its environment but where things are."""

    def __init__(self, folder):
        self.house = House(in_force(now=SystemClock().now()))
        self.house.app.state.control = replace(self.house.app.state.control, entropy=os.urandom)
        self.folder = folder
        self.config = folder / "config"
        self.asked = []
        for name in ("ops", "ana"):
            keys.write_key(folder / f"{name}.key", name, KEYS[name])

    def __call__(self, *words):
        environment = {"SAFECONDUCT_CONFIG": str(self.config), "SAFECONDUCT_DATA": None, "SAFECONDUCT_KEY": None}
        result = CliRunner(env=environment).invoke(app, [str(word) for word in words])
        if isinstance(result.exception, SafeconductError):
            return EXIT_CODE[result.exception.kind], result.exception.code
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout.strip()

    def login(self, name="ana", *more):
        return self("login", "--key", self.folder / f"{name}.key", "--data", self.folder, *more)

    def held(self):
        return [token.id for token in list_tokens(self.house.writer.state)]


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    made = Terminal(tmp_path)

    def send(client, request):
        made.asked.append(client.where)
        local = {**request.headers, "authorization": "Bearer local"}
        made.house.writer.now = SystemClock().now()
        return asyncio.run(ask(made.house.app, replace(request, headers=local)))

    monkeypatch.setattr(Client, "_send", send)
    return made


def test_after_a_login_tokens_and_signatures_need_no_key(terminal):
    before = terminal.held()
    assert terminal("token")[1] == "key-missing"
    assert terminal.login() == (0, f"you act as ana at {terminal.folder}")
    code, secret = terminal("token")
    assert (code, secret.startswith("sck_")) == (0, True)
    assert terminal("token", "issue", "ana")[0] == 0
    assert len(terminal.held()) == len(before) + 2


def test_a_token_is_handed_out_again_while_it_holds(terminal):
    terminal.login()
    first, second = terminal("token")[1], terminal("token")[1]
    fresh = terminal("token", "--fresh")[1]
    assert first == second != fresh
    assert terminal("token")[1] == fresh


@pytest.mark.parametrize(("left", "again"), [(logins.RENEW, True), (logins.RENEW - seconds(1), False)])
def test_a_token_about_to_end_is_not_handed_out_again(left, again):
    token = logins.Minted(id="t", principal="ana", expires_at=rfc3339(NOW + left), secret="s", where="/srv")
    assert token.lasts(NOW) is again


def test_each_principal_and_each_server_has_its_own_token(terminal):
    terminal.login()
    own = terminal("token")[1]
    service = json.loads(terminal("token", "--principal", "triage-service", "--json")[1])
    assert service["principal"] == "triage-service"
    assert service["secret"] != own == terminal("token")[1]
    elsewhere = terminal("token", "--url", "https://gateway.example")[1]
    assert elsewhere not in (own, service["secret"])
    assert terminal.asked[-1] == "https://gateway.example"


def test_a_login_on_another_machine_names_its_server_and_no_folder(terminal):
    assert terminal("login", "--key", terminal.folder / "ana.key", "--url", "https://gateway.example")[0] == 0
    assert logins.read(terminal.config) == logins.Login(
        key=str(terminal.folder / "ana.key"), url="https://gateway.example"
    )
    terminal("token", "--fresh")
    assert terminal.asked[-1] == "https://gateway.example"


def test_a_login_that_the_server_does_not_take_is_not_remembered(terminal):
    stranger = terminal.folder / "eve.key"
    keys.write_key(stranger, "eve", KEYS["ana"])
    assert terminal("login", "--key", stranger, "--data", terminal.folder)[0] == 3
    assert logins.read(terminal.config) is None


def test_logging_out_revokes_and_forgets(terminal):
    before = terminal.held()
    terminal.login()
    terminal("token", "--fresh")
    assert len(terminal.held()) == len(before) + 2
    code, document = terminal("logout", "--json")
    # The first was replaced on this disk by the fresh one; it ends within its hour.
    assert (code, json.loads(document)) == (0, {"revoked": 1, "left": []})
    assert len(terminal.held()) == len(before) + 1
    assert logins.read(terminal.config) is None
    assert terminal("token")[1] == "key-missing"
    assert terminal("logout") == (0, "logged out; 0 tokens revoked")


def test_only_its_owner_reads_what_a_login_leaves(terminal):
    terminal.login()
    modes = {stat.S_IMODE(file.stat().st_mode) for file in terminal.config.rglob("*.json")}
    assert modes == {0o600}
    assert stat.S_IMODE(terminal.config.stat().st_mode) == 0o700
    file = terminal.config / "login.json"
    file.chmod(0o640)
    with pytest.raises(InvalidInputError) as refused:
        logins.read(terminal.config)
    assert refused.value.code == "key-exposed"


@pytest.mark.parametrize("text", ["", "{", '{"key": 1}', '{"key": "k", "keys": 1}'])
def test_a_file_that_holds_no_login_says_what_to_do(terminal, text):
    terminal.login()
    (terminal.config / "login.json").write_text(text)
    assert terminal("token") == (2, "login-invalid")


@pytest.mark.parametrize(("minutes", "code"), [(10, 0), (9, 2), (24 * 60, 0), (24 * 60 + 1, 2)])
def test_a_minted_token_is_short_lived(terminal, minutes, code):
    terminal.login()
    assert terminal("token", "--minutes", minutes)[0] == code
