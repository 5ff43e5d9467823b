"""Data outlives the server: values of every type, each way to stop, and what a bad start says."""

import glob
import os
import signal
import subprocess
import time
import unittest

from compare import PairTest
from harness import (QUORIS, clean_environment, free_port, need_quoris, quoris_is_oracle,
                     start_quoris, wait_until)
from power_cut import DurableTest

STOP_DEADLINE_S = 30
LOG = ("--appendonly", "yes", "--appendfsync", "always")
MANY = 1_000_000  # keys; loading them takes long enough to be seen
FAR_MS = 4_000_000_000_000  # a time that no test sees

READ = {
    b"string": lambda client, key: client.call("GET", key),
    b"list": lambda client, key: client.call("LRANGE", key, 0, -1),
    b"hash": lambda client, key: sorted_pairs(client.call("HGETALL", key)),
    b"set": lambda client, key: sorted(client.call("SMEMBERS", key)),
    b"zset": lambda client, key: client.call("ZRANGE", key, 0, -1, "WITHSCORES"),
}


def sorted_pairs(items):
    return sorted(zip(items[::2], items[1::2]))


def fill(client):
    """Each type, small and large, with and without an expiry, in two databases."""
    for db in (0, 9):
        client.call("SELECT", db)
        client.call("SET", "string", f"of {db} \r\n\0 \xff")
        client.call("SET", "number", -(1 << 63))
        client.call("SET", "large", "x" * 3_000_000)
        client.call("SET", "expires", "1", "PXAT", FAR_MS + db)
        client.call("RPUSH", "list", "a", "", "12", "b" * 100)
        client.call("HSET", "hash", "a", "1", "", "empty", "b", "x" * 100)
        client.call("SADD", "integers", 1, -2, 1 << 40)
        client.call("SADD", "set", "a", "b", "")
        client.call("ZADD", "zset", "1.5", "a", "-inf", "b", "0.1", "c", "+inf", "d")
        client.call("PEXPIREAT", "zset", FAR_MS)
        for start in range(0, 3000, 1000):
            some = [f"member:{i}" for i in range(start, start + 1000)]
            client.call("RPUSH", "long list", *some)
            client.call("SADD", "large set", *some)
            client.call("HSET", "large hash", *[word for each in some for word in (each, "v")])
            client.call("ZADD", "large zset", *[
                word for i, each in enumerate(some) for word in (i / 7, each)])
        for command in (("APPEND", "string", " and more"), ("SETRANGE", "large", 5, "yyy"),
                        ("LREM", "long list", 1, "member:70"), ("SPOP", "large set", 5),
                        ("HINCRBYFLOAT", "hash", "a", "0.25"), ("ZREMRANGEBYRANK", "zset", 0, 0),
                        ("LSET", "list", 0, "first"), ("RENAME", "integers", "renamed"),
                        ("COPY", "hash", "copy of hash"), ("PERSIST", "copy of hash"),
                        ("DEL", "nothing"), ("SORT", "list", "ALPHA", "STORE", "sorted"),
                        ("INCR", "number"), ("SET", "gone", "1"), ("UNLINK", "gone")):
            client.call(*command)
    client.call("SELECT", 3)
    client.call("SET", "flushed", "1")
    client.call("FLUSHDB")
    client.call("SET", "moved", "1")
    client.call("MOVE", "moved", 9)
    client.call("SET", "swapped", "1")
    client.call("SWAPDB", 3, 4)


def contents(client):
    """All there is: by database and key, its type, value and expiry."""
    found = {}
    for db in range(16):
        client.call("SELECT", db)
        for key in client.call("KEYS", "*"):
            kind = client.call("TYPE", key)
            found[db, key] = (kind, READ[kind](client, key), client.call("PEXPIRETIME", key))
    return found


def saves_nothing(client):
    info = client.call("INFO", "persistence")
    return not any(line in info for line in (
        b"bgsave_in_progress:1", b"rewrite_in_progress:1", b"rewrite_scheduled:1"))


class StoppedTest(DurableTest):
    """A server that is stopped and started again."""

    def start(self, *arguments):
        self.start_server(*arguments, power_cuts=False)
        self.client = self.connect()

    def restart(self):
        self.restart_server()
        self.client = self.connect()

    def wait_for_the_end(self):
        self.assertEqual(self.server.process.wait(STOP_DEADLINE_S), 0, self.server.output())

    def stop_by(self, *command):
        self.client.send(*command)
        self.assertEqual(self.client.read_to_end(), b"")
        self.wait_for_the_end()

    def terminate(self):
        self.server.process.send_signal(signal.SIGTERM)
        self.wait_for_the_end()

    def save(self, *command):
        self.client.call(*command)
        wait_until(lambda: saves_nothing(self.client), f"{command} is through", 30)


