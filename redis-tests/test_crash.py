"""What a policy promised is there after a crash: killed processes, and power cuts.

Writers on many connections run commands whose effects are known, with unique values; the server is
killed at a random moment and started again on what is left. Then each writer's keys must be as they
were after some number of its commands, in their order, transactions as a whole: at least as many as
the policy promised, at most as many as were sent. And no other key is there.

CRASH_ROUNDS (12) is how often each test does that, CRASH_SEED where its draws begin (the moments
still differ). The oracle runs it too: with redis-server in our seat the tests check themselves.
"""

import os
import random
import threading
import time
import unittest

from harness import quoris_is_oracle
from power_cut import EVERYSEC_S, DurableTest
from resp import Closed, encode

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "12"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
WRITERS = 12
PIPELINE_MAX = 8
LIST_MAX = 20
LARGE = 100_000

# So small that snapshots and new segments come about all the time.
ARGUMENTS = ("--appendonly", "yes", "--auto-aof-rewrite-min-size", "200kb",
             "--auto-aof-rewrite-percentage", "50")


# --- what a writer does, and what comes of it ---------------------------------------------------

def draw_operation(writer, number):
    """The commands of a writer's operation: the same for the same numbers. More than one: MULTI."""
    draw = random.Random(writer * 1_000_000_007 + number)
    prefix, value = f"{writer}:", f"{writer}:{number}"

    def key(kind, count=1):
        return f"{prefix}{kind}{draw.randrange(count)}"

    one = (
        lambda: ("SET", key("s", 6), value),
        lambda: ("SET", key("s", 6), value),
        lambda: ("APPEND", key("s", 6), "," + value),
        lambda: ("DEL", key("s", 6)),
        lambda: ("INCRBY", key("n"), number),
        lambda: ("RPUSH", key("l", 2), value),
        lambda: ("LTRIM", key("l", 2), -LIST_MAX, -1),
        lambda: ("HSET", key("h"), draw.randrange(20), value),
        lambda: ("HDEL", key("h"), draw.randrange(20)),
        lambda: ("SADD", key("m"), draw.randrange(20)),
        lambda: ("SREM", key("m"), draw.randrange(20)),
        lambda: ("ZADD", key("z"), number, draw.randrange(20)),
        lambda: ("ZREM", key("z"), draw.randrange(20)),
    )
    if number % 211 == 0:
        return [("SET", key("s", 6), value.ljust(LARGE, "."))]
    if draw.random() < 0.15:
        commands = [draw.choice(one)() for _ in range(draw.randint(2, 6))]
        if draw.random() < 0.3:
            commands += [("SET", prefix + "from", value), ("RENAME", prefix + "from", key("s", 6))]
        return commands
    return [draw.choice(one)()]


def without(collection, member):
    return {each: value for each, value in collection.items() if each != member}


def apply(state, command, key, *rest):
    """A command's effect on a dict of keys; values are never changed in place."""
    rest = [str(each).encode() for each in rest]
    old = state.get(key)
    if command == "SET":
        state[key] = rest[0]
    elif command == "APPEND":
        state[key] = (old or b"") + rest[0]
    elif command == "DEL":
        state[key] = None
    elif command == "INCRBY":
        state[key] = b"%d" % (int(old or 0) + int(rest[0]))
    elif command == "RPUSH":
        state[key] = [*(old or []), rest[0]]
    elif command == "LTRIM":
        state[key] = old and old[-LIST_MAX:]
    elif command == "HSET":
        state[key] = {**(old or {}), rest[0]: rest[1]}
    elif command == "SADD":
        state[key] = {**(old or {}), rest[0]: None}
    elif command == "ZADD":
        state[key] = {**(old or {}), rest[1]: rest[0]}
    elif command in ("HDEL", "SREM", "ZREM"):
        state[key] = without(old or {}, rest[0])
    elif command == "RENAME":
        state[rest[0].decode()], state[key] = old, None
    else:
        raise AssertionError(command)
    if not state[key]:
        del state[key]


def apply_operation(state, writer, number):
    for command in draw_operation(writer, number):
        apply(state, *command)


