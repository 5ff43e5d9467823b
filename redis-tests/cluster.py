"""A real cluster: processes that are started, killed, held still, cut off and started again.

`Node` is one process with a directory and ports of its own, `Cluster` several of them, on the
loopback interface or each in a network namespace (namespaces.py). What they think of each other is
read by their own commands: NODES FULL, INFO raft, INFO gossip. `Cluster.wait` polls for what is
promised within some time, and adds to it what the machine has taken away.

Used by: test_cluster.py, tests/bench/cluster.py.
"""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import unittest

import namespaces
from harness import BETWEEN_LOOKS_S, QUORIS, STOP_DEADLINE_S, Server, need_quoris
from resp import Client, Closed

# What is promised, in seconds, with default settings.
START_S = 1.5  # three nodes started at once: one leader, all three voters
FAILOVER_S = 2.0  # a new leader
# Everybody says DOWN: suspicion (1.9 s at most), the old leader's lease and the next one's wait.
DOWN_S = 2.0 + FAILOVER_S
# A link is tried again after at most 1 s, 2 s after a refusal; a probe of the dead, once a second.
RETURN_S = 5.0
JOIN_S = 5.0
LEAVE_S = 10.0

VOTERS_MAX = 7
HARD_LIMIT_S = 60.0  # whatever the machine has taken
LOG_LINES = 25  # of each node, when something fails

_ports = set()


