"""Figures of real clusters on this machine: how soon they start, find a new leader, and what they
cost and believe at rest and under load.

Run by `scripts/bench cluster`; not a test, for what it measures depends on the machine. Times are
elapsed ones, seen from outside by asking every 5 ms: from the moment before the signal (or before
the cable is taken out) to the first answer that says so.

Parts: start (three nodes at once, until all name one leader and three voters), kill, stop and cut
(a new leader after the old one was killed, held still, cut off without FIN or RST; the latter needs
network namespaces), idle (CPU of five nodes at rest), load (five nodes, both cores busy with
redis-benchmark), keys (one of three nodes runs KEYS for two seconds at a time).
"""

import argparse
import math
import random
import statistics
import subprocess
import sys
import threading
import time

from load import benchmark_command, cpu_ns, row, set_keys
from cluster import Cluster  # load.py has set the path
import namespaces

POLL_S = 0.005
# How long anything may take before it counts as failed: far above all bars, for a busy machine.
PATIENCE_S = 30.0
HEARTBEAT_S = 0.1  # raft::Options
AWAY_S = 2.0  # at most, once it is DOWN: so that its end falls anywhere between two calls
KEYS_S = 2.0
KEYS_AT_FIRST = 4_000_000
KEYS_ROUNDS = 5
BYTES_PER_KEY = 100
PATTERN = "*a*b*c*"  # no key matches
FIGURES = ("accusations", "declared_down", "refutations", "probes", "probes_failed", "late")


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def times_row(what, values, bar_s=None):
    bar = f"{bar_s:g} s" if bar_s else ""
    row(what, len(values), *[f"{value:.2f} s" for value in (
        statistics.median(values), percentile(values, 90), max(values))], bar)


def started(cluster):
    nodes = cluster.up
    return cluster.leader(nodes) and cluster.has_voters(len(nodes), nodes)


def start(options):
    times = []
    for _ in range(options.rounds or 20):
        cluster = Cluster()
        try:
            begin = time.monotonic()
            cluster.begin(3)
            cluster.wait(lambda: started(cluster), "started", PATIENCE_S, POLL_S)
            times.append(time.monotonic() - begin)
        finally:
            cluster.remove()
    times_row("three nodes started at once: all name one leader and three voters", times, 1.5)


def is_well(cluster):
    """All have got over it: who was cut off trusts himself little for a while, and accuses late."""
    return all(node.gossip()["gossip_local_health"] == "0" for node in cluster.nodes)


def failovers(options, what, cluster, fail, heal):
    """A leader fails, another leads, the old one comes back: so many times."""
    leads, down, back = [], [], []
    try:
        cluster.begin(3)
        for _ in range(options.rounds or 50):
            cluster.wait_agreed(3, PATIENCE_S)
            cluster.wait(lambda: is_well(cluster), "all are well", PATIENCE_S)
            old = cluster.wait_agreed(3, PATIENCE_S)
            term, others = old.settled_term(), cluster.others(old)
            time.sleep(random.uniform(0, 2 * HEARTBEAT_S))  # so that it falls anywhere between two
            begin = time.monotonic()
            fail(old)
            cluster.wait(lambda: cluster.new_leader(others, term), "leads", PATIENCE_S, POLL_S)
            leads.append(time.monotonic() - begin)
            cluster.wait(lambda: cluster.all_say(old.name, "DOWN", others), "down", PATIENCE_S,
                         POLL_S)
            down.append(time.monotonic() - begin)
            time.sleep(random.uniform(0, AWAY_S))
            begin = time.monotonic()
            heal(old)
            cluster.wait(lambda: cluster.all_say(old.name, "ALIVE", cluster.nodes), "back",
                         PATIENCE_S, POLL_S)
            back.append(time.monotonic() - begin)
    finally:
        cluster.remove()
    times_row(f"{what}: another one leads", leads, 2)
    times_row("... and the map says that the old one is down", down)
    times_row("... and once that is over, all say that it is alive", back)


def kill(options):
    failovers(options, "the leader is killed", Cluster(), lambda node: node.kill(),
              lambda node: node.begin(bare=True))


def stop(options):
    failovers(options, "the leader is stopped (SIGSTOP)", Cluster(), lambda node: node.hold(),
              lambda node: node.release())


def cut(options):
    reason = namespaces.why_not()
    if reason:
        return row("the leader is cut off", 0, reason, "", "", "")
    cluster = Cluster(network=namespaces.Network())
    return failovers(options, "all packets of the leader vanish", cluster,
                     lambda node: cluster.network.cut(node.place),
                     lambda node: cluster.network.mend(node.place))


def idle(options):
    cluster = Cluster()
    try:
        cluster.begin(5)
        leader = cluster.wait_agreed(5, PATIENCE_S)
        before = {node: cpu_ns(node.pid) for node in cluster.nodes}
        begin = time.monotonic()
        time.sleep(options.seconds or 60)
        took_s = time.monotonic() - begin
        shares = {node: (cpu_ns(node.pid) - before[node]) / 1e7 / took_s for node in cluster.nodes}
    finally:
        cluster.remove()
    others = [share for node, share in shares.items() if node is not leader]
    row(f"CPU of a core per node, five nodes at rest for {took_s:.0f} s: the leader", "",
        f"{shares[leader]:.2f} %", "", "", "1 %")
    row("... the others", "", f"{statistics.median(others):.2f} %", "", f"{max(others):.2f} %",
        "1 %")


