"""What a node tells of itself, against the oracle: INFO's fields in their order, slow log, latency
spikes and their graph, CLIENT LIST's lines of other connections, and what CLIENT KILL, WAIT and
SHUTDOWN do to connections."""

import re
import time

from compare import Pair, PairTest
from harness import ServerTest, quoris_is_oracle, start_quoris, unittest, wait_until

DEBUG = ("--enable-debug-command", "yes")
SECTIONS = ("server", "clients", "memory", "persistence", "stats", "replication", "cpu", "modules",
            "errorstats", "cluster")


def lines_of(text):
    return [line for line in text.decode().split("\r\n") if line]


class InfoAgainstRedis(PairTest):
    def info(self, *sections):
        ours, theirs = self.pairs[2].ask("INFO", *sections)
        return lines_of(ours.value), lines_of(theirs.value)

    def test_every_field_is_there_in_order_and_ours_stand_behind(self):
        for section in SECTIONS:
            ours, theirs = ([line.split(":")[0] for line in lines] for lines in self.info(section))
            self.assertEqual(ours[:len(theirs)], theirs, section)

    def test_titles_and_which_sections_come(self):
        for asked in ((), ("default",), ("all",), ("everything",), ("KEYSPACE", "cpu", "cpu"),
                      ("nosuch",), ("default", "commandstats")):
            ours, theirs = ([line for line in lines if line.startswith("#")]
                            for lines in self.info(*asked))
            self.assertEqual(ours, theirs, asked)

    def test_values_have_the_form_of_redis(self):
        def form(line):
            name, _, value = line.partition(":")
            value = re.sub(r"\d+", "0", value)
            return name, re.sub(r"0[KMG]?B?$", "0", value) if name.endswith("_human") else value

        free = {"redis_build_id", "os", "executable", "mem_allocator", "gcc_version", "run_id",
                "master_replid", "configured_hz"}
        for section in SECTIONS[1:]:
            ours, theirs = self.info(section)
            # Bytes below a kilobyte have no decimals; a difference may be negative.
            wanted = {name: value for name, value in map(form, theirs) if name not in free}
            for name, value in map(form, ours):
                if name in wanted:
                    simple = (value.replace("-", "").replace("0.0", "0"),
                              wanted[name].replace("-", "").replace("0.0", "0"))
                    self.assertEqual(*simple, f"{section} {name}")

    def test_commandstats_keyspace_latencystats_look_the_same(self):
        self.pairs[2].ask("CONFIG", "RESETSTAT")
        for command in (("SET", "a", "1"), ("SET", "b", "1", "EX", "100"), ("INCR", "b", "x"),
                        ("CLIENT", "ID"), ("GET", "a")):
            self.pairs[2].ask(*command)
        for section in ("commandstats", "latencystats", "keyspace"):
            ours, theirs = (sorted(re.sub(r"avg_ttl=\d+|[\d.]+(?=,rejected)", "", re.sub(
                r"(usec|usec_per_call|p\d+(\.9)?)=[\d.]+", r"\1=", line)) for line in lines)
                            for lines in self.info(section))
            self.assertEqual(ours, theirs, section)

    def test_errors_of_a_transaction_count_once(self):
        self.pairs[2].ask("SET", "a", "x")
        self.pairs[2].ask("CONFIG", "RESETSTAT")
        for command in (("MULTI",), ("INCR", "a"), ("INCR", "a"), ("GET", "a"), ("EXEC",)):
            self.pairs[2].ask(*command)
        ours, theirs = self.info("errorstats")
        self.assertEqual(ours, theirs)
        failed = [sorted(re.sub(r"usec.*rejected", "rejected", line) for line in lines)
                  for lines in self.info("commandstats")]
        self.assertEqual(*failed)


