"""Makes up random sessions: lists of steps that several connections take in turn.

`make_session(seed, steps)` gives the same session for the same seed; nothing in it depends on
replies, so steps can be left out to shorten one that fails. Used by: test_random.py.

What differs between two servers by nature is not made up, so that no reply hangs on how fast a
machine is: keys that expire while the session runs (but for steps that wait for it on both), ties
between two expiries of which one is relative, a pause or a WAIT that is felt, memory that runs out.
"""

import random
import re
from dataclasses import dataclass, field

import random_collections
from random_collections import BLOCKING, LIMITS, OPEN, CollectionWords, Command
from resp import encode
from test_command_table import NOT_YET

CONNECTIONS_MAX = 4
ADMIN = 0  # the connection that is always there: RESP2, never in a transaction

KEYS = [b"a", b"b", b"c", b"d", b"key:1", b"key:2", b"Key:1", b"", b"k\x00\r\n\xff", b"[x]*",
        b"long" * 20, b"\xc3\xa9 \"'\\"]
INTEGERS = [b"0", b"1", b"-1", b"2", b"7", b"10", b"100", b"9999", b"10000", b"-10000",
            b"9223372036854775807", b"9223372036854775806", b"-9223372036854775808",
            b"-9223372036854775807", b"4611686018427387904"]
NOT_INTEGERS = [b"", b"abc", b" 1", b"1 ", b"1.5", b"+1", b"01", b"1e3", b"0x10", b"-0", b"-",
                b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616",
                b"99999999999999999999999", b"1\x00", b"\xff", b"--1", b"\xd9\xa1"]
FLOATS = [b"0", b"1", b"-1", b"0.1", b"-0.1", b"3.0e3", b"5.0e-3", b"1e17", b"1e20", b"-1e20",
          b"1.7976931348623157e308", b"1e4000", b"1e-4000", b"inf", b"-inf", b"nan", b"0x1p3",
          b"10.5", b"3.14159265358979323846", b"1e300", b"-1e300", b".5", b"5.", b"1e", b"infinity",
          b"123456789012345678901234567890", b"0.000000000000000001", b"1.0e5000"]
VALUES = INTEGERS + NOT_INTEGERS + FLOATS + [
    b"y" * 44, b"y" * 45, b"hello world", b"\x00\x01\xfe\xff", b"line\r\nline", b"z" * 300,
    b"ohmytext", b"mynewtext", b"$5\r\nworld\r\n"]
# Seconds and milliseconds: none that run out while a session lasts. Those of PERIODS that lie ahead
# fall on no moment that MOMENTS or Words.moment give, whenever they are counted from.
PERIODS = [b"0", b"-1", b"-100000", b"5000000", b"9223372036854775807", b"9223372036854775",
           b"9223372036854776", b"-9223372036854775808", b"-9223372036854775", b"-9223372036854776",
           b"9223372036854775808", b"100000000000", b"abc", b"", b"1.5", b" 5", b"+5",
           b"2147483648",
           b"4294967296"]
MOMENTS = PERIODS + [b"33177117420", b"33177117420000", b"33177117421", b"1", b"1000"]
NASTY = NOT_INTEGERS + [b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"nx", b"EX",
                        b"XX", b"GET", b"KEEPTTL", b"*", b"a", b"b", b"x" * 200]
DATABASES = [b"0", b"1", b"2", b"3", b"0", b"1", b"15", b"16", b"-1", b"abc", b"", b"1.0", b"01",
             b"9223372036854775807", b"4294967296"]
PATTERNS = [b"*", b"a", b"?", b"k*", b"key:?", b"[a-c]", b"[^a]", b"[c-a]", b"[", b"[a", b"[]",
            b"[^", b"\\a", b"\\", b"**", b"*:*", b"K*", b"*\xff", b"", b"\\[x\\]\\*", b"[[]x]*",
            b"?*?", b"[a-]", b"[-a]", b"[\\a]", b"[\\", b"[a\\", b"long*", b"*long",
            b"a*b", b"[^]a]", b"k\x00*"]
