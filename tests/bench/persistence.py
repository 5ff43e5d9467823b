"""What durability costs one node, beside redis-server, as tables.

Run by `scripts/bench persistence`; not a test. Parts: the log's CPU per SET and its size, fsync
before every reply (always), a snapshot of many keys under a write load, the time of a restart.
Servers are measured in turn (A B A B); figures are medians of the rounds, ratios the medians of
the rounds' own. A server's first thread has one core, load and clients the other.
"""

import argparse
import contextlib
import glob
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import threading
import time

from load import (CLIENT_CORE, SERVER_CORE, VALUE, benchmark, benchmark_command, info, key_name,
                  loop_times, median, pin, row, set_keys)
from harness import START_DEADLINE_S, start_oracle, start_quoris, wait_until

CLIENTS = 50
KEYS = 1_000_000
SIZE = 32  # of values

NO_DATA = ("--appendonly", "no", "--save", "")
LOG = ("--appendonly", "yes", "--save", "", "--auto-aof-rewrite-percentage", "0")
EVERYSEC = (*LOG, "--appendfsync", "everysec")
ALWAYS = (*LOG, "--appendfsync", "always")

# The bars: what issue and docs ask for.
BAR_LOG_CPU_US = 0.15
BAR_ALWAYS = {1: 1.2, 16: 1.5}
BAR_RSS_GROWTH = 0.10
BAR_TURN_MS = 2.0
BAR_P999 = 2.0
BAR_RESTART = 2.0
BAR_LOG_SIZE = 1.0


def verdict(good):
    return "" if good else " missed"


def started(start, *arguments):
    server = start(*arguments)
    pin(server.pid, SERVER_CORE)
    return server


def ratios(ours, theirs):
    return statistics.median(a / max(b, 1e-9) for a, b in zip(ours, theirs))


# --- the log's cost -----------------------------------------------------------------------------

def log_cost(options):
    """CPU per SET that `everysec` adds."""
    print(f"\nThe log's cost: SETs of {SIZE} bytes, {CLIENTS} clients, CPU us per request.\n")
    row("server", "-P", "no log", "everysec", "the log", "at most")
    row(*["---"] * 6)
    pairs = [("quoris", [started(start_quoris, *NO_DATA), started(start_quoris, *EVERYSEC)]),
             ("redis-server", [started(start_oracle, *NO_DATA), started(start_oracle, *EVERYSEC)])]
    for _, servers in pairs:
        for server in servers:
            set_keys(server.port, KEYS)
    for pipeline in (1, 16, 64):
        requests = {1: 100_000, 16: 500_000}.get(pipeline, 1_000_000)
        samples = {name: ([], []) for name, _ in pairs}
        for _ in range(options.rounds):
            for name, servers in pairs:
                for server, kept in zip(servers, samples[name]):
                    kept.append(benchmark(server, CLIENTS, KEYS, SIZE, pipeline, requests,
                                          "-t", "set"))
        for name, (without, logged) in samples.items():
            added = statistics.median(b.cpu_us - a.cpu_us for a, b in zip(without, logged))
            is_ours = name == "quoris" and pipeline > 1
            bar = f"{BAR_LOG_CPU_US}{verdict(added <= BAR_LOG_CPU_US)}" if is_ours else ""
            row(name, pipeline, f"{median(without, 'cpu_us'):.3f}",
                f"{median(logged, 'cpu_us'):.3f}", f"{added:.3f}", bar)
    for _, servers in pairs:
        for server in servers:
            server.stop()


def log_bytes(server):
    paths = glob.glob(os.path.join(server.folder, "*.qlog")) or glob.glob(
        os.path.join(server.folder, "appendonlydir", "*.aof"))
    return sum(os.path.getsize(path) for path in paths)