class Spikes(PairTest):
    ARGUMENTS = DEBUG

    def test_spikes_are_recorded_and_drawn_alike(self):
        # Nothing but the sleep takes so long on a busy machine either.
        self.pairs[2].ask("CONFIG", "SET", "latency-monitor-threshold", "500")
        self.addCleanup(self.pairs[2].ask, "CONFIG", "SET", "latency-monitor-threshold", "0")
        self.pairs[2].ask("LATENCY", "RESET")
        started = time.monotonic()
        self.pairs[2].ask("DEBUG", "SLEEP", "0.6")
        longer = int((time.monotonic() - started - 0.6) * 1000) + 1
        self.pairs[2].ask("GET", "a")
        self.same("LATENCY", "LATEST", how="approx", distance=longer)
        self.same("LATENCY", "HISTORY", "command", how="approx", distance=longer)
        graphs = [re.sub(rb"\d+", b"0", reply.value).split(b"\n")
                  for reply in self.pairs[2].ask("LATENCY", "GRAPH", "command")]
        self.assertEqual(*graphs)
        self.same("LATENCY", "RESET", "nosuch")
        self.pairs[2].ask("LATENCY", "RESET", "command")
        self.same("LATENCY", "LATEST")

    def test_the_slow_log_names_command_and_client(self):
        client = self.quoris.client()
        self.addCleanup(client.close)
        client.call("CLIENT", "SETNAME", "slowpoke")
        client.call("SLOWLOG", "RESET")
        client.call("DEBUG", "SLEEP", "0.03")
        client.call("PING")
        # Another command may have been slow too, on a busy machine.
        (entry,) = [entry for entry in client.call("SLOWLOG", "GET")
                    if entry[3] == [b"DEBUG", b"SLEEP", b"0.03"]]
        self.assertGreaterEqual(entry[2], 30000)
        self.assertLess(abs(entry[1] - time.time()), 60)
        self.assertRegex(entry[4], rb"^127\.0\.0\.1:\d+$")
        self.assertEqual(entry[5], b"slowpoke")


