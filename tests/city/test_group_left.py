"""A worker that can do nothing with its partitions leaves the group, so that another has them."""

import asyncio
from dataclasses import dataclass, field

import pytest

from park.metrics import Lane
from park.settings import CitySettings
from runtime.faust_app import FaustFeed
from runtime.topics import prepare_topics, topic_of
from tests.city.kafka import any_kafka
from tests.tools import until

pytestmark = [pytest.mark.server, pytest.mark.slow]


@dataclass
class Member:
    """What a feed gives, and whether anything can be done with it."""

    helps: bool = True
    ours: frozenset[int] = frozenset()
    put: list = field(default_factory=list)

    def assigned(self, partitions):
        """Learn what is ours."""
        self.ours = partitions

    def revoked(self, timeout):
        """Have nothing to save."""

    def reached(self, ends):
        """Need not know."""

    def room(self, partition):
        """Have room."""
        return partition >= 0

    @property
    def able(self):
        """Whether anything could be taken."""
        return self.helps

    def left(self):
        """Learn that it is others' now."""
        self.ours = frozenset()

    def follow(self):
        """Have nothing to look for."""

    @property
    def helpless(self):
        """Whether what is ours is of no use to us."""
        return bool(self.ours) and not self.helps


def test_left_and_joined_again(tmp_path):
    """Its partitions are another's soon; it comes back when it can work."""
    with any_kafka() as address:
        city = CitySettings(kafka=address, partitions=2)
        asyncio.run(prepare_topics(city))
        members = [Member(), Member()]
        feeds = [
            FaustFeed(city, topic_of(Lane.LIFE), "group", tmp_path / str(n), member) for n, member in enumerate(members)
        ]
        for feed, member in zip(feeds, members, strict=True):
            feed.start()
            until(lambda member=member: member.ours, 60)
        members[0].helps = False
        until(lambda: members[1].ours == {0, 1}, 60)
        alone = members[0].ours
        said = feeds[0].troubles.newest
        members[0].helps = True
        until(lambda: members[0].ours and members[0].ours | members[1].ours == {0, 1}, 60)
        ended = [feed.stop() for feed in feeds]

    assert (frozenset(), True, [True, True]) == (alone, "left to others" in said, ended)
