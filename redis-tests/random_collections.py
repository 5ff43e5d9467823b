"""Words of random sessions about lists, hashes, sets, sorted sets, SORT, waiting and pub/sub.

`CollectionWords` is a part of random_commands.Words. Keys are drawn so that most commands meet a
key of their type; replies whose order or choice Redis leaves open say so (Command.how).
"""

import dataclasses
import itertools

TYPES = ["list", "hash", "set", "zset"]
# Holds members of one score only: by name nothing else has an order.
LEX_KEY = b"lex"
# Settings that say when a collection takes its large form.
LIMITS = {
    b"hash-max-listpack-entries": [b"512", b"4", b"0", b"-1", b"20"],
    b"hash-max-listpack-value": [b"64", b"5", b"0"],
    b"set-max-intset-entries": [b"512", b"4", b"0", b"20"],
    b"zset-max-listpack-entries": [b"128", b"4", b"0", b"-1"],
    b"zset-max-listpack-value": [b"64", b"5", b"0"],
    b"list-max-listpack-size": [b"-2", b"4", b"1", b"-5"],
    b"list-compress-depth": [b"0", b"1"],
    # n only without A: Redis forgets it beside A where a CONFIG SET of several fails.
    b"notify-keyspace-events": [b"", b"KEA", b"KEmng$lshzx", b"Kl$", b"Egx", b"Ehsz", b"AK", b"x?"],
}
SCORES = [b"0", b"1", b"-1", b"2", b"1.5", b"-0", b"inf", b"-inf", b"+inf", b"0.1", b"0.2", b"0.3",
          b"1e300", b"-1e300", b"1e-300", b"9007199254740993", b"123456789012345678", b"3.0",
          b"4.9406564584124654e-324", b"1.7976931348623157e308"]
BAD_SCORES = [b"nan", b"abc", b"", b" 1", b"1 ", b"0x10", b"1e400", b"1e", b"(1", b"--1"]
BOUNDS = SCORES + [b"(1", b"(0", b"(inf", b"(-inf", b"(abc", b"abc", b"", b"nan", b"((1", b"(1.5"]
LEX = [b"-", b"+", b"[a", b"(a", b"[", b"(", b"[m5", b"(m5", b"m5", b"", b"[zz", b"(1", b"[1",
       b"++", b"-a"]
# No keyspace events: whether those of one's own command come before its reply in RESP3 is a matter
# of the command in Redis.
CHANNELS = [b"c1", b"c2", b"", b"news:x", b"\xff\r\n"]
CHANNEL_PATTERNS = [b"c?", b"news:*", b"[c]1", b"", b"nothing", b"n*"]
# Short, so that who waits is back soon; or wrong.
TIMEOUTS = [b"0.01", b"0.001", b"0.005", b"1e-3"]
BAD_TIMEOUTS = [b"-1", b"abc", b"", b"nan", b"inf", b"1e30", b"-0.1", b"9223372036854775807", b" 1"]
# Their order or choice stays open however a command is spoilt.
OPEN = {b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"HGETALL", b"HKEYS", b"HVALS", b"SSCAN",
        b"HSCAN", b"ZSCAN", b"KEYS", b"SCAN"}
BLOCKING = {b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX",
            b"BZMPOP"}
# Spoilt they could wait for ever, ask for gigabytes, or leave more open than they say.
NEVER_SPOILT = BLOCKING | {b"SORT", b"SORT_RO", b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER",
                           b"HSCAN", b"SSCAN", b"ZSCAN"}


def may_be_spoilt(command):
    return command.name not in NEVER_SPOILT and LEX_KEY not in command.words


@dataclasses.dataclass
class Command:
    """`how` says what may differ in the replies (see test_random.differ)."""
    words: list
    how: str = "exact"
    distance: int = 0

    @property
    def name(self):
        return self.words[0].upper() if self.words else b""


@dataclasses.dataclass
class Wait:
    """Connections of the step's own: `waiters` (pairs of a protocol and a blocking command without
    an end of its own) wait one after the other, `actor` does its commands, and those that wait
    still are ended (by CLIENT UNBLOCK with `how_ended`, or by hanging up where that is None)."""
    database: bytes
    waiters: list
    actor: list
    how_ended: list


