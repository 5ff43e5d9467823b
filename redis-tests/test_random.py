"""Random sessions against Quoris and the oracle: the same replies, counters and keys.

    RANDOM_SEED=1234 redis-tests/run test_random.py      # that session alone
    RANDOM_ROUNDS=5000 redis-tests/run test_random.py    # more sessions (default: ROUNDS)
    RANDOM_STEPS=40 ...                                  # steps per session (default: STEPS)

One difference is a failure; nothing is played again to see whether it was an accident. Nothing here
waits for a time to pass and hopes: sessions hold nothing whose outcome depends on when a server
does what it does by itself (random_commands.py), waits are for a state of both servers, and times
left may differ by as much as the commands took, as measured. What fails is played again without
some of its steps as long as it still fails, to show fewer: seed and the steps that are left.
"""

import os
import re
import select
import time

from compare import Pair, PairTest, compare, shorten
from harness import wait_until
from random_commands import ADMIN, PASSWORD, SETTINGS, Command, Step, make_session, sets_the_past
from random_replies import (LIVES_MS, Accepted, clients, differ, differ_in_transaction, written,
                            written_words)
from resp import DEADLINE_S, Closed, Reply, encode

ROUNDS = 40
STEPS = 120
SEED = 20240
SHRINK_DEADLINE_S = 40.0
CLOCK_MS = 5  # clocks are read in whole milliseconds, by Quoris once for a batch of commands
STATS = ("keyspace_hits", "keyspace_misses", "total_error_replies", "total_commands_processed")


class Difference(Exception):
    """What did not agree; begins with the command, or with what was compared."""


class TooSlow(Exception):
    """A key may have been over before it was watched, so nothing can be said about it."""


class Line:
    """A connection of the session to both servers."""

    def __init__(self, servers, protocol, password):
        self.pair = Pair(*servers, 2)
        self.queued = []  # in MULTI
        self.watched = []  # pairs of database and key, of those that were not there
        self.watches_unseen = False  # by a command whose reply was not looked at by itself
        if protocol == 3:
            self.pair.ask("HELLO", "3", *(["AUTH", "default", PASSWORD] if password else []))

    @property
    def clients(self):
        return self.pair.ours, self.pair.theirs