class Restarts(StoppedTest):
    def check_kept(self, stop, *arguments):
        self.start(*arguments)
        fill(self.client)
        wanted = contents(self.client)
        self.assertGreater(len(wanted), 30)
        for _ in range(2):  # what a restart has read it must leave readable
            stop()
            self.restart()
            found = contents(self.client)
            self.assertEqual(found.keys(), wanted.keys())
            for name, value in wanted.items():
                self.assertEqual(found[name], value, name)

    def test_all_is_kept_when_killed(self):
        self.check_kept(self.kill_server, *LOG)

    def test_all_is_kept_by_shutdown(self):
        self.check_kept(lambda: self.stop_by("SHUTDOWN"), *LOG)

    def test_all_is_kept_by_shutdown_nosave_with_a_log(self):
        self.check_kept(lambda: self.stop_by("SHUTDOWN", "NOSAVE"), *LOG)

    def test_all_is_kept_by_a_signal_without_fsyncs(self):
        self.check_kept(self.terminate, "--appendonly", "yes", "--appendfsync", "no")

    def test_all_is_kept_by_shutdown_save_without_a_log(self):
        self.check_kept(lambda: self.stop_by("SHUTDOWN", "SAVE"), "--appendonly", "no")

    def test_all_is_kept_by_a_signal_with_save_points(self):
        self.check_kept(self.terminate, "--appendonly", "no", "--save", "3600 1")

    def test_all_is_kept_by_save_bgsave_and_bgrewriteaof(self):
        for number, command in enumerate((("SAVE",), ("BGSAVE",), ("BGREWRITEAOF",))):
            with self.subTest(command):
                def save_and_kill(command=command):
                    self.save(*command)
                    self.kill_server()

                self.check_kept(save_and_kill, "--appendonly", "yes" if number else "no")

    def test_without_a_log_shutdown_nosave_goes_back_to_the_snapshot(self):
        self.start("--appendonly", "no")
        self.client.call("SET", "a", "1")
        self.client.call("RPUSH", "list", "1")
        self.save("BGSAVE")
        self.client.call("SET", "a", "2")
        self.client.call("SET", "b", "2")
        self.client.call("RPUSH", "list", "2")
        self.client.call("DEL", "c")
        self.stop_by("SHUTDOWN", "NOSAVE")
        self.restart()
        self.assertEqual(contents(self.client), {(0, b"a"): (b"string", b"1", -1),
                                                 (0, b"list"): (b"list", [b"1"], -1)})

    def test_a_log_that_is_switched_on_holds_what_was_there_before(self):
        self.start("--appendonly", "no")
        self.client.call("SET", "before", "1")
        self.client.call("CONFIG", "SET", "appendonly", "yes", "appendfsync", "always")
        self.client.call("SET", "after", "1")
        wait_until(lambda: saves_nothing(self.client), "it is saved", 30)
        self.client.call("SET", "later", "1")
        self.kill_server()
        self.server.arguments += ["--appendonly", "yes"]
        self.restart()
        self.assertEqual(self.client.call("MGET", "before", "after", "later"), [b"1"] * 3)

    def test_what_expires_while_the_server_is_down_is_gone(self):
        self.start(*LOG)
        due_ms = int(time.time() * 1000) + 300
        for key in ("a", "b"):
            self.client.call("SET", key, "1", "PXAT", due_ms)
        self.client.call("RPUSH", "list", "1")
        self.client.call("PEXPIREAT", "list", due_ms)
        self.client.call("SET", "stays", "1", "PX", 100_000)
        at_ms = self.client.call("PEXPIRETIME", "stays")
        self.kill_server()
        wait_until(lambda: time.time() * 1000 > due_ms, "their time has come")
        self.restart()
        self.assertEqual(self.client.call("KEYS", "*"), [b"stays"])
        self.assertEqual(self.client.call("EXISTS", "a", "b", "list"), 0)
        self.assertEqual(self.client.call("PEXPIRETIME", "stays"), at_ms)
        wait_until(lambda: self.client.call("DBSIZE") == 1, "they are not counted either")

    def test_what_had_expired_does_not_come_back(self):
        self.start(*LOG)
        self.client.call("SET", "a", "1", "PX", "20")
        wait_until(lambda: self.client.call("GET", "a") is None, "it has expired")
        self.client.call("APPEND", "a", "new")
        self.kill_server()
        self.restart()
        self.assertEqual(self.client.call("GET", "a"), b"new")
        self.assertEqual(self.client.call("PTTL", "a"), -1)

    def test_transactions_are_whole_and_the_log_goes_on(self):
        self.start(*LOG)
        for number in range(1, 6):
            self.client.call("MULTI")
            self.client.call("INCR", "a")
            self.client.call("INCR", "b")
            self.client.call("EXEC")
            self.kill_server()
            self.restart()
            self.assertEqual(self.client.call("MGET", "a", "b"), [str(number).encode()] * 2)

    def test_clients_are_told_that_it_loads(self):
        self.start(*LOG[:2], "--appendfsync", "no")
        for start in range(0, MANY, 50_000):
            self.client.call("MSET", *[word for i in range(start, start + 50_000)
                                       for word in (f"key:{i}", i)])
        self.terminate()
        self.launch_server()

        def connect():
            try:
                return self.server.client()
            except OSError:
                return None

        with wait_until(connect, "it takes connections") as client:
            read, write, info = client.pipeline([("GET", "key:1"), ("SET", "key:1", "x"),
                                                 ("INFO", "persistence")])
            for reply in (read, write):
                self.assertTrue(reply.value.startswith(b"LOADING "), reply.value)
            self.assertIn(b"\r\nloading:1\r\n", info.value)
            self.assertIn(b"\r\nloading_loaded_perc:", info.value)
        wait_until(self._loaded, "all is loaded", 60)
        self.client = self.connect()
        self.assertEqual(self.client.call("DBSIZE"), MANY)
        self.assertEqual(self.client.call("MGET", "key:1", "key:999999"), [b"1", b"999999"])
        self.assertIn(b"\r\nloading:0\r\n", self.client.call("INFO", "persistence"))


