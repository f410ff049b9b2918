"""Carrying notices: each channel once, tried again for a day, and nothing else waits for one that hangs."""

import asyncio
import contextlib
import threading

import pytest

from safeconduct.kernel.effects import OUTBOX, Effect
from safeconduct.kernel.errors import InvalidInputError, UnavailableError
from safeconduct.kernel.instants import Instant
from safeconduct.kernel.notices import NOTICE, Notice, NoticeLine
from safeconduct.program.notice_events import NOTICE_TRIED, SENT_NOTICES
from safeconduct.program.notices import waiting
from safeconduct.runtime.effects import EffectRunner
from safeconduct.runtime.notifying import GIVE_UP, TRIES_MIN, Carrier, Channel
from support.granting import Granting
from support.patience import PATIENCE_S


class Receiver:
    """A notifier whose next attempts end as told: `failed`, or `lost` where it was taken and the answer is not."""

    def __init__(self, *script):
        self.script, self.taken = list(script), []

    def send(self, entry, notice):
        fault = self.script.pop(0) if self.script else ""
        if fault == "failed":
            raise UnavailableError("it is down", code="notice-not-taken")
        self.taken.append(entry)
        if fault == "lost":
            raise UnavailableError("no answer", code="notice-not-taken")
        return "250 ok"


class World:
    """A house in which glass was broken, so that one notice waits, and the carrier that carries it."""

    def __init__(self, **receivers):
        self.house = Granting()
        self.house.break_glass()
        self.channels = [Channel(name=name, notifier=one) for name, one in receivers.items()]
        self.carrier = Carrier(self.house.writer, self.snapshot, self, lambda: self.channels)

    def snapshot(self):
        return contextlib.nullcontext(self.house.state)

    def now(self):
        return self.house.now

    @property
    def effect(self):
        found = [one for _, one in self.house.state.scan(OUTBOX) if one.kind == NOTICE]
        return found[0] if found else None

    def carry(self):
        """Carries what waits once; returns why it is to be carried again, or None."""
        try:
            asyncio.run(self.carrier.carry_out(self.effect))
        except (UnavailableError, InvalidInputError) as error:
            return error.code
        return None

    def outcomes(self):
        events = [NOTICE_TRIED.read(one) for one in self.house.writer.entries if one.type == NOTICE_TRIED.name]
        return [(one.channel, one.outcome.value, one.last) for one in events]


def test_a_notice_is_sent_and_an_entry_says_so():
    world = World(mail=(mail := Receiver()))
    order = world.effect.key
    assert world.carry() is None
    assert (mail.taken, world.effect) == ([order], None)
    assert world.outcomes() == [("mail", "sent", True)]
    assert world.house.state.get(SENT_NOTICES, order).tried[0].said == "250 ok"
    assert list(waiting(world.house.state)) == []


def test_where_no_channel_is_named_the_entry_says_so_and_nothing_waits():
    world = World()
    assert world.carry() is None
    assert (world.outcomes(), world.effect) == ([("", "unaddressed", True)], None)


def test_a_channel_that_failed_is_tried_again_and_one_that_took_it_is_not():
    world = World(mail=(mail := Receiver()), chat=(chat := Receiver("failed")))
    order = world.effect.key
    assert world.carry() == "notice-not-taken"
    assert (mail.taken, chat.taken, world.outcomes()) == ([order], [], [("mail", "sent", False)])
    assert world.carry() is None
    assert (mail.taken, chat.taken) == ([order], [order])
    assert world.outcomes()[1:] == [("chat", "sent", True)]


def test_what_was_taken_without_an_answer_is_sent_again_under_the_same_id():
    world = World(mail=(mail := Receiver("lost")))
    order = world.effect.key
    assert world.carry() == "notice-not-taken"
    assert world.carry() is None
    assert mail.taken == [order, order]
    assert world.outcomes() == [("mail", "sent", True)]


