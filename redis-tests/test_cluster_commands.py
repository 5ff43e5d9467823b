"""CLUSTER and what belongs to it: a founder alone in its cluster beside a redis-server in cluster
mode with all slots, the clients that build their maps from it, and a node without a cluster."""

import os
import re
import subprocess
import unittest

import test_clients_node
from compare import PairTest, compare, field_names, shape
from harness import (PEERS, ServerTest, free_port, need_oracle, quoris_is_oracle, start_oracle,
                     start_quoris, wait_until)

RUN_DEADLINE_S = 60
NODE = "NODE" * 10  # in place of an id
# An oracle that has met nobody doesn't know its own address.
REDIS_ARGUMENTS = ("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")

if quoris_is_oracle():
    def start_founder():
        server = start_quoris(*REDIS_ARGUMENTS)
        with server.client() as client:
            client.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        return server
else:
    def start_founder():
        return start_quoris("--node-id", "n1", "--cluster-port", str(free_port()),
                            "--enable-fault-command", "local")


def start_redis_cluster():
    server = start_oracle(*REDIS_ARGUMENTS)
    with server.client() as client:
        client.ask("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    return server


def is_ok(server):
    with server.client() as client:
        return b"cluster_state:ok" in client.call("CLUSTER", "INFO")


def normal(reply, server):
    """The bytes of a reply without what tells one server from another."""
    raw = re.sub(rb"[0-9a-f]{40}", NODE.encode(), reply.raw)
    return raw.replace(b":%d\r\n" % server.port, b":PORT\r\n")


class Founder(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = start_founder()
        cls.addClassCleanup(cls.server.stop)
        wait_until(lambda: is_ok(cls.server), "the founder serves all slots")


class BesideRedis(Founder):
    @classmethod
    def setUpClass(cls):
        need_oracle()
        super().setUpClass()
        cls.redis = start_redis_cluster()
        cls.addClassCleanup(cls.redis.stop)
        wait_until(lambda: is_ok(cls.redis), "the oracle serves all slots")

    def setUp(self):
        super().setUp()
        self.pairs = []
        for protocol in (2, 3):
            theirs = self.redis.client(protocol)
            self.addCleanup(theirs.close)
            theirs.ask("FLUSHALL")
            self.pairs.append((self.connect(protocol), theirs))

    def both(self, *arguments):
        for ours, theirs in self.pairs:
            yield ours.ask(*arguments), theirs.ask(*arguments)

    def same(self, *arguments):
        for ours, theirs in self.both(*arguments):
            self.assertIsNone(compare(ours, theirs), arguments)

    def test_errors_and_slots_are_the_oracle_s(self):
        for arguments in (("KEYSLOT", "foo"), ("KEYSLOT", ""), ("KEYSLOT", "{a}b"),
                          ("KEYSLOT", "{}a"), ("KEYSLOT", "a{b"), ("KEYSLOT", "{a}{b}"),
                          ("KEYSLOT",), ("COUNTKEYSINSLOT", "16384"), ("COUNTKEYSINSLOT", "-1"),
                          ("COUNTKEYSINSLOT", "x"), ("GETKEYSINSLOT", "x", "1"),
                          ("GETKEYSINSLOT", "1", "x"), ("GETKEYSINSLOT", "1", "-1"),
                          ("GETKEYSINSLOT", "16384", "1"), ("GETKEYSINSLOT", "0", "0"),
                          ("MYSHARDID",), ("NODES", "x"), ("SLOTS", "x"), ("LINKS",), ()):
            self.same("CLUSTER", *arguments)

    def test_what_cluster_clients_say_before_they_begin(self):
        for arguments in (("READONLY",), ("READWRITE",), ("ASKING",), ("READONLY", "x"),
                          ("SELECT", "0"), ("SELECT", "1"), ("SELECT", "x")):
            self.same(*arguments)

    def test_slots_and_shards_byte_for_byte(self):
        for word in ("SLOTS", "SHARDS"):
            for ours, theirs in self.both("CLUSTER", word):
                self.assertEqual(normal(ours, self.server), normal(theirs, self.redis))

    def test_nodes_has_the_same_line(self):
        line = re.compile(rb"[0-9a-f]{40} \S*:\d+@\d+ myself,master - \d+ \d+ \d+ connected "
                          rb"0-16383\n")
        for ours, theirs in self.both("CLUSTER", "NODES"):
            self.assertRegex(ours.value, line)
            self.assertRegex(theirs.value, line)
            self.assertEqual(shape(ours), shape(theirs))

    def test_info_has_the_same_fields(self):
        for ours, theirs in self.both("CLUSTER", "INFO"):
            self.assertEqual(field_names(ours), field_names(theirs))
            for name in (b"cluster_state", b"cluster_slots_assigned", b"cluster_slots_ok",
                         b"cluster_known_nodes", b"cluster_size"):
                pattern = re.compile(rb"\b%s:.*" % name)
                self.assertEqual(pattern.search(ours.value)[0], pattern.search(theirs.value)[0])

    def test_hello_and_info_name_the_mode(self):
        self.assertEqual(self.pairs[1][0].call("HELLO")[b"mode"], b"cluster")
        for section in ("server", "cluster"):
            for ours, theirs in self.both("INFO", section):
                for field in (rb"redis_mode:\S+", rb"cluster_enabled:\d"):
                    mine, other = (re.search(field, reply.value) for reply in (ours, theirs))
                    self.assertEqual(mine and mine[0], other and other[0])

    def test_keys_of_a_slot(self):
        for ours, theirs in self.pairs:
            for client in (ours, theirs):
                for number in range(20):
                    client.ask("SET", f"{{tag}}{number}", "v")
                    client.ask("SET", f"other{number}", "v")
        slot = str(self.client.call("CLUSTER", "KEYSLOT", "{tag}"))
        self.same("CLUSTER", "COUNTKEYSINSLOT", slot)
        self.same("CLUSTER", "GETKEYSINSLOT", slot, "0")
        for ours, theirs in self.both("CLUSTER", "GETKEYSINSLOT", slot, "100"):
            self.assertIsNone(compare(ours, theirs, how="unordered"))
        for ours, theirs in self.both("CLUSTER", "GETKEYSINSLOT", slot, "7"):
            self.assertEqual((len(ours.value), len(theirs.value)), (7, 7))

    def test_what_redis_has_and_we_have_not_is_an_error(self):
        if quoris_is_oracle():
            self.skipTest("the oracle has it")
        for arguments in (("MEET", "127.0.0.1", "7000"), ("FORGET", "0" * 40), ("ADDSLOTS", "1"),
                          ("SETSLOT", "1", "STABLE"), ("RESET",), ("BUMPEPOCH",),
                          ("REPLICAS", "0" * 40)):
            text = self.client.ask("CLUSTER", *arguments).value
            self.assertTrue(text.startswith(b"ERR CLUSTER %s does not apply here: " %
                                            arguments[0].encode()), text)


class Tools(Founder):
    """redis-cli and redis-benchmark as cluster clients."""

    @classmethod
    def setUpClass(cls):
        need_oracle()
        super().setUpClass()

    def run_tool(self, program, *arguments):
        done = subprocess.run([os.path.join(PEERS, program), "-p", str(self.server.port),
                               *arguments], text=True, capture_output=True,
                              timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_redis_cli_follows_a_cluster(self):
        self.assertEqual(self.run_tool("redis-cli", "-c", "SET", "k", "v"), "OK\n")
        self.assertEqual(self.run_tool("redis-cli", "-c", "GET", "k"), "v\n")

    def test_redis_cli_checks_a_cluster(self):
        done = self.run_tool("redis-cli", "--cluster", "check", f"127.0.0.1:{self.server.port}")
        self.assertIn("All 16384 slots covered", done)


class NodeClusterClients:
    """ioredis and node-redis as cluster clients of NODES nodes."""

    NODES = "1"

    def run_script(self, name):
        reason = test_clients_node.install()
        if reason:
            self.skipTest(reason)
        script = os.path.join(test_clients_node.SCRIPTS, name)
        modules = os.path.join(test_clients_node.INSTALLED, "node_modules")
        done = subprocess.run(["node", script, str(self.server.port), self.NODES],
                              env={**os.environ, "NODE_PATH": modules}, capture_output=True,
                              text=True, timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_cluster_of_ioredis(self):
        self.run_script("ioredis_cluster.cjs")

    def test_cluster_of_node_redis(self):
        self.run_script("node_redis_cluster.cjs")


class OneNode(NodeClusterClients, Tools):
    pass


def has_three_masters_with_slots(server):
    with server.client() as client:
        return (is_ok(server) and client.call("CLUSTER", "INFO").count(b"cluster_size:3") == 1
                and b"cluster_partitions_moving:0" in client.call("INFO", "cluster"))


class ThreeNodes(NodeClusterClients, Tools):
    """A cluster of three processes on this machine."""

    NODES = "3"

    @classmethod
    def setUpClass(cls):
        if quoris_is_oracle():
            raise unittest.SkipTest("a cluster of Redis is not built by flags")
        super().setUpClass()
        port = dict(zip(cls.server.arguments[::2], cls.server.arguments[1::2]))["--cluster-port"]
        cls.servers = [cls.server]
        for name in ("n2", "n3"):
            server = start_quoris("--node-id", name, "--cluster-port", str(free_port()), "--seed",
                                  f"127.0.0.1:{port}")
            cls.addClassCleanup(server.stop)
            cls.servers.append(server)
        for server in cls.servers:
            wait_until(lambda one=server: has_three_masters_with_slots(one),
                       "three nodes serve all slots", 30)

    def test_redis_benchmark_builds_its_map(self):
        done = self.run_tool("redis-benchmark", "--cluster", "-n", "3000", "-r", "1000", "-t",
                             "set,get", "-q")
        self.assertIn("Cluster has 3 master nodes", done)
        for server in self.servers:
            with server.client() as client:
                self.assertGreater(client.call("DBSIZE"), 50)

    def test_every_node_shows_the_same_members(self):
        tables = []
        for server in self.servers:
            with server.client() as client:
                tables.append([line.split() for line in client.call("NODES")])
        self.assertEqual([line[0] for line in tables[0]], [b"NODE", b"n1", b"n2", b"n3"])
        for table in tables:
            self.assertEqual(table, tables[0])
            self.assertEqual([line[2] for line in table[1:]].count(b"LEADER"), 1)

    def test_slots_have_their_replicas_behind_the_primary(self):
        for row in self.client.call("CLUSTER", "SLOTS"):
            self.assertEqual(len({node[2] for node in row[2:]}), 3)


@unittest.skipIf(quoris_is_oracle(), "Redis has no such commands")
class OurOwn(Founder):
    def test_nodes_is_a_table_in_both_protocols(self):
        for protocol in (2, 3):
            head, line = self.connect(protocol).ask("NODES").value
            self.assertEqual((head.kind, line.kind), (b"+", b"+"))
            self.assertEqual(re.split(rb"  +", head.value),
                             [b"NODE ID", b"ADDRESS", b"ROLE", b"STATE"])
            self.assertRegex(line.value, rb"^n1 +127\.0\.0\.1:%d +LEADER +ALIVE$" %
                             self.server.port)

    def test_nodes_full_is_a_map_per_node(self):
        (node,) = self.connect(3).call("NODES", "FULL")
        self.assertEqual(node[b"id"], self.client.call("CLUSTER", "MYID"))
        self.assertEqual((node[b"name"], node[b"number"], node[b"raft"]), (b"n1", 1, b"voter"))
        self.assertEqual((node[b"partitions-primary"], node[b"partitions-replica"]), (512, 512))
        self.assertGreater(node[b"lease-left-ms"], 0)
        (flat,) = self.client.call("NODES", "FULL")
        self.assertEqual(flat[::2], list(node))

    def test_ring_counts_this_node_s_keys_and_finds_a_key(self):
        for number in range(50):
            self.client.ask("SET", f"key{number}", "v")
        _, line = self.client.call("RING")
        self.assertEqual(line.split()[2:], [b"512", b"512", b"0", b"100.0%", b"50"])
        place = self.connect(3).call("RING", "KEY", "foo")
        self.assertEqual((place[b"slot"], place[b"partition"]), (12182, 12182 // 32))
        self.assertEqual(place[b"primary"], b"n1 127.0.0.1:%d" % self.server.port)

    def test_the_only_node_stays_and_leads(self):
        self.assertIn(b"only node", self.client.ask("CLUSTER", "LEAVE").value)
        self.assertIn(b"is a member", self.client.ask("CLUSTER", "JOIN").value)
        self.assertTrue(self.client.ask("CLUSTER", "FAILOVER").is_error)
        self.assertIn(b"no node 'n9'", self.client.ask("CLUSTER", "REMOVE", "n9").value)

    def test_fault_takes_rules_and_shows_them(self):
        client = self.connect(3)
        self.assertEqual(client.call("FAULT", "DELAY", "10", "5"), b"OK")
        self.assertEqual(client.call("FAULT", "STATUS")[b"rules"], [b"DELAY 10 5 WITH ALL"])
        self.assertEqual(client.call("FAULT", "CLEAR"), b"OK")
        self.assertEqual(client.call("FAULT", "STATUS")[b"rules"], [])

    def test_info_has_raft_and_gossip(self):
        text = self.client.call("INFO")
        for part in (b"# Raft\r\nraft_role:leader\r\n", b"raft_voters:1\r\n",
                     b"# Gossip\r\ngossip_members:1\r\n", b"cluster_node_state:ALIVE\r\n"):
            self.assertIn(part, text)


class WithoutCluster(PairTest):
    def test_all_of_it_is_refused_as_redis_refuses_it(self):
        for arguments in (("CLUSTER", "INFO"), ("CLUSTER", "HELP"), ("CLUSTER", "KEYSLOT", "a"),
                          ("CLUSTER", "MEET", "a", "b"), ("CLUSTER", "NOPE"), ("CLUSTER",),
                          ("CLUSTER", "SLOTS", "x"), ("READONLY",), ("READWRITE",), ("ASKING",)):
            self.same(*arguments)


del PairTest
del ServerTest
del Founder
del Tools

if __name__ == "__main__":
    unittest.main()
