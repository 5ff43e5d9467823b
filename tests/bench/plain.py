"""Plain `redis-benchmark -q`, all its own tests as they are, on one node and on redis-server.

Run by `scripts/bench plain`; not a test. What a user sees who tries both: requests per second, the
client on the second core, so that often the client is what limits. For the cost see `speed`.
"""

import argparse
import os
import re
import subprocess

from load import CLIENT_CORE, PEERS, SERVER_CORE, pin, row
from harness import start_oracle, start_quoris  # load.py has set the path

LINE = re.compile(r"(\S+).*: ([\d.]+) requests per second, p50=([\d.]+) msec")


def run(server, pipeline, requests):
    """Of each test that redis-benchmark has: requests per second and the median latency in ms."""
    output = subprocess.run(
        [os.path.join(PEERS, "redis-benchmark"), "-p", str(server.port), "-q", "-P", str(pipeline),
         "-n", str(requests)],
        stdout=subprocess.PIPE, check=True, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {CLIENT_CORE})).stdout
    # A test's progress stands before its result in the same line, behind carriage returns.
    results = [LINE.fullmatch(line.strip()) for line in re.split("[\r\n]", output)]
    return [found.groups() for found in results if found]


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench plain", description=__doc__)
    parser.add_argument("--pipelines", default="1,16,64")
    parser.add_argument("--requests", type=int, default=200_000, help="per test")
    options = parser.parse_args()
    servers = [start_quoris(), start_oracle()]
    for server in servers:
        pin(server.pid, SERVER_CORE)
    for pipeline in (int(text) for text in options.pipelines.split(",")):
        print(f"\n`redis-benchmark -q -P {pipeline} -n {options.requests}`\n")
        row("test", "requests/s", "redis-server", "ratio", "p50 ms", "redis-server")
        row(*["---"] * 6)
        for ours, theirs in zip(*(run(server, pipeline, options.requests) for server in servers)):
            assert ours[0] == theirs[0]
            rates = float(ours[1]), float(theirs[1])
            row(ours[0], f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", f"{rates[0] / rates[1]:.2f}",
                ours[2], theirs[2])
    for server in servers:
        server.stop()


if __name__ == "__main__":
    main()
