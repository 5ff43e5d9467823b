"""What the benchmarks share: load, CPU time, figures of a server. Used by the others in here."""

import csv
import io
import os
import socket
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../redis-tests"))
from harness import PEERS  # noqa: E402: the path is set above

SERVER_CORE, CLIENT_CORE = 0, 1
VALUE = b"x" * 32
SETS_AT_ONCE = 200
FILL_BATCH = 500


def key_name(number):
    """As redis-benchmark names its keys: 16 bytes."""
    return "key:%012d" % number


def set_keys(port, count, extra=lambda number: b"", words=3, first=0):
    """SETs keys of 16 bytes to values of 32, SETS_AT_ONCE at a time; `extra` are further words."""
    stream = socket.create_connection(("127.0.0.1", port))
    for start in range(first, count, SETS_AT_ONCE):
        numbers = range(start, min(start + SETS_AT_ONCE, count))
        stream.sendall(b"".join(
            b"*%d\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$32\r\n%s\r\n%s"
            % (words, number, VALUE, extra(number)) for number in numbers))
        left = len(numbers) * len(b"+OK\r\n")
        while left > 0:
            left -= len(stream.recv(left))
    stream.close()


def pipelined(client, commands):
    """Sends many commands in batches; every reply must be good."""
    batch = []
    for command in commands:
        batch.append(command)
        if len(batch) == FILL_BATCH:
            send_batch(client, batch)
            batch = []
    send_batch(client, batch)


def send_batch(client, batch):
    for reply in client.pipeline(batch) if batch else []:
        assert not reply.is_error, reply


def in_tens(first_words, items):
    """`first_words` with a hundred items each, in flat commands."""
    items = list(items)
    for start in range(0, len(items), 100):
        yield [*first_words, *[word for item in items[start:start + 100] for word in item]]


def info(client, field):
    for line in client.call("INFO", "everything").decode().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1]
    raise AssertionError(f"INFO has no {field}")


def loop_times(client):
    """Turns of Quoris's loop: what LATENCY LOOP says, in microseconds of CPU."""
    names_and_values = client.call("LATENCY", "LOOP")
    return dict(zip(names_and_values[::2], names_and_values[1::2]))


def cpu_ns(pid):
    """CPU time of all threads, as the scheduler counts it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def pin(pid, core, others=None):
    """All threads to a core, or all but the first to another one."""
    for task in os.listdir(f"/proc/{pid}/task"):
        is_first = int(task) == pid
        os.sched_setaffinity(int(task), {core if is_first or others is None else others})


class Sample:
    """What redis-benchmark and the scheduler say of one run."""

    def __init__(self, line, cpu, requests):
        self.rate = float(line["rps"])
        self.p50, self.p99 = float(line["p50_latency_ms"]), float(line["p99_latency_ms"])
        self.cpu_us = cpu / 1000 / requests


def benchmark_command(port, clients, keys, size, pipeline, requests, *arguments):
    return [os.path.join(PEERS, "redis-benchmark"), "-p", str(port), "-c", str(clients),
            "-r", str(keys), "-d", str(size), "-P", str(pipeline), "-n", str(requests), "--csv",
            *arguments]


def benchmark(server, clients, keys, size, pipeline, requests, *arguments):
    """redis-benchmark, pinned to the clients' core; CPU is the server's."""
    command = benchmark_command(server.port, clients, keys, size, pipeline, requests, *arguments)
    before = cpu_ns(server.pid)
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE})).stdout
    cpu = cpu_ns(server.pid) - before
    lines = list(csv.DictReader(io.StringIO(output)))
    assert len(lines) == 1, output
    return Sample(lines[0], cpu, requests)


def median(samples, what):
    return statistics.median(getattr(sample, what) for sample in samples)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