class ClientLines(PairTest):
    """What CLIENT LIST shows of other connections than the one that asks."""

    def setUp(self):
        super().setUp()
        self.admin = self.pairs[2]
        self.other = Pair(self.quoris, self.oracle, 3)
        self.addCleanup(self.other.close)

    def line(self, *names):
        """The fields of the other connection's line; None where it has none."""
        lines = []
        for client, other in ((self.admin.ours, self.other.ours),
                              (self.admin.theirs, self.other.theirs)):
            address = "addr=%s:%d " % other.socket.getsockname()
            found = [line for line in client.call("CLIENT", "LIST").decode().splitlines()
                     if address in line]
            self.assertLessEqual(len(found), 1)
            fields = dict(word.split("=", 1) for word in found[0].split()) if found else None
            lines.append(fields and {name: fields[name] for name in names})
        self.assertEqual(*lines)
        return lines[1]

    def test_a_transaction_that_will_fail_shows_a_d(self):
        self.assertEqual(self.line("flags"), {"flags": "N"})
        self.other.ask("WATCH", "a", "b")
        self.assertEqual(self.line("flags"), {"flags": "N"})
        self.admin.ask("SET", "unwatched", "1")
        self.assertEqual(self.line("flags"), {"flags": "N"})
        self.admin.ask("SET", "b", "1")
        self.assertEqual(self.line("flags"), {"flags": "d"})
        self.other.ask("MULTI")
        self.other.ask("PING")
        self.assertEqual(self.line("flags"), {"flags": "xd"})
        self.assertEqual([reply.value for reply in self.other.ask("EXEC")], [None, None])
        self.assertEqual(self.line("flags"), {"flags": "N"})

    def test_every_way_to_touch_a_watched_key_shows_the_d_and_unwatch_takes_it_away(self):
        for touch in (("SET", "a", "1"), ("APPEND", "a", "x"), ("DEL", "a"), ("EXPIRE", "a", "99"),
                      ("RENAME", "a", "z"), ("FLUSHDB",), ("FLUSHALL",), ("SWAPDB", "0", "1"),
                      ("PERSIST", "a"), ("MOVE", "a", "1"), ("COPY", "c", "a", "REPLACE")):
            for end in ("UNWATCH", "DISCARD", "RESET"):
                self.admin.ask("FLUSHALL")
                self.admin.ask("MSET", "a", "1", "c", "1")
                self.admin.ask("EXPIRE", "a", "1000")
                self.other.ask("WATCH", "a")
                self.assertEqual(self.line("flags"), {"flags": "N"}, touch)
                self.admin.ask(*touch)
                self.assertEqual(self.line("flags"), {"flags": "d"}, touch)
                if end == "DISCARD":
                    self.other.ask("MULTI")
                    self.assertEqual(self.line("flags"), {"flags": "xd"}, touch)
                self.other.ask(end)
                self.assertEqual(self.line("flags"), {"flags": "N"}, (touch, end))

    def test_a_transaction_that_was_spoilt_shows_no_d(self):
        self.other.ask("MULTI")
        self.other.ask("NOSUCH")
        self.assertEqual(self.line("flags"), {"flags": "x"})
        self.other.ask("EXEC")
        self.assertEqual(self.line("flags"), {"flags": "N"})

    def test_who_has_asked_nothing_has_no_command(self):
        self.other.close()
        self.other = Pair(self.quoris, self.oracle, 2)
        self.addCleanup(self.other.close)
        self.admin.ask("PING")  # the connection may be accepted after it, in the same turn
        self.admin.ask("PING")
        self.assertEqual(self.line("cmd", "resp"), {"cmd": "NULL", "resp": "2"})
        self.other.ask("NOSUCH", "a")
        self.assertEqual(self.line("cmd"), {"cmd": "NULL"})
        self.other.ask("GET")
        self.assertEqual(self.line("cmd"), {"cmd": "get"})
        self.other.ask("CLIENT", "GETNAME")
        self.assertEqual(self.line("cmd"), {"cmd": "client|getname"})
        self.other.ask("CLIENT", "NOSUCH")
        self.assertEqual(self.line("cmd"), {"cmd": "NULL"})

    def test_who_was_killed_is_gone_at_once(self):
        for kill in ("ID", "ADDR", "old"):
            self.other.ask("WATCH", "a")
            numbers = [reply.value for reply in self.other.ask("CLIENT", "ID")]
            for client, other, number in zip((self.admin.ours, self.admin.theirs),
                                             (self.other.ours, self.other.theirs), numbers):
                address = "%s:%d" % other.socket.getsockname()
                words = {"ID": ("ID", number), "ADDR": ("ADDR", address), "old": (address,)}[kill]
                self.assertIn(client.call("CLIENT", "KILL", *words), (1, b"OK"))
                self.assertEqual(client.call("CLIENT", "LIST", "ID", number), b"")
                self.assertEqual(client.ask("CLIENT", "KILL", address).value,
                                 b"ERR No such client")
                self.assertEqual(client.call("CLIENT", "KILL", "ID", number), 0)
            self.assertIsNone(self.line())
            for other in (self.other.ours, self.other.theirs):
                self.assertEqual(other.read_to_end(), b"")
            self.other = Pair(self.quoris, self.oracle, 3)
            self.addCleanup(self.other.close)

    def test_who_quits_or_kills_itself_is_gone_when_its_connection_ends(self):
        for words in (("QUIT",), ("CLIENT", "KILL", "ID", None, "SKIPME", "no")):
            numbers = [reply.value for reply in self.other.ask("CLIENT", "ID")]
            for client, other, number in zip((self.admin.ours, self.admin.theirs),
                                             (self.other.ours, self.other.theirs), numbers):
                other.send(*(number if word is None else word for word in words))
                other.read_to_end()
                self.assertEqual(client.call("CLIENT", "LIST", "ID", number), b"", words)
            self.other = Pair(self.quoris, self.oracle, 3)
            self.addCleanup(self.other.close)