def pairs(items):
    return dict(zip(items[::2], items[1::2]))


READ = {
    "s": (("GET",), bytes),
    "n": (("GET",), bytes),
    "l": (("LRANGE", 0, -1), list),
    "h": (("HGETALL",), pairs),
    "m": (("SMEMBERS",), dict.fromkeys),
    "z": (("ZRANGE", 0, -1, "WITHSCORES"), pairs),
}


class Writer:
    """A connection that writes until the server is gone; what is known of its keys."""

    def __init__(self, number):
        self.number = number
        self.base = {}  # the keys as the last restart left them
        self.first = 1  # operation since then
        self.sent = 0  # the last one that was sent
        self.acknowledged_at = []  # from `first` on, when each was answered
        self.trouble = None

    def run(self, server):
        self.first, self.acknowledged_at = self.sent + 1, []
        draw = random.Random(self.number + self.first)
        try:
            with server.client() as client:
                while True:
                    self._write(client, draw.randint(1, PIPELINE_MAX))
        except (Closed, OSError):
            pass
        except Exception as error:  # of a thread: the test looks at it
            self.trouble = error

    def _write(self, client, count):
        batch = [draw_operation(self.number, self.sent + 1 + i) for i in range(count)]
        self.sent += count
        client.send_raw(b"".join(encode(command) for operation in batch
                                 for command in as_sent(operation)))
        for operation in batch:
            for command in as_sent(operation):
                reply = client.read()
                if reply.is_error:
                    raise AssertionError(f"{command}: {reply.value.decode()}")
            self.acknowledged_at.append(time.monotonic())

    def settle(self, found, promised):
        """Takes `found` as the state from now on; how many operations it has beyond the promised
        ones (less than 0: it has lost some), None if no number of operations leads to it."""
        state, least = dict(self.base), None
        for number in range(self.first - 1, self.sent + 1):
            if number >= self.first:
                apply_operation(state, self.number, number)
            if state == found:
                least = number - (self.first - 1) - promised
                if least >= 0:
                    break
        self.base = found
        return least

    def promised(self, until):
        """Operations answered until then."""
        return sum(at <= until for at in self.acknowledged_at)


def as_sent(operation):
    return operation if len(operation) == 1 else [("MULTI",), *operation, ("EXEC",)]


def read_all(server):
    """All keys, by writer."""
    with server.client() as client:
        names = sorted(client.call("KEYS", "*"))
        found = {}
        for start in range(0, len(names), 100):
            some = [name.decode() for name in names[start:start + 100]]
            kinds = [READ[name.split(":")[1][0]] for name in some]
            replies = client.pipeline([(command, name, *rest)
                                       for name, ((command, *rest), _) in zip(some, kinds)])
            for name, reply, (_, as_value) in zip(some, replies, kinds):
                found.setdefault(int(name.split(":")[0]), {})[name] = as_value(reply.plain())
    return found


class Checker(unittest.TestCase):
    """Without a server: what `settle` says to states that are right, short and wrong."""

    LAST = 300

    def state_of(self, numbers):
        state = {}
        for number in numbers:
            apply_operation(state, 1, number)
        return state

    def settle(self, numbers, promised):
        writer = Writer(1)
        writer.sent = self.LAST
        return writer.settle(self.state_of(numbers), promised)

    def test_a_state_that_was(self):
        for last in (0, 1, 150, self.LAST):
            self.assertLessEqual(0, self.settle(range(1, last + 1), last))

    def test_lost_operations_are_counted(self):
        self.assertIn(self.settle(range(1, 250), 300), range(-51, -40))

    def test_one_lost_between_others_and_one_that_was_never_sent(self):
        changes = [number for number in range(200, 250)
                   if self.state_of(range(1, 251)) != self.state_of(
                       each for each in range(1, 251) if each != number)]
        self.assertGreater(len(changes), 20)
        for number in changes:
            state = (each for each in range(1, 251) if each != number)
            self.assertIsNone(self.settle(state, 0), number)
        self.assertIsNone(self.settle(range(1, self.LAST + 2), 0))


