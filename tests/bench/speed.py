"""Speed of one node beside redis-server, as tables: CPU per request, requests per second, latency.

Run by `scripts/bench speed`; not a test. Both servers run at once, each pinned to the first core;
redis-benchmark, on the second, drives them in turn (A B A B), so that what disturbs the machine
disturbs both. The figure to look at is the server's CPU time per request (all threads, from the
scheduler's own accounting): where redis-benchmark is the bottleneck, it is still true.
"""

import argparse
import collections
import math
import os
import statistics

from load import SERVER_CORE, benchmark, in_tens, key_name, median, pin, pipelined
from harness import ROOT, Server, start_oracle, start_quoris  # load.py has set the path

KEYS = 1_000_000
CLIENTS = 50
# Of a cell, by pipeline depth.
REQUESTS = collections.defaultdict(lambda: 1_000_000, {1: 100_000, 16: 500_000})


class Target:
    """What redis-benchmark sends: one of its own tests, or a command.

    `fill(client, requests, value)` makes what the cell begins with; `check(client, requests)` looks
    at what it left behind: the same for both servers, or the cell is void.
    """

    def __init__(self, name, arguments, fill=None, check=None):
        self.name, self.arguments, self.fill, self.check = name, arguments, fill, check


def fill_keys(client, _requests, value):
    # redis-benchmark fills a value up to its length with x, and so does this.
    if client.call("DBSIZE") < KEYS:
        pipelined(client, in_tens(["MSET"], ([key_name(n), value] for n in range(KEYS))))


def fill_counters(client, _requests, _value):
    if client.call("EXISTS", "counter:%012d" % (KEYS - 1)) == 0:
        pipelined(client, in_tens(["MSET"], (["counter:%012d" % n, "1"] for n in range(KEYS))))


def remove(key):
    return lambda client, _requests, _value: client.call("DEL", key)


def fill_list(client, requests, value):
    client.call("DEL", "mylist")
    pipelined(client, in_tens(["RPUSH", "mylist"], ([value] for _ in range(requests))))


def fill_set(client, requests, _value):
    client.call("DEL", "myset")
    pipelined(client, in_tens(["SADD", "myset"], (["element:%012d" % n] for n in range(requests))))


def fill_zset(client, requests, _value):
    client.call("DEL", "myzset")
    pipelined(client, in_tens(
        ["ZADD", "myzset"],
        ([str(n * 7919 % requests), "element:%012d" % n] for n in range(requests))))


def fill_range(client, _requests, value):
    client.call("DEL", "mylist")
    pipelined(client, in_tens(["RPUSH", "mylist"], ([value] for _ in range(1000))))
    assert client.call("LRANGE", "mylist", "0", "99") == [value.encode()] * 100


def check_get(client, _requests):
    return len(client.call("GET", key_name(77)))


def check_with(*words):
    return lambda client, _requests: client.call(*words)


TARGETS = [
    Target("SET", ["-t", "set"], fill_keys, check_with("EXISTS", "key:000000000077")),
    Target("GET", ["-t", "get"], fill_keys, check_get),
    Target("INCR", ["-t", "incr"], fill_counters, check_with("EXISTS", "counter:000000000077")),
    Target("MSET", ["-t", "mset"], fill_keys, check_with("EXISTS", "key:000000000077")),
    Target("LPUSH", ["-t", "lpush"], remove("mylist"), check_with("LLEN", "mylist")),
    Target("RPOP", ["-t", "rpop"], fill_list, check_with("LLEN", "mylist")),
    Target("SADD", ["-t", "sadd"], remove("myset"), check_with("SISMEMBER", "myset", "x")),
    Target("HSET", ["-t", "hset"], remove("myhash"), check_with("HEXISTS", "myhash", "x")),
    Target("ZADD", ["-t", "zadd"], remove("myzset"), check_with("TYPE", "myzset")),
    Target("SPOP", ["-t", "spop"], fill_set, check_with("SCARD", "myset")),
    Target("ZPOPMIN", ["-t", "zpopmin"], fill_zset, check_with("ZCARD", "myzset")),
    Target("LRANGE_100", ["LRANGE", "mylist", "0", "99"], fill_range, check_with("LLEN", "mylist")),
]

# CPU per request against redis-server's, at most; -P 1 has a bar of its own.
BARS = {
    ("GET", 16): 0.60, ("GET", 64): 0.40, ("SET", 16): 0.60, ("SET", 64): 0.45,
    ("INCR", 16): 0.65, ("INCR", 64): 0.50, ("MSET", 16): 0.40, ("MSET", 64): 0.40,
    ("HSET", 64): 0.70, ("SADD", 64): 0.70, ("ZADD", 64): 0.70,
    **{(name, 64): 1.0 for name in ("LPUSH", "RPOP", "SPOP", "ZPOPMIN", "LRANGE_100")},
}
BAR_UNPIPELINED_CELL, BAR_UNPIPELINED_MEAN, BAR_P99 = 1.10, 1.02, 1.15