@pytest.mark.parametrize(("after", "given_up"), [(GIVE_UP - 1, False), (GIVE_UP, True)])
def test_it_is_given_up_a_day_after_its_order_and_the_entry_says_so(after, given_up):
    world = World(mail=Receiver(*["failed"] * 9))
    for _ in range(TRIES_MIN - 1):
        assert world.carry() == "notice-not-taken"
    world.house.pass_time(after)
    assert (world.carry() is None) == given_up
    assert world.outcomes() == ([("mail", "undeliverable", True)] if given_up else [])


def test_it_is_tried_three_times_however_late_it_is():
    world = World(mail=Receiver(*["failed"] * 9))
    world.house.pass_time(2 * GIVE_UP)
    for _ in range(TRIES_MIN - 1):
        assert world.carry() == "notice-not-taken"
    assert world.carry() is None
    assert world.outcomes() == [("mail", "undeliverable", True)]


def test_channels_that_can_not_be_read_end_nothing():
    world = World()

    def broken():
        raise InvalidInputError("line 3", code="channels-invalid")

    world.carrier._channels = broken
    assert world.carry() == "channels-invalid"
    assert world.effect is not None


def test_an_outcome_is_entered_once_though_two_carry_at_once():
    world = World(mail=Receiver())
    effect = world.effect

    async def twice():
        await asyncio.gather(world.carrier.carry_out(effect), world.carrier.carry_out(effect))

    asyncio.run(twice())
    assert world.outcomes() == [("mail", "sent", True)]


def line(owner):
    return NoticeLine(kind="grant", name="one", at=Instant(1), owner=owner, text="it ends", look="look")


@pytest.mark.parametrize(
    ("owners", "kinds", "lines"),
    [
        ((), (), ["principal:ana", "principal:bo"]),
        (("organization:northwind",), ("calendar",), ["principal:ana", "principal:bo"]),
        (("principal:bo",), (), ["principal:bo"]),
        (("organization:meridian",), (), None),
        (("principal:cy",), (), None),
        ((), ("break-glass",), None),
    ],
)
def test_a_channel_gets_what_it_is_for(owners, kinds, lines):
    lines_of_all = (line("principal:ana"), line("principal:bo"))
    notice = Notice(kind="calendar", to="northwind", at=Instant(1), subject="2 things", lines=lines_of_all)
    part = Channel(name="one", notifier=Receiver(), owners=owners, kinds=kinds).part(notice)
    assert (part and [one.owner for one in part.lines]) == lines


def test_a_trial_goes_to_its_channel_alone_and_is_tried_once():
    world = World(mail=(mail := Receiver("failed")), chat=(chat := Receiver()))
    body = {"kind": "trial", "to": "northwind", "at": world.now(), "subject": "a trial", "only": "mail"}
    key = world.effect.key
    asyncio.run(world.carrier.carry_out(Effect(kind=NOTICE, key=key, body=body)))
    assert (mail.script, chat.taken, world.outcomes()) == ([], [], [("mail", "undeliverable", True)])


def test_a_receiver_that_hangs_holds_up_no_other_effect_and_no_other_channel():
    release = threading.Event()

    class Hanging(Receiver):
        def send(self, entry, notice):
            assert release.wait(PATIENCE_S)
            return super().send(entry, notice)

    world = World(slow=Hanging(), mail=(mail := Receiver()))

    async def run():
        runner = EffectRunner(world.house.writer, world.snapshot, world)
        carrying = asyncio.create_task(world.carrier.carry_out(world.effect))
        async with asyncio.timeout(PATIENCE_S):
            while not mail.taken:
                await asyncio.sleep(0.01)
            assert not carrying.done()
            assert await runner.settle() == {}  # who waits for effects does not wait for notices
            assert await asyncio.to_thread(lambda: "free") == "free"
            release.set()
            await carrying

    asyncio.run(run())
    assert sorted(world.outcomes()) == [("mail", "sent", False), ("slow", "sent", True)]