class Play:
    """Plays a session; raises Difference with `place`, the number of the step that showed it."""

    def __init__(self, servers, session, life_ms):
        self.servers, self.session, self.life_ms = servers, session, life_ms
        self.lines, self.place, self.pipelined = {}, 0, False
        self.longest_ms, self.started = 0.0, time.monotonic()  # of the steps; the one that runs
        self.admin = Pair(*servers, 2)
        self.looker = Pair(*servers, 2)  # looks at keys that are watched
        self.monitor = self.listener = None
        self.hits_twice = False  # by SPOP of a whole set with a count: Redis looks it up again

    def run(self):
        try:
            self._prepare()
            for self.place, step in enumerate(self.session.steps):
                self.started = time.monotonic()
                self._step(step)
                if step.kind != "life":  # its time is spent waiting
                    self.longest_ms = max(self.longest_ms, self._elapsed_ms())
            self._finish()
        except (Closed, ConnectionError, ValueError) as error:
            raise Difference(f"{type(error).__name__}: {error}") from error
        finally:
            self._leave()

    def _elapsed_ms(self):
        return (time.monotonic() - self.started) * 1000

    def _apart_ms(self):
        """How far apart the time left to a key may be in the two: as far as they were apart when
        it got its expiry, in some step before, and are now."""
        return int(2 * max(self.longest_ms, self._elapsed_ms())) + CLOCK_MS

    def _both(self, *arguments):
        return self.admin.ask(*arguments)

    def _same(self, *arguments, how="exact", distance=0):
        replies = self._both(*arguments)
        difference = compare(*replies, how, distance)
        if difference:
            raise Difference(f"at the end, {arguments}:\n    {difference}")
        return replies

    def _prepare(self):
        for client in self._admins():
            wait_until(lambda client=client: client.ask("CLIENT", "LIST").value.count(b"\n") == 2,
                       "the connections of the session before are gone", DEADLINE_S)
        # Redis shrinks the buffer of who has been quiet, and drops who is not logged in and needs
        # more than it: let it stay as large as it is.
        self.admin.theirs.ask("DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "NEVER")
        self._both("DEBUG", "SET-ACTIVE-EXPIRE", int(self.session.active_expiry))
        for command in (("SELECT", 0), ("FLUSHALL",), ("CONFIG", "SET", "slowlog-max-len", 128),
                        ("SLOWLOG", "RESET"), ("CONFIG", "RESETSTAT")):
            self._both(*command)
        # The default of Quoris is another.
        self._both("CONFIG", "SET", "hash-max-listpack-entries", 512)
        names = [name for name in SETTINGS if name not in (b"nosuch", b"databases")]
        self.settings = [{names[place]: self._value(client, names[place])
                          for place in range(len(names))} for client in self._admins()]
        if self.session.password:
            self._both("CONFIG", "SET", "requirepass", PASSWORD)
        if self.session.monitor:
            self.monitor = Pair(*self.servers, 2)
            if self.session.password:
                self.monitor.ask("AUTH", PASSWORD)
            self.monitor.ask("MONITOR")
        if self.session.listening:
            self.listener = Pair(*self.servers, 3)
            if self.session.password:
                self.listener.ask("AUTH", PASSWORD)
            self.listener.ask("PSUBSCRIBE", "__key*__:*")
            self._both("CONFIG", "SET", "notify-keyspace-events", "KEA")
        for number, protocol in self.session.protocols.items():
            if number != ADMIN:
                self._open(number, protocol)
        self.before = [self._info(client)["rdb_changes_since_last_save"]
                       for client in self._admins()]

    def _admins(self):
        return self.admin.ours, self.admin.theirs

    @staticmethod
    def _value(client, name):
        return client.ask("CONFIG", "GET", name).value[1].value

    def _open(self, number, protocol=None):
        self.lines[number] = Line(self.servers, protocol or self.session.protocols[number],
                                  self.session.password)
        self._settle()  # accepted, so CLIENT LIST shows it
        return self.lines[number]

    def _leave(self):
        try:
            admin = Pair(*self.servers, 2) if self.session.password else self.admin
            if self.session.password:
                self.admin.close()
                admin.ask("AUTH", PASSWORD)
                admin.ask("CONFIG", "SET", "requirepass", "")
            for client, settings in zip((admin.ours, admin.theirs), getattr(self, "settings", [])):
                client.ask("CONFIG", "SET", *[word for item in settings.items() for word in item])
            admin.close()
        except (OSError, EOFError, Closed, ValueError):
            pass
        for pair in [line.pair for line in self.lines.values()] + [self.admin, self.looker]:
            pair.close()
        for pair in (self.monitor, self.listener):
            if pair:
                pair.close()

    # Steps.

    def _line(self, number):
        return self.lines.get(number) or self._open(number)

    def _step(self, step):
        if step.kind == "life":
            self._life(step)
        elif step.kind == "broken":
            self._broken(step)
        elif step.kind == "wait":
            self._wait(step.wait)
        elif step.kind == "spop":
            self._spop(*step.commands)
        elif step.connection == ADMIN:
            for command in step.commands:
                self._judge(command, *self._both(*command.words))
        elif step.kind == "close":
            if step.connection in self.lines:
                self.lines.pop(step.connection).pair.close()
                self._settle()
        elif step.kind == "raw":
            self._raw(step)
        elif step.kind == "pipeline":
            self._ask(step.connection, step.commands)
        else:
            for command in step.commands:
                self._ask(step.connection, [command])

    def _ask_admin(self, *words):
        replies = self._both(*words)
        self._judge(Command(list(words)), *replies)
        return replies

    def _life(self, step):
        """See Life. Until the key is watched it must not be over in either server."""
        life, (look,) = step.life, step.commands
        self._ask_admin(b"SELECT", life.database)
        begun = time.monotonic()
        self._ask_admin(b"SET", life.key, life.value, b"PX", b"%d" % self.life_ms)
        sizes = self._both(b"DBSIZE")
        if step.connection != ADMIN:
            self._ask(step.connection, [Command([b"WATCH", life.key])])
        if (time.monotonic() - begun) * 1000 > self.life_ms - CLOCK_MS:
            raise TooSlow
        self._judge(Command([b"DBSIZE"]), *sizes)
        self._wait_for_end(sizes[0].value)
        if life.look_first:
            self._ask_admin(*look.words)
        if step.connection != ADMIN:
            for name in (b"MULTI", b"PING", b"EXEC"):
                self._ask(step.connection, [Command([name])])
        if not life.look_first:
            self._ask_admin(*look.words)

    def _wait_for_end(self, size):
        """Until both servers have removed the key, or if they do not by themselves until both know
        that its time is over. Asks both equally often: their commands are counted."""
        if self.session.active_expiry:
            wait_until(lambda: all(reply.value == size - 1 for reply in self._both(b"DBSIZE")),
                       "the expired key is removed", DEADLINE_S)
            return
        end = max(map(self._now_ms, self._both(b"TIME"))) + self.life_ms
        wait_until(lambda: min(map(self._now_ms, self._both(b"TIME"))) > end,
                   "the key's time is over", DEADLINE_S)
        self._ask_admin(b"DBSIZE")  # counts it still

    @staticmethod
    def _now_ms(reply):
        seconds, micros = (int(item.value) for item in reply.value)
        return 1000 * seconds + micros // 1000

    def _judge(self, command, ours, theirs):
        difference = differ(command, ours, theirs, self._apart_ms())
        if difference and command.how == "client" and re.search(rb"flags=\w*d", theirs.raw) \
                and any(self._watches_nothing(line) for line in self.lines.values()):
            raise Accepted  # the d of an EXEC that will fail
        if difference:
            raise Difference(f"{written_words(command)}\n    {difference}")

    def _frames(self, commands, side):
        return b"".join(encode([self._word(word, side) for word in command.words])
                        for command in commands)

    def _word(self, word, side):
        """A word of a command; ids and addresses of connections are each server's own."""
        if isinstance(word, bytes):
            return word
        kind, number = word
        if number not in self.lines:
            return b"0" if kind == "id" else b"127.0.0.1:1"
        address = b"%s:%d" % tuple(
            part.encode() if isinstance(part, str) else part
            for part in self.lines[number].clients[side].socket.getsockname())
        if kind == "address":
            return address
        listed = self._admins()[side].ask("CLIENT", "LIST").value
        match = re.search(rb"id=(\d+) addr=" + address + rb" ", listed)
        return match.group(1) if match else b"0"

    def _ask(self, number, commands):
        line = self._line(number)
        self.pipelined = len(commands) > 1
        data = [self._frames(commands, side) for side in (0, 1)]  # both, before either is sent
        for client, frames in zip(line.clients, data):
            self._send(client, frames)
        for command in commands:
            replies = [self._read(client) for client in line.clients]
            if None in replies:
                if command.name == b"EXEC" and replies[1] is None:
                    raise Accepted  # CLIENT KILL of oneself inside: Redis breaks the reply off
                if replies != [None, None]:
                    shown = [shorten(reply.raw) if reply else "closed" for reply in replies]
                    raise Difference(f"{written_words(command)}\n    quoris {shown[0]}"
                                     f"\n    redis  {shown[1]}")
                self.lines.pop(number).pair.close()
                return
            self._take_reply(line, command, *replies)

    def _take_reply(self, line, command, ours, theirs):
        if command.name == b"EXEC" and ours.kind == b"*" and ours.value is not None \
                and theirs.value is None and self._watches_nothing(line):
            raise Accepted
        if command.name == b"EXEC" and theirs.kind == b"*":
            difference = differ_in_transaction(line.queued, ours, theirs, self._apart_ms())
            if difference:
                raise Difference(f"EXEC\n    {difference}")
            return
        if theirs.raw == b"+QUEUED\r\n":
            line.queued.append(command)
            difference = compare(ours, theirs)
            if difference:
                raise Difference(f"{written_words(command)}\n    {difference}")
            return
        if command.name == b"MULTI" and theirs.raw == b"+OK\r\n":
            line.queued = []
        if command.name == b"WATCH" and theirs.raw == b"+OK\r\n":
            self._note_watched(line, command.words[1:])
        self._judge(command, ours, theirs)

    def _watches_nothing(self, line):
        """True if a watched key was absent and is, or the transaction itself has made it: Quoris
        compares versions, and takes a key that was made and removed again for unchanged."""
        if self.pipelined or line.watches_unseen:
            return True
        queued = {word for command in line.queued for word in command.words}
        for database, key in line.watched:
            self.looker.ours.ask("SELECT", database)
            if key in queued or self.looker.ours.ask("EXISTS", key).value == 0:
                return True
        return False

    def _note_watched(self, line, keys):
        line.watches_unseen |= self.pipelined  # the commands after it are running
        if self.pipelined:
            return
        database = self._database(line)
        self.looker.ask("SELECT", database)
        line.watched += [(database, key) for key in keys
                         if self.looker.ask("EXISTS", key)[1].value == 0]

    def _database(self, line):
        """The one that the connection has selected."""
        for client, mine in zip(self._admins(), line.clients):
            listed = client.ask("CLIENT", "LIST").value
            port = b"%d" % mine.socket.getsockname()[1]
            match = re.search(rb" addr=127.0.0.1:" + port + rb" .*? db=(\d+) ", listed)
        return match.group(1) if match else b"0"

    @staticmethod
    def _send(client, data):
        try:
            client.send_raw(data)
        except ConnectionError:
            pass  # closed by a command before

    @staticmethod
    def _read(client):
        """The next reply, or None where the server has closed."""
        try:
            return client.read(pushes=True)
        except (Closed, ConnectionError):
            return None

    def _settle(self):
        """Two round trips on both servers: what had been sent before has been answered."""
        for _ in range(2):
            self._both("PING")

    def _drain(self, clients):
        """What both servers have sent, and whether they closed; waits for who is behind."""
        end = time.monotonic() + DEADLINE_S
        got, closed = [b"", b""], [False, False]
        self._settle()
        while True:
            for side, client in enumerate(clients):
                while not closed[side] and client._readable(0):
                    try:
                        data = client.socket.recv(1 << 18)
                    except ConnectionError:
                        data = b""
                    closed[side] = not data
                    got[side] += data
            common = min(map(len, got))
            unlike = got[0][:common] != got[1][:common]
            if unlike or (got[0] == got[1] and closed[0] == closed[1]):
                return got, closed
            behind = select.poll()
            for side, client in enumerate(clients):
                if not closed[side]:
                    behind.register(client.socket, select.POLLIN)
            if all(closed) or not behind.poll(max(end - time.monotonic(), 0) * 1000):
                return got, closed

    def _raw(self, step):
        line = self._line(step.connection)
        line.watches_unseen |= b"watch" in step.data.lower()
        for side, client in enumerate(line.clients):
            self._send(client, step.data or self._frames(step.commands, side))
        got, closed = self._drain(line.clients)
        self._compare_bytes(step, got, closed)
        line.queued += [step.commands[0] if step.commands else EXACT] * got[1].count(b"+QUEUED\r\n")
        if closed[0]:
            self.lines.pop(step.connection).pair.close()

    def _compare_bytes(self, step, got, closed):
        if got[0] != got[1] or closed[0] != closed[1]:
            raise Difference("\n    ".join([
                "; ".join(written(step)), f"quoris {shorten(got[0])} closed: {closed[0]}",
                f"redis  {shorten(got[1])} closed: {closed[1]}"]))

    def _broken(self, step):
        pair = Pair(*self.servers, 2)
        clients = pair.ours, pair.theirs
        pair.ask("PING")  # accepted by then
        if self.session.password and step.connection % 2:
            pair.ask("AUTH", PASSWORD)
        for client in clients:
            self._send(client, step.data)
        got, closed = self._drain(clients)
        pair.close()
        self._settle()
        self._compare_bytes(step, got, closed)

    def _spop(self, command):
        """Which members go is open: those that went from one go from the other, too."""
        key = command.words[1]
        members = self._members(key)
        ours, theirs = self._both(*command.words)
        self._judge(Command(command.words, "shape"), ours, theirs)
        if not members or ours.is_error:
            return
        if isinstance(theirs.value, list) and len(theirs.value) == len(members):
            self.hits_twice = True
        popped = [{item.value for item in reply.value} if isinstance(reply.value, list)
                  else {reply.value} for reply in (ours, theirs)]
        if not popped[0] <= members or not popped[1] <= members or \
                (isinstance(ours.value, list) and len(popped[0]) != len(ours.value)):
            raise Difference(f"{written_words(command)} takes what was not there, or twice\n"
                             f"    quoris {ours.raw}")
        # Redis builds a set of few that are left anew: which form it has hangs on who they are.
        if len(members) - len(popped[1]) <= len(popped[1]):
            self._ask_admin(b"DEL", key)
        elif popped[0] | popped[1]:
            self._ask_admin(b"SREM", key, *sorted(popped[0] | popped[1]))

    def _members(self, key):
        ours, theirs = self._both(b"SMEMBERS", key)
        self._judge(Command([b"SMEMBERS", key], "unordered"), ours, theirs)
        return {item.value for item in ours.value} if not ours.is_error else set()

    def _wait(self, wait):
        """See Wait."""
        pairs = [self._own(protocol, wait.database) for protocol, _ in wait.waiters]
        actor = self._own(2, wait.database)
        try:
            waiting = {}
            for pair, (_, command), how in zip(pairs, wait.waiters, wait.how_ended):
                pair.send(*command.words)
                self._settle()
                if not self._answered(pair, command):
                    waiting[pair] = command, how
            queued = []
            for command in wait.actor:
                ours, theirs = actor.ask(*command.words)
                if command.name == b"EXEC":
                    difference = differ_in_transaction(queued, ours, theirs, self._apart_ms())
                    if difference:
                        raise Difference(f"EXEC\n    {difference}")
                    continue
                if theirs.raw == b"+QUEUED\r\n":
                    queued.append(command)
                self._judge(Command(command.words) if b"QUEUED" in theirs.raw else command, ours,
                            theirs)
            self._settle()
            for pair, (command, how) in waiting.items():
                if not self._answered(pair, command):
                    self._end_wait(pair, command, how)
        finally:
            for pair in [*pairs, actor]:
                pair.close()
            self._settle()

    def _own(self, protocol, database):
        """A connection for one step."""
        pair = Pair(*self.servers, 2)
        if self.session.password:
            pair.ask("AUTH", PASSWORD)
        if protocol == 3:
            pair.ask("HELLO", "3")
        pair.ask("SELECT", database)
        return pair

    def _answered(self, pair, command):
        """True if both have answered; who was asked before has had its turn by now."""
        silent = pair.ours.silent(), pair.theirs.silent()
        if all(silent):
            return False
        if any(silent):
            raise Difference(f"{written_words(command)}\n    waits only in "
                             + ("quoris", "redis")[silent[1]])
        self._judge(command, *pair.read())
        return True

    def _end_wait(self, pair, command, how):
        if how is None:
            return
        words = []
        for client, admin in zip((pair.ours, pair.theirs), self._admins()):
            listed = admin.ask("CLIENT", "LIST").value
            address = b"127.0.0.1:%d" % client.socket.getsockname()[1]
            words.append(re.search(rb"id=(\d+) addr=" + address + rb" ", listed).group(1))
        replies = [admin.ask("CLIENT", "UNBLOCK", word, *how)
                   for admin, word in zip(self._admins(), words)]
        self._judge(Command([b"CLIENT", b"UNBLOCK", *how]), *replies)
        self._judge(command, *pair.read())

    # The end.

    def _finish(self):
        self.place, self.started = len(self.session.steps), time.monotonic()
        self._settle()
        for number in sorted(self.session.quiet & set(self.lines)):
            self._compare_bytes(Step(number, "raw", data=b""),
                                *self._drain(self.lines[number].clients))
        if self.listener:
            self._compare_events()
        if self.monitor:
            self._compare_monitors()
        self._compare_counters()
        for database in range(16):
            self._same("SELECT", database)
            ours, theirs = self._same("DBSIZE")
            if theirs.value:
                self._compare_keys()

    def _compare_monitors(self):
        self._both("ECHO", MONITOR_END)
        ours, theirs = (self._monitored(client)
                        for client in (self.monitor.ours, self.monitor.theirs))
        if ours != theirs:
            place = next((at for at, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]),
                         min(len(ours), len(theirs)))
            raise Difference(f"MONITOR\n    quoris {ours[max(place - 1, 0):place + 2]}"
                             f"\n    redis  {theirs[max(place - 1, 0):place + 2]}")

    def _compare_events(self):
        got, _ = self._drain((self.listener.ours, self.listener.theirs))
        if got[0] != got[1]:
            events = [re.sub(rb"\r\n[$>]\d+", b"", data).split(b"\r\npmessage\r\n__key*__:*\r\n")
                      for data in got]
            place = next((at for at, pair in enumerate(zip(*events)) if pair[0] != pair[1]),
                         min(map(len, events)))
            raise Difference(f"EVENTS\n    quoris {events[0][max(place - 2, 0):place + 3]}"
                             f"\n    redis  {events[1][max(place - 2, 0):place + 3]}")

    @staticmethod
    def _monitored(client):
        """What the monitor shows, up to the mark."""
        lines = []
        while not lines or MONITOR_END.encode() not in lines[-1]:
            lines.append(client.read().raw[:-2])
        return monitor_lines(lines)

    def _info(self, client):
        lines = client.ask("INFO", "everything").value.decode("latin-1").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _compare_counters(self):
        infos = [self._info(client) for client in self._admins()]
        seen = [counters(info) for info in infos]
        # SET to the past stores nothing that could expire.
        past = [step for step in self.session.steps if any(map(sets_the_past, step.commands))]
        # What BLPOP, BRPOP and BLMOVE take once it comes Redis does not count as a change.
        waits = [step for step in self.session.steps if step.kind == "wait"]
        if not past and not waits:
            for place, info in enumerate(infos):
                seen[place]["expired_keys"] = info["expired_keys"]
                seen[place]["changes"] = (int(info["rdb_changes_since_last_save"])
                                          - int(self.before[place]))
        # With Redis the error of who is unblocked is one of who unblocks.
        for figures in seen:
            figures.pop("cmdstat_client|unblock", None)
            if self.hits_twice:
                figures.pop("keyspace_hits")
        different = [f"{name}: quoris {seen[0].get(name)}, redis {seen[1].get(name)}"
                     for name in sorted({*seen[0], *seen[1]})
                     if seen[0].get(name) != seen[1].get(name)]
        if different:
            first = different[0].split(":")[0]
            raise Difference("\n    ".join([f"counters:{first}", *different]))

    def _compare_keys(self):
        _, theirs = self._same("KEYS", "*", how="unordered")
        for key in sorted(item.value for item in theirs.value):
            kind = self._same("TYPE", key)[0].value
            encoding = Command([b"OBJECT", b"ENCODING", key],
                               "encoding" if self.session.sorts else "exact")
            self._judge(encoding, *self._both(*encoding.words))
            words, how = READERS[kind]
            self._same(words[0], key, *words[1:], how=how)
            self.started = time.monotonic()
            self._judge(Command([b"PTTL", key], "ms"), *self._both("PTTL", key))
        for words in (("SCAN", "0"), ("SCAN", "0", "COUNT", "1"), ("SCAN", "0", "MATCH", "*a*"),
                      ("SCAN", "0", "TYPE", "string"), ("SCAN", "0", "TYPE", "hash")):
            found = self.admin.scan(words)
            if any(isinstance(one, Reply) for one in found) or found[0] != found[1]:
                raise Difference(f"at the end, {words}\n    quoris {found[0]}"
                                 f"\n    redis  {found[1]}")


