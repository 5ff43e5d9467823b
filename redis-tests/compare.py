"""The same command to Quoris and to the oracle: the replies must be the same bytes.

`PairTest` starts both. `compare(ours, theirs, ...)` tells the difference of two replies, or None;
its options say what may differ where Redis leaves it open.
"""

import harness
from harness import need_oracle, start_oracle, start_quoris


def shape(reply):
    """The types of a reply without its values; arrays of unlike lengths differ."""
    if isinstance(reply.value, list):
        if reply.kind in (b"%", b"|"):
            return reply.kind, [(shape(key), shape(value)) for key, value in reply.value]
        return reply.kind, [shape(item) for item in reply.value]
    return reply.kind, reply.value is None


def unordered(reply):
    """A form in which the order of an aggregate's items does not matter, at any depth."""
    if isinstance(reply.value, list):
        if reply.kind in (b"%", b"|"):
            return reply.kind, sorted(repr((unordered(k), unordered(v))) for k, v in reply.value)
        return reply.kind, sorted(repr(unordered(item)) for item in reply.value)
    return reply.kind, reply.value


def field_names(reply):
    """Of a text in lines of `name:value` or words of `name=value` the names, in order."""
    text = reply.value if isinstance(reply.value, bytes) else b""
    words = [word for line in text.splitlines() for word in line.split()]
    return reply.kind, [word.split(b"=")[0].split(b":")[0] for word in words]


def error_code(reply):
    return reply.kind, reply.value.split(b" ")[0] if reply.is_error else reply.value


def outline(reply):
    """Of a HELP text the lines that are not indented: the subcommands with their arguments."""
    if not isinstance(reply.value, list):
        return reply.kind, reply.value
    lines = [(item.kind, item.value) for item in reply.value]
    return reply.kind, sorted(line for line in lines if not line[1].startswith(b" "))


def near(ours, theirs, distance):
    """True if the replies are equal but for integers at most `distance` apart; a negative one
    (TTL's -1 and -2) has a meaning of its own and must be the same."""
    if ours.kind != theirs.kind or type(ours.value) is not type(theirs.value):
        return False
    if isinstance(ours.value, list):
        return len(ours.value) == len(theirs.value) and all(
            near(mine, other, distance) for mine, other in zip(flat(ours), flat(theirs)))
    numbers = number(ours), number(theirs)
    if None not in numbers and min(numbers) >= 0:
        return abs(numbers[0] - numbers[1]) <= distance
    return ours.value == theirs.value


def flat(reply):
    if reply.kind in (b"%", b"|"):
        return [item for pair in reply.value for item in pair]
    return reply.value


def number(reply):
    try:
        return int(reply.value)
    except (TypeError, ValueError):
        return None


FORMS = {"unordered": unordered, "shape": shape, "outline": outline, "code": error_code,
         "kind": lambda reply: reply.kind}


def compare(ours, theirs, how="exact", distance=0):
    """None if the replies agree, else a text that shows both."""
    if how == "skip":
        return None
    if how == "exact":
        same = ours.raw == theirs.raw
    elif how == "fields":
        (our_kind, names), (their_kind, wanted) = field_names(ours), field_names(theirs)
        same = our_kind == their_kind and [name for name in names if name in wanted] == wanted
    elif how == "approx":
        same = near(ours, theirs, distance)
    else:
        same = FORMS[how](ours) == FORMS[how](theirs)
    return None if same else f"quoris {shorten(ours.raw)}\n    redis  {shorten(theirs.raw)}"


def shorten(raw, limit=2000):
    return repr(raw if len(raw) <= limit else raw[:limit] + b"... %d bytes" % len(raw))[1:]


class Pair:
    """A connection to each server, which get the same commands."""

    def __init__(self, quoris, oracle, protocol):
        self.ours, self.theirs = quoris.client(protocol), oracle.client(protocol)

    def close(self):
        self.ours.close()
        self.theirs.close()

    def send(self, *arguments):
        self.ours.send(*arguments)
        self.theirs.send(*arguments)

    def send_raw(self, data):
        self.ours.send_raw(data)
        self.theirs.send_raw(data)

    def read(self):
        """The next reply of each; a push counts as one."""
        return self.ours.read(pushes=True), self.theirs.read(pushes=True)

    def ask(self, *arguments):
        self.send(*arguments)
        return self.read()

    def scan(self, command):
        """Whole iterations of SCAN, `command` being the call with its first cursor."""
        return scan_to_end(self.ours, command), scan_to_end(self.theirs, command)


def scan_to_end(client, command):
    """The elements a full iteration returns, each once, sorted; or the first error's Reply."""
    place = 1 if command[0].upper() in ("SCAN", b"SCAN") else 2
    seen, cursor = set(), b"0"
    while True:
        reply = client.ask(*command[:place], cursor, *command[place + 1:])
        if reply.is_error:
            return reply
        cursor = reply.value[0].value
        seen.update(item.value for item in reply.value[1].value)
        if cursor == b"0":
            return sorted(seen)


class PairTest(harness.unittest.TestCase):
    """A Quoris and an oracle for the class, started with ARGUMENTS, both empty before each test.

    self.same("GET", "k") asks both in RESP2 and RESP3 and fails unless the replies agree. A write
    is thus done twice in each server, which is all the same to them.
    """

    ARGUMENTS = ()

    @classmethod
    def setUpClass(cls):
        need_oracle()
        cls.quoris = start_quoris(*cls.ARGUMENTS)
        cls.addClassCleanup(cls.quoris.stop)
        cls.oracle = start_oracle(*cls.ARGUMENTS)
        cls.addClassCleanup(cls.oracle.stop)

    def setUp(self):
        self.transcript = []
        self.pairs = {protocol: Pair(self.quoris, self.oracle, protocol) for protocol in (2, 3)}
        for pair in self.pairs.values():
            self.addCleanup(pair.close)
        self.pairs[2].ask("FLUSHALL")

    def same(self, *arguments, how="exact", distance=0):
        for protocol, pair in self.pairs.items():
            ours, theirs = pair.ask(*arguments)
            self.transcript.append(f"RESP{protocol} {arguments!r:.200} -> {theirs.raw!r:.200}")
            difference = compare(ours, theirs, how, distance)
            if difference:
                self.fail("\n  ".join(["the replies differ:", *self.transcript[-12:], difference]))
