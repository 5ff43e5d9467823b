"""hiredis: the program hiredis_client.cc, built by CMake, against the server."""

import glob
import os
import subprocess
import unittest

from harness import ROOT, ServerTest

PROGRAMS = os.path.join(ROOT, "build/*/redis-tests/hiredis_client")


class Hiredis(ServerTest):
    def test_a_program_that_uses_hiredis(self):
        programs = sorted(glob.glob(PROGRAMS), key=os.path.getmtime)
        if not programs:
            raise unittest.SkipTest("hiredis_client is not built: scripts/test builds it")
        done = subprocess.run([programs[-1], str(self.server.port)], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
