"""`safeconduct copy`: a provider with its own disk, over HTTP, takes what is its own and nothing else."""

import json

import pytest
import typer
from typer.testing import CliRunner

from safeconduct.adapters.clock import SystemClock
from safeconduct.adapters.files import write_secret
from safeconduct.cli import copy, log
from safeconduct.cli.keys import write_key
from safeconduct.cli.output import EXIT_CODE
from safeconduct.http.inprocess import Ask
from safeconduct.kernel.entries import Reader
from safeconduct.kernel.errors import SafeconductError
from safeconduct.ledger.copies import decode_records
from safeconduct.ledger.wrapping import ReaderSecret
from support.disk_search import found
from support.gateway_world import AGREEMENT, INSTALLATION, SIGNERS, log_world
from support.programs import KEYS
from support.readers import PROVIDER_KEY, reader_secret, with_readers
from support.sealed_house import SealedHouse
from support.serving import served

app = typer.Typer()
app.add_typer(log.commands, name="log")
app.add_typer(copy.commands, name="copy")
KEY = SIGNERS[AGREEMENT].verifier.text
SECRET = ReaderSecret(reader_secret("provider").private_bytes_raw())


@pytest.fixture
def house():
    with log_world(program=with_readers()) as world:
        made = SealedHouse(world)
        world.clock.at = SystemClock().now()  # the commands sign with the time of day
        yield made


def run(*words):
    result = CliRunner().invoke(app, [*map(str, words), "--json"])
    if isinstance(result.exception, SafeconductError):
        return EXIT_CODE[result.exception.kind], result.exception.code
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def test_a_readers_key_that_others_may_read_is_not_used(tmp_path):
    file = tmp_path / "reader.key"
    write_secret(file, SECRET.text + "\n")
    words = ("copy", "update", "--url", "http://127.0.0.1:9/log/x", "--dir", tmp_path / "copy", "--role", "provider")
    words += ("--mirror", tmp_path / "mirror", "--log-key", KEY, "--reader-key", file)
    assert run(*words)[1] == "folder-missing"
    file.chmod(0o640)
    assert run(*words)[1] == "key-exposed"


class Provider:
    """The provider's own folder and the options that its commands take."""

    def __init__(self, folder, server):
        self.folder, self.url = folder, f"{server}/log/{AGREEMENT}"
        folder.mkdir(exist_ok=True)
        if not (folder / "ops.key").exists():
            write_key(folder / "ops.key", "ops", KEYS["ops"])
            write_secret(folder / "reader.key", SECRET.text + "\n")
        self.signed = ("--key", folder / "ops.key")
        self.here = ("--dir", folder / "copy", "--mirror", folder / "mirror", "--role", "provider", "--log-key", KEY)

    def mirror(self):
        return run("log", "mirror", self.url, "--dir", self.folder / "mirror", "--log-key", KEY, *self.signed)

    def update(self):
        return run(
            "copy", "update", "--url", self.url, *self.here, "--reader-key", self.folder / "reader.key", *self.signed
        )

    def open(self, entry, field, *more):
        asked = ("--url", self.url, "--reason", "incident 7", *self.signed)
        return run("copy", "open", entry, field, *self.here, *asked, *more)

    def destroy(self, order):
        return run("copy", "destroy", order, "--url", self.url, *self.here, *self.signed)


def test_the_provider_takes_and_opens_its_own_from_its_own_copy(house, tmp_path):
    with served(house.app) as server:
        provider = Provider(tmp_path, server)
        assert provider.mirror()[0] == 0
        assert provider.update() == (0, {"keys": 1, "blobs": 1, "missing": []})
        assert provider.update() == (0, {"keys": 0, "blobs": 0, "missing": []})
        code, shown = provider.open(house.call, "request")
        assert (code, shown["value"]) == (0, "a question")
        said = house.log()[-1]
        assert (said.id, said.type) == (shown["opened"], "access.field.opened/1")
        assert (said.body["reader"], said.body["own_copy"], said.act["actor"]) == ("provider", True, "ops")
        disclosure = tmp_path / "request.disclosure"
        assert provider.open(house.call, "request", "--out", disclosure)[0] == 0
        assert provider.open(house.call, "sent") == (3, "not-a-reader")
        assert provider.open(house.call[:-1], "request") == provider.open("0", "request") == (2, "not-found")
        assert provider.open(house.outcome, "released") == (3, "not-a-reader")
        assert provider.open(house.call, "nothing") == (2, "not-found")
    code, verified = run("log", "verify", disclosure, "--key", KEY)
    assert (code, verified["disclosed"]) == (0, {"request": "a question"})


