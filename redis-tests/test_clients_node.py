"""ioredis, node-redis, and sessions kept through it: installed by npm below build/node, run against
the server."""

import functools
import os
import shutil
import subprocess
import unittest

from harness import ROOT, ServerTest

SCRIPTS = os.path.join(ROOT, "redis-tests/node")
INSTALLED = os.path.join(ROOT, "build/node")
INSTALL_DEADLINE_S = 60
RUN_DEADLINE_S = 60


def same_file(one, other):
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            return first.read() == second.read()
    except OSError:
        return False


@functools.cache
def install():
    """Installs the pinned clients once; the reason why not, or None. A minute at most."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node or npm is not on the PATH"
    wanted = os.path.join(SCRIPTS, "package.json")
    marker = os.path.join(INSTALLED, "installed.json")
    if same_file(wanted, marker):
        return None
    os.makedirs(INSTALLED, exist_ok=True)
    shutil.copy(wanted, os.path.join(INSTALLED, "package.json"))
    try:
        done = subprocess.run(
            ["npm", "install", "--loglevel=error", "--no-package-lock", "--no-audit",
             "--no-fund", "--ignore-scripts",
             "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=10000"],
            cwd=INSTALLED, capture_output=True, text=True, timeout=INSTALL_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm install took longer than {INSTALL_DEADLINE_S} s"
    if done.returncode != 0:
        # The first lines name the error; what follows is advice.
        lines = [line.removeprefix("npm error").strip() for line in done.stderr.splitlines()]
        return "npm install failed: " + "; ".join(filter(None, lines[:3]))[:300]
    shutil.copy(wanted, marker)
    return None


class NodeClients(ServerTest):
    @classmethod
    def setUpClass(cls):
        if install() is None:
            super().setUpClass()

    def setUp(self):
        reason = install()
        if reason:  # here, not in setUpClass: so that each test says so and is counted
            self.skipTest(reason)
        super().setUp()

    def run_script(self, name, *arguments):
        done = subprocess.run(
            ["node", os.path.join(SCRIPTS, name), str(self.server.port), *arguments],
            env={**os.environ, "NODE_PATH": os.path.join(INSTALLED, "node_modules")},
            capture_output=True, text=True, timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_ioredis(self):
        self.run_script("ioredis.cjs")

    def test_node_redis_with_resp2(self):
        self.run_script("node_redis.cjs", "2")

    def test_node_redis_with_resp3(self):
        self.run_script("node_redis.cjs", "3")

    def test_sessions_of_express(self):
        self.run_script("sessions.cjs")
