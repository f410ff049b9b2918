"""The way in on the box: while the identity provider and the partner are both away, who has a key acts all the same."""

import pytest

from support.shell import made, witness
from support.sign_ins import with_sign_ins

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """An installation whose identity provider does not answer, and whose partner's witness has gone."""
    house, key = made(tmp_path_factory.mktemp("in") / "house")
    with witness(house.root / "witness", key) as told:
        file = house.program(told)
        file.write_bytes(with_sign_ins(file.read_bytes(), issuer=NOBODY))
        said = house("program", "apply", file)
        assert said.code == 0, said
    return house


def test_a_sign_in_says_that_the_provider_is_down(house):
    assert house("login", "--oidc", "northwind-sso", "--no-browser").error == "identity-provider-down"


def test_who_has_a_key_reads_freezes_and_gets_tokens(house):
    assert house("freeze", "principal:bo", "--reason", "a test").code == 0
    assert house("token", "issue", "ana", by="ana").code == 0
    assert house("call", "list", "--json").code == 0


def test_the_doctor_tells_who_gets_in(house):
    (found,) = (one for one in house("doctor", "--json").json["findings"] if one["check"] == "way in")
    assert (found["state"], "ops" in found["said"]) == ("ok", True)
