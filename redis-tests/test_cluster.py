"""Real clusters of three to five processes: they start, grow, shrink, fail in every way that one
machine can show, and go on. What is waited for is promised within some time (cluster.py)."""

import os
import re
import shutil
import subprocess
import unittest

import namespaces
from cluster import (DOWN_S, FAILOVER_S, JOIN_S, LEAVE_S, RETURN_S, START_S, ClusterTest)
from harness import PEERS, need_oracle, quoris_is_oracle
from resp import Client

RUN_DEADLINE_S = 60
# A clean stop leaves no time without a leader to be seen; an election takes 0.5 s at least.
HANDED_OVER_S = 0.3
KEYS_KNOWN_S = 5.0  # they are told once a second
STEPS_DOWN_S = 2.0
# Of every packet that a node sends, in the words of tc-netem(8). TCP sends again what is lost,
# at worst after 0.2 s, then after 0.4 s more: so much more time has what is promised.
BAD_NETWORK = ("delay", "5ms", "3ms", "loss", "2%", "duplicate", "1%", "reorder", "5%")
SENT_AGAIN_S = 1.0


def setUpModule():
    if quoris_is_oracle():
        raise unittest.SkipTest("a cluster of Redis is not built by flags")


class Failures(ClusterTest):
    """What several tests look at."""

    def new_leader_of(self, cluster, old, fail, heal, more_s=0.0):
        """Fails the leader; whoever leads then, when all others say that the old one is DOWN."""
        term = old.settled_term()
        others = cluster.others(old)
        fail()
        cluster.wait(lambda: cluster.new_leader(others, term), "a new leader", FAILOVER_S + more_s)
        cluster.wait(lambda: cluster.all_say(old.name, "DOWN", others),
                     f"all others say that {old.name} is down", DOWN_S + more_s)
        new = cluster.wait(lambda: cluster.leader(others), "the others agree", FAILOVER_S + more_s)
        heal()
        self.assertEqual(cluster.wait_agreed(len(cluster.nodes)), new)
        self.assertEqual(old.raft()["raft_role"], "follower")
        return new


class Growing(ClusterTest):
    def test_three_started_at_once_agree(self):
        cluster = self.cluster()
        nodes = cluster.begin(3)
        cluster.wait(lambda: cluster.leader(nodes) and cluster.has_voters(3, nodes),
                     "one leader, three voters", START_S)
        cluster.wait_agreed(3)
        for node in nodes:
            self.assertEqual(node.states(), [("n1", "ALIVE"), ("n2", "ALIVE"), ("n3", "ALIVE")])
            table = [line.split() for line in node.ask("NODES")]
            self.assertEqual(table[0], ["NODE", "ID", "ADDRESS", "ROLE", "STATE"])
            self.assertEqual(sorted((line[0], line[1]) for line in table[1:]),
                             [(each.name, each.address) for each in nodes])
            self.assertEqual(sorted(line[2] for line in table[1:]),
                             ["FOLLOWER", "FOLLOWER", "LEADER"])
        for member in nodes[0].members().values():
            self.assertEqual(member["partitions-replica"], 512)
            self.assertGreater(member["partitions-primary"], 100)

    def test_a_fourth_and_a_fifth_join(self):
        cluster = self.cluster(3)
        silent = "127.0.0.1:1"  # nobody listens there
        fourth = cluster.add(seeds=[silent, cluster.nodes[1].cluster_address])
        fourth.begin()
        cluster.wait_agreed(4, JOIN_S)
        fifth = cluster.add(seeds=[fourth.cluster_address])
        fifth.begin()
        cluster.wait_agreed(5, JOIN_S)
        for node in cluster.nodes:
            holdings = [member["partitions-replica"] for member in node.members().values()]
            self.assertEqual(sum(holdings), 3 * 512)
            self.assertLess(max(holdings), 1.2 * 3 * 512 / 5)

    def test_every_node_shows_how_many_keys_each_holds(self):
        cluster = self.cluster()
        nodes = cluster.begin(3)
        cluster.wait_agreed(3)
        for node, keys in zip(nodes, (5, 70, 900)):
            with node.client() as client:
                for number in range(keys):
                    client.ask("SET", f"key{number}", "v")

        def counted(node):
            return [int(line.split()[-1]) for line in node.ask("RING")[1:]]

        cluster.wait(lambda: all(sorted(counted(node)) == [5, 70, 900] for node in nodes),
                     "all know how many keys each holds", KEYS_KNOWN_S)

    def test_a_seed_that_is_not_up_yet_is_tried_until_it_is(self):
        cluster = self.cluster()
        first, second = cluster.add(), cluster.add()
        second.begin()
        cluster.wait(lambda: second.states() == [("n2", "JOINING")], "it waits", START_S)
        first.begin()
        cluster.wait_agreed(2, JOIN_S)


