"""Figures of one node at real sizes: growth, memory, idle connections, expiry, deletion.

Run by `scripts/bench figures`; not a test, for what it measures depends on the machine. Memory is
the server's own and the system's; times of the loop are CPU time of its thread (LATENCY LOOP), as
a busy machine makes elapsed time say nothing.
"""

import argparse
import random
import resource
import socket
import time

from load import SETS_AT_ONCE, VALUE, cpu_ns, info, key_name, loop_times, row, set_keys
from harness import start_quoris, wait_until  # load.py has set the path

def growth(keys):
    server = start_quoris()
    with server.client() as client:
        before = server.rss_bytes()
        client.call("LATENCY", "LOOP", "RESET")
        set_keys(server.port, keys)
        times = loop_times(client)
        row(f"{keys:,} keys of 16 bytes, values of 32: resident bytes per key",
            f"{(server.rss_bytes() - before) / keys:.1f}")
        row("longest turn of the loop while they came in, ms of CPU",
            f"{times[b'max'] / 1000:.2f}")
        row(f"99.9th percentile of {times[b'count']:,} turns of {SETS_AT_ONCE} SETs, ms",
            f"{times[b'p99.9'] / 1000:.2f}")
    server.stop()


# What the allocator has free goes back to the system in the meantime.
SETTLED_S = 4


def memory_per_key(counts):
    """At several counts, for a table's bytes per key may swing with them."""
    accounted = []
    for what, extra, words in (("", lambda number: b"", 3),
                               (" and a TTL", lambda number: b"$2\r\nPX\r\n$8\r\n90000000\r\n", 5)):
        cells = []
        for keys in counts:
            server = start_quoris()
            time.sleep(0.5)
            before = server.rss_bytes()
            set_keys(server.port, keys, extra, words)
            time.sleep(SETTLED_S)
            cells.append(f"{(server.rss_bytes() - before) / keys:.1f}")
            with server.client() as client:
                accounted.append(int(info(client, "used_memory"))
                                 / int(info(client, "allocator_allocated")))
            server.stop()
        counted = ", ".join(f"{keys / 1e6:g}" for keys in counts)
        row(f"resident bytes per key of 16 bytes, value of 32{what}, at {counted} million",
            ", ".join(cells))
    row("used_memory, which maxmemory limits, by the allocator's own figure",
        f"{min(accounted):.3f} to {max(accounted):.3f}")


def churn(keys):
    """Three times as many deletions of random keys, each with a new one in its place."""
    server = start_quoris()
    time.sleep(0.5)
    before = server.rss_bytes()
    set_keys(server.port, keys)
    rng = random.Random(7)
    live = list(range(keys))
    number = keys
    with server.client() as client:
        for _ in range(3 * keys // 500):
            commands = []
            for _ in range(500):
                place = rng.randrange(keys)
                commands.append(["DEL", key_name(live[place])])
                live[place] = number
                commands.append(["SET", key_name(number), VALUE])
                number += 1
            client.pipeline(commands)
    time.sleep(SETTLED_S)
    row(f"... of {keys:,} keys after three times as many deletions and insertions",
        f"{(server.rss_bytes() - before) / keys:.1f}")
    server.stop()


def elements():
    """MEMORY USAGE, without the key, per element."""
    small = 10
    large = 1_000_000
    kinds = [
        ("list of ten items of 8 bytes", "RPUSH", small, lambda n: ["item%04d" % n]),
        ("hash of ten fields, 6 + 8 bytes", "HSET", small,
         lambda n: ["fld%03d" % n, "value%03d" % n]),
        ("set of ten integers", "SADD", small, lambda n: [str(100_000 + n)]),
        ("sorted set of ten members of 8 bytes", "ZADD", small, lambda n: [str(n), "mbr%05d" % n]),
        ("hash of a million fields, 16 + 32 bytes", "HSET", large,
         lambda n: ["field:%010d" % n, "x" * 32]),
        ("set of a million members of 20 bytes", "SADD", large, lambda n: ["member:%013d" % n]),
        ("sorted set of a million members of 20 bytes", "ZADD", large,
         lambda n: [str(n * 7919 % large), "member:%013d" % n]),
    ]
    server = start_quoris()
    with server.client() as client:
        for name, command, count, words in kinds:
            client.call("FLUSHALL")
            batch = []
            for start in range(0, count, 100):
                batch.append([command, "k", *[word for n in range(start, min(start + 100, count))
                                              for word in words(n)]])
                if len(batch) == 100 or start + 100 >= count:
                    client.pipeline(batch)
                    batch = []
            row(f"bytes per element, {name}",
                f"{client.call('MEMORY', 'USAGE', 'k', 'SAMPLES', '0') / count:.1f}")
    server.stop()


def mass_deletion(keys):
    """Nine of ten keys: what comes back to the system, and what moving the rest costs."""
    server = start_quoris()
    time.sleep(0.5)
    before = server.rss_bytes()
    set_keys(server.port, keys)
    full = server.rss_bytes() - before
    rng = random.Random(11)
    with server.client() as client:
        gone = [number for number in range(keys) if rng.random() < 0.9]
        for start in range(0, len(gone), 100_000):
            client.pipeline([["DEL", *[key_name(number) for number in gone[at:at + 1000]]]
                             for at in range(start, min(start + 100_000, len(gone)), 1000)])
        left = client.call("DBSIZE")
        row(f"{keys:,} keys, nine of ten deleted at random: resident MB full, and at once",
            f"{full / 1e6:.0f}, {(server.rss_bytes() - before) / 1e6:.0f}")
        cpu = server.cpu_s()
        for second in range(1, 61):
            time.sleep(1)
            if second in (10, 30, 60):
                row(f"... after {second} s (live data: {left * 77 / 1e6:.0f} MB), CPU s so far",
                    f"{(server.rss_bytes() - before) / 1e6:.0f}, {server.cpu_s() - cpu:.2f}")
        row("... allocations moved", info(client, "active_defrag_hits"))
    server.stop()


def idle_connections(count):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    server = start_quoris("--maxclients", str(count + 300))
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    before, ready = server.rss_bytes(), len(clients)
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"PING\r\n")
        assert client.recv(7) == b"+PONG\r\n"
        clients.append(client)
    row(f"{len(clients) - ready:,} idle connections: resident bytes each",
        f"{(server.rss_bytes() - before) / count:.0f}")
    for client in clients:
        client.close()
    server.stop()


