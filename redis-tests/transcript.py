"""Case files: commands in redis-cli's notation, each sent to Quoris and to the oracle.

A file in cases/ holds sections; each is a test of its own, run in RESP2 and in RESP3, with both
servers empty and fresh connections:

    == title of the section
    SET key "a value\\r\\n"            a command; quotes and escapes as in redis-cli
    # text                            a comment
    @2 GET key                        on the second connection (any number but 0, made when named)
    !unordered KEYS *                 items in any order
    !approx 5 TTL key                 integers may differ by 5
    !shape TIME                       the types alone
    !kind SCAN -1                     the outermost type alone
    !fields CLIENT INFO               the names of `name=value` or `name:value` alone, more of
                                      them in ours are no harm
    !code FOO                         the first word of an error alone
    !outline CONFIG HELP              the lines of a HELP text that are not indented
    !skip DEBUG JMAP                  any reply
    !scan SCAN 0 MATCH a*             whole iterations, the elements in any order
    !send @2 GET key                  sends without reading ...
    !read @2                          ... and reads it here (forms as above: !read-approx 5 @2)
    !silent @2                        no reply has come on that connection
    !raw 2 @2 "PING\\r\\nPING\\r\\n"     these very bytes, which bring 2 replies
    !closed @1                        the server closes this connection, the same bytes before that
    !config maxmemory 1000000         CONFIG SET on both, undone after the section
    !repeat 3 INCR key                the command three times

TTL and its like, and OBJECT IDLETIME, where they are not the same, may be as far apart as the
section has taken so far.

Lines before the first section are options of the file: `!server --requirepass x` starts servers of
their own with these arguments, `!protocols 2` leaves out the others.
"""

import re
import time

from compare import Pair, compare, shorten
from resp import Closed, Reply

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}
UNITS_MS = {b"TTL": 1000, b"EXPIRETIME": 1000, b"PTTL": 1, b"PEXPIRETIME": 1}
TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\S+))(?=\s|$)')


def unescape(text):
    def one(match):
        escape = match.group(1)
        if escape[0] == "x" and len(escape) == 3:
            return chr(int(escape[1:], 16))
        return ESCAPES.get(escape, escape)

    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)", one, text).encode("latin-1")


def split_line(line):
    """The words of a line, as bytes; raises ValueError at unbalanced quotes."""
    words, position = [], 0
    line = line.rstrip()
    while position < len(line):
        match = TOKEN.match(line, position)
        if not match:
            raise ValueError(f"unbalanced quotes: {line}")
        double, single, bare = match.groups()
        if double is not None:
            words.append(unescape(double))
        elif single is not None:
            words.append(single.replace("\\'", "'").encode())
        else:
            words.append(bare.encode())
        position = match.end()
    return words


class Section:
    """Title, first line's number, and the lines with their numbers."""

    def __init__(self, title):
        self.title, self.lines = title, []


class CaseFile:
    def __init__(self, path):
        self.arguments, self.protocols, self.sections = [], (2, 3), []
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if line.startswith("== "):
                    self.sections.append(Section(line[3:]))
                elif line and not line.startswith("#"):
                    self._add(number, line)

    def _add(self, number, line):
        if self.sections:
            self.sections[-1].lines.append((number, line))
            return
        words = [word.decode() for word in split_line(line)]
        if words[0] == "!server":
            self.arguments = words[1:]
        elif words[0] == "!protocols":
            self.protocols = tuple(int(word) for word in words[1:])
        else:
            raise ValueError(f"line {number}: {line} stands before the first section")