SETTINGS = {
    b"maxmemory-policy": [b"allkeys-lru", b"noeviction", b"volatile-ttl", b"allkeys-lfu", b"bad",
                          b""],
    b"slowlog-max-len": [b"0", b"5", b"128", b"-1", b"abc"],
    b"slowlog-log-slower-than": [b"-1", b"0", b"10000", b"abc"],
    b"hz": [b"10", b"50", b"1000", b"0", b"abc"],
    b"timeout": [b"0", b"1000", b"-1", b"abc", b"2147483648"],
    b"lazyfree-lazy-user-del": [b"yes", b"no", b"maybe", b"YES"],
    b"lazyfree-lazy-user-flush": [b"yes", b"no", b""],
    b"maxmemory": [b"0", b"1gb", b"1000000000", b"2GB", b"-1gb", b"1.5gb", b"abc", b""],
    b"maxclients": [b"10000", b"5000", b"abc", b"-5"],
    b"tcp-keepalive": [b"300", b"0", b"-1"],
    b"latency-monitor-threshold": [b"0", b"100000", b"-1", b"x"],
    b"loglevel": [b"notice", b"warning", b"loud"],
    b"proto-max-bulk-len": [b"512mb", b"1mb", b"1", b"536870912"],
    b"lfu-log-factor": [b"10", b"0", b"-1"],
    b"lfu-decay-time": [b"1", b"0", b"-1"],
    b"latency-tracking": [b"yes", b"no", b"x"],
    b"protected-mode": [b"yes", b"no", b""],
    b"appendfsync": [b"always", b"everysec", b"no", b"x"],
    b"client-query-buffer-limit": [b"1gb", b"5mb", b"1000"],
    b"nosuch": [b"1"],
    b"databases": [b"16"],
    **LIMITS,
}
PASSWORD = b"secret"
RELATIVE = range(10 ** 7, 10 ** 8)
LATEST_MS = 9 * 10 ** 18  # later ones are refused
APART_MS = 600_000  # no two relative expiries of a session end closer together
ODD = [b'"', b"'", b"\\", b" ", b"\t"]  # what may spoil an inline command
# Not among commands whose replies are compared as bytes and not counted.
NOT_COUNTED = [b"QUIT", b"CLIENT", b"WATCH", b"MULTI", b"WAIT", *BLOCKING]


@dataclass
class Step:
    """What a connection does: ask (commands one by one), pipeline (in one go), raw (bytes whose
    replies are not counted), broken (bytes on a connection of its own, up to its end), close,
    life (see Life; the connection is the one that watches, or ADMIN if none does), wait (see Wait,
    on connections of its own), spop (the command is SPOP, made by ADMIN)."""
    connection: int
    kind: str
    commands: list = field(default_factory=list)
    data: bytes = b""
    life: object = None
    wait: object = None


@dataclass
class Life:
    """A key that is set, watched, and looked at (by the step's command) once its time is over; the
    watcher's transaction comes before or after that. One step: in between, only what does not
    depend on whether the server has removed the key already may be asked."""
    database: bytes
    key: bytes
    value: bytes
    look_first: bool


@dataclass
class Session:
    seed: int
    protocols: dict  # by connection
    quiet: set  # the connections that turn replies on and off: theirs are compared as bytes
    password: bool
    monitor: bool
    listening: bool  # to all events, on a connection of its own
    sorts: bool  # which SORT does not leave the encoding of a sorted set alone in Redis
    active_expiry: bool  # else only who looks at an expired key removes it
    steps: list


