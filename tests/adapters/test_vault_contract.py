"""What every `Vault` promises, held against memory and disk alike."""

import sqlite3
from contextlib import closing

import pytest

from safeconduct.adapters.memory.keys import MemoryKeys
from safeconduct.adapters.postgres.keys import PostgresKeys
from safeconduct.adapters.sqlite.keys import SqliteKeys
from safeconduct.adapters.wrapping_keys import FileWrappingKeys
from safeconduct.boundary.spaces import Owner, space_of
from safeconduct.kernel.errors import UnavailableError
from safeconduct.kernel.instants import Instant, seconds
from safeconduct.ledger.sealing import KeySelector
from support.disk_search import found
from support.logs import CALLS, START, Counting

INCIDENT = space_of(CALLS, "northwind", "incident:inc-7", "")
ANA, BO = Owner(CALLS, "ana", START), Owner(CALLS, "bo", START)
TOKEN, SPELLED = "HOST_abcdefghaa", "HOST_abcdefghk3"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def vault(request, tmp_path):
    if request.param == "memory":
        yield MemoryKeys(Counting())
        return
    made = opened(request, tmp_path)
    yield made
    made.close()


def opened(request, tmp_path, seed=""):
    wrappers = FileWrappingKeys(tmp_path / "kek", Counting(seed))
    if "sqlite" in request.node.name:
        return SqliteKeys(tmp_path / "keys.db", Counting(seed), wrappers)
    return PostgresKeys(request.getfixturevalue("database"), Counting(seed), wrappers)


def test_a_space_s_secret_is_its_own_and_stays(vault):
    others = [
        space_of(CALLS, "northwind", "incident:inc-8", ""),
        space_of(CALLS, "contoso", "incident:inc-7", ""),
        space_of(CALLS, "northwind", "inc-7", ""),
        space_of(CALLS, "northwind", "", "inc-7"),
    ]
    secrets = [space.secret(vault.key(space)) for space in (INCIDENT, *others)]
    assert len(set(secrets)) == 5
    assert {len(one) for one in secrets} == {32}
    other_shift = space_of(CALLS, "northwind", "incident:inc-7/shift-2", "x")
    assert other_shift == INCIDENT


def test_what_is_kept_is_told_again_to_whoever_keeps_the_like(vault):
    assert vault.keep(INCIDENT, ANA, {TOKEN: "ws01"}) == {TOKEN: "ws01"}
    assert vault.keep(INCIDENT, ANA, {TOKEN: "ws01"}) == {TOKEN: "ws01"}
    assert vault.keep(INCIDENT, BO, {SPELLED: "WS01"}) == {TOKEN: "ws01", SPELLED: "WS01"}
    assert vault.keep(space_of(CALLS, "northwind", "other", ""), BO, {TOKEN: "ws02"}) == {TOKEN: "ws02"}


@pytest.mark.parametrize("pair", [{TOKEN: "ws02"}, {SPELLED: "ws02"}, {TOKEN: "WS01"}])
def test_of_pairs_that_clash_one_is_kept(vault, pair):
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01"})
    assert vault.keep(INCIDENT, BO, pair | {"USER_abcdefghaa": "bo"}) == {TOKEN: "ws01", "USER_abcdefghaa": "bo"}


def test_what_was_kept_for_somebody_ends_with_their_key_and_others_keep_theirs(vault):
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01", "USER_abcdefghaa": "ana"})
    vault.keep(INCIDENT, BO, {TOKEN: "ws01"})
    before = vault.generation
    vault.destroy(vault.ids(KeySelector(origin=CALLS, subject="ana")))
    assert vault.generation != before
    assert vault.keep(INCIDENT, BO, {"USER_abcdefghaa": "else"}) == {"USER_abcdefghaa": "else"}
    assert vault.keep(INCIDENT, BO, {TOKEN: "ws02"}) == {TOKEN: "ws01"}


def test_a_day_s_keys_are_of_the_class_and_day_of_prompts(vault):
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01"})
    vault.keep(INCIDENT, Owner(CALLS, "ana", Instant(START + seconds(86_400))), {SPELLED: "WS01"})
    assert len(vault.ids(KeySelector(origin=CALLS, subject="ana"))) == 2
    (old,) = vault.ids(KeySelector(origin=CALLS, subject="ana", before="2026-11-22"))
    vault.destroy([old])
    assert vault.keep(INCIDENT, BO, {TOKEN: "ws01"}) == {TOKEN: "ws01", SPELLED: "WS01"}


@pytest.mark.parametrize("vault", ["sqlite", "postgres"], indirect=True)
def test_it_outlives_the_process_and_shows_nothing_on_disk(vault, request, tmp_path):
    key = vault.key(INCIDENT)
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01-secret-name"})
    again = opened(request, tmp_path, "again")
    assert again.key(INCIDENT) == key
    assert again.keep(INCIDENT, BO, {TOKEN: "ws02"}) == {TOKEN: "ws01-secret-name"}
    again.close()
    assert not found(tmp_path, [b"ws01-secret-name"])


@pytest.mark.parametrize("vault", ["sqlite"], indirect=True)
@pytest.mark.parametrize("change", ["sealed = zeroblob(40)", "token = 'HOST_abcdefghbb'"])
def test_what_is_damaged_or_moved_says_so_and_gives_nothing(vault, tmp_path, change):
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01"})
    with closing(sqlite3.connect(tmp_path / "keys.db")) as file, file:
        file.execute(f"UPDATE pseudonyms SET {change}")  # noqa: S608 - our own words
    with pytest.raises(UnavailableError, match="does not open") as caught:
        vault.keep(INCIDENT, BO, {TOKEN: "ws01"})
    assert caught.value.code == "vault-damaged"


def test_a_token_is_found_in_its_space_alone_and_whoever_it_is_kept_for_is_told(vault):
    vault.keep(INCIDENT, ANA, {TOKEN: "ws01"})
    other = space_of(CALLS, "northwind", "other", "")
    assert (vault.find(INCIDENT, TOKEN), vault.find(INCIDENT, SPELLED), vault.find(other, TOKEN)) == (
        "ws01",
        None,
        None,
    )
    assert vault.holders(CALLS, TOKEN) == {"ana"}
    assert vault.holders(CALLS, SPELLED) == vault.holders("another.example/log", TOKEN) == frozenset()
    vault.keep(other, BO, {TOKEN: "ws01"})
    assert vault.holders(CALLS, TOKEN) == {"ana", "bo"}
    vault.destroy(vault.ids(KeySelector(origin=CALLS, subject="ana")))
    assert (vault.find(INCIDENT, TOKEN), vault.holders(CALLS, TOKEN)) == (None, {"bo"})
