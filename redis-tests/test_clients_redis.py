"""redis-cli and redis-benchmark of Redis 7.0.15 against the server."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from harness import PEERS, ServerTest, need_oracle
from resp import encode

RUN_DEADLINE_S = 60


class RedisTools(ServerTest):
    @classmethod
    def setUpClass(cls):
        need_oracle()
        super().setUpClass()

    def command(self, program, *arguments):
        return [os.path.join(PEERS, program), "-p", str(self.server.port), *arguments]

    def cli(self, *arguments, text=None):
        """The output of a run of redis-cli that ends by itself."""
        done = subprocess.run(self.command("redis-cli", *arguments), input=text, text=True,
                              capture_output=True, timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def fill(self, count):
        self.client.pipeline([("SET", f"key:{i}", "x" * (i % 100 + 1)) for i in range(count)])

    def start_cli(self, *arguments):
        """A redis-cli that runs until the test ends."""
        command = ["stdbuf", "-oL", *self.command("redis-cli", *arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Cli(RedisTools):
    def test_single_commands(self):
        self.assertEqual(self.cli("SET", "a", "1"), "OK\n")
        self.assertEqual(self.cli("--no-raw", "INCR", "a"), "(integer) 2\n")
        self.assertEqual(self.cli("--no-raw", "GET", "a"), '"2"\n')
        self.assertEqual(self.cli("--no-raw", "GET", "absent"), "(nil)\n")
        self.assertEqual(self.cli("-n", "4", "SET", "b", "1"), "OK\n")
        self.assertEqual(self.cli("-r", "3", "INCR", "a"), "3\n4\n5\n")
        self.assertEqual(self.cli("-x", "SET", "c", text="from stdin"), "OK\n")
        self.assertEqual(self.cli("GET", "c"), "from stdin\n")

    def test_commands_from_standard_input(self):
        output = self.cli(text="SET a 1\nINCR a\nMULTI\nINCR a\nEXEC\nSELECT 1\nGET a\n")
        self.assertEqual(output, "OK\n2\nOK\nQUEUED\n3\nOK\n\n")

    def test_resp3(self):
        self.assertEqual(self.cli("-3", "--no-raw", "GET", "absent"), "(nil)\n")
        output = self.cli("-3", "--no-raw", "CONFIG", "GET", "maxmemory")
        self.assertEqual(output, '1# "maxmemory" => "0"\n')
        self.assertIn('"proto" => (integer) 3', self.cli("-3", "--no-raw", "HELLO"))
        self.assertIn("redis_version:7.0.15", self.cli("-3", "INFO", "server"))

    def test_scan(self):
        self.fill(2000)
        self.assertEqual(len(set(self.cli("--scan").split())), 2000)
        matched = set(self.cli("--scan", "--pattern", "key:1*").split())
        self.assertEqual(len(matched), 1111)

    def test_bigkeys(self):
        self.fill(500)
        self.client.ask("SET", "biggest", "x" * 5000)
        output = self.cli("--bigkeys")
        self.assertIn('Biggest string found \'"biggest"\' has 5000 bytes', output)
        self.assertIn("501 strings with", output)

    def test_memkeys(self):
        self.fill(500)
        self.client.ask("SET", "biggest", "x" * 50000)
        output = self.cli("--memkeys")
        self.assertRegex(output, r"Biggest string found '\"biggest\"' has \d+ bytes")
        self.assertIn("Sampled 501 keys", output)

    def test_stat(self):
        self.fill(10)
        process = self.start_cli("--stat", "-i", "0.1")
        lines = [process.stdout.readline() for _ in range(4)]
        self.assertIn("keys", lines[1])
        self.assertRegex(lines[3], r"^10 +\d+\.\d+[MK] +\d+ +0 +\d+ \(\+\d+\) +\d+")

    def test_latency(self):
        low, high, mean, count = self.cli("--latency", "-i", "0.3").split()
        self.assertLessEqual(int(low), float(mean))
        self.assertLessEqual(float(mean), int(high))
        self.assertGreater(int(count), 0)

    def test_latency_history(self):
        process = self.start_cli("--latency-history", "-i", "0.2")
        self.assertEqual(len(process.stdout.readline().split()), 4)

    def test_pipe(self):
        count = 20000
        commands = b"".join(encode(("SET", f"key:{i}", i)) for i in range(count))
        done = subprocess.run(self.command("redis-cli", "--pipe"), input=commands,
                              capture_output=True, timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"errors: 0, replies: 20000", done.stdout)
        self.assertEqual(self.client.call("DBSIZE"), count)

    def test_monitor(self):
        process = self.start_cli("MONITOR")
        self.assertEqual(process.stdout.readline(), "OK\n")
        self.client.ask("SET", "a", 'quo"ted\r\n\x01')
        self.client.ask("SELECT", "3")
        self.client.ask("get", "a")
        pattern = r'^\d+\.\d{6} \[%d 127\.0\.0\.1:\d+\] %s\n$'
        self.assertRegex(process.stdout.readline(),
                         pattern % (0, re.escape(r'"SET" "a" "quo\"ted\r\n\x01"')))
        self.assertRegex(process.stdout.readline(), pattern % (3, '"SELECT" "3"'))
        self.assertRegex(process.stdout.readline(), pattern % (3, '"get" "a"'))


class Interactive(RedisTools):
    """redis-cli on a terminal of its own, as a person uses it."""

    def setUp(self):
        super().setUp()
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm", HOME=self.server.folder)
            os.environ.pop("REDISCLI_AUTH", None)
            command = self.command("redis-cli")
            os.execv(command[0], command)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, self.terminal)
        self.screen = ""
        self.prompt = f"127.0.0.1:{self.server.port}"
        self.expect(self.prompt + "> ")

    def expect(self, text):
        """Reads the terminal until the text has appeared; forgets what stands up to it."""
        end = time.monotonic() + 20
        while text not in self.screen:
            readable = select.select([self.terminal], [], [], max(end - time.monotonic(), 0))[0]
            if not readable:
                self.fail(f"{text!r} did not appear; the screen: {self.screen[-1000:]!r}")
            try:
                self.screen += os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:
                self.fail(f"redis-cli ended before {text!r}: {self.screen[-1000:]!r}")
        self.screen = self.screen.split(text, 1)[1]

    def type(self, line):
        """Types at a prompt that has been seen: redis-cli forgets what came before it."""
        os.write(self.terminal, line.encode() + b"\r")

    def test_a_session(self):
        for line, answer in (
            ("set greeting hello", "OK"),
            ("get greeting", '"hello"'),
            ("get absent", "(nil)"),
            ("incr greeting", "(error) ERR value is not an integer or out of range"),
            ("nosuch", "(error) ERR unknown command 'nosuch', with args beginning with:"),
            ("mget greeting absent", "1) \"hello\""),
            ("ttl greeting", "(integer) -1"),
            ("help setex", "key seconds value"),
        ):
            self.type(line)
            self.expect(answer)
            self.expect(self.prompt + "> ")

    def test_the_prompt_follows_select_and_multi(self):
        self.type("select 2")
        self.expect(self.prompt + "[2]> ")
        self.type("multi")
        self.expect(self.prompt + "[2](TX)> ")
        self.type("set a 1")
        self.expect("QUEUED")
        self.expect(self.prompt + "[2](TX)> ")
        self.type("exec")
        self.expect("1) OK")
        self.expect(self.prompt + "[2]> ")
        self.type("hello 3")
        self.expect('"proto" => (integer) 3')

    def test_hints_while_typing(self):
        os.write(self.terminal, b"setex ")
        self.expect("key seconds value")


class Benchmark(RedisTools):
    def run_benchmark(self, *arguments):
        done = subprocess.run(self.command("redis-benchmark", "-q", "-n", "5000", *arguments),
                              capture_output=True, text=True, timeout=RUN_DEADLINE_S, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_the_usual_five(self):
        output = self.run_benchmark("-t", "ping,set,get,incr,mset")
        for name in ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"):
            self.assertRegex(output, rf"{re.escape(name)}: [\d.]+ requests per second")

    def test_all_of_its_tests(self):
        for more in ((), ("-P", "16")):
            output = self.run_benchmark("-n", "1000", *more)
            for name in ("PING_INLINE", "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN",
                         "LRANGE_600 (first 600 elements)", "MSET (10 keys)"):
                self.assertRegex(output, rf"{re.escape(name)}: [\d.]+ requests per second")

    def test_deep_pipelines_many_clients_and_large_values(self):
        self.run_benchmark("-t", "set,get", "-P", "500", "-c", "200", "-r", "1000")
        self.run_benchmark("-t", "set,get", "-n", "500", "-d", "100000")

    def test_resp3(self):
        self.assertIn("GET:", self.run_benchmark("-t", "get", "-3"))


del RedisTools
