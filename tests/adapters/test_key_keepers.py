"""`KeyKeeper`: one contract for the token and the key service, then what is each one's own."""

import concurrent.futures
import subprocess
import sys

import pytest

from safeconduct.adapters.clock import system_entropy
from safeconduct.adapters.custody.token import Token, TokenPlace
from safeconduct.adapters.custody.transit import Transit, TransitPlace
from safeconduct.adapters.custody.wrapping import KeptWrappingKeys
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.ledger.keys import KeyUnavailableError
from support.liars import Raw, drips, says
from support.shell import environment
from support.tokens import MODULE, PIN
from support.transit import TOKEN, TransitServer


def token_of(soft, **other):
    return Token(TokenPlace(**{"module": str(MODULE), "label": soft.label, "pin": PIN} | other))


@pytest.fixture
def service():
    with TransitServer() as server:
        yield server


def transit_of(server, **other):
    return Transit(TransitPlace(**{"url": server.url, "mount": "transit", "token": TOKEN} | other))


@pytest.fixture(params=["token", "transit"])
def keeper(request):
    if request.param == "token":
        return token_of(request.getfixturevalue("token"))
    return transit_of(request.getfixturevalue("service"))


@pytest.fixture
def name(request):
    return f"k-{request.node.name}"


def test_what_a_kept_key_signs_verifies_under_the_public_half_it_was_made_with(keeper, name):
    public = keeper.make(name)
    assert public.verifies(keeper.sign(name, b"a checkpoint"), b"a checkpoint")
    assert not public.verifies(keeper.sign(name, b"a checkpoint"), b"another")


def test_two_names_are_two_keys(keeper, name):
    first, second = keeper.make(f"{name}-1"), keeper.make(f"{name}-2")
    assert first != second
    assert second.verifies(keeper.sign(f"{name}-2", b"x"), b"x")


def test_a_key_that_is_not_there_signs_nothing(keeper):
    with pytest.raises(KeyUnavailableError):
        keeper.sign("nobody", b"x")


def test_a_name_is_used_once(keeper, name):
    public = keeper.make(name)
    with pytest.raises(KeyUnavailableError) as refused:
        keeper.make(name)
    assert refused.value.code == "key-exists"
    assert public.verifies(keeper.sign(name, b"x"), b"x")


def test_many_threads_sign_at_once(keeper, name):
    public = keeper.make(name)
    messages = [b"%d" % number for number in range(64)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda message: keeper.sign(name, message), messages))
    assert all(public.verifies(*pair) for pair in zip(signatures, messages, strict=True))


def test_what_was_wrapped_opens_for_what_it_was_bound_to_and_nothing_else(keeper, name):
    keeper.make_wrapping(f"{name}-1")
    keeper.make_wrapping(f"{name}-2")
    wrapped = keeper.wrap(f"{name}-1", b"k" * 32, b"bound")
    assert b"k" * 32 not in wrapped
    assert keeper.wrap(f"{name}-1", b"k" * 32, b"bound") != wrapped
    assert keeper.unwrap(f"{name}-1", wrapped, b"bound") == b"k" * 32
    assert keeper.unwrap(f"{name}-1", wrapped, b"other") is None
    assert keeper.unwrap(f"{name}-2", wrapped, b"bound") is None
    damaged = bytearray(wrapped)
    damaged[-2] ^= 1
    assert keeper.unwrap(f"{name}-1", bytes(damaged), b"bound") is None


def test_a_destroyed_wrapping_key_opens_nothing_any_more(keeper, name):
    keeper.make_wrapping(name)
    wrapped = keeper.wrap(name, b"k" * 32, b"bound")
    for _attempt in range(2):
        keeper.destroy_wrapping(name)
    with pytest.raises(KeyUnavailableError):
        keeper.unwrap(name, wrapped, b"bound")
    with pytest.raises(KeyUnavailableError):
        keeper.wrap(name, b"k" * 32, b"bound")


def kept(folder, keeper, place="house"):
    return KeptWrappingKeys(folder, system_entropy, keepers={"house": lambda: keeper}, place=place)


def test_key_encryption_keys_lie_with_the_keeper_and_the_folder_names_them(keeper, tmp_path):
    keys = kept(tmp_path, keeper)
    one, other = keys.make(), keys.make()
    assert keys.ids() == sorted([one.id, other.id])
    wrapped = one.wrap(b"k" * 32, b"bound")
    assert kept(tmp_path, keeper).find(one.id).unwrap(wrapped, b"bound") == b"k" * 32
    assert (tmp_path / one.id).read_text() == "kept:house\n"
    with pytest.raises(UnavailableError) as refused:
        keys.find(other.id).unwrap(wrapped, b"bound")
    assert refused.value.code == "data-key-damaged"
    keys.destroy(one.id)
    keys.destroy(one.id)
    assert keys.ids() == [other.id]
    with pytest.raises(UnavailableError) as refused:
        keys.find(one.id)
    assert refused.value.code == "wrapping-key-missing"