def steady_port():
    """A free port below those that the system gives to connections that go out: in between, a
    node that calls a dead neighbour could get the neighbour's own port, and reach itself."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = min(int(file.read().split()[0]), 32768)
    for _ in range(1000):
        port = random.randrange(10_000, end)
        if port in _ports:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        _ports.add(port)
        return port
    raise AssertionError("no free port")


def voters_for(members):
    """How many vote in a cluster of so many that are well: an odd number, two of two."""
    if members <= 2:
        return members
    most = min(members, VOTERS_MAX)
    return most - (most % 2 == 0)


def threads_waited_s(pid):
    """How long a process's threads could have run but others had the processors."""
    total_ns = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total_ns += int(file.read().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total_ns / 1e9


def disk_waited_s():
    """How long anybody waited for a disk; 0 where the kernel doesn't count it."""
    try:
        with open("/proc/pressure/io", encoding="ascii") as file:
            return int(file.readline().split("total=")[1]) / 1e6
    except (OSError, IndexError):
        return 0.0


class Stolen:
    """What the machine takes from these processes and this one from now on."""

    def __init__(self, pids):
        self.before = {pid: threads_waited_s(pid) for pid in [*pids, os.getpid()]}
        self.disk = disk_waited_s()

    def so_far_s(self, pids):
        now = {pid: threads_waited_s(pid) for pid in [*pids, os.getpid()]}
        taken = sum(max(waited - self.before.get(pid, 0.0), 0.0) for pid, waited in now.items())
        return taken + disk_waited_s() - self.disk


def text(value):
    """Bytes within plain Python values, as text."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict):
        return {text(key): text(each) for key, each in value.items()}
    return [text(each) for each in value] if isinstance(value, list) else value


class Node(Server):
    """One process of a cluster. Ports and directory stay when it starts again."""

    def __init__(self, name, seeds=(), arguments=(), place=None):
        need_quoris()
        super().__init__(QUORIS, *arguments, started=False)
        self.name, self.seeds, self.place = name, list(seeds), place
        self.data = os.path.join(self.folder, "data")
        self.host = place.address if place else "127.0.0.1"
        self.port, self.cluster_port = (7000, 8000) if place else (steady_port(), steady_port())
        self.more, self.bare = [], False
        self.is_held, self.is_wanted = False, False
        self._kept = None

    # --- its life -------------------------------------------------------------------------------

    def _command(self):
        """Every flag; bare: the directory alone."""
        words = [*(self.place.command if self.place else []), self.binary, "--data-dir", self.data]
        if self.place:
            words += ["--unixsocket", os.path.join(self.folder, "socket")]
        if not self.bare:
            words += ["--node-id", self.name, "--port", str(self.port), "--bind", self.host,
                      "--cluster-port", str(self.cluster_port)]
            for seed in self.seeds:
                words += ["--seed", seed]
            words += self.arguments
        return [*words, *self.more]

    def begin(self, *more, bare=False):
        """Starts it and waits for nothing. `more` flags are for this time."""
        self.more, self.bare = list(more), bare
        self.launch()
        self.is_held, self.is_wanted = False, True

    def run_to_the_end(self, *more, bare=False, within_s=STOP_DEADLINE_S):
        """A start that is expected to end by itself: its exit status and what it said."""
        self.begin(*more, bare=bare)
        self.is_wanted = False
        return self.wait_for_the_end(within_s), self.output()

    def wait_for_the_end(self, within_s=STOP_DEADLINE_S):
        try:
            status = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} has not ended:\n{self.tail()}") from None
        self._forget()
        return status

    def _forget(self):
        super().kill()
        self.is_held, self.is_wanted = False, False
        self._hang_up()

    def kill(self):
        """SIGKILL, also of one that is held."""
        self._forget()

    def terminate(self):
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        self.is_wanted = False
        return self.wait_for_the_end()

    def hold(self):
        self.process.send_signal(signal.SIGSTOP)
        self.is_held = True

    def release(self):
        self.process.send_signal(signal.SIGCONT)
        self.is_held = False

    def wipe(self):
        assert not self.running
        shutil.rmtree(self.data)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    @property
    def cluster_address(self):
        return f"{self.host}:{self.cluster_port}"

    # --- what it says ---------------------------------------------------------------------------

    def client(self, protocol=2):
        if self.place:
            return Client(os.path.join(self.folder, "socket"), protocol)
        return Client((self.host, self.port), protocol)

    def call(self, *words):
        """A command over a connection that is kept, its reply as plain Python."""
        try:
            if self._kept is None:
                self._kept = self.client(3)
            return self._kept.call(*words)
        except (OSError, Closed):
            self._hang_up()
            raise

    def ask(self, *words):
        """Like call, with bytes as text; None while it can't be reached."""
        if not self.running or self.is_held:
            return None
        try:
            return text(self.call(*words))
        except (OSError, Closed):
            return None

    def _hang_up(self):
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def info(self, section):
        """A section's fields; empty while it can't be reached."""
        lines = (self.ask("INFO", section) or "").splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def raft(self):
        return self.info("raft")

    def gossip(self):
        return self.info("gossip")

    def members(self):
        """NODES FULL: the fields of each member by its number."""
        return {member["number"]: member for member in self.ask("NODES", "FULL") or []}

    def states(self):
        """(name, state) of all members."""
        return sorted((member["name"], member["state"]) for member in self.members().values())

    def state_of(self, name):
        """What this node says of another, or of itself; None: it is no member."""
        return next((state for other, state in self.states() if other == name), None)

    def settled_term(self):
        """The term that it leads, knowing all that was ever committed; None: it doesn't.

        A term begins with an entry of its own: when that is committed, so is all before.
        """
        raft = self.raft()
        if raft.get("raft_role") != "leader":
            return None
        ends = {raft[f"raft_{name}_index"] for name in ("commit", "applied", "last")}
        return int(raft["raft_term"]) if len(ends) == 1 else None

    def tail(self):
        lines = self.output().splitlines()[-LOG_LINES:]
        return "\n".join([f"--- {self.name} (port {self.port}), the end of its log:", *lines])


class Cluster:
    """Nodes n1, n2 ...; n1 founds, the others join."""

    def __init__(self, *arguments, network=None):
        self.arguments, self.network = arguments, network
        self.nodes = []

    def add(self, *arguments, name=None, seeds=None):
        """One more, not started. Its seed is the first node, unless it is the first itself."""
        if seeds is None:
            seeds = [node.cluster_address for node in self.nodes[:1]]
        node = Node(name or f"n{len(self.nodes) + 1}", seeds, [*self.arguments, *arguments],
                    self.network.plug_in() if self.network else None)
        self.nodes.append(node)
        return node

    def begin(self, count):
        """So many at once."""
        new = [self.add() for _ in range(count)]
        for node in new:
            node.begin()
        return new

    def remove(self):
        for node in self.nodes:
            node.remove()
        if self.network:
            self.network.remove()

    @property
    def up(self):
        return [node for node in self.nodes if node.running and not node.is_held]

    def others(self, *nodes):
        return [node for node in self.up if node not in nodes]

    # --- what they agree on ---------------------------------------------------------------------

    def leader(self, among=None):
        """The one that leads by the word of all of them; None: they don't agree."""
        nodes = self.up if among is None else among
        views = [node.raft() for node in nodes]
        if not nodes or not all(views):
            return None
        if len({(view["raft_leader"], view["raft_term"]) for view in views}) != 1:
            return None
        leaders = [node for node in nodes if node.settled_term() is not None]
        return leaders[0] if len(leaders) == 1 else None

    def new_leader(self, among, after):
        """The first of these that leads, settled, in a later term: (node, term) or None."""
        for node in among:
            term = node.settled_term()
            if term is not None and term > after:
                return node, term
        return None

    def has_voters(self, count, among=None):
        """All of them know so many voters, the same."""
        views = [node.raft().get("raft_voters") for node in (self.up if among is None else among)]
        return len(set(views)) == 1 and views[0] and len(views[0].split(",")) == count

    def agreed(self, members, among=None):
        """The leader once all of these have the same map of so many members, all of them ALIVE."""
        nodes = self.up if among is None else among
        leader = self.leader(nodes)
        if leader is None or not self.has_voters(voters_for(members), nodes):
            return None
        for node in nodes:
            states = node.states()
            if len(states) != members or any(state != "ALIVE" for _, state in states):
                return None
        maps = {(view.get("cluster_map_hash"), view.get("cluster_id"),
                 view.get("cluster_partitions_moving"))
                for view in (node.info("cluster") for node in nodes)}
        return leader if len(maps) == 1 and maps.pop()[2] == "0" else None

    def all_say(self, name, state, among=None):
        nodes = self.up if among is None else among
        return all(node.state_of(name) == state for node in nodes)

    # --- waiting --------------------------------------------------------------------------------

    def pids(self):
        return [node.pid for node in self.nodes if node.running]

    def wait(self, holds, what, promised_s, between_s=BETWEEN_LOOKS_S):
        """Polls until `holds()`; its value. Fails when that takes longer than promised, not
        counting what the machine has taken away; also when a node ends that nobody has stopped."""
        stolen, begin = Stolen(self.pids()), time.monotonic()
        while True:
            value = holds()
            if value:
                return value
            dead = [node for node in self.nodes if node.is_wanted and not node.running]
            if dead:
                raise AssertionError(f"{dead[0].name} has ended (status "
                                     f"{dead[0].process.returncode})\n{self.describe()}")
            took_s = time.monotonic() - begin
            if took_s > promised_s:
                taken_s = stolen.so_far_s(self.pids())
                if took_s - taken_s > promised_s or took_s > HARD_LIMIT_S:
                    raise AssertionError(f"{what}: not in {took_s:.2f} s, of which the machine "
                                         f"took {taken_s:.2f} s\n{self.describe()}")
            time.sleep(between_s)

    def wait_agreed(self, members, promised_s=RETURN_S, among=None):
        return self.wait(lambda: self.agreed(members, among),
                         f"{members} nodes agree, all of them ALIVE", promised_s)

    def start(self, count):
        """So many at once; the leader when all is as it should be."""
        self.begin(count)
        return self.wait_agreed(len(self.nodes), START_S + JOIN_S)

    def describe(self):
        lines = []
        for node in self.nodes:
            what = "held" if node.is_held else "runs" if node.running else "ended"
            raft = {name: value for name, value in node.raft().items()
                    if name in ("raft_role", "raft_term", "raft_leader", "raft_voters",
                                "raft_learners", "raft_commit_index", "raft_last_index")}
            lines += [f"{node.name} {what} {raft}", f"    {node.states()}"]
        return "\n".join(lines + [node.tail() for node in self.nodes if node.process])


class ClusterTest(unittest.TestCase):
    """Makes clusters that end with the test."""

    def cluster(self, count=0, *arguments):
        cluster = Cluster(*arguments)
        self.addCleanup(cluster.remove)
        if count:
            cluster.start(count)
        return cluster

    def networked_cluster(self, count, why_not=namespaces.why_not):
        """Each node in a network namespace; skips the test where there are none, or whatever else
        `why_not` asks for is missing."""
        reason = why_not()
        if reason:
            self.skipTest(reason)
        cluster = Cluster(network=namespaces.Network())
        self.addCleanup(cluster.remove)
        cluster.start(count)
        return cluster