def expiry(per_second, seconds):
    """Keys that fall due evenly over some seconds: how many are late, and what it costs."""
    server = start_quoris()
    count = per_second * seconds
    start_ms = int(time.time() * 1000) + 20_000 + count // 50
    set_keys(server.port, count, words=5, extra=lambda number: b"$4\r\nPXAT\r\n$13\r\n%d\r\n"
             % (start_ms + number * 1000 // per_second))
    late, behind = 0, 0
    with server.client() as client:
        wait_until(lambda: time.time() * 1000 > start_ms, "the first is due", 3600)
        cpu = cpu_ns(server.pid) / 1e9
        while time.time() * 1000 < start_ms + seconds * 1000:
            now_ms = time.time() * 1000
            left = client.call("DBSIZE")
            due = int((now_ms - start_ms) * per_second / 1000)
            behind = max(behind, left - (count - due))
            second_ago = max(due - per_second, 0)
            late = max(late, left - (count - second_ago))
            time.sleep(0.05)
        share = (cpu_ns(server.pid) / 1e9 - cpu) / seconds
        wait_until(lambda: client.call("DBSIZE") == 0, "all are gone", 60)
        done = time.time() * 1000 - start_ms - seconds * 1000
    row(f"{per_second:,} keys a second fall due for {seconds} s: most that wait at once",
        f"{behind:,}")
    row("keys still there a second after their time", f"{max(late, 0):,}")
    row("the last is gone after the last is due, ms", f"{done:.0f}")
    row("CPU of the server meanwhile, share of a core", f"{share:.1%}")
    server.stop()


def timed(client, *words):
    start = time.monotonic()
    client.call(*words)
    return f"{(time.monotonic() - start) * 1000:.1f} ms"


def keys_of_all(port, keys):
    """Seconds until the last byte of KEYS * is here."""
    stream = socket.create_connection(("127.0.0.1", port))
    start = time.monotonic()
    stream.sendall(b"KEYS *\r\nPING\r\n")
    received, tail = 0, b""
    while not tail.endswith(b"+PONG\r\n"):
        data = stream.recv(1 << 20)
        assert data, "the server closed the connection"
        received += len(data)
        tail = (tail + data)[-7:]
    assert received > keys * 16
    stream.close()
    return time.monotonic() - start


def deletion(keys):
    server = start_quoris()
    set_keys(server.port, keys)
    with server.client() as client:
        row(f"KEYS * on {keys:,} keys, to the last byte",
            f"{keys_of_all(server.port, keys):.2f} s")
        row("PING after it", timed(client, "PING"))
        row(f"FLUSHALL ASYNC of {keys:,} keys", timed(client, "FLUSHALL", "ASYNC"))
        client.call("LATENCY", "LOOP", "RESET")
        wait_until(lambda: int(info(client, "lazyfree_pending_objects")) == 0, "freed", 60)
        row("longest turn while they are freed, ms of CPU",
            f"{loop_times(client)[b'max'] / 1000:.2f}")
        set_keys(server.port, keys)
        row(f"FLUSHALL SYNC of {keys:,} keys", timed(client, "FLUSHALL", "SYNC"))
        client.call("SET", "big", "x" * 500_000_000)
        row("UNLINK of a value of 500 MB", timed(client, "UNLINK", "big"))
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=20_000_000, help="for growth (20 million)")
    parser.add_argument("--deleted", type=int, default=5_000_000, help="for deletion (5 million)")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--expiring", type=int, default=200_000, help="keys per second")
    options = parser.parse_args()
    print("| what | figure |\n| --- | --- |")
    growth(options.keys)
    memory_per_key([700_000, 850_000, 1_000_000, 1_400_000, 2_000_000])
    churn(1_000_000)
    elements()
    mass_deletion(options.deleted)
    idle_connections(options.connections)
    expiry(options.expiring, 10)
    deletion(options.deleted)


if __name__ == "__main__":
    main()