class Words(CollectionWords):
    """Picks words and puts commands together."""

    def __init__(self, rng):
        self.rng = rng
        self.prepare_collections(rng.sample(KEYS, len(KEYS)))
        # A few keys that are met often, the others seldom.
        self.favourites = rng.sample(KEYS, 4)
        self.ends_ms = []  # of relative expiries, for either unit
        # Sessions of strings, of collections and of both.
        shares = rng.choice([(1, 0), (0.15, 1), (0.15, 1), (1, 1)])
        weights = {name: weight * share for share, family in
                   zip(shares, (WEIGHTS, random_collections.WEIGHTS))
                   for name, weight in family.items() if self.sorts or name != "sort"}
        self.makers = [(weight, getattr(self, name)) for name, weight in weights.items()]
        self.weights = [weight for weight, _ in self.makers]

    def chance(self, percent):
        return self.rng.random() * 100 < percent

    def pick(self, items):
        return self.rng.choice(items)

    def key(self):
        return self.pick(self.favourites if self.chance(80) else KEYS)

    def keys(self, most=4):
        return [self.key() for _ in range(self.rng.randint(1, most))]

    def value(self):
        if self.chance(10):
            return bytes(self.rng.randrange(256) for _ in range(self.rng.randint(0, 60)))
        return self.pick(VALUES)

    def integer(self):
        if self.chance(40):
            return b"%d" % self.rng.randint(-20, 20)
        return self.pick(INTEGERS if self.chance(80) else NOT_INTEGERS)

    def period(self):
        """Those that lie ahead are well apart: what GT and LT find does not hang on when each of
        two servers began to count."""
        while True:
            word = b"%d" % self.pick(RELATIVE) if self.chance(60) else self.pick(PERIODS)
            number = int(word) if re.fullmatch(rb"[1-9]\d*", word) else 0
            ends = [end for end in (number, 1000 * number) if 0 < end < LATEST_MS]
            if all(abs(end - other) > APART_MS for end in ends for other in self.ends_ms):
                self.ends_ms += ends
                return word

    def moment(self, past=100):
        """Of a Unix time in seconds or milliseconds; in `past` of 100 cases it may be over."""
        if self.chance(past):
            return self.pick(MOMENTS + [b"%d" % self.rng.randint(2 * 10 ** 10, 10 ** 11)])
        return b"%d" % self.rng.randint(2 * 10 ** 13, 10 ** 14)

    def case(self, word):
        """The word in some mixture of cases."""
        if self.chance(80):
            return word
        return bytes(self.pick((letter | 32, letter & ~32)) if chr(letter).isalpha() else letter
                     for letter in word)

    def some(self, *options):
        """Some of the options (lists of words) in any order, seldom one twice."""
        chosen = [option for option in options if self.chance(100 / (len(options) + 1))]
        if chosen and self.chance(8):
            chosen.append(self.pick(options))
        self.rng.shuffle(chosen)
        return [self.case(word) if place == 0 else word
                for option in chosen for place, word in enumerate(option)]

    def expiry(self):
        kind = self.pick([b"EX", b"PX", b"EXAT", b"PXAT"])
        return [kind, self.moment(12) if kind.endswith(b"AT") else self.period()]

    # The families; each gives a Command.

    def read(self):
        name = self.pick([b"GET", b"GET", b"GET", b"STRLEN", b"TYPE", b"EXISTS", b"TOUCH", b"MGET"])
        if name in (b"EXISTS", b"TOUCH", b"MGET"):
            return Command([name, *self.keys()])
        return Command([name, self.key()])

    def set(self):
        options = self.some([b"NX"], [b"XX"], [b"GET"], [b"KEEPTTL"], self.expiry())
        return Command([b"SET", self.key(), self.value(), *options])

    def set_plainly(self):
        name = self.pick([b"SET", b"SET", b"SETNX", b"GETSET", b"APPEND"])
        return Command([name, self.key(), self.value()])

    def set_for_a_time(self):
        return Command([self.pick([b"SETEX", b"PSETEX"]), self.key(), self.period(), self.value()])

    def set_many(self):
        words = [word for key in self.keys(3) for word in (key, self.value())]
        return Command([self.pick([b"MSET", b"MSET", b"MSETNX"]), *words])

    def count(self):
        name = self.pick([b"INCR", b"DECR", b"INCRBY", b"DECRBY"])
        return Command([name, self.key()] + ([self.integer()] if name.endswith(b"BY") else []))

    def count_decimals(self):
        return Command([b"INCRBYFLOAT", self.key(),
                        self.pick(FLOATS) if self.chance(70) else
                        b"%.*g" % (self.rng.randint(1, 19), self.rng.uniform(-100, 100))])

    def part(self):
        if self.chance(60):
            return Command([self.pick([b"GETRANGE", b"SUBSTR"]), self.key(), self.integer(),
                            self.integer()])
        offset = self.pick([b"0", b"1", b"5", b"45", b"-1", b"536870912", b"9223372036854775807",
                            b"4294967296", b"abc", b"", b"-9223372036854775808"])
        return Command([b"SETRANGE", self.key(), offset, self.value()])

    def take(self):
        if self.chance(40):
            return Command([b"GETDEL", self.key()])
        return Command([b"GETEX", self.key(), *self.some([b"PERSIST"], self.expiry())])

    def lcs(self):
        return Command([b"LCS", self.key(), self.key(), *self.some(
            [b"LEN"], [b"IDX"], [b"WITHMATCHLEN"], [b"MINMATCHLEN", self.integer()])])

    def delete(self):
        return Command([self.pick([b"DEL", b"UNLINK"]), *self.keys(2)])

    def rename(self):
        return Command([self.pick([b"RENAME", b"RENAMENX"]), self.key(), self.key()])

    def copy(self):
        return Command([b"COPY", self.key(), self.key(),
                        *self.some([b"DB", self.pick(DATABASES)], [b"REPLACE"])])

    def move(self):
        return Command([b"MOVE", self.key(), self.pick(DATABASES)])

    def swap(self):
        return Command([b"SWAPDB", self.pick(DATABASES), self.pick(DATABASES)])

    def flush(self):
        return Command([self.pick([b"FLUSHDB", b"FLUSHDB", b"FLUSHALL"]),
                        *self.some([b"ASYNC"], [b"SYNC"])])

    def expire(self):
        name = self.pick([b"EXPIRE", b"PEXPIRE", b"EXPIREAT", b"PEXPIREAT"])
        number = self.moment(60) if name.endswith(b"AT") else self.period()
        return Command([name, self.key(), number, *self.some([b"NX"], [b"XX"], [b"GT"], [b"LT"])])

    def time_left(self):
        name = self.pick([b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME"])
        return Command([name, self.key()], "ms" if name.startswith(b"P") else "s")

    def persist(self):
        return Command([b"PERSIST", self.key()])

    def object(self):
        name = self.pick([b"ENCODING", b"ENCODING", b"FREQ", b"IDLETIME", b"REFCOUNT", b"HELP"])
        if name == b"HELP":
            return Command([b"OBJECT", b"HELP"], "loose")
        how = ("encoding" if self.sorts else "exact") if name == b"ENCODING" else "loose"
        return Command([b"OBJECT", self.case(name), self.key()], how)

    def list_keys(self):
        return Command([b"KEYS", self.pick(PATTERNS)], "unordered")

    def scan(self):
        """All in one call: only then both servers return the same."""
        options = self.some([b"MATCH", self.pick(PATTERNS)])
        if self.chance(10):
            options += [b"COUNT", self.pick([b"0", b"-1", b"abc", b"1.5", b""])]
        return Command([b"SCAN", b"0", *options, b"COUNT", b"100000"], "unordered")

    def bad_scan(self):
        return Command([b"SCAN", self.pick([b"abc", b"-1x", b" 1", b"1 ", b"0x"]),
                        *self.some([b"MATCH", b"*"], [b"COUNT", b"10"], [b"TYPE", b"string"])])

    def database(self):
        return Command([b"SELECT", self.pick(DATABASES)])

    def size(self):
        return self.pick([Command([b"DBSIZE"]), Command([b"RANDOMKEY"], "shape")])

    def transaction(self):
        name = self.pick([b"MULTI"] * 5 + [b"EXEC"] * 6 + [b"DISCARD", b"UNWATCH"] +
                         [b"WATCH"] * 4)
        return Command([name, *self.keys(2)] if name == b"WATCH" else [name])

    def greet(self):
        return self.pick([
            Command([b"PING"]), Command([b"PING", self.value()]), Command([b"ECHO", self.value()]),
            Command([b"HELLO", self.pick([b"2", b"3", b"4", b"abc", b"0"]), *self.some(
                [b"SETNAME", self.pick([b"me", b"", b"a b", b"x\n"])],
                [b"AUTH", b"default", self.pick([PASSWORD, b"wrong"])], [b"AUTH", b"x"])],
                    "approx", 10 ** 9),
            Command([b"HELLO"], "approx", 10 ** 9), Command([b"RESET"]),
            Command([b"AUTH", self.pick([PASSWORD, b"wrong", b""])]),
            Command([b"AUTH", self.pick([b"default", b"nobody"]), self.pick([PASSWORD, b""])]),
            Command([b"QUIT"]) if self.chance(30) else Command([b"PING"])])

    def client(self):
        other = self.rng.randint(1, CONNECTIONS_MAX)
        return self.pick([
            Command([b"CLIENT", b"ID"], "shape"), Command([b"CLIENT", b"INFO"], "client"),
            Command([b"CLIENT", b"LIST", b"ID", ("id", other)], "client"),
            Command([b"CLIENT", b"LIST", *self.some([b"TYPE", self.pick([b"normal", b"master",
                                                                         b"x"])])], "loose"),
            Command([b"CLIENT", b"GETNAME"]), Command([b"CLIENT", b"GETREDIR"]),
            Command([b"CLIENT", b"SETNAME",
                     self.pick([b"me", b"", b"a b", b"\xc3\xa9", b"n" * 99])]),
            Command([b"CLIENT", b"NO-EVICT", self.pick([b"on", b"OFF", b"x"])]),
            Command([b"CLIENT", b"UNBLOCK", self.pick([("id", other), b"abc", b"-1"]),
                     *self.some([b"TIMEOUT"], [b"ERROR"])]),
            Command([b"CLIENT", b"PAUSE", self.pick([b"abc", b"-1", b"1.5"]),
                     *self.some([b"WRITE"], [b"ALL"], [b"x"])]),
            Command([b"CLIENT", b"UNPAUSE"]), Command([b"CLIENT", b"NOSUCH", self.value()]),
            Command([b"CLIENT", b"REPLY", self.pick([b"ON", b"x", b""])]),
            Command([b"CLIENT", b"KILL", *self.pick([
                [b"ID", ("id", other)], [b"ADDR", ("address", other)], [("address", other)],
                [b"ID", ("id", other), b"SKIPME", self.pick([b"no", b"yes", b"x"])],
                [b"ID", b"abc"], [b"ID", b"0"], [b"1.2.3.4:5"], [b"TYPE", b"x"], [b"USER", b"x"],
                [b"ID", ("id", other), b"USER", b"default", b"TYPE", b"normal"],
                [b"ADDR", b"1.2.3.4:5", b"ID"]])])])

    def config(self):
        names = self.rng.sample(sorted(SETTINGS), self.pick([1, 1, 1, 2, 3]))
        if self.chance(40):
            return Command([b"CONFIG", b"GET", *names], "unordered")
        words = [word for name in names for word in (self.case(name), self.pick(SETTINGS[name]))]
        return Command([b"CONFIG", self.case(b"SET"), *words])

    def server(self):
        return self.pick([
            Command([b"TIME"], "shape"), Command([b"ROLE"]), Command([b"LASTSAVE"], "shape"),
            Command([b"WAIT", b"0", self.pick([b"0", b"-1", b"abc", b"5"])]),
            Command([b"WAIT", self.pick([b"abc", b"-1", b"1"]), b"1"]),
            Command([b"INFO", self.pick([b"keyspace", b"nosuch", b"all", b"STATS"])], "loose"),
            Command([b"MEMORY", b"USAGE", self.key()], "loose"), Command([b"MEMORY", b"PURGE"]),
            Command([b"MEMORY", b"USAGE", self.key(), b"SAMPLES", self.integer()], "loose"),
            Command([b"SLOWLOG", b"RESET"]), Command([b"SLOWLOG", b"LEN"], "loose"),
            Command([b"SLOWLOG", b"GET", self.integer()], "loose"), Command([b"LOLWUT"], "loose"),
            Command([b"LATENCY", b"RESET", *self.keys(1)]), Command([b"LATENCY", b"LATEST"]),
            Command([b"LATENCY", b"HISTORY", self.key()]), Command([b"DEBUG", b"SLEEP", b"0"]),
            Command([b"LATENCY", b"GRAPH", self.key()]), Command([b"CONFIG", b"RESETSTAT"]),
            Command([b"DEBUG", b"PROTOCOL", self.pick([
                b"string", b"integer", b"double", b"null", b"array", b"set", b"map", b"verbatim",
                b"true", b"false", b"bignum", b"x"])]),
            Command([b"SHUTDOWN", self.pick([b"ABORT", b"x", b""])]),
            Command([b"COMMAND", b"GETKEYS", *self.any_mutable().words]),
            Command([b"COMMAND", b"GETKEYSANDFLAGS", *self.any_mutable().words], "unordered")])

    def unknown(self):
        name = self.pick([b"FOO", b"", b"GETT", b"G\x00ET", b"get ", b"a\r\nb", b"z" * 150, b"\xff",
                          b"HGET", b"config|get", b"object|encoding"])
        if name == b"HGET":
            name = b"NOHASH"
        return Command([name, *[self.value() for _ in range(self.rng.randint(0, 5))]])

    def any_mutable(self):
        maker = self.pick([self.read, self.set, self.set_many, self.count, self.copy, self.rename,
                           self.expire, self.object, self.delete, self.lcs, self.part, self.unknown,
                           self.size, self.take, self.database, self.zset_combine, self.sort,
                           self.zset_range, self.list_pop_many, self.block_shortly, self.hash_set])
        return maker()

    def command(self):
        """Any command, now and then spoilt; those that could do harm when spoilt are left whole."""
        _, maker = self.rng.choices(self.makers, self.weights)[0]
        command = maker()
        if maker not in (self.client, self.server, self.config, self.scan,
                         self.bad_scan) and \
                random_collections.may_be_spoilt(command) and self.chance(12):
            self.spoil(command.words)
            if command.how == "unordered" and command.name not in OPEN:
                command.how = "exact"
        if command.words:
            command.words[0] = self.case(command.words[0])
        return command

    def spoil(self, words):
        change = self.rng.randrange(4)
        place = self.rng.randrange(len(words))
        if change == 0 and place:
            del words[place]
        elif change == 1 and place:
            words[place] = self.pick(NASTY)
        elif change == 2:
            words.insert(place + 1, self.pick(NASTY))
        else:
            words.append(self.pick(NASTY))

    def exact_command(self):
        while True:
            command = self.command()
            if command.how == "exact" and command.name not in NOT_COUNTED \
                    and command.words[1:] != [b"RESETSTAT"]:
                return command


WEIGHTS = {
    "read": 16, "set": 10, "set_plainly": 12, "set_for_a_time": 3, "set_many": 5, "count": 8,
    "count_decimals": 6, "part": 6, "take": 5, "lcs": 3, "delete": 6, "rename": 5, "copy": 5,
    "move": 4, "swap": 2, "flush": 1, "expire": 10, "time_left": 8, "persist": 3, "object": 5,
    "list_keys": 3,
    "scan": 3, "bad_scan": 1, "database": 6, "size": 4, "transaction": 22, "greet": 5, "client": 5,
    "config": 3, "server": 4, "unknown": 2}


def sets_the_past(command):
    """A SET that names a moment: it may leave a key that is expired already."""
    upper = [word.upper() for word in command.words if isinstance(word, bytes)]
    if command.name != b"SET" or not (b"EXAT" in upper or b"PXAT" in upper):
        return False
    return not any(re.fullmatch(rb"\d{14,15}", word) for word in upper[3:])


def spells_what_is_missing(data):
    """True if the bytes hold a command's name that Quoris does not have: GET is an H from it."""
    letters = data.translate(None, b"\"'").lower()
    return any(name.encode() in letters for name in NOT_YET)


class SessionMaker:
    def __init__(self, seed, steps):
        self.rng = random.Random(seed)
        self.words = Words(self.rng)
        count = self.rng.randint(1, CONNECTIONS_MAX)
        self.numbers = list(range(1, count + 1))
        self.session = Session(
            seed, {number: self.rng.choice([2, 3]) for number in self.numbers},
            {number for number in self.numbers if self.words.chance(12)},
            self.words.chance(15), self.words.chance(15), self.words.chance(40),
            self.words.sorts, self.words.chance(50), [])
        self.session.protocols[ADMIN] = 2
        kinds = {self.ask: 70, self.pipeline: 10, self.transaction: 8, self.inline: 6,
                 self.broken: 4, self.short_life: 0.6, self.close: 1, self.wait: 2, self.spop: 2}
        makers = self.rng.choices(list(kinds), list(kinds.values()), k=steps)
        for make in makers:
            make()

    def connection(self):
        return self.rng.choice(self.numbers)

    def add(self, connection, kind, commands=(), data=b""):
        self.session.steps.append(Step(connection, kind, list(commands), data))

    def commands(self, connection, count):
        """`count` commands; after a SET that may lie in the past both servers look at the key."""
        made = []
        for _ in range(count):
            if connection in self.session.quiet:
                command = self.words.exact_command()
                if self.words.chance(15):
                    word = self.rng.choice([b"ON", b"OFF", b"SKIP", b"on", b"x"])
                    command = Command([b"CLIENT", b"REPLY", word])
                elif self.words.chance(15):
                    command = self.words.subscribe()
            else:
                command = self.words.command()
            made.append(command)
            if sets_the_past(command) and len(command.words) > 1:
                made.append(Command([b"EXISTS", command.words[1]]))
        return made

    def ask(self):
        connection = self.connection()
        quiet = connection in self.session.quiet
        self.add(connection, "raw" if quiet else "ask", self.commands(connection, 1))

    def pipeline(self):
        connection = self.connection()
        quiet = connection in self.session.quiet
        commands = self.commands(connection, self.rng.randint(2, 30))
        self.add(connection, "raw" if quiet else "pipeline",
                 [command for command in commands if not self.logs_out(command)])

    def logs_out(self, command):
        """With others in one go, Redis may drop the connection: who is not logged in may not leave
        much of what was asked before unread, and how much is read by then is a matter of time."""
        return self.session.password and command.name == b"RESET"

    def transaction(self):
        """Of a piece, with another connection in between."""
        connection, other = self.connection(), self.connection()
        if connection in self.session.quiet:
            return
        if self.words.chance(50):
            self.add(connection, "ask", [Command([b"WATCH", *self.words.keys(2)])])
        if self.words.chance(50):
            kind = "raw" if other in self.session.quiet else "ask"
            self.add(other, kind, self.commands(other, 1))
        self.add(connection, "ask", [Command([b"MULTI"])])
        self.add(connection, "ask", self.commands(connection, self.rng.randint(0, 5)))
        if self.words.chance(30):
            kind = "raw" if other in self.session.quiet else "ask"
            self.add(other, kind, self.commands(other, 1))
        self.add(connection, "ask", [Command([b"EXEC"])])

    def inline(self):
        connection = self.connection()
        lines = []
        for _ in range(self.rng.randint(1, 4)):
            command = self.words.exact_command()
            while command.name in (b"EXEC", b"MULTI", b"DISCARD") or sets_the_past(command) \
                    or self.logs_out(command):
                command = self.words.exact_command()
            line = self.rng.choice([b" ", b" ", b"  ", b"\t"]).join(
                self.quote(word) for word in command.words)
            # A protocol error while replies are off: Redis neither tells it nor closes.
            if connection not in self.session.quiet and self.words.chance(5):
                place = self.rng.randint(0, len(line))
                line = line[:place] + self.words.pick(ODD) + line[place:]
            lines.append(line + self.rng.choice([b"\r\n", b"\r\n", b"\n"]))
        data = b"".join(lines)
        # Redis finds no line's end after a zero byte, and takes a line with a * for a frame.
        if b"\0" not in data and not any(line.startswith(b"*") for line in lines):
            self.add(connection, "raw", data=data)

    def quote(self, word):
        if word and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word):
            return word
        if self.words.chance(20) and b"\n" not in word and b"\\" not in word:
            return b"'" + word.replace(b"'", b"\\'") + b"'"
        out = b""
        for byte in word:
            plain = 32 <= byte < 127 and byte not in b'"\\'
            out += b"%c" % byte if plain else b"\\x%02x" % byte
        return b'"' + out + b'"'

    def broken(self):
        """Frames spoilt in a place or several, of commands that do no harm whatever they become."""
        words = self.words
        data = b""
        for _ in range(self.rng.randint(1, 4)):
            data += encode(words.pick([
                [b"PING"], [b"ECHO", words.value()], [b"SET", words.key(), words.value()],
                [b"GET", words.key()], [b"INCR", words.key()], [b"MGET", *words.keys()],
                [b"STRLEN", words.key()], [b"APPEND", words.key(), words.value()], [b"MULTI"],
                [b"EXEC"]]))
        data = bytearray(data)
        for _ in range(self.rng.randint(0, 3)):
            data = data or bytearray(b"*")
            place = self.rng.randrange(len(data))
            change = self.rng.randrange(5)
            if change == 0:
                data[place] = self.rng.randrange(256)
            elif change == 1:
                data[place:place] = words.pick([
                    b"\r\n", b"\n", b"\r", b"*", b"$", b"*-1\r\n", b"*0\r\n", b"$-1\r\n", b"-",
                    b" ", b"*2147483648\r\n", b"$536870913\r\n", b"*1000000\r\n", b"*3\r\n",
                    b"PING\r\n", b"$0\r\n\r\n", b"9", b"*1048577\r\n", b"*1\r\n$3\r\n", b"\"",
                    b":1\r\n", b"+OK\r\n"])
            elif change == 2:
                del data[place:place + self.rng.randint(1, 5)]
            elif change == 3:
                del data[max(place, 1):]
            else:
                data[place:place] = data[:self.rng.randint(1, 10)]
        # After a zero byte Redis does not find the end of a count, and waits for more.
        if data and b"\0" not in data and not spells_what_is_missing(data):
            self.add(self.connection(), "broken", data=bytes(data))

    def short_life(self):
        watcher = self.connection()
        loud = watcher not in self.session.quiet and self.words.chance(50)
        key = self.words.key()
        look = self.words.pick([b"GET", b"EXISTS", b"TTL", b"INCR", b"PERSIST", b"DEL", b"TYPE",
                                b"STRLEN", b"GETDEL", b"TOUCH"])
        life = Life(self.words.pick([b"0", b"1", b"2"]), key, self.words.value(),
                    self.words.chance(50))
        self.session.steps.append(
            Step(watcher if loud else ADMIN, "life", [Command([look, key])], life=life))

    def wait(self):
        self.session.steps.append(Step(ADMIN, "wait", wait=self.words.wait()))

    def spop(self):
        count = [self.words.count_word()] if self.words.chance(60) else []
        self.add(ADMIN, "spop", [Command([b"SPOP", self.words.key_of("set"), *count])])

    def close(self):
        self.add(self.connection(), "close")


def make_session(seed, steps):
    return SessionMaker(seed, steps).session