class Shrinking(Failures):
    def test_nodes_leave_a_follower_then_the_leader(self):
        cluster = self.cluster(4)
        leader = cluster.leader()
        for leaving, members in ((cluster.others(leader)[0], 3), (leader, 2)):
            leaving.is_wanted = False
            self.assertIn(leaving.ask("CLUSTER", "LEAVE"), ("OK", None))
            self.assertEqual(leaving.wait_for_the_end(LEAVE_S), 1)
            self.assertRegex(leaving.output(),
                             "this node leaves the cluster and stops: .* was removed")
            cluster.wait_agreed(members, LEAVE_S)
            for node in cluster.up:
                self.assertIsNone(node.state_of(leaving.name))
            self.assertRegex(cluster.leader().output(), f"{leaving.name} .*is no member any more")

    def test_a_dead_one_is_removed_and_does_not_come_back(self):
        cluster = self.cluster(3)
        dead = cluster.others(cluster.leader())[0]
        other = cluster.others(dead)[0]
        with other.client() as client:
            self.assertIn(b"is not down", client.ask("CLUSTER", "REMOVE", dead.name).value)
        dead.kill()
        cluster.wait(lambda: cluster.all_say(dead.name, "DOWN"), "it is down", DOWN_S)
        self.assertEqual(other.ask("CLUSTER", "REMOVE", dead.name), "OK")
        cluster.wait_agreed(2, LEAVE_S)
        status, output = dead.run_to_the_end(bare=True, within_s=RETURN_S)
        self.assertNotEqual(status, 0)
        self.assertIn("was removed from the cluster", output)