def test_keys_of_files_and_of_keepers_stand_side_by_side(keeper, tmp_path):
    before = kept(tmp_path, keeper, place="files").make()
    after = kept(tmp_path, keeper)
    wrapped = before.wrap(b"k" * 32, b"bound")
    assert after.find(before.id).unwrap(wrapped, b"bound") == b"k" * 32
    made = after.make()
    forgotten = KeptWrappingKeys(tmp_path, system_entropy, keepers={}, place="files").find(made.id)
    with pytest.raises(KeyUnavailableError) as refused:
        forgotten.wrap(b"k" * 32, b"bound")
    assert refused.value.code == "key-keeper-unknown"


def test_a_key_outlives_the_session_that_made_it(token, name):
    public = token_of(token).make(name)
    assert public.verifies(token_of(token).sign(name, b"x"), b"x")


def test_a_lost_session_is_opened_again(token, name):
    keeper = token_of(token)
    public = keeper.make(name)
    keeper.use(lambda session: session.close())
    assert public.verifies(keeper.sign(name, b"x"), b"x")


def test_a_secret_half_never_leaves_the_token(token, name):
    import pkcs11

    keeper = token_of(token)
    keeper.make(name)
    private = keeper.use(lambda session: session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=name))
    assert private[pkcs11.Attribute.SENSITIVE] is True
    assert private[pkcs11.Attribute.EXTRACTABLE] is False
    with pytest.raises(pkcs11.exceptions.PKCS11Error):
        _ = private[pkcs11.Attribute.VALUE]


def test_a_refused_pin_is_not_tried_again(token):
    # In a process of its own: a login is the whole process's, and this one's holds already.
    script = """
import sys
from safeconduct.adapters.custody.token import Token, TokenPlace
from safeconduct.ledger.keys import KeyUnavailableError
module, label, right = sys.argv[1:]
keeper = Token(TokenPlace(module=module, label=label, pin="wrong"))
for attempt in range(2):
    try:
        keeper.sign("k", b"x")
    except KeyUnavailableError as error:
        print(error.code, "wrong" in str(error))
    keeper._place = TokenPlace(module=module, label=label, pin=right)  # it would do now, were it tried
"""
    words = [sys.executable, "-c", script, str(MODULE), token.label, PIN]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=environment())
    assert said.stdout.split("\n") == ["key-keeper-refused False"] * 2 + [""]


@pytest.mark.parametrize("other", [{"label": "another"}, {"module": "/nowhere/lib.so"}])
def test_a_token_that_is_not_there_is_told_of(token, other):
    with pytest.raises(KeyUnavailableError) as refused:
        token_of(token, **other).make("x")
    assert refused.value.code == "key-keeper-unreachable"
    assert PIN not in str(refused.value) + repr(token_of(token)._place)


def test_a_service_that_refuses_or_is_down_is_told_of(service, name):
    with pytest.raises(KeyUnavailableError) as refused:
        transit_of(service, token="another").make(name)
    assert refused.value.code == "key-keeper-refused"
    service.engine.down = True
    with pytest.raises(KeyUnavailableError) as refused:
        transit_of(service).make(name)
    assert refused.value.code == "key-keeper-unreachable"
    assert TOKEN not in str(refused.value) + repr(transit_of(service)._place)
    with pytest.raises(KeyUnavailableError, match="does not answer"):
        transit_of(service, url="http://127.0.0.1:9").make(name)


def test_a_signature_of_another_version_of_the_key_is_not_taken(service, name, monkeypatch):
    keeper = transit_of(service)
    keeper.make(name)
    monkeypatch.setattr("support.transit.PREFIX", "vault:v2:")
    with pytest.raises(KeyUnavailableError) as refused:
        keeper.sign(name, b"x")
    assert refused.value.code == "key-keeper-garbled"


def test_keys_and_their_token_leave_the_machine_encrypted_or_not_at_all():
    with pytest.raises(InvalidInputError) as refused:
        Transit(TransitPlace(url="http://vault.example:8200", mount="transit", token=TOKEN))
    assert refused.value.code == "destination-unencrypted"
    Transit(TransitPlace(url="https://vault.example:8200", mount="transit", token=TOKEN))


def test_a_service_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr("safeconduct.adapters.custody.transit.TIMEOUT_S", 0.2)
    with Raw(drips) as server, pytest.raises(KeyUnavailableError) as refused:
        transit_of(server).sign("k", b"x")
    assert refused.value.code == "key-keeper-unreachable"


def test_no_error_tells_an_opened_key():
    answer = '{"data": {"plaintext": "c2VjcmV0LWtleS1ieXRlcw_-"}}'  # base64 of another kind
    with Raw(says(answer)) as server, pytest.raises(KeyUnavailableError) as refused:
        transit_of(server).unwrap("k", b"vault:v1:x", b"bound")
    assert refused.value.code == "key-keeper-garbled"
    assert "c2VjcmV0" not in str(refused.value) + repr(refused.value.__dict__)
