"""Keys of upstreams, revoked at vendors that fail, that lose answers and that quote credentials."""

import asyncio
import contextlib
import hashlib
from copy import copy
from dataclasses import replace
from functools import cache, partial

import pytest

from safeconduct.access import records as kept
from safeconduct.access.freezes import freeze, freezes
from safeconduct.access.upstream_key_events import KEY_REVOCATIONS, REVOKE_KEY, UPSTREAM_KEY_SETTLED
from safeconduct.access.upstream_keys import unrevoked
from safeconduct.adapters.key_revokers import ANSWER_BYTES_MAX, find_way
from safeconduct.kernel.canonical import canonical
from safeconduct.kernel.effects import OUTBOX
from safeconduct.kernel.errors import SafeconductError
from safeconduct.runtime.key_revoking import GIVE_UP, TRIES_MIN, KeyCarrier
from safeconduct.settings import read
from support.attributes import attributed
from support.freezing import ordered
from support.key_vendors import ADMIN, KEY, AnthropicVendor, OpenAIVendor, said
from support.programs import KEYS, in_force, signed
from support.vendors import Reply

VENDORS = [OpenAIVendor, AnthropicVendor]
OPERATION = "POST /api/v1/freezes/start"


@cache
def program_in_force():
    """Returns the program's writer, made once; its upstream is one that a file may describe."""
    made = in_force(attributed())
    for name, path in list(made.state.scan(kept.PATHS)):
        providers = tuple(replace(one, upstream="other") for one in path.providers)
        made.state.put(kept.PATHS, name, replace(path, providers=providers))
    return made


def fresh():
    made = copy(program_in_force())
    made.state, made.entries, made.drafts = made.state.copy(), made.entries[:], dict(made.drafts)
    return made


class House:
    """A program whose upstream is asked with KEY, and the carrier of orders to revoke it."""

    def __init__(self, folder, table=""):
        self.writer = fresh()
        self.admin, self.file = folder / "admin", folder / "upstreams.toml"
        self.admin.write_text(ADMIN)
        self.admin.chmod(0o600)
        self.describe(table)
        find = partial(find_way, self.file, read().secret_at)
        self.carrier = KeyCarrier(self.writer, self.snapshot, self, find)

    def describe(self, table):
        self.file.write_text(f"[upstreams.other]\n{table}\n" if table else "[upstreams]\n")

    def snapshot(self):
        return contextlib.nullcontext(self.writer.state)

    def now(self):
        return self.writer.now

    def freeze(self, selector=f"key:{KEY}", *, revoke=True):
        act = signed("ops", OPERATION, selector.encode(), self.writer.now)
        content = hashlib.sha256(selector.encode()).hexdigest()
        order = ordered(selector, revoke_upstream=revoke)
        return self.writer.run(lambda tx: freeze(tx, act, order, operation=OPERATION, content=content))

    @property
    def effects(self):
        return [one for _, one in self.writer.state.scan(OUTBOX) if one.kind == REVOKE_KEY]

    async def carry(self):
        """Carries out once what waits; returns why it is to be carried out again, or what came of it."""
        (effect,) = self.effects
        try:
            await self.carrier.carry_out(effect)
        except SafeconductError as error:
            return error.code
        event = UPSTREAM_KEY_SETTLED.read(self.writer.entries[-1])
        assert (event.freeze, event.key, self.effects) == (effect.key, KEY, [])
        order = self.writer.state.get(KEY_REVOCATIONS, effect.key)
        assert (order.state, order.said) == (event.outcome, event.said)
        assert ADMIN.encode() not in b"".join(canonical(one.body) for one in self.writer.entries)
        return event.outcome.value, event.said


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def carried(house, vendor, *, freeze=True, times=1):
    async def main():
        async with vendor.running():
            house.describe(vendor.table(house.admin))
            if freeze:
                house.freeze()
            return [await house.carry() for _ in range(times)]

    return asyncio.run(main())


@pytest.mark.parametrize("kind", VENDORS)
def test_a_key_is_revoked_and_an_entry_says_so(house, kind):
    assert carried(house, vendor := kind()) == [("revoked", "the vendor has revoked it")]
    assert [one.method for one in vendor.came] == ["GET", {OpenAIVendor: "DELETE", AnthropicVendor: "POST"}[kind]]
    assert vendor.changes == 1
    assert list(unrevoked(house.writer.state)) == []


def test_a_freeze_is_in_force_without_any_vendor_and_orders_in_its_own_transaction(house):
    before = len(house.writer.entries)
    made = house.freeze()
    assert len(house.writer.entries) == before + 1
    assert [one.key for one in house.effects] == [made.id]
    assert freezes(house.writer.state) == (made,)


def test_a_freeze_alone_revokes_nothing(house):
    house.freeze(revoke=False)
    assert house.effects == []


@pytest.mark.parametrize(
    "selector", ["all", "path:soc-triage", f"key:{KEY}&principal:ana", f"!key:{KEY}", f"key:{KEYS['ops'].public.text}"]
)
def test_only_exactly_the_key_of_an_upstream_is_revoked_and_else_nothing_is_frozen(house, selector):
    with pytest.raises(SafeconductError) as caught:
        house.freeze(selector)
    assert caught.value.code == "revocation-unnamed"
    assert (freezes(house.writer.state), house.effects) == ((), [])


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("place", [0, 1])  # the look, the revocation
@pytest.mark.parametrize("fault", ["failed", "lost"])
def test_a_try_that_failed_or_whose_answer_was_lost_is_tried_again_and_revokes_once(house, kind, place, fault):
    vendor = kind()
    vendor.faults = [""] * place + [fault]
    first, (outcome, _) = carried(house, vendor, times=2)
    assert (first, outcome, vendor.changes) == ("vendor-unavailable", "revoked", 1)


