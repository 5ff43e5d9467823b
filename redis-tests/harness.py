"""Starts servers for the tests, Quoris and a redis-server as the oracle, and stops them again.

`Server` is one process on a free port with a directory of its own. `ServerTest` gives a test class
a Quoris, `PairTest` a Quoris and an oracle. QUORIS_BINARY names another binary to be tested
(a redis-server too: then the tests check themselves). Where no oracle is unpacked below
build/peers, tests that need it are skipped.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from resp import Client, Closed

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUORIS = os.path.abspath(
    os.environ.get("QUORIS_BINARY", os.path.join(ROOT, "build/release/quoris")))
PEERS = os.path.join(ROOT, "build/peers/bin")
ORACLE = os.path.join(PEERS, "redis-server")
START_DEADLINE_S = 20.0
STOP_DEADLINE_S = 20.0

BETWEEN_LOOKS_S = 0.01  # while polling: leaves the processor to the server that is waited for

_running = set()


@atexit.register
def stop_all():
    for server in list(_running):
        server.kill()


def clean_environment():
    """Ours without QUORIS_..., which a server takes for settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QUORIS_")}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(holds, what, deadline_s=10.0):
    """Polls until `holds()` is true; its value. Fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(BETWEEN_LOOKS_S)


class Server:
    """A running server. `arguments` follow the harness's own flags, so they win."""

    def __init__(self, binary, *arguments, environment=None, started=True):
        self.binary = binary
        self.arguments = list(arguments)
        self.environment = {**clean_environment(), **(environment or {})}
        self.folder = tempfile.mkdtemp(prefix="quoris-test-")
        self.process = None
        if started:
            self.start()

    def start(self):
        for _ in range(5):
            self.port = free_port()
            if self._start_on_port():
                return
        raise AssertionError(f"{self.binary} does not start:\n{self.output()}")

    def _command(self):
        return [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder,
                "--save", "", "--appendonly", "no", *self.arguments]

    def launch(self):
        """A process, with no wait for its answers."""
        with open(os.path.join(self.folder, "output"), "wb") as output:
            self.process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, cwd=self.folder, env=self.environment)
        _running.add(self)

    def _start_on_port(self):
        self.launch()
        wait_until(lambda: not self.running or self._answers(), f"{self.binary} answers or ends",
                   START_DEADLINE_S)
        if not self.running:
            _running.discard(self)
        return self.running

    def _answers(self):
        try:
            with self.client() as client:
                return client.ask("PING")
        except (OSError, Closed):
            return None

    def client(self, protocol=2):
        return Client(("127.0.0.1", self.port), protocol)

    def output(self):
        with open(os.path.join(self.folder, "output"), errors="replace") as file:
            return file.read()

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def rss_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def thread_times_s(self):
        """How long the server's thread has run so far, and how long it could have run but others
        had the processors: what a server takes is measured without the latter."""
        with open(f"/proc/{self.pid}/task/{self.pid}/schedstat") as file:
            ran_ns, waited_ns, _ = file.read().split()
        return int(ran_ns) / 1e9, int(waited_ns) / 1e9

    def cpu_s(self):
        return self.thread_times_s()[0]

    def kill(self):
        """At once, by its process id."""
        if self.running:
            self.process.kill()
            self.process.wait()
        _running.discard(self)

    def stop(self):
        """By SIGTERM; the exit status, if it ever ran. Removes the directory."""
        if self.running:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill()
        _running.discard(self)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.process and self.process.returncode


def need_oracle():
    if not os.access(ORACLE, os.X_OK):
        raise unittest.SkipTest("no redis-server below build/peers: run scripts/peers")


def need_quoris():
    if not os.access(QUORIS, os.X_OK):
        raise AssertionError(f"no server to test: {QUORIS} is missing, run scripts/build")


def quoris_is_oracle():
    """The tests check themselves, with a redis-server in both seats."""
    return "redis-server" in os.path.basename(QUORIS)


def start_quoris(*arguments, **options):
    need_quoris()
    return Server(QUORIS, *arguments, **options)


def start_oracle(*arguments, **options):
    need_oracle()
    return Server(ORACLE, *arguments, **options)


class ServerTest(unittest.TestCase):
    """A Quoris for the class, started with ARGUMENTS, empty before each test."""

    ARGUMENTS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = start_quoris(*cls.ARGUMENTS)
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        if not self.server.running:
            self.fail(f"the server has died:\n{self.server.output()[-4000:]}")
        self.client = self.connect()
        self.client.ask("FLUSHALL")

    def connect(self, protocol=2):
        client = self.server.client(protocol)
        self.addCleanup(client.close)
        return client