# --- the tests ----------------------------------------------------------------------------------

class Crash(DurableTest):
    def start(self, policy, power_cuts):
        self.seed = random.Random(f"{SEED} {policy} {power_cuts}")
        self.writers = [Writer(number) for number in range(WRITERS)]
        self.start_server(*ARGUMENTS, "--appendfsync", policy, power_cuts=power_cuts)

    def crash(self):
        """The server is killed; the moment at which it surely lived still."""
        before = time.monotonic()
        # What is torn otherwise than at its end, Redis refuses to load.
        self.kill_server(None if quoris_is_oracle() else self.seed)
        return before

    def write_and_crash(self, seconds):
        threads = [threading.Thread(target=writer.run, args=(self.server,))
                   for writer in self.writers]
        for thread in threads:
            thread.start()
        if self.seed.random() < 0.4:
            time.sleep(seconds / 2)
            seconds /= 2
            with self.server.client() as client:
                client.ask(self.seed.choice(("BGREWRITEAOF", "BGSAVE")))
        time.sleep(seconds)
        crashed_at = self.crash()
        for thread in threads:
            thread.join()
        for writer in self.writers:
            if writer.trouble:
                raise writer.trouble
        return crashed_at

    def recover(self):
        """Starts it again, now and then with another crash on the way."""
        while self.seed.random() < 0.2:
            self.launch_server()
            time.sleep(self.seed.uniform(0, 0.05))
            self.crash()
        self.restart_server()

    def losses(self, crashed_at, may_cost_s):
        """By writer, how many operations are missing of those that were promised."""
        found = read_all(self.server)
        strangers = found.keys() - {writer.number for writer in self.writers}
        self.assertEqual(strangers, set(), "keys of nobody")
        lost = {}
        for writer in self.writers:
            keys = found.get(writer.number, {})
            more = writer.settle(keys, writer.promised(crashed_at - may_cost_s))
            self.assertIsNotNone(more, f"writer {writer.number}: what is there was at no time so; "
                                       f"it sent {writer.sent}, first {writer.first}: {keys}")
            if more < 0:
                lost[writer.number] = -more
        return lost

    def rounds(self, may_cost_s=0.0):
        self.operations = 0
        for number in range(ROUNDS):
            long = may_cost_s > 0 and number % 4 == 0
            # A time without any promise would show nothing.
            seconds = self.seed.uniform(0.02, 0.5) + (may_cost_s + 1 if long else 0)
            crashed_at = self.write_and_crash(seconds)
            self.operations += sum(writer.promised(crashed_at - may_cost_s)
                                   for writer in self.writers)
            self.recover()
            lost = self.losses(crashed_at, may_cost_s)
            self.assertEqual(lost, {}, f"round {number}: acknowledged operations are gone, by "
                                       f"writer; {self.lost}\n"
                                       f"{self.server.output()[-2000:]}")
        self.assertGreater(self.operations, 0, "nothing was promised")

    def test_a_killed_process_loses_nothing_under_always(self):
        self.start("always", power_cuts=False)
        self.rounds()

    def test_a_killed_process_loses_nothing_under_everysec(self):
        self.start("everysec", power_cuts=False)
        self.rounds(EVERYSEC_S if quoris_is_oracle() else 0.0)

    def test_a_killed_process_loses_nothing_under_no(self):
        self.start("no", power_cuts=False)
        self.rounds()

    def test_a_power_cut_costs_nothing_under_always(self):
        self.start("always", power_cuts=True)
        self.rounds()

    def test_a_power_cut_costs_two_seconds_at_most_under_everysec(self):
        self.start("everysec", power_cuts=True)
        self.rounds(EVERYSEC_S)

    def test_a_power_cut_without_syncs_is_noticed(self):
        """The tests see a loss where there is one: nothing is promised under `no`."""
        self.start("no", power_cuts=True)
        crashed_at = self.write_and_crash(0.5)
        self.recover()
        self.assertGreater(sum(self.losses(crashed_at, 0.0).values()), 0)