def gossip_sums(cluster):
    views = [node.gossip() for node in cluster.nodes]
    return {name: sum(int(view[f"gossip_{name}"]) for view in views) for name in FIGURES}


def believed(what, cluster, before, term):
    """What the nodes have thought of each other meanwhile."""
    now = gossip_sums(cluster)
    change = {name: now[name] - before[name] for name in FIGURES}
    latest = max(int(node.gossip()["gossip_late_usec_max"]) for node in cluster.nodes)
    row(f"{what}: suspicions, taken for down, elections", "",
        f"{change['accusations']}, {change['declared_down']}, "
        f"{max(int(node.raft()['raft_term']) for node in cluster.nodes) - term}", "", "", "0, 0, 0")
    row("... probes, of them without an answer; turns that were late, the latest", "",
        f"{change['probes']}, {change['probes_failed']}; {change['late']}, "
        f"{latest / 1000:.0f} ms", "", "", "")


def busy_and_total():
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def load(options):
    seconds = options.seconds or 300
    cluster = Cluster()
    benchmarks = []
    try:
        cluster.begin(5)
        leader = cluster.wait_agreed(5, PATIENCE_S)
        term, before, ticks = leader.settled_term(), gossip_sums(cluster), busy_and_total()
        # Against the leader and a follower; `-l` goes on until it is stopped.
        for node in (leader, cluster.others(leader)[0]):
            benchmarks.append(subprocess.Popen(
                benchmark_command(node.port, 50, 100_000, 32, 16, 1_000_000, "-t", "set,get", "-l"),
                stdout=subprocess.DEVNULL))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert all(each.poll() is None for each in benchmarks), "redis-benchmark has ended"
            time.sleep(1)
        busy, total = (after - was for after, was in zip(busy_and_total(), ticks))
        believed(f"five nodes, redis-benchmark against two for {seconds:.0f} s, the machine "
                 f"{100 * busy / total:.0f} % busy", cluster, before, term)
    finally:
        for each in benchmarks:
            each.terminate()
            each.wait()
        cluster.remove()


def run_keys(node):
    begin = time.monotonic()
    with node.client() as client:
        assert client.call("KEYS", PATTERN) == []
    return time.monotonic() - begin


def fill_until_keys_takes(node, wanted_s):
    """So many keys that KEYS takes that long; how many."""
    count = 0
    more = KEYS_AT_FIRST
    while more > 0:
        set_keys(node.port, count + more, first=count)
        count += more
        took_s = run_keys(node)
        more = max(int(count * (wanted_s / took_s - 1) * 1.1), 100_000) if took_s < wanted_s else 0
        need_memory(count + more)
    return count


def need_memory(keys):
    with open("/proc/meminfo", encoding="ascii") as file:
        free_kb = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    if keys * BYTES_PER_KEY > free_kb * 1000:
        sys.exit(f"{keys} keys don't fit into this machine's memory")


def watch_keys(what, cluster, node, rounds):
    """The node runs KEYS; the others say all the while what they think of it."""
    term, before = cluster.leader().settled_term(), gossip_sums(cluster)
    others, seen, times = cluster.others(node), set(), []
    for _ in range(rounds):
        thread = threading.Thread(target=lambda: times.append(run_keys(node)))
        thread.start()
        while thread.is_alive():
            seen.update(other.state_of(node.name) for other in others)
            time.sleep(2 * POLL_S)
        thread.join()
    assert len(times) == rounds
    times_row(f"{what} runs KEYS: took", times)
    row("... what the others said of it meanwhile", "", ", ".join(sorted(seen)), "", "", "ALIVE")
    believed("...", cluster, before, term)


def keys(options):
    cluster = Cluster("--appendonly", "no")
    try:
        cluster.begin(3)
        leader = cluster.wait_agreed(3, PATIENCE_S)
        node = cluster.others(leader)[0]
        count = fill_until_keys_takes(node, KEYS_S)
        rounds = options.rounds or KEYS_ROUNDS
        watch_keys(f"a follower with {count / 1e6:.1f} million keys", cluster, node, rounds)
        cluster.wait_agreed(3, PATIENCE_S)
        leader.call("CLUSTER", "FAILOVER", node.name)
        cluster.wait(lambda: cluster.agreed(3) is node, "it leads", PATIENCE_S)
        watch_keys("the leader with as many", cluster, node, rounds)
    finally:
        cluster.remove()


PARTS = {part.__name__: part for part in (start, kill, stop, cut, idle, load, keys)}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench cluster", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)} (all)")
    parser.add_argument("--rounds", type=int, help="of start (20), kill, stop and cut (50 each), "
                        f"keys ({KEYS_ROUNDS} as follower and as leader)")
    parser.add_argument("--seconds", type=float, help="of idle (60) and load (300)")
    options = parser.parse_args()
    names = options.parts.split(",")
    if not set(names) <= set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}")
    row("what", "rounds", "median", "90 %", "max", "bar")
    row(*["---"] * 6)
    for name in names:
        PARTS[name](options)


if __name__ == "__main__":
    main()
