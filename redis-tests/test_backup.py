"""scripts/backup: a copy made under load starts, and has all that was answered."""

import os
import shutil
import subprocess
import threading
import unittest

from cluster import ClusterTest
from harness import QUORIS, ROOT, ServerTest, quoris_is_oracle, start_quoris

BACKUP = os.path.join(ROOT, "scripts/backup")


class Backup(ServerTest):
    ARGUMENTS = ("--appendonly", "yes")

    def copy(self):
        target = os.path.join(self.server.folder, "copy")
        self.addCleanup(shutil.rmtree, target, ignore_errors=True)
        done = subprocess.run([BACKUP, self.server.folder, target], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return target

    def test_a_copy_under_load_has_what_was_answered(self):
        answered = [0]
        stop = threading.Event()

        def write():
            with self.server.client() as client:
                while not stop.is_set():
                    client.ask("SET", "key:%d" % answered[0], "x" * 100)
                    answered[0] += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with self.server.client() as client:
                while answered[0] < 500:
                    client.ask("PING")
                client.ask("BGSAVE")
                before = answered[0]
                target = self.copy()
        finally:
            stop.set()
            writer.join()
        restored = start_quoris("--dir", target, "--appendonly", "yes")
        try:
            with restored.client() as client:
                self.assertGreaterEqual(client.call("DBSIZE"), before)
                keys = ["key:%d" % number for number in range(before)]
                self.assertEqual(client.call("EXISTS", *keys), before)
        finally:
            restored.stop()

    def test_what_is_no_data_directory_is_refused(self):
        done = subprocess.run([BACKUP, "/", os.path.join(self.server.folder, "new")],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("not a data directory", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.server.folder, "new")))

    def test_nothing_is_overwritten(self):
        done = subprocess.run([BACKUP, self.server.folder, self.server.folder],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)


@unittest.skipIf(quoris_is_oracle(), "a cluster of Redis is not built by flags")
class OfAMember(ClusterTest):
    def test_a_copy_is_sound_and_can_be_recovered_as_a_cluster_of_one(self):
        cluster = self.cluster(3)
        member = cluster.nodes[1]
        self.assertEqual(member.call("SET", "key", "value"), b"OK")
        target = os.path.join(member.folder, "copy")
        done = subprocess.run([BACKUP, member.data, target], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = subprocess.run([QUORIS, "check", target], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        recovered = subprocess.run([QUORIS, "recover", "--new-cluster", target],
                                   capture_output=True, text=True)
        self.assertEqual(recovered.returncode, 0, recovered.stdout + recovered.stderr)


if __name__ == "__main__":
    unittest.main()