@unittest.skipIf(quoris_is_oracle(), "Redis has other files")
class BadStarts(StoppedTest):
    def data(self):
        return self.server.arguments[self.server.arguments.index("--dir") + 1]

    def run_to_end(self, *arguments):
        done = subprocess.run([QUORIS, *arguments], cwd=self.server.folder, capture_output=True,
                              env=clean_environment(), text=True, stdin=subprocess.DEVNULL,
                              timeout=STOP_DEADLINE_S, check=False)
        return done.returncode, done.stdout + done.stderr

    def start_fails(self):
        """What a start on the directory says, which ends it."""
        status, output = self.run_to_end("--port", str(free_port()), "--bind", "127.0.0.1",
                                         "--dir", self.data())
        self.assertEqual(status, 1, output)
        return output

    def files(self):
        found = {}
        for path in glob.glob(os.path.join(self.data(), "**"), recursive=True):
            # The lock's file tells who had it last.
            if os.path.isfile(path) and os.path.basename(path) != "LOCK":
                with open(path, "rb") as file:
                    found[path] = file.read()
        return found

    def test_a_directory_has_one_node(self):
        self.start(*LOG)
        self.client.call("SET", "a", "1")
        output = self.start_fails()
        self.assertIn(f"the directory {self.data()} is in use by ", output)
        self.client.call("SET", "b", "1")
        self.kill_server()
        self.restart()
        self.assertEqual(self.client.call("MGET", "a", "b"), [b"1", b"1"])

    def damage_the_log(self):
        """Turns a byte over in the middle of what a clean shutdown left: path and place."""
        self.start(*LOG)
        for i in range(300):
            self.client.call("SET", f"key:{i}", f"value {i}")
        self.stop_by("SHUTDOWN")
        (path,) = [each for each in glob.glob(os.path.join(self.data(), "log-*"))
                   if os.path.getsize(each) > 5000]
        with open(path, "rb") as file:
            place = file.read().index(b"value 150")
        with open(path, "r+b") as file:
            file.seek(place)
            file.write(b"VALUE")
        return path, place

    def test_a_damaged_log_ends_the_start_and_is_repaired(self):
        path, _ = self.damage_the_log()
        before = self.files()
        output = self.start_fails()
        self.assertIn(os.path.basename(path), output)
        self.assertRegex(output, r"offset \d+")
        self.assertIn("quoris check", output)
        self.assertEqual(self.files(), before, "a start that fails changes nothing")
        status, output = self.run_to_end("check", self.data())
        self.assertEqual(status, 1, output)
        self.assertIn(os.path.basename(path), output)
        self.assertEqual(self.files(), before)
        status, output = self.run_to_end("check", "--repair", self.data())
        self.assertEqual(status, 0, output)
        status, output = self.run_to_end("check", self.data())
        self.assertEqual(status, 0, output)
        self.restart()
        values = self.client.call("MGET", *[f"key:{i}" for i in range(300)])
        self.assertEqual([i for i, value in enumerate(values) if value != b"value %d" % i], [150])

    def test_a_damaged_snapshot_is_left_for_the_one_before(self):
        self.start(*LOG)
        for number in range(3):
            self.client.call("SET", f"key:{number}", "some value")
            self.save("BGSAVE")
        self.client.call("SET", "last", "1")
        self.kill_server()
        newest = max(glob.glob(os.path.join(self.data(), "snapshot-*")))
        with open(newest, "r+b") as file:
            place = file.read().index(b"some value")
            file.seek(place)
            file.write(b"SOME")
        self.restart()
        self.assertIn(os.path.basename(newest), self.server.output())
        self.assertEqual(self.client.call("MGET", "key:0", "key:1", "key:2", "last"),
                         [b"some value"] * 3 + [b"1"])

    def test_a_start_that_fails_leaves_no_directory_behind(self):
        need_quoris()
        other = start_quoris()
        self.addCleanup(other.stop)
        missing = os.path.join(other.folder, "new", "data")
        self.server = other
        status, _ = self.run_to_end("--port", str(other.port), "--bind", "127.0.0.1", "--dir",
                                    missing)
        self.assertEqual(status, 1)
        self.assertFalse(os.path.exists(os.path.dirname(missing)))


