from pathlib import Path

import pytest

from safeconduct import settings
from safeconduct.kernel.errors import InvalidInputError
from safeconduct.ledger.keys import SecretKey

KEY = SecretKey(bytes(range(32)))


def key_file(tmp_path, text, mode=0o600):
    path = tmp_path / "ana.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_names_the_data():
    assert settings.read({"SAFECONDUCT_DATA": "/srv/sc"}).data == Path("/srv/sc")
    assert settings.read({"HOME": "/home/ana"}).data == Path("/home/ana/.local/state/safeconduct")


def test_a_secret_comes_from_the_environment_or_not_at_all():
    assert settings.read({"MODEL_KEY": "sk-1"}).secret("MODEL_KEY") == "sk-1"
    with pytest.raises(InvalidInputError, match="MODEL_KEY is not set"):
        settings.read({"MODEL_KEY": ""}).secret("MODEL_KEY")


def test_a_key_file_names_its_principal(tmp_path):
    name, key = settings.read_key(key_file(tmp_path, f"ana {KEY.text}\n"))
    assert (name, key.public) == ("ana", KEY.public)


def test_a_key_that_others_can_read_is_refused(tmp_path):
    with pytest.raises(InvalidInputError) as refused:
        settings.read_key(key_file(tmp_path, f"ana {KEY.text}\n", 0o640))
    assert refused.value.code == "key-exposed"


@pytest.mark.parametrize("text", ["", "ana", "ana ed25519-secret:AAAA", "x" * 1025, f"ana {KEY.public.text}"])
def test_what_is_no_key_file_is_refused_without_showing_it(tmp_path, text):
    with pytest.raises(InvalidInputError) as refused:
        settings.read_key(key_file(tmp_path, text))
    assert "AAAA" not in refused.value.message
    assert "ana.key" in refused.value.message


CUSTODY = """
log-keys = "house"

[keepers.house]
kind = "pkcs11"
module = "/lib/p11.so"
token = "house"
secret-env = "HOUSE_PIN"
"""


def custody(tmp_path, text):
    (tmp_path / "custody.toml").write_text(text)
    return settings.read_custody(tmp_path)


def test_files_keep_keys_unless_the_folder_says_otherwise(tmp_path):
    assert settings.read_custody(tmp_path) == settings.Custody(log_keys="files", key_encryption="files")
    read = custody(tmp_path, CUSTODY)
    assert (read.log_keys, read.key_encryption, read.keepers["house"].token) == ("house", "files", "house")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("log-keys", "log-kees"), "log-kees"),
        (('log-keys = "house"', 'log-keys = "safe"'), "no keeper 'safe'; there is files, house"),
        (('"pkcs11"', '"tpm"'), "tpm"),
        (('module = "/lib/p11.so"', ""), "module"),
        (("[keepers.house]", "[keepers.house"), "at line"),
    ],
)
def test_a_custody_file_that_says_something_else_is_refused(tmp_path, change, told):
    with pytest.raises(InvalidInputError) as refused:
        custody(tmp_path, CUSTODY.replace(*change))
    assert refused.value.code == "custody-invalid"
    assert told in refused.value.message


def test_a_keepers_secret_comes_from_one_file_or_one_variable(tmp_path):
    read = custody(tmp_path, CUSTODY).keepers["house"]
    assert settings.read({"HOUSE_PIN": "4711"}).keeper_secret(read) == "4711"
    with pytest.raises(InvalidInputError, match="HOUSE_PIN is not set"):
        settings.read({}).keeper_secret(read)
    pin = key_file(tmp_path, "4711\n")
    by_file = CUSTODY.replace('secret-env = "HOUSE_PIN"', f'secret-file = "{pin}"')
    assert settings.read({}).keeper_secret(custody(tmp_path, by_file).keepers["house"]) == "4711"
    for both_or_none in (by_file + 'secret-env = "HOUSE_PIN"\n', CUSTODY.replace('secret-env = "HOUSE_PIN"', "")):
        with pytest.raises(InvalidInputError, match="one of them"):
            settings.read({"HOUSE_PIN": "1"}).keeper_secret(custody(tmp_path, both_or_none).keepers["house"])
    pin.chmod(0o640)
    with pytest.raises(InvalidInputError) as refused:
        settings.read({}).keeper_secret(custody(tmp_path, by_file).keepers["house"])
    assert refused.value.code == "key-exposed"
    pin.chmod(0o600)
    pin.write_text("1" * (settings.SECRET_BYTES_MAX + 1))
    with pytest.raises(InvalidInputError, match="holds no secret") as refused:
        settings.read({}).keeper_secret(custody(tmp_path, by_file).keepers["house"])
    assert "1111" not in refused.value.message
