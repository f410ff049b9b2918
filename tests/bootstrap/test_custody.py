"""An installation whose keys a token keeps: it runs as any other, and a copy of its disk can sign nothing."""

import pytest

from safeconduct.adapters.data_folder import LOG_KEYS
from safeconduct.bootstrap.custody import derived_secret, log_keys
from safeconduct.bootstrap.installation import create
from safeconduct.ledger.notes import VerifierKey
from support.patience import PATIENCE_S
from support.seeds import exposed
from support.shell import House, agreed, run, start, until, witness
from support.tokens import PIN


def in_custody(root, text):
    data = root / "data"
    data.mkdir(parents=True)
    (data / "custody.toml").write_text(text)
    return root


def raw(*keys):
    return [VerifierKey.parse(key).key.raw for key in keys]


def logs(house):
    return {log["origin"]: log for log in house("log", "show", "--json").json["logs"]}


@pytest.fixture
def kept(tmp_path, token):
    house, told, _key = agreed(in_custody(tmp_path / "house", token.custody(**{"key-encryption": "house"})))
    return house, told


def test_an_installation_with_its_keys_in_a_token_runs_from_end_to_end(kept, token):
    house, told = kept
    assert house("freeze", "all", "--everybody", "--reason", "a drill").code == 0  # a later process, another session
    shown = logs(house)
    assert [log["stopped"] for log in shown.values()] == ["", ""]
    checked = house("log", "verify", "--json")
    assert checked.code == 0
    assert sum(log["size"] for log in checked.json) > 3
    key = shown[house.agreement]["key"]
    with witness(house.root / "witness", key, listen=told["url"].removeprefix("http://")):
        assert house("log", "export", house.root / "export").code == 0
    assert run("log", "verify", house.root / "export", "--key", key, "--witness", told["key"]).code == 0


def test_no_file_of_its_folder_holds_a_secret_key(kept, token):
    house, _told = kept
    public = raw(*(log["key"] for log in logs(house).values()))
    assert exposed(house.data, public) == []
    keks = list((house.data / "kek").iterdir())
    assert [file.read_text() for file in keks] == ["kept:house\n"] * len(keks) != []
    everything = b"".join(path.read_bytes() for path in house.data.rglob("*") if path.is_file())
    assert PIN.encode() not in everything


def test_the_same_search_finds_the_keys_that_files_keep(tmp_path):
    house, _told, key = agreed(tmp_path / "house")
    found = exposed(house.data / LOG_KEYS, raw(*(log["key"] for log in logs(house).values())))
    assert len(found) == 2
    assert exposed(house.data / LOG_KEYS, raw(key)) != found


def test_a_rotation_moves_a_logs_key_from_a_file_into_the_token(tmp_path, token):
    house, told, _key = agreed(tmp_path / "house")
    (house.data / "custody.toml").write_text(token.custody())
    old = logs(house)[house.agreement]["key"]
    with witness(house.root / "witness", old, listen=told["url"].removeprefix("http://")):
        said = house("log", "rotate-key", "--json")
        assert said.code == 0, said
    new = said.json["new"]
    assert logs(house)[house.agreement]["key"] == new
    assert exposed(house.data, raw(new)) == []
    assert len(exposed(house.data / LOG_KEYS, raw(old))) == 1
    assert house("freeze", "all", "--everybody", "--reason", "a drill").code == 0
    assert house("log", "verify").code == 0


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda text, _token: text.replace('token = "house"', 'token = "stolen"'), "key-keeper-unreachable"),
        (lambda text, token: text.replace(str(token.pin_file), f"{token.pin_file}.missing"), "key-unreadable"),
        (
            lambda text, _token: text.replace("[keepers.house]", "[keepers.other]").replace('"house"', '"files"', 2),
            "key-keeper-unknown",
        ),
    ],
)
def test_without_the_token_its_logs_stop_and_no_file_takes_its_place(kept, token, spoil, code):
    house, _told = kept
    file = house.data / "custody.toml"
    right = file.read_text()
    before = {path.name: path.read_text() for path in (house.data / LOG_KEYS).iterdir()}
    file.write_text(spoil(right, token))
    # In processes of their own: this one is logged in to the token and would stay so.
    with start("log", "show", "--json", data=house.data, log=house.root / "shown") as process:
        assert process.wait(PATIENCE_S) == 0, (house.root / "shown.err").read_text()
    stop = ("freeze", "all", "--everybody", "--reason", "now")
    with start(*stop, data=house.data, key=house.key("ops"), log=house.root / "frozen") as process:
        assert process.wait(PATIENCE_S) == 4
    assert f"error ({code})" in (house.root / "frozen.err").read_text()
    assert {path.name: path.read_text() for path in (house.data / LOG_KEYS).iterdir()} == before
    file.write_text(right)
    assert house("freeze", "all", "--everybody", "--reason", "now").code == 0


def test_a_wrong_pin_is_told_at_init_and_leaves_nothing_behind(tmp_path, token):
    house = House(in_custody(tmp_path / "house", token.custody()))
    wrong = tmp_path / "pin"
    wrong.write_text("9999\n")
    wrong.chmod(0o600)
    right = (house.data / "custody.toml").read_text()
    (house.data / "custody.toml").write_text(right.replace(str(token.pin_file), str(wrong)))
    with start("init", data=house.data, log=tmp_path / "init") as process:
        assert process.wait(PATIENCE_S) == 4
    assert "error (key-keeper-refused)" in (tmp_path / "init.err").read_text()
    assert "9999" not in (tmp_path / "init.err").read_text()
    (house.data / "custody.toml").write_text(right)
    with start("init", data=house.data, log=tmp_path / "init") as process:
        assert process.wait(PATIENCE_S) == 0


def test_a_server_says_at_its_start_which_log_it_cannot_sign_for(kept):
    house, _told = kept
    file = house.data / "custody.toml"
    file.write_text(file.read_text().replace('token = "house"', 'token = "stolen"'))
    with start("serve", "--port", 0, "--no-local-model", data=house.data, log=house.root / "server") as process:
        out = house.root / "server.out"
        until(lambda: "serving on" in out.read_text(), process, says="server")
        lines = (house.root / "server.err").read_text().splitlines()
        assert sum(one.startswith("stopped: ") and "the token stolen can't be reached" in one for one in lines) == 2


def test_a_derived_secret_is_the_same_each_time_and_of_one_installation_and_purpose(tmp_path):
    create(tmp_path / "one", "one.example/installation")
    create(tmp_path / "other", "one.example/installation")
    one, again, other = (log_keys(tmp_path / name) for name in ("one", "one", "other"))
    assert derived_secret(one, "a")() == derived_secret(again, "a")()
    assert len({derived_secret(one, "a")(), derived_secret(one, "b")(), derived_secret(other, "a")()}) == 3


def test_a_token_gives_the_same_secret_each_time(kept):
    house, _told = kept
    one, again = (derived_secret(log_keys(house.data), "a")() for _ in range(2))
    assert (one == again, len(one)) == (True, 32)
