"""A disk that is full, broken or slow: writes are refused, reads go on, and it heals.

The write that meets the trouble is executed already, so its reply waits until the disk has it, and
so does who reads what it wrote; all later writes are refused at once.
"""

import errno
import time
import unittest

from harness import quoris_is_oracle, wait_until
from power_cut import EVERYSEC_S, DurableTest

SLOW_MS = 1000


class Trouble(DurableTest):
    def start(self, policy):
        self.start_server("--appendonly", "yes", "--appendfsync", policy)
        self.client = self.connect()
        self.client.call("SET", "before", "1")
        self.answered = {}
        self.next = 0

    def write(self):
        """Sets a key of its own; the error it is refused with, else None."""
        self.next += 1
        reply = self.client.ask("SET", f"key:{self.next}", self.next)
        if reply.is_error:
            self.assertTrue(reply.value.startswith(b"MISCONF "), reply.value)
            return reply.value.decode()
        self.answered[f"key:{self.next}"] = str(self.next).encode()
        return None

    def info(self, field):
        lines = self.client.call("INFO", "persistence").decode().split("\r\n")
        return dict(line.split(":", 1) for line in lines if ":" in line)[field]

    def meet_trouble(self):
        """Writes once, on a connection of its own, and waits for the disk to fail on it."""
        client = self.connect()
        client.send("SET", "first", "1")
        wait_until(lambda: self.info("aof_last_write_status") == "err", "it has failed")
        return client

    def assert_refused_and_then_well(self, is_answered_at_once=False):
        first, reader = self.meet_trouble(), self.connect()
        reader.send("GET", "first")
        self.assertTrue(all(self.write() for _ in range(20)), "they are refused one and all")
        self.assertEqual(self.client.call("GET", "before"), b"1")
        self.assertEqual(self.info("aof_last_write_status"), "err")
        if not is_answered_at_once:
            self.assertTrue(first.silent() and reader.silent(), "answered, and not on the disk")
        self.power.heal()
        self.assertEqual(first.read().value, b"OK")
        self.assertEqual(reader.read().value, b"1")
        self.answered["first"] = b"1"
        wait_until(lambda: self.write() is None, "writes are taken again")
        self.assertEqual(self.info("aof_last_write_status"), "ok")
        for _ in range(20):
            self.assertIsNone(self.write())

    def assert_all_there(self):
        client = self.connect()
        self.assertEqual(client.call("GET", "before"), b"1")
        missing = {key: value for key, value in self.answered.items()
                   if client.call("GET", key) != value}
        self.assertEqual(missing, {}, f"answered and gone; the cut took {self.lost}")

    def restart_after_a_kill(self):
        """Without a cut."""
        self.server.kill()
        self.restart_server()

    def restart_after_a_cut(self):
        self.kill_server()
        self.restart_server()

    def test_a_full_disk(self):
        self.start("everysec")
        self.power.fail("write", errno.ENOSPC)
        self.assert_refused_and_then_well(is_answered_at_once=quoris_is_oracle())
        self.restart_after_a_kill()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis answers what it could not write")
    def test_a_server_that_is_killed_while_its_disk_is_full(self):
        self.start("everysec")
        for _ in range(20):
            self.assertIsNone(self.write())
        self.power.fail("write", errno.ENOSPC)
        first = self.meet_trouble()
        self.assertTrue(all(self.write() for _ in range(20)))
        self.assertTrue(first.silent())
        self.server.kill()
        self.power.heal()
        self.restart_server()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis ends here")
    def test_a_full_disk_under_always(self):
        self.start("always")
        self.power.fail("write", errno.ENOSPC)
        self.assert_refused_and_then_well()
        self.restart_after_a_cut()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis does not sync again while it refuses writes")
    def test_syncs_that_fail_under_everysec(self):
        self.start("everysec")
        self.power.fail("sync", errno.EIO)
        self.assert_refused_and_then_well(is_answered_at_once=True)
        self.restart_after_a_kill()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis trusts the next fsync with all before it")
    def test_what_a_failed_sync_lost_is_written_again(self):
        self.start("everysec")
        self.assertIsNone(self.write())
        self.power.fail("sync", errno.EIO)
        self.assert_refused_and_then_well(is_answered_at_once=True)
        # What is promised is a time, so it has to pass.
        time.sleep(EVERYSEC_S)
        self.restart_after_a_cut()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis ends here")
    def test_syncs_that_fail_under_always(self):
        self.start("always")
        self.power.fail("sync", errno.EIO)
        self.assert_refused_and_then_well()
        self.restart_after_a_cut()
        self.assert_all_there()

    @unittest.skipIf(quoris_is_oracle(), "Redis syncs in the thread that serves")
    def test_who_reads_does_not_wait_for_a_slow_sync(self):
        self.start("always")
        reader = self.connect()
        self.power.fail("sync", wait_ms=SLOW_MS)
        start = time.monotonic()
        self.client.send("SET", "slow", "1")
        for _ in range(20):
            self.assertEqual(reader.call("GET", "before"), b"1")
        took = time.monotonic() - start
        self.assertEqual(self.client.read().value, b"OK")
        self.assertGreaterEqual(time.monotonic() - start, SLOW_MS / 1000)
        # All of them together: one that waited would have taken as long as the sync.
        self.assertLess(took, SLOW_MS / 1000)

    def test_a_snapshot_that_fails(self):
        self.start("everysec")
        # Else the log fails first, and the snapshot waits until it is well.
        wait_until(lambda: self.info("log_unsynced_bytes") == "0", "the log is durable")
        self.power.fail("sync", errno.EIO)
        self.client.ask("BGSAVE")
        wait_until(lambda: self.info("rdb_last_bgsave_status") == "err", "the snapshot has failed")
        self.assertEqual(self.client.call("GET", "before"), b"1")
        self.power.heal()

        def saved():
            self.client.ask("BGSAVE")
            return self.info("rdb_last_bgsave_status") == "ok"

        wait_until(saved, "the next one is good")
        wait_until(lambda: self.write() is None, "writes are taken again")
