"""The live feed reaches everyone at once, forgets honestly, and waits for nobody."""

import asyncio
import threading
from dataclasses import replace

from park.events import DeviceStatus, Reason, Status
from park.settings import ApiSettings
from park.wire import decode_event
from runtime.cases import Cases
from runtime.live import LiveBuffer
from runtime.storage.sql.database import Database
from tests.alerts.alarm_words import NOW, burns, passes

STARTED = 1_700_000_000_000


def feed(memory=10, buffer=5):
    return LiveBuffer(ApiSettings(live_memory=memory, live_buffer=buffer), STARTED)


def bodies(events):
    return [int(e.body) for e in events]


class TestResume:
    def test_what_came_after_an_id(self):
        """A client that comes back gets exactly what it missed."""
        live = feed()
        for i in range(6):
            live.publish("latest", 1, b"%d" % i)
        first = live.since(0)[0][2].id

        events, whole = live.since(first)

        assert ([3, 4, 5], True) == (bodies(events), whole)
        assert ([], True) == (live.since(events[-1].id)[0], live.since(events[-1].id)[1])

    def test_what_is_forgotten_is_said(self):
        """After more events than are kept, the client learns that some are missing."""
        live = feed()
        live.publish("latest", 1, b"0")
        first = live.since(0)[0][0].id
        for i in range(1, 15):
            live.publish("latest", 1, b"%d" % i)

        assert (list(range(5, 15)), False) == (bodies(live.since(first)[0]), live.since(first)[1])
        assert (list(range(5, 15)), True) == (bodies(live.since(first + 4)[0]), live.since(first + 4)[1])

    def test_ids_rise_across_restarts(self):
        """An id of an earlier run is older than all of this one, and known to be incomplete."""
        before = feed()
        before.publish("latest", 1, b"1")
        last = before.since(0)[0][-1].id
        after = LiveBuffer(ApiSettings(), STARTED + 5_000)
        after.publish("latest", 1, b"2")

        events, whole = after.since(last)

        assert ([2], False) == (bodies(events), whole)
        assert events[0].id > last

    def test_an_id_of_the_future(self):
        """An id that was never given out is not believed."""
        live = feed()
        live.publish("latest", 1, b"1")

        assert ([1], False) == (bodies(live.since(1 << 60)[0]), live.since(1 << 60)[1])


class TestSubscription:
    def test_events_of_another_thread(self):
        """What any thread publishes reaches a client in order and whole."""

        async def listen():
            live = feed(memory=1000, buffer=1000)
            subscription = live.subscribe()
            thread = threading.Thread(target=lambda: [live.publish("latest", 1, b"%d" % i) for i in range(300)])
            thread.start()
            got = []
            while len(got) < 300:
                got += bodies(await subscription.next(10))
            thread.join()
            subscription.close()
            return got, live.clients

        assert (list(range(300)), 0) == asyncio.run(listen())

    def test_parks(self):
        """A client gets its parks, and what concerns all."""

        async def listen():
            live = feed()
            subscription = live.subscribe(frozenset({2}))
            for park in (1, 2, 0, 3):
                live.publish("latest", park, b"%d" % park)
            return bodies(await subscription.next(10))

        assert [2, 0] == asyncio.run(listen())

    def test_a_slow_client(self):
        """Who falls behind is told how much it lost, once, and goes on with what is new."""

        async def listen():
            live = feed(memory=10, buffer=5)
            subscription = live.subscribe()
            for i in range(8):
                live.publish("latest", 1, b"%d" % i)
            gap = await subscription.next(10)
            live.publish("latest", 1, b"8")
            after = await subscription.next(10)
            resumed = live.since(gap[0].id)
            return gap, after, resumed

        gap, after, resumed = asyncio.run(listen())

        assert [("gap", b'{"type":"gap","lost":8}')] == [(e.event, e.body) for e in gap]
        assert [8] == bodies(after)
        assert (after, True) == (list(resumed[0]), resumed[1])

    def test_silence(self):
        """Nothing within the time gives nothing, so that the stream can send its sign of life."""

        async def listen():
            live = feed()
            return await live.subscribe().next(0.01)

        assert [] == asyncio.run(listen())

    def test_closing(self):
        """A closed subscription ends its waiting at once; closing twice is fine."""

        async def listen():
            live = feed()
            subscription = live.subscribe()
            waiting = asyncio.create_task(subscription.next(30))
            await asyncio.sleep(0)
            subscription.close()
            subscription.close()
            return await waiting

        assert [] == asyncio.run(listen())

    def test_a_loop_that_is_gone(self):
        """A client whose loop was closed under it does not disturb who publishes."""
        live = feed()

        async def leave():
            live.subscribe()

        asyncio.run(leave())

        live.publish("latest", 1, b"1")

        assert 0 == live.clients


def test_findings_as_people_see_them():
    """What a stage found goes out under its name, in its park, and can be read back."""
    live = feed()
    status = DeviceStatus(7, Status.SILENT, 5, 4, Reason.SILENT, park=3)

    live.tell(status)

    event = live.since(0)[0][0]
    assert ("device", 3, status) == (event.event, event.park, decode_event(event.body))


def test_the_end():
    """When the feed is closed everyone who listens is let go, and who comes later need not wait."""
    feed = LiveBuffer(ApiSettings(), 1)

    async def listen():
        first = feed.subscribe()
        threading.Thread(target=feed.close).start()
        heard = list(await first.next(30))
        return heard, first.over, feed.subscribe().over

    assert ([], True, True) == asyncio.run(listen())


def test_whether_anybody_listens_to_a_park():
    """Values are gathered for parks that a page shows, and for all where one shows all."""

    async def listen():
        live = feed()
        nobody = live.hears(1)
        one = live.subscribe(frozenset({2}))
        some = (live.hears(1), live.hears(2))
        every = live.subscribe()
        both = live.hears(1)
        every.close()
        one.close()
        return nobody, some, both, live.hears(2)

    assert (False, (False, True), True, False) == asyncio.run(listen())


def test_who_hears_of_an_alarm_of_no_park(tmp_path):
    """A fire that may burn anywhere is told to all pages; what else nobody knows the park of to keys of every park."""
    told = []
    database = Database.open(tmp_path / "park.db")
    cases = Cases(database, tmp_path, lambda *said: told.append(said), lambda: NOW, lambda: 0.0)
    cases.store.trigger([replace(trigger, park=0) for trigger in (burns(), passes())], NOW)
    database.close()

    async def heard():
        live = feed()
        one, every = live.subscribe(frozenset({7})), live.subscribe()
        return {park: (one.wants(park), every.wants(park)) for _, park, _ in told}

    assert [(True, True), (False, True)] == list(asyncio.run(heard()).values())