def log_size(_options):
    print("\nThe log's size, bytes per SET of a key of 16 bytes.\n")
    row("load", "quoris", "AOF", "ratio", "at most")
    row(*["---"] * 5)
    loads = [("one client, one request at a time", 1, 1, 20_000),
             ("50 clients", 50, 1, 100_000),
             ("50 clients, -P 16", 50, 16, 500_000)]
    for size in (3, SIZE):
        for name, clients, pipeline, requests in loads:
            found = []
            for start in (start_quoris, start_oracle):
                server = started(start, *EVERYSEC)
                before = log_bytes(server)
                benchmark(server, clients, KEYS, size, pipeline, requests, "-t", "set")
                found.append((log_bytes(server) - before) / requests)
                server.stop()
            ours, theirs = found
            row(f"values of {size} bytes, {name}", f"{ours:.1f}", f"{theirs:.1f}",
                f"{ours / theirs:.2f}", f"{BAR_LOG_SIZE}{verdict(ours <= theirs * BAR_LOG_SIZE)}")


# --- an fsync before every reply ----------------------------------------------------------------

def gets_of_one(server):
    # Of a key that nobody writes.
    return benchmark(server, 1, KEYS, SIZE, 1, 3_000, "GET", "other")


def gets_beside_writers(server):
    load = subprocess.Popen(
        benchmark_command(server.port, CLIENTS, KEYS, SIZE, 1, 100_000_000, "-t", "set"),
        stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE}))
    try:
        time.sleep(0.5)
        return gets_of_one(server)
    finally:
        load.kill()
        load.wait()


def always(options):
    print(f"\n`appendfsync always`: SETs of {SIZE} bytes, {CLIENTS} clients.\n")
    row("-P", "req/s", "redis", "ratio", "at least", "p50 ms", "redis", "p99 ms", "redis")
    row(*["---"] * 9)
    servers = [started(start_quoris, *ALWAYS), started(start_oracle, *ALWAYS)]
    for pipeline, bar in BAR_ALWAYS.items():
        samples = [[], []]
        for _ in range(options.rounds):
            for server, kept in zip(servers, samples):
                kept.append(benchmark(server, CLIENTS, KEYS, SIZE, pipeline,
                                      {1: 50_000}.get(pipeline, 500_000), "-t", "set"))
        ours, theirs = samples
        ratio = ratios([each.rate for each in ours], [each.rate for each in theirs])
        row(pipeline, f"{median(ours, 'rate'):,.0f}", f"{median(theirs, 'rate'):,.0f}",
            f"{ratio:.2f}", f"{bar}{verdict(ratio >= bar)}",
            f"{median(ours, 'p50'):.3f}", f"{median(theirs, 'p50'):.3f}",
            f"{median(ours, 'p99'):.3f}", f"{median(theirs, 'p99'):.3f}")

    print(f"\nGETs of one client, of a key that nobody writes, beside {CLIENTS} that SET.\n")
    row("server", "p50 ms", "p99 ms")
    row(*["---"] * 3)
    plain = started(start_quoris, *NO_DATA)
    kinds = [("quoris, always", servers[0], gets_beside_writers),
             ("redis-server, always", servers[1], gets_beside_writers),
             ("quoris without a log", plain, gets_beside_writers),
             ("quoris, always, nobody writes", servers[0], gets_of_one)]
    samples = [[] for _ in kinds]
    for _ in range(options.rounds):
        for (_, server, measure), kept in zip(kinds, samples):
            kept.append(measure(server))
    for (name, _, _), kept in zip(kinds, samples):
        row(name, f"{median(kept, 'p50'):.3f}", f"{median(kept, 'p99'):.3f}")
    for server in [*servers, plain]:
        server.stop()


# --- a snapshot under load ----------------------------------------------------------------------

WRITES_AT_ONCE = 100
WRITES_PER_S = 50_000


