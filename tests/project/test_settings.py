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