class Reports(ServerTest):
    ARGUMENTS = DEBUG

    @unittest.skipIf(quoris_is_oracle(), "the doctors' words are ours")
    def test_the_latency_doctor_names_the_slow_command(self):
        self.client.call("CONFIG", "SET", "latency-monitor-threshold", "20")
        self.client.call("DEBUG", "SLEEP", "0.05")
        report = self.client.call("LATENCY", "DOCTOR").decode()
        self.assertRegex(report, r"Spikes of command: \d+, mean \d+ ms")
        self.assertRegex(report, r"Command debug: \d+ calls, p99 \d+ us, longest \d{5,} us")
        self.assertIn("SLOWLOG GET", report)

    @unittest.skipIf(quoris_is_oracle(), "LATENCY LOOP is ours")
    def test_the_loop_tells_its_turns(self):
        self.client.call("LATENCY", "LOOP", "RESET")
        for _ in range(50):
            self.client.call("PING")
        figures = self.connect(3).call("LATENCY", "LOOP")
        self.assertEqual(list(figures), [b"count", b"p50", b"p99", b"p99.9", b"max"])
        self.assertGreaterEqual(figures[b"count"], 50)
        self.assertGreaterEqual(figures[b"max"], figures[b"p50"])

    def test_memory_usage_follows_the_value(self):
        self.client.call("SET", "small", "x")
        self.client.call("SET", "large", "x" * 100000)
        small, large = (self.client.call("MEMORY", "USAGE", key) for key in ("small", "large"))
        self.assertLess(small, 200)
        self.assertGreater(large, 100000)
        self.assertLess(large, 140000)

    def test_memory_stats_are_a_map_with_every_database_in_use(self):
        client = self.connect(3)
        client.call("SET", "a", "1")
        client.call("SELECT", "5")
        client.call("SET", "a", "1")
        stats = client.call("MEMORY", "STATS")
        self.assertIn(b"db.0", stats)
        self.assertIn(b"overhead.hashtable.main", stats[b"db.5"])
        self.assertEqual(stats[b"keys.count"], 2)
        self.assertGreaterEqual(stats[b"peak.allocated"], stats[b"total.allocated"])


class Connections(ServerTest):
    ARGUMENTS = DEBUG

    def test_wait_lasts_its_time_and_can_be_unblocked(self):
        waiting = self.connect()
        started = time.monotonic()
        self.assertEqual(waiting.call("WAIT", "1", "200"), 0)
        self.assertGreater(time.monotonic() - started, 0.19)
        number = waiting.call("CLIENT", "ID")
        waiting.send("WAIT", "1", "0")
        wait_until(lambda: self.client.call("CLIENT", "UNBLOCK", number, "ERROR"), "it waits")
        self.assertEqual(waiting.read().value, b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
        self.assertEqual(waiting.call("PING"), b"PONG")

    def test_a_killed_client_that_waits_is_gone(self):
        waiting = self.connect()
        number = waiting.call("CLIENT", "ID")
        waiting.send("WAIT", "1", "0")
        wait_until(lambda: b" flags=b " in self.client.call("CLIENT", "LIST", "ID", number),
                   "it waits")
        self.assertEqual(self.client.call("CLIENT", "KILL", "ID", number), 1)
        self.assertEqual(waiting.read_to_end(), b"")
        self.assertIn(b"blocked_clients:0", self.client.call("INFO", "clients"))

    def test_kill_of_all_spares_the_caller(self):
        others = [self.connect() for _ in range(20)]
        for other in others:
            other.call("PING")
        self.assertEqual(self.client.call("CLIENT", "KILL", "TYPE", "normal"), 20)
        for other in others:
            self.assertEqual(other.read_to_end(), b"")
        self.assertEqual(self.client.call("PING"), b"PONG")


class Shutdown(unittest.TestCase):
    def test_it_ends_the_process_without_an_answer(self):
        for words in (("SHUTDOWN",), ("SHUTDOWN", "NOSAVE"), ("SHUTDOWN", "NOW", "FORCE")):
            server = start_quoris()
            self.addCleanup(server.stop)
            client = server.client()
            self.addCleanup(client.close)
            client.send(*words)
            self.assertEqual(client.read_to_end(), b"")
            self.assertEqual(server.process.wait(10), 0, words)
