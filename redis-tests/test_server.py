"""What a transcript cannot say: times, INFO's figures, expiry and deletion of many keys, MONITOR,
CLIENT KILL, and the commands that are ours alone."""

import time
import unittest

from harness import ServerTest, quoris_is_oracle, wait_until

# What redis-cli, client libraries and exporters read.
INFO_FIELDS = {
    "server": "redis_version redis_mode os arch_bits process_id run_id tcp_port uptime_in_seconds"
              " uptime_in_days hz config_file executable multiplexing_api gcc_version",
    "clients": "connected_clients maxclients blocked_clients cluster_connections"
               " client_recent_max_input_buffer client_recent_max_output_buffer",
    "memory": "used_memory used_memory_human used_memory_rss used_memory_peak used_memory_overhead"
              " used_memory_dataset total_system_memory maxmemory maxmemory_policy"
              " mem_fragmentation_ratio mem_allocator",
    "persistence": "loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time"
                   " rdb_last_bgsave_status aof_enabled aof_rewrite_in_progress",
    "stats": "total_connections_received total_commands_processed instantaneous_ops_per_sec"
             " total_net_input_bytes total_net_output_bytes rejected_connections expired_keys"
             " evicted_keys keyspace_hits keyspace_misses pubsub_channels latest_fork_usec"
             " total_error_replies",
    "replication": "role connected_slaves master_replid master_repl_offset",
    "cpu": "used_cpu_sys used_cpu_user",
    "cluster": "cluster_enabled",
}


def fields(text):
    """name:value lines as a dictionary."""
    return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)


class Info(ServerTest):
    def info(self, *sections):
        return fields(self.client.call("INFO", *sections))

    def test_the_fields_that_others_read_are_there(self):
        for section, names in INFO_FIELDS.items():
            found = self.info(section)
            self.assertEqual([name for name in names.split() if name not in found], [], section)
        everything = self.info()
        for names in INFO_FIELDS.values():
            for name in names.split():
                self.assertIn(name, everything)

    def test_counters_count(self):
        self.client.call("CONFIG", "RESETSTAT")
        before = self.info("stats")
        self.client.call("SET", "a", "1")
        self.client.call("GET", "a")
        self.client.call("GET", "absent")
        self.client.ask("INCR", "a", "b")
        after = self.info("stats")

        def grown(name):
            return int(after[name]) - int(before[name])

        self.assertEqual(grown("keyspace_hits"), 1)
        self.assertEqual(grown("keyspace_misses"), 1)
        self.assertEqual(grown("total_error_replies"), 1)
        # RESETSTAT's own successor, three commands, and the INFO before them; not the wrong one.
        self.assertEqual(grown("total_commands_processed"), 4)
        self.assertGreater(grown("total_net_input_bytes"), 50)
        self.assertGreater(grown("total_net_output_bytes"), 10)

    def test_commandstats(self):
        self.client.call("CONFIG", "RESETSTAT")
        for _ in range(5):
            self.client.call("SET", "a", "x")
        self.client.ask("INCR", "a")
        self.client.ask("SET", "a")
        stats = self.info("commandstats")
        self.assertRegex(stats["cmdstat_set"],
                         r"^calls=5,usec=\d+,usec_per_call=[\d.]+,rejected_calls=1,failed_calls=0$")
        self.assertRegex(stats["cmdstat_incr"], r"^calls=1,.*,rejected_calls=0,failed_calls=1$")

    def test_memory_follows_the_data(self):
        before = int(self.info("memory")["used_memory"])
        self.client.call("SET", "big", "x" * 10000000)
        grown = int(self.info("memory")["used_memory"]) - before
        self.assertGreater(grown, 9900000)
        self.assertLess(grown, 22000000)

    @unittest.skipIf(quoris_is_oracle(), "Redis has no such field")
    def test_our_own_version(self):
        self.assertRegex(self.info("server")["quoris_version"], r"^\d+\.\d+\.\d+")