MONITOR_END = "here the session ends"


# By type what reads a whole value.
READERS = {b"string": (["GET"], "exact"), b"list": (["LRANGE", "0", "-1"], "exact"),
           b"set": (["SMEMBERS"], "unordered"), b"hash": (["HSCAN", "0", "COUNT", "100000"],
                                                         "unordered"),
           b"zset": (["ZRANGE", "0", "-1", "WITHSCORES"], "exact")}


class EXACT:
    """Stands for a command of an inline line: its reply has nothing that may differ."""
    how, words = "exact", [b"(inline)"]


def monitor_lines(lines):
    """Without times, addresses, what we ask besides, and lines that name connections."""
    lines = [re.sub(rb"^\+[\d.]+ \[(\d+) [^\]]*\]", rb"[\1]", line) for line in lines]
    # Quoris hides the words of AUTH and HELLO where Redis shows those of a wrong call; Redis shows
    # an EXEC that is refused.
    unlike = re.compile(rb'\[\d+\] ("PING"|"INFO"|(?i:"client"|"auth"|"hello"|"exec"))')
    return [line for line in lines if not unlike.match(line)]


def counters(info):
    """Of INFO the figures that must agree."""
    seen = {name: int(info[name]) for name in STATS if name in info}
    for name, value in info.items():
        fields = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
        if name.startswith("cmdstat_"):
            seen[name] = tuple(fields[field]
                               for field in ("calls", "rejected_calls", "failed_calls"))
        elif name.startswith("errorstat_"):
            seen[name] = fields["count"]
        elif re.fullmatch(r"db\d+", name):
            seen[name] = fields["keys"], fields["expires"]
    return seen


