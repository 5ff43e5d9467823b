"""A small Redis client for tests: replies keep their type and their very bytes.

Reads RESP2 and RESP3. Used by: harness.py, which hands out clients, and by every test.
"""

import select
import socket
import time

DEADLINE_S = 20.0  # no reply for this long is a failure of the test


class Closed(Exception):
    """The server closed the connection."""


class Reply:
    """One reply. `kind` is its RESP type byte, `value` depends on it:

    b"+" b"-" b"$" b"=" b"(": bytes; b":": int; b",": bytes as sent; b"#": bool; null: None (kind
    keeps which null: b"$", b"*" or b"_"); b"*" b"~" b">": list of replies; b"%" b"|": list of
    pairs of replies. `raw` holds the bytes it was read from.
    """

    __slots__ = ("kind", "value", "raw")

    def __init__(self, kind, value, raw):
        self.kind, self.value, self.raw = kind, value, raw

    def plain(self):
        """As plain Python: bytes, int, float, bool, None, list, dict; an error stays a Reply."""
        if self.kind == b"-":
            return self
        if self.kind == b",":
            return float(self.value)
        if self.kind == b"(":
            return int(self.value)
        if self.kind == b"=":
            return self.value[4:]
        if self.value is not None and self.kind in (b"%", b"|"):
            return {freeze(key.plain()): value.plain() for key, value in self.value}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    @property
    def is_error(self):
        return self.kind == b"-"

    def __repr__(self):
        return f"Reply({self.kind.decode()} {self.plain() if not self.is_error else self.value!r})"


def freeze(value):
    return tuple(freeze(item) for item in value) if isinstance(value, list) else value


def parse(buffer, start=0):
    """The reply at `start`, which is there as a whole, and the position after it."""
    end = buffer.index(b"\r\n", start)
    kind, rest, position = bytes(buffer[start:start + 1]), bytes(buffer[start + 1:end]), end + 2
    if kind in (b"+", b"-", b",", b"("):
        value = rest
    elif kind == b":":
        value = int(rest)
    elif kind == b"#":
        value = {b"t": True, b"f": False}[rest]
    elif kind == b"_":
        value = None
    elif kind in (b"$", b"="):
        value, position = parse_bulk(buffer, int(rest), position)
    elif kind in (b"*", b"~", b">"):
        value, position = parse_items(buffer, int(rest), position)
    elif kind in (b"%", b"|"):
        items, position = parse_items(buffer, 2 * int(rest), position)
        value = list(zip(items[::2], items[1::2]))
    else:
        raise ValueError(f"not a reply: {bytes(buffer[start:start + 60])!r}")
    return Reply(kind, value, bytes(buffer[start:position])), position


def parse_bulk(buffer, length, position):
    if length < 0:
        return None, position
    if buffer[position + length:position + length + 2] != b"\r\n":
        raise ValueError("a bulk string does not end where its length says")
    return bytes(buffer[position:position + length]), position + length + 2


def parse_items(buffer, count, position):
    if count < 0:
        return None, position
    items = []
    for _ in range(count):
        item, position = parse(buffer, position)
        items.append(item)
    return items, position


class Frame:
    """Finds the end of a reply while its bytes arrive; each byte is looked at once."""

    def __init__(self):
        self.position = 0  # of the next type byte
        self.pending = 1  # replies still to come, nested ones counted

    def find_end(self, buffer):
        """The position after the reply, or None if more bytes are needed."""
        while self.pending:
            end = buffer.find(b"\r\n", self.position)
            if end < 0:
                return None
            kind, rest = buffer[self.position:self.position + 1], buffer[self.position + 1:end]
            after, more = end + 2, 0
            if kind in b"$=" and not rest.startswith(b"-"):
                after += int(rest) + 2
                if len(buffer) < after:
                    return None
            elif kind in b"*~>%|":
                more = max(int(rest), 0) * (2 if kind in b"%|" else 1)
            self.position = after
            self.pending += more - 1
        return self.position


def encode(arguments):
    """A command as an array of bulk strings."""
    parts = [as_bytes(argument) for argument in arguments]
    out = [b"*%d\r\n" % len(parts)]
    out += [b"$%d\r\n%s\r\n" % (len(part), part) for part in parts]
    return b"".join(out)


def as_bytes(argument):
    return argument if isinstance(argument, bytes) else str(argument).encode()


class Client:
    """One connection. RESP3 pushes that arrive between replies are put aside in `pushes`."""

    def __init__(self, address, protocol=2):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.frame = Frame()
        self.pushes = []
        if protocol == 3:
            self.ask("HELLO", "3")

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *arguments):
        self.send_raw(encode(arguments))

    def send_raw(self, data):
        self.socket.sendall(data)

    def ask(self, *arguments):
        """Sends a command and reads its Reply."""
        self.send(*arguments)
        return self.read()

    def raw(self, *arguments):
        """The very bytes of the reply."""
        return self.ask(*arguments).raw

    def call(self, *arguments):
        """The reply as plain Python; an error reply raises."""
        reply = self.ask(*arguments)
        if reply.is_error:
            raise AssertionError(f"{arguments[0]}: {reply.value.decode()}")
        return reply.plain()

    def pipeline(self, commands):
        """Sends all commands in one go, then reads as many replies."""
        self.send_raw(b"".join(encode(command) for command in commands))
        return [self.read() for _ in commands]

    def read(self, deadline_s=DEADLINE_S, pushes=False):
        """The next reply; with `pushes` a push counts as one."""
        end = time.monotonic() + deadline_s
        while True:
            reply = self._parse_buffered()
            if reply is None:
                self._receive(end)
            elif reply.kind == b">" and not pushes:
                self.pushes.append(reply)
            else:
                return reply

    def read_push(self):
        return self.pushes.pop(0) if self.pushes else self.read(pushes=True)

    def read_to_end(self, deadline_s=DEADLINE_S):
        """What still comes until the server closes the connection."""
        end = time.monotonic() + deadline_s
        try:
            while True:
                self._receive(end)
        except (Closed, ConnectionError):
            rest = bytes(self.buffer)
            self.buffer.clear()
            return rest

    def silent(self):
        """True if nothing lies in wait to be read."""
        return not self.buffer and not self._readable(0)

    def _readable(self, timeout_s):
        poll = select.poll()  # select() knows no descriptor past 1023
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def _parse_buffered(self):
        end = self.frame.find_end(self.buffer)
        if end is None:
            return None
        reply, _ = parse(self.buffer)
        del self.buffer[:end]
        self.frame = Frame()
        return reply

    def _receive(self, end):
        if not self._readable(max(end - time.monotonic(), 0)):
            raise AssertionError(f"no reply in time; so far {bytes(self.buffer[:200])!r}")
        data = self.socket.recv(1 << 18)
        if not data:
            raise Closed(f"connection closed; unread {bytes(self.buffer[:200])!r}")
        self.buffer += data
