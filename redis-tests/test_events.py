"""Keyspace events: the same ones, in the same order, as the oracle's.

The sections of the case files in FAMILIES are played with somebody listening to all events: a new
family's case file is a test of its events once its name stands there. What no case file says
(expiry, the setting's classes one by one) has tests of its own below.
"""

import os
import re

import harness
from compare import Pair, PairTest
from transcript import CaseFile, Player

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases")
FAMILIES = ("strings", "keys", "lists", "hashes", "sets", "sorted_sets")
END = "end of the events"


class Listener:
    """A pair of connections that hear of all events of both servers."""

    def __init__(self, quoris, oracle, classes="KEAmn"):
        self.pair = Pair(quoris, oracle, 2)
        self.pair.ask("CONFIG", "SET", "notify-keyspace-events", classes)
        self.pair.ask("PSUBSCRIBE", "__key*", END)
        self.pair.read()

    def events(self):
        """What each server has told since the last call: lists of (channel, message)."""
        return heard(self.pair.ours), heard(self.pair.theirs)

    def close(self):
        self.pair.send("RESET")
        for client in (self.pair.ours, self.pair.theirs):
            while client.read().kind != b"+":
                pass
        self.pair.ask("CONFIG", "SET", "notify-keyspace-events", "")
        self.pair.close()


def heard(listening):
    """Up to a message of our own; what was published before it has come by then."""
    with type(listening)(listening.socket.getpeername()) as publisher:
        publisher.ask("PUBLISH", END, "")
    events = []
    while True:
        _, _, channel, message = (item.value.decode("latin-1") for item in listening.read().value)
        if channel == END:
            return events
        events.append((channel, message))


def without_expiry(events):
    """When a key's time is up depends on the moment at which the server looks."""
    return [event for event in events if "expired" not in event and
            not event[0].endswith(":expired")]


def difference(events):
    ours, theirs = events
    place = next((i for i, (mine, other) in enumerate(zip(ours, theirs)) if mine != other),
                 min(len(ours), len(theirs)))
    return (f"from event {place} on\n  quoris {ours[place:place + 6]}\n"
            f"  redis  {theirs[place:place + 6]}")


def make_test(section):
    def test(self):
        listener = Listener(self.quoris, self.oracle)
        self.addCleanup(listener.close)
        Player(self.quoris, self.oracle, 2).play(section)
        ours, theirs = (without_expiry(events) for events in listener.events())
        if ours != theirs:
            self.fail(difference((ours, theirs)))

    return test


def make_class(family):
    cases = CaseFile(os.path.join(CASES, f"{family}.txt"))
    members = {"ARGUMENTS": ("--enable-debug-command", "yes", *cases.arguments),
               "setUp": lambda self: None, "__module__": __name__}
    for place, section in enumerate(cases.sections):
        title = re.sub(r"\W+", "_", section.title).strip("_")
        members[f"test_{place:02}_{title}"] = make_test(section)
    return type(f"Events_{family}", (PairTest,), members)


for each_family in FAMILIES:
    events_class = make_class(each_family)
    globals()[events_class.__name__] = events_class
del events_class


class Expiry(PairTest):
    ARGUMENTS = ("--enable-debug-command", "yes")

    def setUp(self):
        super().setUp()
        self.pair = self.pairs[2]

    def listen(self, classes="KEAmn"):
        listener = Listener(self.quoris, self.oracle, classes)
        self.addCleanup(listener.close)
        return listener

    def check(self, listener, *wanted):
        ours, theirs = listener.events()
        if ours != theirs:
            self.fail(difference((ours, theirs)))
        keyevents = [(channel.split(":")[1], key) for channel, key in ours if "keyevent" in channel]
        self.assertEqual(keyevents, list(wanted))

    def test_a_key_that_is_found_expired(self):
        self.pair.ask("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        self.addCleanup(self.pair.ask, "DEBUG", "SET-ACTIVE-EXPIRE", "1")
        listener = self.listen()
        self.pair.ask("SET", "k", "v", "PX", "1")
        for client in (self.pair.ours, self.pair.theirs):
            harness.wait_until(lambda: client.call("GET", "k") is None, "the key expires")
        self.pair.ask("SET", "k", "v")
        events = [("new", "k"), ("set", "k"), ("expire", "k"), ("expired", "k"), ("keymiss", "k")]
        self.check(listener, *events, ("new", "k"), ("set", "k"))

    def test_a_key_that_nobody_looks_at_expires(self):
        listener = self.listen("Ex")
        self.pair.ask("SET", "k", "v", "PX", "1")
        for client in (self.pair.ours, self.pair.theirs):
            harness.wait_until(lambda: client.call("DBSIZE") == 0, "the key expires")
        self.check(listener, ("expired", "k"))

    def test_a_time_that_is_past_already(self):
        listener = self.listen()
        self.pair.ask("SET", "k", "v", "PXAT", "1")
        self.pair.ask("GET", "k")
        self.pair.ask("SET", "k", "v")
        self.pair.ask("SET", "k", "v", "PXAT", "1")
        self.pair.ask("GET", "k")
        self.check(listener, ("new", "k"), ("set", "k"), ("expire", "k"), ("expired", "k"),
                   ("keymiss", "k"), ("new", "k"), ("set", "k"), ("set", "k"), ("expire", "k"),
                   ("expired", "k"), ("keymiss", "k"))

    def test_events_of_other_databases_name_them(self):
        listener = self.listen("K$g")
        self.pair.ask("SELECT", "3")
        self.pair.ask("SET", "k", "v")
        self.pair.ask("COPY", "k", "l", "DB", "4")
        self.pair.ask("MOVE", "k", "5")
        ours, theirs = listener.events()
        self.assertEqual(ours, theirs)
        self.assertEqual(ours, [("__keyspace@3__:k", "set"), ("__keyspace@4__:l", "copy_to"),
                                ("__keyspace@3__:k", "move_from"),
                                ("__keyspace@5__:k", "move_to")])


del PairTest

if __name__ == "__main__":
    harness.unittest.main()