class Failing(Failures):
    def test_the_leader_is_killed_and_returns_without_flags(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        before = {member["name"]: member for member in old.members().values()}[old.name]
        self.new_leader_of(cluster, old, old.kill, lambda: old.begin(bare=True))
        after = {member["name"]: member for member in old.members().values()}[old.name]
        for same in ("id", "number", "client-address", "cluster-address", "partitions-replica"):
            self.assertEqual(after[same], before[same])
        self.assertEqual(after["boot"], before["boot"] + 1)

    def test_a_follower_is_killed_and_the_leader_stays(self):
        cluster = self.cluster(3)
        leader = cluster.leader()
        term, victim = leader.settled_term(), cluster.others(leader)[0]
        victim.kill()
        cluster.wait(lambda: cluster.all_say(victim.name, "DOWN"), "it is down", DOWN_S)
        victim.begin(bare=True)
        self.assertEqual(cluster.wait_agreed(3), leader)
        self.assertEqual(leader.settled_term(), term)

    def test_two_of_five_are_killed_the_leader_among_them(self):
        cluster = self.cluster(5)
        old = cluster.leader()
        term, other = old.settled_term(), cluster.others(old)[0]
        left = cluster.others(old, other)
        old.kill()
        other.kill()
        cluster.wait(lambda: cluster.new_leader(left, term), "a new leader", FAILOVER_S)
        for dead in (old, other):
            cluster.wait(lambda: cluster.all_say(dead.name, "DOWN"), "both are down", DOWN_S)
            dead.begin(bare=True)
        cluster.wait_agreed(5)

    def test_a_leader_that_is_held_still_is_replaced_and_follows_later(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        self.new_leader_of(cluster, old, old.hold, old.release)

    def test_a_clean_stop_hands_over(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        term, others = old.settled_term(), cluster.others(old)
        self.assertEqual(old.terminate(), 0)
        cluster.wait(lambda: cluster.new_leader(others, term), "another leads already",
                     HANDED_OVER_S)
        cluster.wait(lambda: cluster.all_say(old.name, "DOWN"), "it is down", DOWN_S)
        old.begin(bare=True)
        cluster.wait_agreed(3)

    def test_all_are_killed_at_once_and_go_on(self):
        cluster = self.cluster(3)
        identity = cluster.nodes[0].info("cluster")["cluster_id"]
        term = cluster.leader().settled_term()
        for node in cluster.nodes:
            node.kill()
        for node in cluster.nodes:
            node.begin(bare=True)
        leader = cluster.wait_agreed(3)
        self.assertGreater(leader.settled_term(), term)
        self.assertEqual(leader.info("cluster")["cluster_id"], identity)

    def test_leadership_is_handed_over_by_command(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        new = cluster.others(old)[1]
        self.assertEqual(old.ask("CLUSTER", "FAILOVER", new.name), "OK")
        cluster.wait(lambda: cluster.leader() == new, "the chosen one leads", FAILOVER_S)


class Faults(Failures):
    """By FAULT, on the nodes' own links."""

    def test_a_leader_that_is_partitioned_steps_down(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        others = cluster.others(old)

        def heal():
            cluster.wait(lambda: old.raft()["raft_role"] != "leader", "it steps down", STEPS_DOWN_S)
            self.assertEqual(old.raft()["raft_lease_left_ms"], "0")
            self.assertEqual(old.ask("FAULT", "CLEAR"), "OK")

        self.new_leader_of(cluster, old, lambda: self.assertEqual(
            old.ask("FAULT", "PARTITION", *[node.name for node in others]), "OK"), heal)

    def test_a_leader_that_hears_nothing_is_replaced(self):
        cluster = self.cluster(3)
        old = cluster.leader()
        self.new_leader_of(cluster, old, lambda: self.assertEqual(old.ask("FAULT", "FAIL"), "OK"),
                           lambda: self.assertEqual(old.ask("FAULT", "RECOVER"), "OK"))

    def test_a_follower_that_hears_nothing_deposes_nobody(self):
        cluster = self.cluster(3)
        leader = cluster.leader()
        term, deaf = leader.settled_term(), cluster.others(leader)[0]
        others = cluster.others(deaf)
        self.assertEqual(deaf.ask("FAULT", "FAIL"), "OK")
        cluster.wait(lambda: cluster.all_say(deaf.name, "DOWN", others), "it is down", DOWN_S)
        cluster.wait(lambda: deaf.raft()["raft_role"] == "pre-candidate", "it would like to lead",
                     FAILOVER_S)
        self.assertEqual(deaf.ask("FAULT", "RECOVER"), "OK")
        self.assertEqual(cluster.wait_agreed(3), leader)
        self.assertEqual(leader.settled_term(), term)

    def test_a_lossy_link_costs_nobody_his_place(self):
        cluster = self.cluster(3)
        leader = cluster.leader()
        term, probes = leader.settled_term(), int(leader.gossip()["gossip_probes"])
        for node in cluster.nodes:
            self.assertEqual(node.ask("FAULT", "DROP", "5"), "OK")
            self.assertEqual(node.ask("FAULT", "DELAY", "5", "20"), "OK")
        cluster.wait(lambda: int(leader.gossip()["gossip_probes"]) > probes + 20,
                     "twenty probes", DOWN_S * 2)
        for node in cluster.nodes:
            self.assertEqual(node.gossip()["gossip_declared_down"], "0")
            self.assertEqual(node.ask("FAULT", "CLEAR"), "OK")
        self.assertEqual(cluster.wait_agreed(3), leader)
        self.assertEqual(leader.settled_term(), term)


class Network(Failures):
    """Packets vanish, nobody is told."""

    def test_a_leader_that_is_cut_off_is_replaced_and_follows_later(self):
        cluster = self.networked_cluster(3)
        network, old = cluster.network, cluster.leader()

        def heal():
            cluster.wait(lambda: old.raft()["raft_role"] != "leader", "it steps down", STEPS_DOWN_S)
            self.assertEqual(old.raft()["raft_lease_left_ms"], "0")
            self.assertNotIn("DOWN", [state for _, state in old.states()])  # it decides nothing
            network.mend(old.place)

        self.new_leader_of(cluster, old, lambda: network.cut(old.place), heal)

    def test_a_minority_of_five_is_cut_off_with_the_leader(self):
        cluster = self.networked_cluster(5)
        old = cluster.leader()
        term, other = old.settled_term(), cluster.others(old)[0]
        left = cluster.others(old, other)
        for node in (old, other):
            for far in left:
                cluster.network.lose(node.place, far.place)
                cluster.network.lose(far.place, node.place)
        cluster.wait(lambda: cluster.new_leader(left, term), "the majority has a leader",
                     FAILOVER_S)
        for lost in (old, other):
            cluster.wait(lambda: cluster.all_say(lost.name, "DOWN", left), "both down", DOWN_S)
        new = cluster.wait(lambda: cluster.leader(left), "the majority agrees", FAILOVER_S)
        self.assertTrue(all(node.settled_term() is None for node in (old, other)))
        for node in (old, other):
            for far in left:
                cluster.network.mend_between(node.place, far.place)
        self.assertEqual(cluster.wait_agreed(5), new)

    def test_a_leader_that_can_only_hear_is_replaced(self):
        self.lose_one_way(lambda network, old, other: network.lose(old.place, other.place))

    def test_a_leader_that_can_only_speak_is_replaced(self):
        self.lose_one_way(lambda network, old, other: network.lose(other.place, old.place))

    def lose_one_way(self, lose):
        cluster = self.networked_cluster(3)
        network, old = cluster.network, cluster.leader()
        others = cluster.others(old)

        def fail():
            for other in others:
                lose(network, old, other)

        def heal():
            for other in others:
                network.mend_between(old.place, other.place)

        self.new_leader_of(cluster, old, fail, heal)

    def test_two_that_cannot_talk_to_each_other_are_alive_by_the_third(self):
        cluster = self.networked_cluster(3)
        leader = cluster.leader()
        term, (one, other) = leader.settled_term(), cluster.others(leader)
        probes = {node: int(node.gossip()["gossip_help_asked"]) for node in (one, other)}
        cluster.network.lose(one.place, other.place)
        cluster.network.lose(other.place, one.place)
        cluster.wait(lambda: all(int(node.gossip()["gossip_help_asked"]) > probes[node] + 3
                                 for node in (one, other)), "both ask the third", DOWN_S * 2)
        for node in cluster.nodes:
            self.assertEqual(node.gossip()["gossip_declared_down"], "0")
        cluster.network.mend_between(one.place, other.place)
        self.assertEqual(cluster.wait_agreed(3), leader)
        self.assertEqual(leader.settled_term(), term)

    def test_a_bad_network_costs_nobody_his_place_and_a_dead_one_the_leader_his(self):
        cluster = self.networked_cluster(3, namespaces.why_no_netem)
        network, old = cluster.network, cluster.leader()
        term, probes = old.settled_term(), int(old.gossip()["gossip_probes"])
        for node in cluster.nodes:
            network.disturb(node.place, *BAD_NETWORK)

        def go_on():
            for node in cluster.nodes:
                self.assertEqual(node.gossip()["gossip_declared_down"], "0")
                self.assertIn("cluster_state:ok", node.ask("CLUSTER", "INFO"))
                self.assertEqual(len(node.ask("CLUSTER", "NODES").splitlines()), 3)
            return int(old.gossip()["gossip_probes"]) > probes + 20

        cluster.wait(go_on, "twenty probes", DOWN_S * 2)
        cluster.wait(lambda: all(node.raft()["raft_lease_left_ms"] != "0"
                                 for node in cluster.nodes), "all have a lease", SENT_AGAIN_S)
        self.assertEqual(cluster.wait_agreed(3), old)
        self.assertEqual(old.settled_term(), term)

        def heal():
            for node in cluster.nodes:
                network.calm(node.place)

        # Of the leader nothing gets out any more; the others settle it over the bad network.
        self.new_leader_of(cluster, old, lambda: network.disturb(old.place, "loss", "100%"), heal,
                           SENT_AGAIN_S)


class Refusals(ClusterTest):
    def refused(self, cluster, stranger, reason, words):
        """Both say why, in their logs; the stranger is in nobody's table."""
        stranger.begin()
        for who, begins in ((cluster.nodes[0], "Refusing"), (stranger, "Refused by")):
            cluster.wait(lambda: re.search(f"{begins} .*{reason}.*{words}", who.output()),
                         f"{who.name} says '{begins} ... {reason} ... {words}'", JOIN_S)
        for node in cluster.nodes[:3]:
            self.assertEqual(node.states(), [("n1", "ALIVE"), ("n2", "ALIVE"), ("n3", "ALIVE")])
        stranger.kill()

    def test_newcomers_that_do_not_fit(self):
        cluster = self.cluster(3, "--cluster-secret", "of the three")
        for number, (options, reason, words) in enumerate((
                ({"name": "n2"}, "the node id", "n2 is the id of another node"),
                ({"more": ("--cluster-name", "other")}, "another cluster", "this is cluster"),
                ({"more": ("--cluster-secret", "guessed")}, "the secret", ""))):
            with self.subTest(reason):
                stranger = cluster.add(*options.get("more", ()),
                                       name=options.get("name", f"n{number + 4}"))
                self.refused(cluster, stranger, reason, words)

    def test_a_newcomer_without_the_secret(self):
        cluster = self.cluster(3, "--cluster-secret", "of the three")
        cluster.arguments = ()
        self.refused(cluster, cluster.add(), "the secret", "")

    def test_a_newcomer_that_wants_another_replication_factor(self):
        cluster = self.cluster(1)
        stranger = cluster.add("--replication-factor", "5")
        stranger.begin()
        why = "the cluster's replication factor is 3, not 5"
        for who, begins in ((stranger, "not let in"), (cluster.nodes[0], 'not letting in "n2"')):
            cluster.wait(lambda: re.search(f"{begins}.*: {why}", who.output()),
                         f"{who.name} says why", JOIN_S)
        self.assertEqual(cluster.nodes[0].states(), [("n1", "ALIVE")])

    def test_a_founder_that_lost_its_disk_ends(self):
        cluster = self.cluster(3)
        founder = cluster.nodes[0]
        founder.kill()
        founder.wipe()
        status, output = founder.run_to_the_end()
        self.assertNotEqual(status, 0)
        self.assertIn("has founded a second cluster", output)
        cluster.wait(lambda: cluster.leader() and cluster.all_say("n1", "DOWN"),
                     "the others go on", FAILOVER_S + DOWN_S)
        # As it was told: with an empty directory and a seed. It takes the name over.
        founder.wipe()
        founder.seeds = [cluster.nodes[1].cluster_address]
        founder.begin()
        cluster.wait(lambda: {node.info("cluster").get("cluster_node_number")
                              for node in cluster.nodes} == {"2", "3", "4"},
                     "it is let in under a new number", JOIN_S)

    def test_a_member_that_lost_its_disk_is_let_in_under_a_new_number(self):
        cluster = self.cluster(3)
        lost = next(node for node in cluster.others(cluster.leader()) if node.seeds)
        number = int(lost.info("cluster")["cluster_node_number"])
        lost.kill()
        lost.wipe()
        lost.begin()  # at first its id is the one of a node that seems to be there
        cluster.wait(lambda: lost.info("cluster").get("cluster_node_number") == "4",
                     "it is let in", DOWN_S + RETURN_S)
        cluster.wait(lambda: cluster.leader() and all(
            node.members()[4]["name"] == lost.name and node.members()[4]["state"] == "ALIVE"
            and node.members().get(number, {"state": "DOWN"})["state"] == "DOWN"
            for node in cluster.nodes), "the new number has the id", RETURN_S)

    def test_an_older_copy_of_its_directory_ends_a_member(self):
        cluster = self.cluster(3)
        leader = cluster.leader()
        restored, other = cluster.others(leader)
        restored.kill()
        older = restored.data + ".older"
        shutil.copytree(restored.data, older)
        restored.begin(bare=True)
        self.assertEqual(cluster.wait_agreed(3), leader)
        other.kill()
        cluster.wait(lambda: cluster.all_say(other.name, "DOWN", [leader, restored]),
                     "the others say so", DOWN_S)
        other.begin(bare=True)
        self.assertEqual(cluster.wait_agreed(3), leader)
        restored.kill()
        restored.wipe()
        os.rename(older, restored.data)
        status, output = restored.run_to_the_end(bare=True)
        self.assertNotEqual(status, 0)
        self.assertIn("had confirmed changes of the cluster", output)
        self.assertEqual(cluster.leader([leader, other]), leader)

    def test_a_copy_of_a_running_member_is_kept_out(self):
        cluster = self.cluster(3)
        original = cluster.others(cluster.leader())[0]
        copy = cluster.add(name="copy")
        shutil.copytree(original.data, copy.data)
        ports = ("--port", str(copy.port), "--cluster-port", str(copy.cluster_port))
        copy.begin(*ports, bare=True)
        others = [node for node in cluster.nodes if node not in (original, copy)]
        for node in (copy, *others):
            cluster.wait(lambda node=node: "has a copy of its data directory" in node.output(),
                         f"{node.name} says so", JOIN_S)
        copy.kill()
        self.assertTrue(original.running)
        for node in others:
            self.assertEqual(node.state_of(original.name), "ALIVE")

    def test_who_founded_a_cluster_of_its_own_by_mistake_is_told_so(self):
        cluster = self.cluster(3)
        stray = cluster.add(seeds=[])
        stray.begin()
        cluster.wait(lambda: cluster.leader([stray]), "it leads its own cluster", START_S)
        stray.terminate()
        status, output = stray.run_to_the_end("--seed", cluster.nodes[1].cluster_address)
        self.assertNotEqual(status, 0)
        self.assertIn("belongs to another cluster, and the data directory holds one of its own",
                      output)
        self.assertIn("another's data", cluster.nodes[1].output())
        stray.wipe()
        stray.seeds = [cluster.nodes[1].cluster_address]
        stray.begin()
        cluster.wait_agreed(4, JOIN_S)

    def test_restarts_that_contradict_the_directory(self):
        cluster = self.cluster(2)
        node = cluster.nodes[1]
        node.kill()
        kept = self.contents(node, "quoris.cluster")
        for flag, value in (("node-id", "n9"), ("cluster-name", "other"), ("rack", "r9"),
                            ("weight", "7"), ("replication-factor", "2"), ("partitions", "1024")):
            with self.subTest(flag):
                status, output = node.run_to_the_end(f"--{flag}", value, bare=True)
                self.assertNotEqual(status, 0)
                self.assertRegex(output, f"the data directory says {flag} .*the start says {value}")
                self.assertEqual(self.contents(node, "quoris.cluster"), kept)

    def contents(self, node, name):
        with open(os.path.join(node.data, name), "rb") as file:
            return file.read()

    def test_a_member_that_lost_files_does_not_start(self):
        cluster = self.cluster(3)
        node = cluster.others(cluster.leader())[0]
        node.kill()
        names = [name for name in os.listdir(node.data)
                 if name.startswith("raft-") or name == "quoris.raft"]
        kept = {name: self.contents(node, name) for name in [*names, "quoris.cluster"]}
        for lost, words in ((names, "quoris.raft is missing"),
                            (["quoris.cluster"], "quoris.cluster is missing")):
            for name in lost:
                os.remove(os.path.join(node.data, name))
            for more in ((), ("--port", str(node.port))):
                status, output = node.run_to_the_end(*more, bare=True)
                self.assertEqual(status, 1)
                self.assertIn(words, output)
                self.assertIn("empty data directory", output)
            for name in lost:
                self.assertFalse(os.path.exists(os.path.join(node.data, name)))
                with open(os.path.join(node.data, name), "wb") as file:
                    file.write(kept[name])
        # A new one is made, as in every directory; it is not the member's.
        os.rename(os.path.join(node.data, "quoris.identity"), os.path.join(node.data, "kept"))
        for _ in range(2):
            status, output = node.run_to_the_end(bare=True)
            self.assertEqual(status, 1)
            self.assertIn("quoris.identity is another one's, or was lost", output)
        os.rename(os.path.join(node.data, "kept"), os.path.join(node.data, "quoris.identity"))
        node.begin(bare=True)
        cluster.wait_agreed(3)

    def test_a_secret_is_changed_at_all_nodes_at_once(self):
        cluster = self.cluster(3, "--cluster-secret", "old")
        node = cluster.others(cluster.leader())[0]
        node.kill()
        node.begin("--cluster-secret", "guessed", bare=True)
        cluster.wait(lambda: re.search("Refused by .*the secret", node.output()), "refused", JOIN_S)
        node.kill()
        node.begin(bare=True)
        cluster.wait_agreed(3)
        for each in cluster.nodes:
            each.kill()
        for each in cluster.nodes:
            each.begin("--cluster-secret", "new", bare=True)
        cluster.wait_agreed(3)
        for each in cluster.nodes:
            cluster.wait(lambda: "the new secret is kept" in each.output(), "kept", RETURN_S)
            each.kill()
        for each in cluster.nodes:
            each.begin(bare=True)
        cluster.wait_agreed(3)

    def test_a_seed_that_is_no_cluster_port_is_warned_of(self):
        cluster = self.cluster(1)
        first = cluster.nodes[0]
        lost = cluster.add(seeds=[first.address, "127.0.0.1:1", "no-such-host.invalid:8001"])
        lost.begin()
        for address in lost.seeds:
            cluster.wait(lambda: f"The seed {address} does not answer as a node" in lost.output(),
                         f"{address} is warned of", JOIN_S)
        self.assertEqual(lost.output().count("The seed 127.0.0.1:1 "), 1)

    def test_new_ports_at_a_restart_go_into_the_map(self):
        cluster = self.cluster(3)
        node = cluster.nodes[2]
        node.kill()
        moved = cluster.add()  # for its ports
        cluster.nodes.remove(moved)
        self.addCleanup(moved.remove)
        node.port, node.cluster_port = moved.port, moved.cluster_port
        node.begin("--port", str(node.port), "--cluster-port", str(node.cluster_port), bare=True)
        cluster.wait(lambda: all(
            (node.address, node.cluster_address) in
            [(member["client-address"], member["cluster-address"])
             for member in each.members().values()] for each in cluster.nodes),
            "all know the new ports", RETURN_S)
        cluster.wait_agreed(3)


class Outside(ClusterTest):
    """Clients and tools."""

    def test_a_client_at_the_cluster_port_gets_a_civil_answer(self):
        node = self.cluster(1).leader()
        with Client((node.host, node.cluster_port)) as client:
            self.assertEqual(client.ask("PING").value, b"PONG")
            self.assertEqual(client.ask("PING", "words").value, b"words")
            for words in (("GET", "a"), ("INFO",), ("CLUSTER", "NODES")):
                self.assertIn(b"this is the cluster port", client.ask(*words).value)
            self.assertEqual(client.ask("PING").value, b"PONG")

    def test_redis_cli_shows_the_nodes(self):
        need_oracle()
        cluster = self.cluster(3)
        leader = cluster.leader()
        shown = {}
        for node in cluster.nodes:
            for protocol in ("-2", "-3"):
                done = subprocess.run(
                    [os.path.join(PEERS, "redis-cli"), "-p", str(node.port), protocol, "NODES"],
                    capture_output=True, text=True, timeout=RUN_DEADLINE_S, check=True)
                shown[node.name, protocol] = done.stdout
        self.assertEqual(len(set(shown.values())), 1, shown)
        lines = [re.split("  +", line) for line in shown["n1", "-2"].splitlines()]
        self.assertEqual(lines[0], ["NODE ID", "ADDRESS", "ROLE", "STATE"])
        self.assertEqual(sorted(lines[1:]), [
            [node.name, node.address, "LEADER" if node is leader else "FOLLOWER", "ALIVE"]
            for node in cluster.nodes])


del ClusterTest
del Failures

if __name__ == "__main__":
    unittest.main()
