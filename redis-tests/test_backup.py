"""scripts/backup: a copy made under load starts, and has all that was answered."""

import os
import shutil
import subprocess
import threading
import unittest

from harness import ROOT, ServerTest, start_quoris

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


if __name__ == "__main__":
    unittest.main()