class Expiry(ServerTest):
    ARGUMENTS = ("--enable-debug-command", "yes")

    def test_200000_keys_expire_within_a_second_and_nobody_sees_them(self):
        count = 200000
        deadline_ms = int(time.time() * 1000) + 3000
        for start in range(0, count, 10000):
            self.client.pipeline([("SET", f"key:{i}", "v", "PXAT", deadline_ms)
                                  for i in range(start, start + 10000)])
        wait_until(lambda: time.time() * 1000 > deadline_ms + 1, "their time has come")
        due, (_, waited_s) = time.monotonic(), self.server.thread_times_s()
        self.assertIsNone(self.client.call("GET", "key:1"))
        self.assertEqual(self.client.call("EXISTS", "key:2", "key:199999"), 0)
        wait_until(lambda: self.client.call("DBSIZE") == 0, "all are gone")
        held_up_s = self.server.thread_times_s()[1] - waited_s
        self.assertLess(time.monotonic() - due - held_up_s, 1.5)

    def test_an_expired_key_is_invisible_without_the_active_cycle(self):
        with self.server.client() as admin:
            admin.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
            self.addCleanup(self.client.ask, "DEBUG", "SET-ACTIVE-EXPIRE", "1")
        self.client.call("SET", "a", "1", "PX", "20")
        wait_until(lambda: self.client.call("GET", "a") is None, "it has expired")
        self.assertEqual(self.client.call("EXISTS", "a"), 0)
        self.assertEqual(self.client.call("KEYS", "*"), [])
        self.assertEqual(self.client.call("SCAN", "0")[1], [])


class ManyKeys(ServerTest):
    COUNT = 1000000

    def fill(self):
        for start in range(0, self.COUNT, 50000):
            pairs = [word for i in range(start, start + 50000) for word in (f"key:{i}", i)]
            self.client.call("MSET", *pairs)
        self.assertEqual(self.client.call("DBSIZE"), self.COUNT)

    def test_keys_flushall_async_and_unlink_of_many(self):
        self.fill()
        self.assertEqual(len(self.client.call("KEYS", "*")), self.COUNT)
        before = self.server.cpu_s()
        self.assertEqual(self.client.call("FLUSHALL", "ASYNC"), b"OK")
        self.assertLess(self.server.cpu_s() - before, 0.1)
        self.assertEqual(self.client.call("DBSIZE"), 0)
        self.client.call("SET", "big", "x" * 100000000)
        before = self.server.cpu_s()
        self.assertEqual(self.client.call("UNLINK", "big"), 1)
        self.assertLess(self.server.cpu_s() - before, 0.1)
        self.fill()
        self.assertEqual(self.client.call("FLUSHALL", "SYNC"), b"OK")
        self.assertEqual(self.client.call("DBSIZE"), 0)

    def test_scan_sees_all_that_stay_while_the_rest_comes_and_goes(self):
        stay = {f"stay:{i}".encode() for i in range(20000)}
        self.client.pipeline([("SET", key, "1") for key in stay])
        cursor, seen, turn = b"0", set(), 0
        while True:
            cursor, keys = self.client.call("SCAN", cursor, "COUNT", "100")
            seen.update(keys)
            if cursor == b"0":
                break
            turn += 1
            # Grows tenfold, then shrinks again, while the iteration goes on.
            verb = "SET" if turn < 60 else "DEL"
            names = [f"other:{(turn % 60) * 3000 + i}" for i in range(3000)]
            self.client.pipeline([(verb, name, "1") if verb == "SET" else (verb, name)
                                  for name in names])
        self.assertEqual(stay - seen, set())