def write_load(port, keys, seed):
    """SETs of random keys at an even rate, until it is terminated."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    rng = random.Random(seed)
    stream = socket.create_connection(("127.0.0.1", port))
    due = time.monotonic()
    while True:
        stream.sendall(b"".join(
            b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$32\r\n%s\r\n"
            % (rng.randrange(keys), VALUE) for _ in range(WRITES_AT_ONCE)))
        left = WRITES_AT_ONCE * len(b"+OK\r\n")
        while left > 0:
            left -= len(stream.recv(left))
        due = max(due + WRITES_AT_ONCE / WRITES_PER_S, time.monotonic() - 0.1)
        time.sleep(max(0, due - time.monotonic()))


@contextlib.contextmanager
def writers(server, keys):
    process = multiprocessing.Process(target=write_load, args=(server.port, keys, 1), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def get_latencies(port, keys, until):
    """Microseconds of GETs one after the other until `until()`."""
    rng = random.Random(2)
    stream = socket.create_connection(("127.0.0.1", port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found = []
    while not until():
        for _ in range(50):
            request = b"GET %s\r\n" % key_name(rng.randrange(keys)).encode()
            began = time.monotonic_ns()
            stream.sendall(request)
            reply = stream.recv(4096)
            found.append((time.monotonic_ns() - began) / 1000)
            assert reply.endswith(b"\r\n"), reply
    stream.close()
    return found


def resident(pid):
    """Bytes of the process and its children, shared pages counted once."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        pids = [pid, *map(int, file.read().split())]
    total = 0
    for each in pids:
        with contextlib.suppress(OSError), open(f"/proc/{each}/smaps_rollup",
                                                encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024
    return total


class Peak(threading.Thread):
    """The largest resident size, looked at every 50 ms."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.bytes, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.05):
            self.bytes = max(self.bytes, resident(self.pid))

    def end(self):
        self.done.set()
        self.join()
        return self.bytes


def percentile(values, share):
    return sorted(values)[int(len(values) * share)]


def save_in_background(client):
    count = int(info(client, "rdb_saves"))
    client.call("BGSAVE")
    return lambda: (int(info(client, "rdb_saves")) > count
                    and int(info(client, "rdb_bgsave_in_progress")) == 0)


def one_after_the_other(client, seconds):
    """Snapshots; tells whether the time is over and the last one done. Looks ten times a second,
    as INFO takes its time, too."""
    end = time.monotonic() + seconds
    is_saved, look_at = save_in_background(client), 0

    def is_over():
        nonlocal is_saved, look_at
        now = time.monotonic()
        if now < look_at:
            return False
        look_at = now + 0.1
        if not is_saved():
            return False
        if now < end:
            is_saved = save_in_background(client)
        return now >= end

    return is_over


def longest_turn_ms(client, is_ours):
    """Since the last call; CPU of the loop's thread."""
    if not is_ours:
        return 0
    found = loop_times(client)[b"max"] / 1000
    client.call("LATENCY", "LOOP", "RESET")
    return found


def snapshot_under_load(server, is_ours, keys, seconds):
    """Growth, GETs' p99.9 without and with (us), longest turns likewise (ms), seconds of one."""
    set_keys(server.port, keys)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with server.client() as client, writers(server, keys):
        # Threads that were begun meanwhile: the pool's.
        pin(server.pid, SERVER_CORE, CLIENT_CORE)
        end = time.monotonic() + seconds
        turns = [longest_turn_ms(client, is_ours)]
        without = get_latencies(server.port, keys, lambda: time.monotonic() > end)
        turns.append(longest_turn_ms(client, is_ours))
        before = resident(server.pid)
        peak = Peak(server.pid)
        began = time.monotonic()
        is_saved = save_in_background(client)
        wait_until(is_saved, "saved", 300)
        took = time.monotonic() - began
        grown = peak.end() / before - 1
        # One after the other for the latencies, with no other eyes on the process.
        beside = get_latencies(server.port, keys, one_after_the_other(client, seconds))
        turns.append(longest_turn_ms(client, is_ours))
    return grown, percentile(without, 0.999), percentile(beside, 0.999), turns[1:], took


def snapshot(options):
    print(f"\nA snapshot of {options.keys:,} keys (16 + {SIZE} bytes) under {WRITES_PER_S:,} SETs "
          "a second.\n")
    row("server", "resident memory grows by", "s", "p99.9 of GETs before, ms", "meanwhile", "ratio",
        "longest turn, ms of CPU")
    row(*["---"] * 7)
    kinds = [("quoris", start_quoris, EVERYSEC),
             ("redis-server", start_oracle,
              (*EVERYSEC, "--bgsave_cpulist", str(CLIENT_CORE)))]
    for name, start, arguments in kinds:
        is_ours = name == "quoris"
        found = []
        for _ in range(options.snapshots):
            server = started(start, *arguments)
            found.append(snapshot_under_load(server, is_ours, options.keys, options.seconds))
            server.stop()
        grown, without, beside, turns, took = zip(*found)
        ratio = ratios(beside, without)
        growth, turn_ms = statistics.median(grown), ""
        if is_ours:
            turn_before, turn = (statistics.median(each) for each in zip(*turns))
            turn_ms = (f"{turn:.2f} (at most {BAR_TURN_MS}{verdict(turn <= BAR_TURN_MS)}); "
                       f"{turn_before:.2f} before")
        row(name, f"{growth:.1%}" + (f" (at most {BAR_RSS_GROWTH:.0%}"
                                     f"{verdict(growth <= BAR_RSS_GROWTH)})" if is_ours else ""),
            f"{statistics.median(took):.1f}",
            f"{statistics.median(without) / 1000:.3f}", f"{statistics.median(beside) / 1000:.3f}",
            f"{ratio:.2f}" + (f" (at most {BAR_P999}{verdict(ratio <= BAR_P999)})"
                              if is_ours else ""), turn_ms)


# --- restart ------------------------------------------------------------------------------------

def end(server):
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(START_DEADLINE_S)


def seconds_to_ready(server, keys):
    """From the start of the process to the first answer with data."""
    began = time.monotonic()
    server.launch()

    def answers():
        assert server.running, server.output()
        with contextlib.suppress(OSError), server.client() as client:
            return not client.ask("PING").is_error

    wait_until(answers, "ready", 120)
    took = time.monotonic() - began
    with server.client() as client:
        assert client.call("DBSIZE") == keys
    return took


def restart(options):
    print(f"\nFrom start to ready with {options.keys:,} keys (16 + {SIZE} bytes), seconds.\n")
    row("from", "quoris", "redis", "times as fast", "at least", "bytes", "redis")
    row(*["---"] * 7)
    for what, arguments in (("a snapshot", NO_DATA), ("the log", EVERYSEC)):
        servers, sizes = [], []
        for start in (start_quoris, start_oracle):
            server = start(*arguments)
            set_keys(server.port, options.keys)
            if what == "a snapshot":
                with server.client() as client:
                    client.call("SAVE")
                sizes.append(max(os.path.getsize(path) for path in
                                 glob.glob(os.path.join(server.folder, "*.*"))))
            end(server)
            if what == "the log":
                sizes.append(log_bytes(server))
            servers.append(server)
        times = [[], []]
        for _ in range(options.rounds):
            for server, kept in zip(servers, times):
                kept.append(seconds_to_ready(server, options.keys))
                end(server)
        ours, theirs = times
        faster = ratios(theirs, ours)
        row(what, f"{statistics.median(ours):.2f}", f"{statistics.median(theirs):.2f}",
            f"{faster:.2f}", f"{BAR_RESTART}{verdict(faster >= BAR_RESTART)}",
            *(f"{size:,}" for size in sizes))
        for server in servers:
            server.stop()


# The snapshot's comes last: it pins this process.
PARTS = {"log": log_cost, "size": log_size, "always": always, "restart": restart,
         "snapshot": snapshot}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench persistence", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--snapshots", type=int, default=3, help="rounds of that part")
    parser.add_argument("--seconds", type=int, default=20, help="of GETs beside a snapshot")
    parser.add_argument("--keys", type=int, default=5_000_000, help="for snapshot and restart")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    options = parser.parse_args()
    for part in options.parts.split(","):
        PARTS[part](options)


if __name__ == "__main__":
    main()