class RandomSessions(PairTest):
    ARGUMENTS = ("--enable-debug-command", "yes")

    def setUp(self):
        pass

    def play(self, session):
        """None, or the Difference with the place it was seen at."""
        for server in (self.quoris, self.oracle):
            if not server.running:
                self.fail(f"{server.binary} has died, session {session.seed}:\n"
                          + server.output()[-4000:])
        for life_ms in LIVES_MS:
            play = Play((self.quoris, self.oracle), session, life_ms)
            try:
                play.run()
            except TooSlow:
                continue  # nothing was compared that depends on it
            except Accepted:
                return None
            except Difference as difference:
                return difference, play.place
            except AssertionError as error:  # no reply in time
                return Difference(str(error)), play.place
            return None
        return Difference("too slow a machine: a key's life is over before it is watched"), 0

    def still(self, session, found):
        """The difference again, if it is of the same kind."""
        again = self.play(session)
        kinds = [str(one[0]).split("\n")[0].split(" ")[0].upper() for one in (found, again) if one]
        return again if len(set(kinds)) == 1 == len(kinds) - 1 else None

    def shrink(self, session, found):
        """Drops steps, then commands of steps, as long as some difference stays."""
        end = time.monotonic() + SHRINK_DEADLINE_S
        session.steps = session.steps[:found[1] + 1]
        size = max(len(session.steps) // 2, 1)
        while time.monotonic() < end:
            place, shorter = 0, False
            while place < len(session.steps) and time.monotonic() < end:
                left, session.steps = session.steps, (session.steps[:place]
                                                      + session.steps[place + size:])
                again = self.still(session, found)
                if again:
                    found, shorter = again, True
                    session.steps = session.steps[:found[1] + 1]
                else:
                    session.steps = left
                    place += size
            if size == 1 and not shorter:
                break
            size = max(size // 2, 1)
        return self.shrink_commands(session, found, end)

    def shrink_commands(self, session, found, end):
        for step in session.steps:
            place = 0
            while len(step.commands) > 1 and place < len(step.commands) and time.monotonic() < end:
                # SET to the past goes with the EXISTS after it.
                size = 2 if sets_the_past(step.commands[place]) else 1
                if place and sets_the_past(step.commands[place - 1]):
                    place += 1
                    continue
                left, step.commands = step.commands, (step.commands[:place]
                                                      + step.commands[place + size:])
                again = self.still(session, found)
                if again:
                    found = again
                else:
                    step.commands = left
                    place += 1
        return found

    def describe(self, session, found):
        lines = [line for step in session.steps for line in written(step)]
        kinds = {number: f"RESP{protocol}" + (" quiet" if number in session.quiet else "")
                 for number, protocol in session.protocols.items() if number != ADMIN}
        extra = "".join(f", {name}" for name in ("password", "monitor") if getattr(session, name))
        extra += f", active expiry {'on' if session.active_expiry else 'off'}"
        return "\n  ".join([f"RANDOM_SEED={session.seed}, connections {kinds}{extra}", *lines,
                            "-> " + str(found[0])])

    def test_random_sessions_agree(self):
        fixed = os.environ.get("RANDOM_SEED")
        rounds = 1 if fixed else int(os.environ.get("RANDOM_ROUNDS", ROUNDS))
        steps = int(os.environ.get("RANDOM_STEPS", STEPS))
        start = int(fixed or os.environ.get("RANDOM_START", SEED))
        keep_going = os.environ.get("RANDOM_KEEP_GOING")
        failures = []
        for number, seed in enumerate(range(start, start + rounds), 1):
            session = make_session(seed, steps)
            found = self.play(session)
            if not found:
                continue
            shown = self.shrink(session, found)
            how = "not seen when played again" if shown is found else "shortened"
            failures.append(f"round {number} of {rounds}: {found[0]}\n{how}:\n"
                            f"  {self.describe(session, shown)}")
            if not keep_going:
                break
            print(failures[-1], flush=True)
        if failures:
            self.fail("\n".join(failures))


del PairTest
