"""Power cuts for a server under test: what was not synced is gone, torn or there.

A process that runs with `PowerCut.environment()` has power_cut.so before libc, which records what
its fsyncs cover (power_cut.c says how). After it was killed, `cut()` leaves of its directory what a
power cut may leave. Not for servers that map files into memory or write with O_SYNC.
"""

import glob
import os
import shutil
import unittest
import uuid

from harness import ROOT, quoris_is_oracle, start_quoris, wait_until

LIBRARIES = os.path.join(ROOT, "build/*/redis-tests/power_cut.so")
BLOCK = 512  # a disk writes so much as a whole or not at all

# What a power cut may cost under everysec. Redis puts off a write for two seconds while an fsync
# runs, also one that it has answered, and then a killed process loses it as well.
EVERYSEC_S = 3.0 if quoris_is_oracle() else 2.0


def need_library():
    """The newest one that was built."""
    libraries = sorted(glob.glob(LIBRARIES), key=os.path.getmtime)
    if not libraries:
        raise unittest.SkipTest("power_cut.so is not built: scripts/test builds it")
    return libraries[-1]


class PowerCut:
    """Of one directory, which is there. `side` is made, on the same file system."""

    def __init__(self, directory, side):
        self.directory, self.side = os.path.realpath(directory), side
        self.library = need_library()
        self.boot_id = str(uuid.uuid4())

    def environment(self):
        return {"LD_PRELOAD": self.library, "POWER_CUT_DIRECTORY": self.directory,
                "POWER_CUT_SIDE": self.side, "POWER_CUT_BOOT_ID": self.boot_id,
                "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def fail(self, call, error=0, wait_ms=0):
        """From now on `call` (write or sync) on a file below fails with errno, or is slow."""
        fresh = os.path.join(self.side, "faults.new")
        with open(fresh, "w") as file:
            file.write(f"{call} {error} {wait_ms}\n")
        os.replace(fresh, os.path.join(self.side, "faults"))

    def heal(self):
        os.remove(os.path.join(self.side, "faults"))

    def cut(self, draw=None):
        """With all processes dead: undoes what was not synced, all of it without `draw`, else what
        that random.Random chooses. Another boot id from now on. Returns what was lost, for people
        to read."""
        self.boot_id = str(uuid.uuid4())
        if not os.path.exists(os.path.join(self.side, "ready")):
            return []  # killed before its beginning was recorded: it has done nothing yet
        lost = []
        for directory, _, names in os.walk(self.directory):
            lost += self._cut_directory(directory, names, draw)
        shutil.rmtree(self.side)
        return lost

    def _cut_directory(self, directory, names, draw):
        now = {name: os.lstat(os.path.join(directory, name)).st_ino for name in names}
        durable = self._durable_names(directory)
        kept = now if draw and draw.random() < 0.5 else durable
        lost = [f"{name}: the name is as before" for name in sorted(now.keys() | durable.keys())
                if now.get(name) != kept.get(name)]
        contents = {}
        for name, inode in kept.items():
            # What no sync has seen has no link yet.
            path = (os.path.join(directory, name) if now.get(name) == inode
                    else self._record("live", inode))
            contents[name], text = left_of(read(self._record("synced", inode)), read(path), draw)
            lost += [f"{name}: {text}"] if text else []
        for name in names:
            os.remove(os.path.join(directory, name))
        for name, content in contents.items():
            with open(os.path.join(directory, name), "wb") as file:
                file.write(content)
        return lost

    def _durable_names(self, directory):
        path = self._record("names", os.stat(directory).st_ino)
        if not os.path.exists(path):
            return {}
        with open(path) as file:
            lines = [line.rstrip("\n").split(" ", 1) for line in file]
        return {name: int(inode) for inode, name in lines}

    def _record(self, kind, inode):
        return os.path.join(self.side, kind, str(inode))


def read(path):
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def left_of(synced, now, draw):
    """A file's bytes after the cut, and what became of it if it lost any."""
    left = mix(synced, now, draw) if draw else synced
    if left == now:
        return left, None
    return left, f"{len(now)} bytes, {len(synced)} of them synced, {len(left)} left"


def mix(synced, now, draw):
    """What may be left of a file: none of the new, all of it, some first bytes, some blocks."""
    manner = draw.choice(("none", "all", "cut", "blocks"))
    if manner == "none":
        return synced
    if manner == "all":
        return now
    if manner == "cut" and now.startswith(synced):
        return now[:draw.randint(len(synced), len(now))]
    size = max(len(synced), len(now)) if draw.random() < 0.5 else len(synced)
    left = bytearray(synced[:size].ljust(size, b"\0"))
    for start in range(0, size, BLOCK):
        if draw.random() < 0.5:
            new = now[start:start + BLOCK]
            left[start:start + len(new)] = new
    return bytes(left)


class DurableTest(unittest.TestCase):
    """A server with data in a directory of its own, killed and started again on it."""

    def start_server(self, *arguments, power_cuts=True):
        """With power cuts every kill is one, and the disk has faults on demand (self.power)."""
        self.server = start_quoris(*arguments, started=False)
        self.addCleanup(self.server.stop)
        data = os.path.join(self.server.folder, "data")
        os.mkdir(data)
        self.server.arguments += ["--dir", data]
        self.power, self.lost = None, []
        if power_cuts:
            self.power = PowerCut(data, os.path.join(self.server.folder, "side"))
        self.restart_server()

    def launch_server(self):
        """Without a wait for it to be ready."""
        self._set_environment()
        self.server.launch()

    def restart_server(self):
        self._set_environment()
        self.server.start()
        wait_until(self._loaded, "the data is loaded", 60)

    def kill_server(self, draw=None):
        if not self.server.running:
            self.fail(f"the server has died by itself:\n{self.server.output()[-4000:]}")
        self.server.kill()
        if self.power:
            self.lost = self.power.cut(draw)

    def connect(self):
        client = self.server.client()
        self.addCleanup(client.close)
        return client

    def _set_environment(self):
        if self.power:
            self.server.environment.update(self.power.environment())

    def _loaded(self):
        with self.server.client() as client:
            return not client.ask("PING").is_error