class Player:
    """Plays one section against a Quoris and an oracle; `differences` holds what did not agree."""

    def __init__(self, quoris, oracle, protocol):
        self.servers = quoris, oracle
        self.protocol = protocol
        self.pairs = {}
        self.changed_settings = []
        self.differences = []
        self.line = 0, ""

    def play(self, section):
        try:
            self.started = time.monotonic()
            self.admin = Pair(*self.servers, 2)
            self.admin.ask("FLUSHALL")
            for self.line in section.lines:
                self._play_line(self.line[1])
        except (Closed, ConnectionError, AssertionError, ValueError) as error:
            self._differ(f"{type(error).__name__}: {error}")
        finally:
            for name, values in reversed(self.changed_settings):
                self.admin.ours.ask("CONFIG", "SET", name, values[0])
                self.admin.theirs.ask("CONFIG", "SET", name, values[1])
            for pair in [*self.pairs.values(), self.admin]:
                pair.close()

    def _pair(self, words):
        """Takes a leading @N off the words; the connections of that number."""
        number = int(words.pop(0)[1:]) if words and words[0].startswith(b"@") else 1
        if number not in self.pairs:
            self.pairs[number] = Pair(*self.servers, self.protocol)
        return self.pairs[number]

    def _differ(self, text):
        self.differences.append(f"line {self.line[0]}: {self.line[1]}\n    {text}")

    def _check(self, replies, how="exact", distance=0):
        difference = compare(*replies, how, distance)
        if difference:
            self._differ(difference)

    def _play_line(self, line):
        if not line.startswith("!"):
            self._ask_in_form(split_line(line), "exact")
            return
        directive, _, rest = line[1:].partition(" ")
        words = split_line(rest)
        handler = getattr(self, "_do_" + directive.replace("-", "_"), None)
        if handler is None:
            raise ValueError(f"no directive !{directive}")
        handler(words)

    def _ask_in_form(self, words, how, distance=0):
        pair = self._pair(words)
        replies = pair.ask(*words)
        unit_ms = UNITS_MS.get(words[0].upper())
        if unit_ms and compare(*replies):
            # Each server set the expiry, and answered, at some time since the section began.
            taken_ms = (time.monotonic() - self.started) * 1000
            how, distance = "approx", distance + int(taken_ms + unit_ms / 2) // unit_ms
        if [word.upper() for word in words[:2]] == [b"OBJECT", b"IDLETIME"] and compare(*replies):
            # Differences of whole seconds: the second may have turned in between.
            taken_s = time.monotonic() - self.started
            how, distance = "approx", distance + 1 + int(taken_s)
        self._check(replies, how, distance)

    def _do_unordered(self, words):
        self._ask_in_form(words, "unordered")

    def _do_shape(self, words):
        self._ask_in_form(words, "shape")

    def _do_kind(self, words):
        self._ask_in_form(words, "kind")

    def _do_fields(self, words):
        self._ask_in_form(words, "fields")

    def _do_code(self, words):
        self._ask_in_form(words, "code")

    def _do_outline(self, words):
        self._ask_in_form(words, "outline")

    def _do_skip(self, words):
        self._ask_in_form(words, "skip")

    def _do_approx(self, words):
        self._ask_in_form(words[1:], "approx", int(words[0]))

    def _do_scan(self, words):
        ours, theirs = self._pair(words).scan([word.decode("latin-1") for word in words])
        if isinstance(ours, Reply) and isinstance(theirs, Reply):
            self._check((ours, theirs))
        elif ours != theirs:
            self._differ(f"quoris {ours}\n    redis  {theirs}")

    def _do_send(self, words):
        self._pair(words).send(*words)

    def _do_read(self, words):
        self._check(self._pair(words).read())

    def _do_read_approx(self, words):
        self._check(self._pair(words[1:]).read(), "approx", int(words[0]))

    def _do_read_shape(self, words):
        self._check(self._pair(words).read(), "shape")

    def _do_silent(self, words):
        # One round trip on another connection: what had an answer has been answered by then.
        pair = self._pair(words)
        self.admin.ask("PING")
        for name, client in (("quoris", pair.ours), ("redis", pair.theirs)):
            if not client.silent():
                self._differ(f"{name} has sent something")

    def _do_raw(self, words):
        count = words.pop(0)
        pair = self._pair(words)
        (data,) = words
        pair.send_raw(data)
        for _ in range(int(count)):
            self._check(pair.read())

    def _do_closed(self, words):
        pair = self._pair(words)
        ours, theirs = pair.ours.read_to_end(), pair.theirs.read_to_end()
        if ours != theirs:
            self._differ(f"quoris {shorten(ours)}\n    redis  {shorten(theirs)}")

    def _do_config(self, words):
        name, value = words
        before = [reply.plain()[1] for reply in self.admin.ask("CONFIG", "GET", name)]
        self.changed_settings.append((name, before))
        self._check(self.admin.ask("CONFIG", "SET", name, value))

    def _do_repeat(self, words):
        count, command = int(words[0]), words[1:]
        pair = self._pair(command)
        for _ in range(count):
            self._check(pair.ask(*command))
