"""Of random sessions: what a difference between two replies is, and steps in words."""

import re

from compare import compare
from random_commands import ADMIN

# How long keys live whose end is waited for; the next one if they did not last until watched.
LIVES_MS = (120, 1000, 10000)
CLIENT_FIELDS = b"name db sub psub multi cmd user resp flags redir".split()


class Accepted(Exception):
    """A difference that is meant: the rest of the session has nothing to tell."""


def quoted(word):
    if not isinstance(word, bytes):
        return f"<{word[0]} of @{word[1]}>"
    if word and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word):
        return word.decode()
    out = repr(word)[2:-1] if repr(word)[1] == "'" else repr(word)[2:-1].replace("'", "\\'")
    return '"' + out.replace('"', '\\"').replace("\\'", "'") + '"'


def written(step):
    """The step in the notation of case files, as far as that goes."""
    if step.kind in ("broken", "raw") and not step.commands:
        return [f"!{step.kind} @{step.connection} {quoted(step.data)}"]
    if step.kind == "wait":
        wait = step.wait
        lines = [f"!wait in {wait.database.decode()}, ends {wait.how_ended}"]
        lines += [f"  @w{number} (RESP{protocol}) {written_words(command)}"
                  for number, (protocol, command) in enumerate(wait.waiters)]
        return lines + [f"  @actor {written_words(command)}" for command in wait.actor]
    if step.kind == "close":
        return [f"!close @{step.connection}"]
    if step.kind == "life":
        life, (look,) = step.life, step.commands
        parts = [f"@{ADMIN} " + written_words(look)]
        if step.connection != ADMIN:
            parts.insert(int(life.look_first), f"@{step.connection} MULTI, PING, EXEC")
        watch = f"@{step.connection} WATCH {quoted(life.key)}; " * (step.connection != ADMIN)
        return [f"@{ADMIN} SELECT {quoted(life.database)}; SET {quoted(life.key)} "
                f"{quoted(life.value)} PX {LIVES_MS[0]}; {watch}(its end); {'; '.join(parts)}"]
    mark = {"ask": "", "spop": "  (and both made equal)", "pipeline": "  (pipeline)",
            "raw": "  (bytes)"}[step.kind]
    return [f"@{step.connection} " + " ".join(quoted(word) for word in command.words) + mark
            for command in step.commands]


def clients(reply, fields):
    """Of CLIENT LIST's lines the given fields. RESET takes NO-EVICT's e away, as Redis does since
    7.2; a transaction that will fail goes on queueing."""
    value = reply.value if isinstance(reply.value, bytes) else b""
    value = re.sub(rb"(flags=x?d .*?)multi=\d+", rb"\1", value)
    words = re.findall(rb"(?<![\w-])(\w+)=(\S*)", value)
    return reply.kind, [(name, text.replace(b"e", b"").replace(b"N", b"")) for name, text in words
                        if name in fields]


def differ(command, ours, theirs, apart_ms, client_fields=CLIENT_FIELDS):
    """None, or how the replies to the command differ; times left may be `apart_ms` apart."""
    if command.how == "sorted" and theirs.raw.startswith(b"-ERR One or more scores can't be") \
            and not ours.is_error:
        raise Accepted  # Redis looks at the errno that some other conversion has left
    if command.how in ("exact", "sorted") or ours.is_error or theirs.is_error:
        return compare(ours, theirs)
    if command.how in ("loose", "kind"):
        return compare(ours, theirs, "kind")
    if command.how == "encoding":
        sorted_before = ours.value == b"listpack" and theirs.value == b"skiplist"
        return None if sorted_before else compare(ours, theirs)
    if command.how == "client":
        lines = [clients(reply, client_fields) for reply in (ours, theirs)]
        return None if lines[0] == lines[1] else compare(ours, theirs)
    if command.how in ("ms", "s"):
        distance = apart_ms if command.how == "ms" else -(-apart_ms // 1000)
        return compare(ours, theirs, "approx", distance)
    return compare(ours, theirs, command.how, command.distance)


def differ_in_transaction(queued, ours, theirs, apart_ms):
    """Of EXEC's replies each in the way of the command that brought it."""
    items = ours.value, theirs.value
    if not all(isinstance(item, list) for item in items) or \
            not len(items[0]) == len(items[1]) == len(queued):
        return compare(ours, theirs)
    for command, mine, other in zip(queued, *items):
        # EXEC ends the transaction first in Quoris, last in Redis: multi=.
        difference = differ(command, mine, other, apart_ms, [b"db", b"name", b"resp"])
        if difference:
            return f"in EXEC, {written_words(command)}:\n    {difference}"
    return compare(ours, theirs, "kind")


def written_words(command):
    return " ".join(quoted(word) for word in command.words)