class Saving(PairTest):
    def quiet(self):
        """Neither saves any more."""
        for server in (self.quoris, self.oracle):
            with server.client() as client:
                wait_until(lambda client=client: saves_nothing(client), "it has saved", 30)

    def test_replies_to_who_asks_for_a_snapshot(self):
        for command in (("SAVE",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"), ("BGSAVE", "schedule"),
                        ("BGREWRITEAOF",), ("BGSAVE", "FOO"), ("BGSAVE", "SCHEDULE", "FOO"),
                        ("SAVE", "FOO"), ("BGREWRITEAOF", "FOO")):
            for pair in self.pairs.values():
                ours, theirs = pair.ask(*command)
                self.assertEqual(ours.raw, theirs.raw, command)
                self.quiet()

    def test_replies_within_a_transaction(self):
        for pair in self.pairs.values():
            for command in ("MULTI", "BGSAVE", "BGSAVE SCHEDULE", "BGREWRITEAOF", "BGREWRITEAOF",
                            "EXEC", "MULTI", "SAVE", "EXEC"):
                ours, theirs = pair.ask(*command.split())
                self.assertEqual(ours.raw, theirs.raw, command)
            self.quiet()

    def test_lastsave_and_the_changes_since(self):
        for pair in self.pairs.values():
            for client in (pair.ours, pair.theirs):
                began = int(time.time())
                client.call("SET", "a", "1")
                client.call("SAVE")
                self.assertGreaterEqual(client.call("LASTSAVE"), began)
                info = client.call("INFO", "persistence")
                self.assertIn(b"\r\nrdb_changes_since_last_save:0\r\n", info)
                self.assertIn(b"\r\nrdb_last_bgsave_status:ok\r\n", info)
                client.call("SET", "a", "2")
                client.call("DEL", "a")
                self.assertIn(b"\r\nrdb_changes_since_last_save:2\r\n",
                              client.call("INFO", "persistence"))

    def test_save_points_save_by_themselves(self):
        for server in (self.quoris, self.oracle):
            with server.client() as client:
                client.call("SAVE")
                client.call("SET", "a", "1")
                client.call("CONFIG", "SET", "save", "1 1")
                wait_until(lambda client=client: b"rdb_changes_since_last_save:0\r\n"
                           in client.call("INFO", "persistence"), "a snapshot was made")
                client.call("CONFIG", "SET", "save", "")


del PairTest, DurableTest, StoppedTest

if __name__ == "__main__":
    unittest.main()