GARBLED = [
    Reply(429),
    Reply(parts=(b"no JSON",)),
    Reply(parts=(b"[]",)),
    Reply(parts=(b" " * (ANSWER_BYTES_MAX + 1),)),
    said(200, {"id": "key_8", "status": "active"}),
]


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("garbled", GARBLED)
def test_no_other_answer_counts(house, kind, garbled):
    vendor = kind()
    vendor.faults = [garbled, "", garbled]
    assert carried(house, vendor, times=2) == ["vendor-unavailable"] * 2
    assert vendor.changes == 0


@pytest.mark.parametrize("kind", VENDORS)
def test_a_refusal_ends_it_and_what_it_quotes_stays_out(house, kind):
    house.admin.write_text("sk-wrong-0815")
    vendor = kind()
    assert carried(house, vendor) == [("failed", "the vendor answered 401")]
    assert [one.state.value for one in unrevoked(house.writer.state)] == ["failed"]
    assert "sk-wrong-0815" not in repr(house.writer.entries)
    assert vendor.changes == 0


@pytest.mark.parametrize("kind", VENDORS)
def test_a_key_that_the_vendor_does_not_know_is_not_revoked(house, kind):
    ((outcome, told),) = carried(house, kind(state=None))
    assert (outcome, "knows no key of that id" in told) == ("failed", True)


def test_what_is_revoked_already_counts_where_the_vendor_says_so_or_said_so(house):
    assert carried(house, AnthropicVendor("archived")) == [("revoked", "the vendor says that it is revoked")]
    assert carried(house, OpenAIVendor(state=None)) == [("revoked", "the vendor had it, and has it no more")]


def test_a_redirect_takes_no_admin_key_along(house):
    async def main():
        async with OpenAIVendor().running() as other, OpenAIVendor().running() as vendor:
            vendor.faults = [Reply(307, headers={"location": f"{other.origin}{other.place}"})]
            house.describe(vendor.table(house.admin))
            house.freeze()
            return await house.carry(), other.came

    assert asyncio.run(main()) == (("failed", "the vendor answered 307"), [])


BY_HAND = [
    ("", "the file of upstreams does not say which"),
    ('vendor = "openai"\nkey-env = "K"', "OpenAI's platform; no admin key is configured"),
    ('vendor = "anthropic"\nkey-env = "K"', "Anthropic's console; no admin key is configured"),
    ('vendor = "azure-openai"\nurl = "https://house.example"\nkey-env = "K"', "Azure portal; Safeconduct knows no"),
]


@pytest.mark.parametrize(("table", "told"), BY_HAND)
def test_where_there_is_no_way_the_entry_says_who_does_it_by_hand(house, table, told):
    house.describe(table)
    house.freeze()
    outcome, said_ = asyncio.run(house.carry())
    assert (outcome, told in said_, "whoever administers upstream other" in said_) == ("by-hand", True, True)
    state = house.writer.state
    assert [one.key for one in unrevoked(state)] == [KEY]
    for name, path in list(state.scan(kept.PATHS)):
        providers = tuple(replace(one, key_id="key_new") for one in path.providers)
        state.put(kept.PATHS, name, replace(path, providers=providers))
    assert list(unrevoked(state)) == []


@pytest.mark.parametrize(("after", "given_up"), [(GIVE_UP - 1, False), (GIVE_UP, True)])
def test_a_vendor_that_is_down_is_given_up_in_time_for_a_person(house, after, given_up):
    async def main():
        async with OpenAIVendor().running() as vendor:
            house.describe(vendor.table(house.admin))
        house.freeze()
        for _ in range(TRIES_MIN - 1):
            assert await house.carry() == "vendor-unavailable"
        house.writer.now += after
        return await house.carry()

    found = asyncio.run(main())
    assert (found[0] == "failed") == given_up
    assert given_up or found == "vendor-unavailable"


def test_however_late_it_is_three_tries_are_made_and_a_broken_file_is_waited_for(house):
    house.freeze()
    house.file.write_text("[upstreams.other]\nvendor = 'openai'\nadmin = 1")
    house.writer.now += 2 * GIVE_UP
    found = [asyncio.run(house.carry()) for _ in range(TRIES_MIN)]
    assert found[:-1] == ["upstreams-invalid"] * (TRIES_MIN - 1)
    assert found[-1] == ("by-hand", "the file of upstreams or its admin key can't be used: upstreams-invalid")


ADMIN_TABLE = 'vendor = "openai"\nadmin = {{ project = "{project}", key-file = "{file}", url = "{url}" }}'
ADDRESS = "https://api.openai.com/v1"


def way_of(house, *, mode=0o600, project="proj_1", url=ADDRESS):
    house.describe(ADMIN_TABLE.format(project=project, file=house.admin, url=url))
    house.admin.chmod(mode)
    return find_way(house.file, read().secret_at, ("other",))


def test_an_admin_key_is_never_shown(house):
    way = way_of(house)
    assert way.revoker is not None
    assert ADMIN not in repr(way)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"mode": 0o640}, "key-exposed"),
        ({"project": ".."}, "upstreams-invalid"),
        ({"url": ADDRESS.replace("https", "http")}, "upstream-url-insecure"),
    ],
)
def test_an_admin_key_is_its_owners_and_goes_over_https(house, changed, code):
    with pytest.raises(SafeconductError) as caught:
        way_of(house, **changed)
    assert caught.value.code == code
