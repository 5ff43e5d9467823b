"""The power cut itself, on small programs: what was synced stays, the rest does not."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import unittest

from power_cut import PowerCut

# What a program can use; it ends as a killed server does.
PRELUDE = """
import os, signal
def file(name, flags=os.O_RDWR | os.O_CREAT):
    return os.open(name, flags, 0o600)
def sync_directory(path="."):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
def durable(name, content):
    handle = file(name)
    os.write(handle, content)
    os.fsync(handle)
    sync_directory()
    return handle
"""


class Cuts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="quoris-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.data = os.path.join(self.folder, "data")
        os.mkdir(self.data)
        self.power = PowerCut(self.data, os.path.join(self.folder, "side"))

    def run_killed(self, program):
        whole = PRELUDE + program + "\nos.kill(os.getpid(), signal.SIGKILL)"
        done = subprocess.run(["/usr/bin/python3", "-c", whole], cwd=self.data,
                              env={**os.environ, **self.power.environment()},
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return done.stdout

    def left(self):
        found = {}
        for name in os.listdir(self.data):
            with open(os.path.join(self.data, name), "rb") as file:
                found[name] = file.read()
        return found

    def assert_left(self, program, **files):
        self.run_killed(program)
        self.power.cut()
        self.assertEqual(self.left(), files)

    def test_a_killed_process_loses_nothing_without_a_cut(self):
        self.run_killed("os.write(file('a'), b'x')")
        self.assertEqual(self.left(), {"a": b"x"})

    def test_what_was_there_at_the_beginning_is_durable(self):
        self.run_killed("os.write(file('a'), b'x')")
        shutil.rmtree(self.power.side)
        self.assert_left("os.write(file('a'), b'overwritten')", a=b"x")

    def test_appends_that_were_not_synced_are_gone(self):
        self.assert_left("a = durable('a', b'one,'); os.write(a, b'two,'); os.fdatasync(a); "
                         "os.write(a, b'three')", a=b"one,two,")

    def test_overwritten_and_cut_bytes_come_back(self):
        self.assert_left("a = durable('a', b'0123456789'); os.pwrite(a, b'xx', 3); "
                         "os.ftruncate(a, 8)", a=b"0123456789")

    def test_overwritten_and_cut_bytes_stay_once_synced(self):
        self.assert_left("a = durable('a', b'0123456789'); os.pwrite(a, b'xx', 3); "
                         "os.pwritev(a, [b'y', b'z'], 6); os.ftruncate(a, 9); os.fdatasync(a); "
                         "os.ftruncate(a, 4); os.lseek(a, 4, 0); os.writev(a, [b'A', b'B']); "
                         "os.fsync(a)", a=b"012xAB")

    def test_a_new_file_needs_its_directory_synced(self):
        self.assert_left("a = file('a'); os.write(a, b'x'); os.fsync(a)")

    def test_a_new_file_that_was_not_synced_is_empty(self):
        self.assert_left("a = file('a'); os.write(a, b'x'); sync_directory()", a=b"")

    def test_a_rename_needs_its_directory_synced(self):
        program = ("durable('a', b'old'); b = file('b'); os.write(b, b'new'); os.fsync(b); "
                   "os.rename('b', 'a')")
        self.assert_left(program, a=b"old")
        self.assert_left(program + "; sync_directory()", a=b"new")

    def test_a_removal_needs_its_directory_synced(self):
        self.assert_left("durable('a', b'x'); os.remove('a')", a=b"x")
        self.assert_left("os.remove('a'); sync_directory()")

    def test_a_number_that_the_system_uses_again_is_another_file(self):
        self.assert_left("os.close(durable('a', b'old')); os.remove('a'); b = file('b'); "
                         "os.write(b, b'new'); os.fsync(b)", a=b"old")

    def test_a_sync_of_the_next_process_covers_what_the_killed_one_wrote(self):
        self.run_killed("a = durable('a', b'0123'); os.pwrite(a, b'xx', 1)")
        self.assert_left("os.fsync(file('a'))", a=b"0xx3")

    def test_a_directory_below(self):
        self.run_killed("os.mkdir('d'); a = file('d/a'); os.write(a, b'x'); os.fsync(a); "
                        "sync_directory('d'); file('d/b')")
        self.power.cut()
        self.assertEqual(os.listdir(os.path.join(self.data, "d")), ["a"])

    def test_stdio(self):
        self.assert_left("""
import ctypes
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
a = ctypes.c_void_p(libc.fopen(b'a', b'w'))
libc.fputs(b'one', a)
libc.fflush(a)
os.fsync(libc.fileno(a))
sync_directory()
libc.fputs(b'two', a)
libc.fflush(a)
""", a=b"one")

    def test_another_boot_id_after_a_cut_only(self):
        look = ("handle = os.open('/proc/sys/kernel/random/boot_id', os.O_RDONLY); "
                "os.write(1, os.read(handle, 100))")
        first = self.run_killed(look)
        self.assertEqual(self.run_killed(look), first)
        self.power.cut()
        self.assertNotEqual(self.run_killed(look), first)

    def test_a_sync_that_failed_is_not_made_up_for_by_the_next(self):
        self.run_killed("durable('a', b'12')")
        self.power.fail("sync", 5)
        self.run_killed("""
a = file('a')
os.lseek(a, 2, 0)
os.write(a, b'34')
try:
    os.fsync(a)
    raise SystemExit("it did not fail")
except OSError as error:
    assert error.errno == 5
os.remove(os.environ['POWER_CUT_SIDE'] + '/faults')
os.write(a, b'56')
os.fsync(a)
""")
        self.assertEqual(self.left(), {"a": b"123456"})
        self.power.cut()
        self.assertEqual(self.left()["a"][2:], b"\0\x0056")

    def test_writes_fail_on_demand(self):
        self.run_killed("durable('a', b'')")
        self.power.fail("write", 28)
        program = """
def write_all(write, data):
    done = 0
    while done < len(data):
        done += write(data[done:], done)
a = file('a')
for write in (lambda data, done: os.write(a, data),
              lambda data, done: os.writev(a, [data, b'more']),
              lambda data, done: os.pwrite(a, data, 20 + done),
              lambda data, done: os.pwritev(a, [data, b'more'], 30 + done)):
    try:
        write_all(write, b'12345678')
        raise SystemExit("it did not fail")
    except OSError as error:
        assert error.errno == 28
os.write(1, b'others are written')
"""
        self.assertEqual(self.run_killed(program), "others are written")
        half = b"1234567"
        self.assertEqual(self.left()["a"], (half * 2).ljust(20, b"\0") + half + b"\0" * 3 + half)
        self.power.heal()
        self.run_killed("os.write(file('a'), b'healed')")
        self.assertEqual(self.left()["a"][:8], b"healed71")

    def test_with_a_draw_anything_between_may_be_left(self):
        found = set()
        for seed in range(30):
            self.run_killed("a = durable('a', b'12'); os.write(a, b'34'); os.rename('a', 'b')")
            self.power.cut(random.Random(seed))
            found.update(self.left().items())
            for name in self.left():
                os.remove(os.path.join(self.data, name))
        self.assertLessEqual({("a", b"12"), ("b", b"12"), ("a", b"1234"), ("b", b"1234"),
                              ("a", b"123")}, found)
        self.assertEqual({content[:2] for _, content in found}, {b"12"})