def measure(server, target, pipeline, size, requests):
    return benchmark(server, CLIENTS, KEYS, size, pipeline, requests, *target.arguments)


class Cell:
    """One target at one pipeline depth: medians over the rounds."""

    def __init__(self, target, pipeline, ours, theirs):
        self.target, self.pipeline = target, pipeline
        self.ours, self.theirs = ours, theirs

    def ratio(self, what):
        # Of the rounds' pairs, so that a disturbance hits one pair and not the median.
        pairs = zip(self.ours, self.theirs)
        return statistics.median(getattr(a, what) / max(getattr(b, what), 1e-9) for a, b in pairs)

    def bar(self):
        if self.pipeline == 1:
            return BAR_UNPIPELINED_CELL
        return BARS.get((self.target.name, self.pipeline))

    def row(self):
        bar = self.bar()
        cpu = self.ratio("cpu_us")
        verdict = "" if bar is None else f"{bar:.2f}" + ("" if cpu <= bar else " missed")
        print(f"| {self.target.name} | {self.pipeline} "
              f"| {median(self.ours, 'cpu_us'):.3f} | {median(self.theirs, 'cpu_us'):.3f} "
              f"| {cpu:.2f} | {verdict} "
              f"| {median(self.ours, 'rate'):,.0f} | {median(self.theirs, 'rate'):,.0f} "
              f"| {self.ratio('rate'):.2f} | {median(self.ours, 'p50'):.3f} "
              f"| {median(self.ours, 'p99'):.3f} | {median(self.theirs, 'p99'):.3f} "
              f"| {self.ratio('p99'):.2f} |", flush=True)


HEAD = """
Values of {size} bytes; medians of {rounds} rounds.

| command | -P | CPU us | redis | ratio | at most | req/s | redis | ratio | p50 ms | p99 ms \
| redis | ratio |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def run_cell(servers, target, pipeline, size, options):
    requests = options.requests or REQUESTS[pipeline]
    value = "x" * size
    samples = [[], []]
    for _ in range(options.rounds):
        left = []
        for server, kept in zip(servers, samples):
            with server.client() as client:
                if target.fill:
                    target.fill(client, requests, value)
                kept.append(measure(server, target, pipeline, size, requests))
                left.append(target.check(client, requests))
        assert left[0] == left[1], f"{target.name}: the servers differ afterwards: {left}"
    return Cell(target, pipeline, *samples)


def null_row(pipeline, options):
    """GETs against a server without a store."""
    binary = os.path.join(ROOT, "build/release/quoris_null_server")
    server = NullServer(binary)
    pin(server.pid, SERVER_CORE)
    requests = options.requests or REQUESTS[pipeline]
    samples = [measure(server, Target("null", ["-t", "get"]), pipeline, 3, requests)
               for _ in range(options.rounds)]
    print(f"| (null server) | {pipeline} | {median(samples, 'cpu_us'):.3f} | | | "
          f"| {median(samples, 'rate'):,.0f} | | | {median(samples, 'p50'):.3f} "
          f"| {median(samples, 'p99'):.3f} | | |", flush=True)
    server.kill()


class NullServer(Server):
    """quoris_null_server takes its port and nothing else."""

    def _command(self):
        return [self.binary, str(self.port)]


def summary(cells):
    unpipelined = [cell.ratio("cpu_us") for cell in cells if cell.pipeline == 1]
    if unpipelined:
        mean = math.exp(statistics.fmean(map(math.log, unpipelined)))
        print(f"\nGeometric mean of the CPU ratios at -P 1: {mean:.3f} "
              f"(at most {BAR_UNPIPELINED_MEAN})")
    worst = max(cells, key=lambda cell: cell.ratio("p99"))
    print(f"Largest ratio of p99: {worst.ratio('p99'):.2f}, {worst.target.name} at -P "
          f"{worst.pipeline} (at most {BAR_P99})")
    missed = [f"{cell.target.name} -P {cell.pipeline}" for cell in cells
              if cell.bar() is not None and cell.ratio("cpu_us") > cell.bar()]
    print("Bars missed: " + (", ".join(missed) if missed else "none"))


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench speed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, help="per cell (100,000 to 1,000,000)")
    parser.add_argument("--targets", default="", help="comma-separated, all by default")
    parser.add_argument("--pipelines", default="1,16,64")
    parser.add_argument("--sizes", default="3,128", help="of values, bytes")
    options = parser.parse_args()
    wanted = [name.upper() for name in options.targets.split(",") if name]
    targets = [target for target in TARGETS if not wanted or target.name in wanted]
    pipelines = [int(text) for text in options.pipelines.split(",")]
    for size in (int(text) for text in options.sizes.split(",")):
        servers = [start_quoris(), start_oracle()]
        for server in servers:
            pin(server.pid, SERVER_CORE)
        print(HEAD.format(size=size, rounds=options.rounds), flush=True)
        for pipeline in pipelines:
            null_row(pipeline, options)
        cells = []
        for target in targets:
            for pipeline in pipelines:
                cells.append(run_cell(servers, target, pipeline, size, options))
                cells[-1].row()
        summary(cells)
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