class CollectionWords:
    """Needs of the class: rng, pick, chance, key, keys, value, integer, case, some."""

    def prepare_collections(self, keys):
        types = itertools.cycle(self.rng.sample(TYPES, len(TYPES)))
        self.kinds = {kind: [] for kind in TYPES}
        self.sorts = self.chance(40)
        for key in keys:
            self.kinds[next(types)].append(key)

    def key_of(self, kind):
        return self.pick(self.kinds[kind][:2]) if self.chance(85) else self.key()

    def keys_of(self, kind, most=3):
        return [self.key_of(kind) for _ in range(self.rng.randint(1, most))]

    def member(self):
        """Few, so that commands meet; integers and texts, short and long."""
        draw = self.rng.random()
        if draw < 0.45:
            return b"%d" % self.rng.randint(0, 12)
        if draw < 0.8:
            return b"m%d" % self.rng.randint(0, 9)
        return self.value()

    def members(self, most=5):
        if self.chance(4):
            return self.many()
        return [self.member() for _ in range(self.rng.randint(1, most))]

    def many(self):
        """Enough for a large form."""
        count, first = self.pick([30, 130, 150, 520, 600]), self.rng.randint(0, 50)
        prefix = self.pick([b"", b"", b"m", b"x" * 30])
        return [prefix + b"%d" % number for number in range(first, first + count)]

    def score(self):
        if self.chance(50):
            return b"%d" % self.rng.randint(-5, 20)
        return self.pick(SCORES if self.chance(85) else BAD_SCORES)

    def count_word(self):
        return b"%d" % self.rng.randint(-12, 12) if self.chance(85) else self.integer()

    def few(self):
        return self.pick([b"1", b"2", b"3", b"10", b"0", b"-1", b"-3", b"-10", b"abc", b"1.5"])

    def numkeys(self, keys):
        if self.chance(90):
            return b"%d" % len(keys)
        return self.pick([b"0", b"-1", b"1", b"3", b"abc", b"9223372036854775807", b"4294967297"])

    # Lists.

    def list_push(self):
        name = self.pick([b"RPUSH", b"LPUSH", b"RPUSH", b"LPUSH", b"RPUSHX", b"LPUSHX"])
        return Command([name, self.key_of("list"), *self.members()])

    def list_take(self):
        name = self.pick([b"LPOP", b"RPOP"])
        count = [self.count_word()] if self.chance(40) else []
        return Command([name, self.key_of("list"), *count])

    def list_read(self):
        key = self.key_of("list")
        return self.pick([
            Command([b"LLEN", key]), Command([b"LINDEX", key, self.count_word()]),
            Command([b"LRANGE", key, self.count_word(), self.count_word()]),
            Command([b"LRANGE", key, b"0", b"-1"]),
            Command([b"LPOS", key, self.member(), *self.some(
                [b"RANK", self.count_word()], [b"COUNT", self.count_word()],
                [b"MAXLEN", self.count_word()])])])

    def list_change(self):
        key = self.key_of("list")
        return self.pick([
            Command([b"LSET", key, self.count_word(), self.member()]),
            Command([b"LREM", key, self.count_word(), self.member()]),
            Command([b"LINSERT", key, self.case(self.pick([b"BEFORE", b"AFTER", b"x"])),
                     self.member(), self.member()]),
            Command([b"LTRIM", key, self.count_word(), self.count_word()])])

    def side(self):
        return self.case(self.pick([b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"x"]))

    def list_move(self):
        keys = [self.key_of("list"), self.key_of("list")]
        if self.chance(30):
            return Command([b"RPOPLPUSH", *keys])
        return Command([b"LMOVE", *keys, self.side(), self.side()])

    def list_pop_many(self):
        keys = self.keys_of("list")
        return Command([b"LMPOP", self.numkeys(keys), *keys, self.side(),
                        *self.some([b"COUNT", self.count_word()])])

    # Hashes.

    def hash_set(self):
        name = self.pick([b"HSET", b"HSET", b"HSET", b"HMSET", b"HSETNX"])
        if name == b"HSETNX":
            return Command([name, self.key_of("hash"), self.member(), self.value()])
        pairs = [word for field in self.members(3) for word in (field, self.value())]
        return Command([name, self.key_of("hash"), *pairs])

    def hash_count(self):
        name = self.pick([b"HINCRBY", b"HINCRBYFLOAT"])
        by = self.score() if name.endswith(b"FLOAT") else self.integer()
        return Command([name, self.key_of("hash"), self.member(), by])

    def hash_take(self):
        return Command([b"HDEL", self.key_of("hash"), *self.members()])

    def hash_read(self):
        key = self.key_of("hash")
        return self.pick([
            Command([b"HGET", key, self.member()]), Command([b"HMGET", key, *self.members()]),
            Command([b"HEXISTS", key, self.member()]), Command([b"HLEN", key]),
            Command([b"HSTRLEN", key, self.member()]), Command([b"HGETALL", key], "unordered"),
            Command([b"HKEYS", key], "unordered"), Command([b"HVALS", key], "unordered"),
            Command([b"HRANDFIELD", key], "shape"), Command([b"HRANDFIELD", key, self.few()],
                                                            "shape"),
            Command([b"HRANDFIELD", key, self.few(), self.case(b"WITHVALUES")], "shape")])

    def scan_members(self):
        pairs = [(b"HSCAN", "hash"), (b"SSCAN", "set"), (b"ZSCAN", "zset")]
        # Redis writes scores as the form has them, which SORT may have changed.
        name, kind = self.pick(pairs[:2] if self.sorts else pairs)
        options = self.some([b"MATCH", self.pick([b"*", b"m*", b"?", b"[1-5]", b""])],
                            [b"COUNT", self.pick([b"0", b"-1", b"abc"])] if self.chance(10) else
                            [b"MATCH", b"m*"])
        return Command([name, self.key_of(kind), b"0", *options, b"COUNT", b"100000"], "unordered")

    # Sets.

    def set_add(self):
        return Command([b"SADD", self.key_of("set"), *self.members(8)])

    def set_take(self):
        return Command([b"SREM", self.key_of("set"), *self.members()])

    def set_read(self):
        key = self.key_of("set")
        return self.pick([
            Command([b"SISMEMBER", key, self.member()]), Command([b"SCARD", key]),
            Command([b"SMISMEMBER", key, *self.members()]),
            Command([b"SMEMBERS", key], "unordered"),
            Command([b"SRANDMEMBER", key], "shape"),
            Command([b"SRANDMEMBER", key, self.few()], "shape"),
            Command([b"SMOVE", key, self.key_of("set"), self.member()])])

    def set_combine(self):
        name = self.pick([b"SINTER", b"SUNION", b"SDIFF"])
        keys = self.keys_of("set")
        if self.chance(60):
            return Command([name + b"STORE", self.key_of("set"), *keys])
        if self.chance(30):
            return Command([b"SINTERCARD", self.numkeys(keys), *keys,
                            *self.some([b"LIMIT", self.count_word()])])
        return Command([name, *keys], "unordered")

    # Sorted sets.

    def zset_add(self):
        options = self.some([b"NX"], [b"XX"], [b"GT"], [b"LT"], [b"CH"], [b"INCR"]) \
            if self.chance(50) else []
        pairs = [word for member in self.members(4) for word in (self.score(), member)]
        if b"INCR" in [option.upper() for option in options] and self.chance(80):
            pairs = pairs[:2]
        return Command([b"ZADD", self.key_of("zset"), *options, *pairs])

    def zset_of_names(self):
        name = self.pick([b"ZADD", b"ZADD", b"ZREM"])
        members = self.members()
        if name == b"ZADD":
            members = [word for member in members for word in (b"0", member)]
        return Command([name, LEX_KEY, *members])

    def zset_count(self):
        return Command([b"ZINCRBY", self.key_of("zset"), self.score(), self.member()])

    def zset_take(self):
        key = self.key_of("zset")
        return self.pick([
            Command([b"ZREM", key, *self.members()]),
            Command([b"ZPOPMIN", key, *([self.count_word()] if self.chance(50) else [])]),
            Command([b"ZPOPMAX", key, *([self.count_word()] if self.chance(50) else [])]),
            Command([b"ZREMRANGEBYRANK", key, self.count_word(), self.count_word()]),
            Command([b"ZREMRANGEBYSCORE", key, self.pick(BOUNDS), self.pick(BOUNDS)]),
            Command([b"ZREMRANGEBYLEX", LEX_KEY, self.pick(LEX), self.pick(LEX)]),
            self.zset_pop_many(self.keys_of("zset"))])

    def zset_pop_many(self, keys):
        return Command([b"ZMPOP", self.numkeys(keys), *keys,
                        self.case(self.pick([b"MIN", b"MAX", b"MIN", b"MAX", b"x"])),
                        *self.some([b"COUNT", self.count_word()])])

    def limit(self):
        return [b"LIMIT", self.count_word(), self.count_word()]

    def zset_read(self):
        key = self.key_of("zset")
        return self.pick([
            Command([b"ZCARD", key]), Command([b"ZSCORE", key, self.member()]),
            Command([b"ZMSCORE", key, *self.members()]),
            Command([b"ZCOUNT", key, self.pick(BOUNDS), self.pick(BOUNDS)]),
            Command([b"ZLEXCOUNT", LEX_KEY, self.pick(LEX), self.pick(LEX)]),
            Command([self.pick([b"ZRANK", b"ZREVRANK"]), key, self.member()]),
            Command([b"ZRANDMEMBER", key], "shape"),
            Command([b"ZRANDMEMBER", key, self.few(), *self.some([b"WITHSCORES"])], "shape")])

    def zset_range(self):
        key = self.key_of("zset")
        kind = self.pick([b"", b"BYSCORE", b"BYLEX"])
        if kind == b"BYLEX":
            key = LEX_KEY
        ends = [self.count_word() if not kind else self.pick(BOUNDS if kind == b"BYSCORE" else LEX)
                for _ in range(2)]
        if self.chance(40):
            name = self.pick([b"ZRANGE", b"ZREVRANGE"]) if not kind else \
                self.pick([b"ZRANGE", b"ZREVRANGE"]) + kind
            return Command([name, key, *ends, *self.some([b"WITHSCORES"], self.limit())])
        options = self.some([b"REV"], self.limit(), [b"WITHSCORES"])
        words = [key, *ends, *([kind] if kind else []), *options]
        if self.chance(40):
            return Command([b"ZRANGESTORE", self.key_of("zset"), *words])
        return Command([b"ZRANGE", *words])

    def zset_combine(self):
        name = self.pick([b"ZUNION", b"ZINTER", b"ZDIFF", b"ZUNION", b"ZINTER"])
        keys = [self.key_of(self.pick(["zset", "zset", "set"]))
                for _ in range(self.rng.randint(1, 3))]
        options = self.some([b"WEIGHTS", *[self.score() for _ in keys]],
                            [b"AGGREGATE", self.pick([b"SUM", b"MIN", b"MAX", b"x"])])
        if self.chance(20):
            return Command([b"ZINTERCARD", self.numkeys(keys), *keys,
                            *self.some([b"LIMIT", self.count_word()])])
        if self.chance(60):
            return Command([name + b"STORE", self.key_of("zset"), self.numkeys(keys), *keys,
                            *options])
        return Command([name, self.numkeys(keys), *keys, *options, *self.some([b"WITHSCORES"])])

    # SORT: who sorts by equal texts, or a set by nothing, leaves the order open.

    def sort(self):
        by = self.some([b"BY", self.pick([b"nosort", b"key:*", b"*", b"key:*->m1", b"w_*"])])
        gets = [word for _ in range(self.rng.randint(0, 2)) for word in
                (b"GET", self.pick([b"#", b"key:*", b"*", b"key:*->1", b"*->", b"x"]))] \
            if self.chance(40) else []
        limit = self.limit() if self.chance(30) else []
        rest = self.some([b"ALPHA"], [self.pick([b"ASC", b"DESC"])])
        read_only = self.chance(20)
        is_open = bool(by)
        store = [] if is_open or read_only or self.chance(60) else [b"STORE", self.key_of("list")]
        parts = [by, gets, limit, rest, store]
        self.rng.shuffle(parts)
        how = "sorted"
        if is_open:
            how = "kind" if limit or gets else "unordered"
        return Command([b"SORT_RO" if read_only else b"SORT",
                        self.key_of(self.pick(["list", "set", "zset"])), *itertools.chain(*parts)],
                       how)

    # All of them.

    def collection_encoding(self):
        """SORT gives a sorted set its large form in Redis, in Quoris it changes nothing."""
        return Command([b"OBJECT", b"ENCODING", self.key_of(self.pick(TYPES))],
                       "encoding" if self.sorts else "exact")

    def collection_key(self):
        """Commands of every type of key."""
        kind = self.pick(TYPES)
        key, other = self.key_of(kind), self.key_of(kind)
        return self.pick([
            Command([b"COPY", key, other, *self.some([b"REPLACE"])]),
            Command([b"RENAME", key, other]),
            Command([b"RENAMENX", key, other]), Command([b"DEL", key]), Command([b"UNLINK", key]),
            Command([b"TYPE", key]), Command([b"EXISTS", key, other]),
            Command([b"DEL", key, other]),
            Command([b"MOVE", key, self.pick([b"0", b"1", b"2"])])])

    def limits(self):
        name = self.pick(sorted(LIMITS))
        return Command([b"CONFIG", b"SET", name, self.pick(LIMITS[name])])

    def publish(self):
        return self.pick([
            Command([self.pick([b"PUBLISH", b"SPUBLISH"]), self.pick(CHANNELS), self.value()]),
            Command([b"PUBSUB", self.pick([b"CHANNELS", b"SHARDCHANNELS"]),
                     *self.some([self.pick(CHANNEL_PATTERNS)])], "unordered"),
            Command([b"PUBSUB", self.pick([b"NUMSUB", b"SHARDNUMSUB"]),
                     *[self.pick(CHANNELS) for _ in range(self.rng.randint(0, 3))]]),
            Command([b"PUBSUB", b"NUMPAT"])])

    def subscribe(self):
        """For connections whose replies are compared as bytes: a command has several."""
        name = self.pick([b"SUBSCRIBE", b"SUBSCRIBE", b"PSUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE",
                          b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"])
        names = CHANNEL_PATTERNS if name.startswith(b"P") else CHANNELS
        # To leave all at once is answered in no order.
        return Command([name, *[self.pick(names) for _ in range(self.rng.randint(1, 3))]])

    def blocking(self, timeouts):
        """A blocking command; its timeout is one of those."""
        end = self.pick(timeouts)
        lists, zsets = self.keys_of("list"), self.keys_of("zset")
        return self.pick([
            Command([self.pick([b"BLPOP", b"BRPOP"]), *lists, end]),
            Command([self.pick([b"BLPOP", b"BRPOP"]), *lists, end]),
            Command([b"BLMOVE", self.key_of("list"), self.key_of("list"), self.side(), self.side(),
                     end]),
            Command([b"BRPOPLPUSH", self.key_of("list"), self.key_of("list"), end]),
            Command([b"BLMPOP", end, self.numkeys(lists), *lists, self.side(),
                     *self.some([b"COUNT", self.count_word()])]),
            Command([self.pick([b"BZPOPMIN", b"BZPOPMAX"]), *zsets, end]),
            Command([b"BZMPOP", end, *self.zset_pop_many(zsets).words[1:]])])

    def block_shortly(self):
        return self.blocking(TIMEOUTS if self.chance(80) else BAD_TIMEOUTS)

    def wait(self):
        waiters = [(self.pick([2, 3]), self.blocking([b"0"]))
                   for _ in range(self.rng.randint(1, 5))]
        makers = [self.list_push, self.list_push, self.zset_add, self.zset_add, self.list_move,
                  self.collection_key, self.set_plainly, self.list_change, self.list_take,
                  self.sort if self.sorts else self.list_read, self.zset_range,
                  self.zset_combine, self.swap, self.delete]
        actor = [self.pick(makers)() for _ in range(self.rng.randint(1, 6))]
        if self.chance(40):
            actor = [Command([b"MULTI"]), *actor, Command([b"EXEC"], "kind")]
        ends = [self.pick([None, [], [b"TIMEOUT"], [b"ERROR"]]) for _ in waiters]
        return Wait(self.pick([b"0", b"0", b"1"]), waiters, actor, ends)


# How often each is asked for among the others (random_commands.WEIGHTS).
WEIGHTS = {
    "list_push": 12, "list_take": 5, "list_read": 7, "list_change": 8, "list_move": 5,
    "list_pop_many": 3, "hash_set": 12, "hash_count": 6, "hash_take": 4, "hash_read": 8,
    "scan_members": 3, "set_add": 12, "set_take": 4, "set_read": 7, "set_combine": 10,
    "zset_add": 14, "zset_count": 4, "zset_take": 7, "zset_read": 7, "zset_range": 10,
    "zset_of_names": 4,
    "zset_combine": 8, "sort": 6, "collection_encoding": 12, "collection_key": 10, "limits": 2,
    "publish": 3, "block_shortly": 2}