def test_what_the_log_can_not_take_is_not_opened_from_the_copy_either(house, tmp_path):
    with served(house.app) as server:
        provider = Provider(tmp_path, server)
        provider.mirror()
        provider.update()
        unsigned = ("open", house.call, "request", *provider.here, "--url", provider.url)
        assert run("copy", *unsigned, "--reason", "incident 7") == (2, "key-missing")
        assert run("copy", *unsigned, "--reason", " ", *provider.signed) == (2, "reason-missing")
        size = len(house.log())
    out = tmp_path / "request.disclosure"
    assert provider.open(house.call, "request", "--out", out)[0] == 4  # the server is gone
    assert not out.exists()
    assert len(house.log()) == size


def test_an_order_is_carried_out_on_the_provider_s_disk_and_certified(house, tmp_path):
    with served(house.app) as server:
        provider = Provider(tmp_path, server)
        provider.mirror()
        provider.update()
        (record,) = house.world.keys.wrapped(Reader.PROVIDER)
        raw = SECRET.unwrap(record.wrapped, AGREEMENT, record.id, Reader.PROVIDER)
        _, order = house.post("destructions", {"subject": "ana", "reason": "it was asked for"}, by="ivo")
        assert order["in_force"]
        assert provider.destroy(order["order"]) == (2, "not-found")  # its mirror has no such order yet
        provider.mirror()
        code, certified = provider.destroy(order["order"])
        assert code == 0
        assert {one["holder"]: one["destroyed"] for one in certified["holders"]} == {
            "auditor": False,
            "partner": True,
            "provider": True,
        }
        assert house.log()[-1].act["actor"] == "ops"
        assert provider.update() == (0, {"keys": 0, "blobs": 0, "missing": []})
    assert provider.open(house.call, "request") == (2, "destroyed")
    assert found(tmp_path, [raw, record.wrapped]) == []


def test_an_order_that_is_not_in_force_destroys_nothing(house, tmp_path):
    with served(house.app) as server:
        provider = Provider(tmp_path, server)
        house.partner_answers = False
        _, order = house.post("destructions", {"subject": "ana", "reason": "it was asked for"}, by="ivo")
        provider.mirror()
        provider.update()
        assert provider.destroy(order["order"]) == (3, "order-not-in-force")
        house.partner_answers = True
        house.settled()
        _, shown = house.get(f"destructions/{order['order']}")
        assert shown["in_force"]  # so the keeper says, and the mirror does not yet: its word alone destroys nothing
        assert provider.destroy(order["order"]) == (3, "order-not-in-force")
        assert provider.open(house.call, "request")[0] == 0
        provider.mirror()
        assert provider.destroy(order["order"])[0] == 0


def asked(house, path, by):
    from safeconduct.http.acts import HEADER, encode_act
    from support.programs import signed

    where = f"/log/{path}"
    act = signed(by, f"GET {where}", b"", house.world.clock.now()) if by else None
    headers = {HEADER: encode_act(act)} if act else {"authorization": "Bearer local"}
    return house.send(Ask(method="GET", path=where, headers=headers))


def test_nobody_gets_another_reader_s_keys_or_blobs(house):
    def keys(by, origin=AGREEMENT, after=0):
        status, told = asked(house, f"{origin}/wrapped-keys/{after}", by)
        return [(one["reader"]) for one in told] if status == 200 else (status, told["code"])

    def blob(by, entry, field, origin=AGREEMENT):
        status, told = asked(house, f"{origin}/payload/{entry}/{field}", by)
        return status if isinstance(told, bytes) else (status, told["code"])

    assert keys("ops") == ["provider"]
    assert keys("eve") == ["auditor"]
    assert keys("bo") == keys(None) == []  # the house has its keys at home
    assert keys("ana") == (403, "not-yours")  # an analyst reads no log whole
    assert keys("ops", INSTALLATION) == []
    assert keys("ops", after=2**63 - 1) == []
    assert keys("ops", after=2**63) == keys("ops", after=-1) == (400, "invalid-input")
    assert keys("stranger")[0] == 401
    assert blob("ops", house.call, "request") == 200
    assert blob("ops", house.call, "sent") == (403, "not-a-reader")
    assert blob("eve", house.call, "request") == (403, "not-a-reader")
    assert blob("eve", house.outcome, "released") == 200
    assert blob(None, house.call, "sent") == 200
    assert blob("ops", house.call, "request", INSTALLATION) == (404, "field-unknown")
    assert blob("ops", house.call, "nothing") == (404, "field-unknown")
    house.world.store.stored_blobs.pop((house.call, "request"))
    assert blob("ops", house.call, "request") == (404, "destroyed")


def test_what_a_reader_s_key_file_is(tmp_path):
    code, made = run("copy", "key", "--out", tmp_path / "reader.key")
    assert code == 0
    secret = ReaderSecret.parse((tmp_path / "reader.key").read_text())
    assert secret.public.text == made["key"]
    assert (tmp_path / "reader.key").stat().st_mode & 0o777 == 0o600
    assert run("copy", "key", "--out", tmp_path / "reader.key") == (1, "already-exists")


def test_the_keys_of_the_tests_are_what_the_agreement_names():
    assert SECRET.public.text == PROVIDER_KEY
    assert len(decode_records(b"[]")) == 0