class Clients(ServerTest):
    def test_client_kill_by_id_address_and_self(self):
        for choose in (lambda info: ("ID", info["id"]), lambda info: ("ADDR", info["addr"]),
                       lambda info: ("LADDR", info["laddr"], "SKIPME", "yes")):
            victim = self.connect()
            text = victim.call("CLIENT", "INFO").decode()
            info = dict(word.split("=", 1) for word in text.split())
            self.assertGreaterEqual(self.client.call("CLIENT", "KILL", *choose(info)), 1)
            self.assertEqual(victim.read_to_end(), b"")
        victim = self.connect()
        address = victim.call("CLIENT", "INFO").decode().split("addr=")[1].split()[0]
        self.assertEqual(self.client.call("CLIENT", "KILL", address), b"OK")
        self.assertEqual(victim.read_to_end(), b"")
        own = self.connect()
        number = own.call("CLIENT", "ID")
        self.assertEqual(own.call("CLIENT", "KILL", "ID", number, "SKIPME", "no"), 1)
        self.assertEqual(own.read_to_end(), b"")

    def test_client_list_shows_each_with_its_fields(self):
        other = self.connect(3)
        other.call("CLIENT", "SETNAME", "other")
        other.call("SELECT", "5")
        other.call("MULTI")
        other.ask("SET", "a", "1")
        lines = self.client.call("CLIENT", "LIST").decode().splitlines()
        rows = [dict(word.split("=", 1) for word in line.split()) for line in lines]
        (row,) = [row for row in rows if row["name"] == "other"]
        self.assertEqual((row["db"], row["multi"], row["resp"], row["cmd"], row["flags"]),
                         ("5", "1", "3", "set", "x"))
        self.assertEqual(row["id"], row["id"].strip())
        self.assertEqual([line["cmd"] for line in rows if line["name"] == ""], ["client|list"])

    def test_ids_grow_and_are_not_used_again(self):
        first = self.connect().call("CLIENT", "ID")
        with self.server.client() as brief:
            second = brief.call("CLIENT", "ID")
        third = self.connect().call("CLIENT", "ID")
        self.assertLess(first, second)
        self.assertLess(second, third)

    def test_pause_all_lasts_its_time(self):
        other = self.connect()
        other.call("PING")
        start = time.monotonic()
        self.client.call("CLIENT", "PAUSE", "300", "ALL")
        self.assertEqual(other.call("PING"), b"PONG")
        self.assertGreater(time.monotonic() - start, 0.28)

    def test_monitor_shows_what_others_do_but_no_secrets(self):
        monitor = self.connect()
        self.assertEqual(monitor.call("MONITOR"), b"OK")
        self.client.ask("AUTH", "secret")
        self.client.ask("SET", "a", "1")
        self.client.ask("NOSUCH")
        self.client.ask("MULTI")
        self.client.ask("INCR", "a")
        self.client.ask("EXEC")
        lines = []
        while not lines or b'"EXEC"' not in lines[-1] and b'"exec"' not in lines[-1].lower():
            lines.append(monitor.read().value)
        text = b"\n".join(lines)
        self.assertIn(b'"SET" "a" "1"', text)
        self.assertIn(b'"INCR" "a"', text)
        self.assertNotIn(b"secret", text)
        self.assertNotIn(b"NOSUCH", text)


@unittest.skipIf(quoris_is_oracle(), "Redis has no such commands")
class OurOwn(ServerTest):
    def test_nodes_has_one_line_below_its_heads(self):
        for protocol in (2, 3):
            heads, line = self.connect(protocol).ask("NODES").value
            self.assertEqual(heads.value.replace(b"NODE ID", b"ID").split(),
                             [b"ID", b"ADDRESS", b"ROLE", b"STATE"])
            self.assertEqual(line.value.split()[1:],
                             [b"127.0.0.1:%d" % self.server.port, b"LEADER", b"ALIVE"])

    def test_consistency_shows_and_sets(self):
        client = self.connect(3)
        self.assertEqual(client.call("CONSISTENCY"), {b"READ": b"QUORUM", b"WRITE": b"QUORUM"})
        for level in ("ANY", "ONE", "QUORUM", "ALL", "STRONG"):
            self.assertEqual(client.call("CONSISTENCY", level), b"OK")
            wanted = level.encode()
            self.assertEqual(client.call("CONSISTENCY"), {b"READ": wanted, b"WRITE": wanted})
        self.assertEqual(client.call("CONSISTENCY", "READ", "one", "WRITE", "all"), b"OK")
        self.assertEqual(client.call("CONSISTENCY"), {b"READ": b"ONE", b"WRITE": b"ALL"})
        self.assertEqual(client.call("CONSISTENCY", "ALL", "SET", "k", "v"), b"OK")
        self.assertEqual(client.call("CONSISTENCY", "ONE", "GET", "k"), b"v")
        self.assertEqual(client.call("CONSISTENCY"), {b"READ": b"ONE", b"WRITE": b"ALL"})
        self.assertTrue(client.ask("CONSISTENCY", "SOME").is_error)
        other = self.connect(3)
        self.assertEqual(other.call("CONSISTENCY"), {b"READ": b"QUORUM", b"WRITE": b"QUORUM"})

    def test_client_setinfo_and_no_touch_as_in_redis_7_2(self):
        self.assertEqual(self.client.call("CLIENT", "SETINFO", "LIB-NAME", "mine"), b"OK")
        self.assertEqual(self.client.call("CLIENT", "SETINFO", "lib-ver", "1.2"), b"OK")
        info = self.client.call("CLIENT", "INFO")
        self.assertIn(b"lib-name=mine lib-ver=1.2", info)
        self.assertTrue(self.client.ask("CLIENT", "SETINFO", "LIB-NAME", "a b").is_error)
        self.assertTrue(self.client.ask("CLIENT", "SETINFO", "FOO", "x").is_error)
        self.assertEqual(self.client.call("CLIENT", "NO-TOUCH", "ON"), b"OK")
        self.assertEqual(self.client.call("CLIENT", "NO-TOUCH", "OFF"), b"OK")
        self.assertTrue(self.client.ask("CLIENT", "NO-TOUCH", "maybe").is_error)


del ServerTest
