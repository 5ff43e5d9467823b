"""How a server is started and stopped: flags, config file, environment, logs, bad starts."""

import os
import signal
import socket
import subprocess
import tempfile
import unittest

from harness import (PEERS, QUORIS, ROOT, ServerTest, clean_environment, free_port, need_quoris,
                     quoris_is_oracle, start_oracle, start_quoris, wait_until)
from resp import Client

RUN_DEADLINE_S = 20


@unittest.skipIf(quoris_is_oracle(), "redis-server takes its settings otherwise")
class Settings(unittest.TestCase):
    def setUp(self):
        need_quoris()
        self.folder = tempfile.TemporaryDirectory(prefix="quoris-settings-")
        self.addCleanup(self.folder.cleanup)

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, *arguments, **environment):
        server = start_quoris(*arguments, environment=environment)
        self.addCleanup(server.stop)
        return server

    def setting(self, server, name):
        with server.client() as client:
            return client.call("CONFIG", "GET", name)[1].decode()

    def run_to_end(self, *arguments, **environment):
        """A start that should fail: exit status and standard error."""
        done = subprocess.run([QUORIS, *arguments], cwd=self.folder.name, capture_output=True,
                              env={**clean_environment(), **environment}, text=True,
                              stdin=subprocess.DEVNULL, timeout=RUN_DEADLINE_S, check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_start_fails(self, text, *arguments, **environment):
        status, output = self.run_to_end(*arguments, **environment)
        self.assertEqual(status, 1, output)
        self.assertIn(text, output)

    def test_flags_as_redis_takes_them(self):
        server = self.start("--maxmemory", "100mb", "--save", "3600", "1", "300", "100",
                            "--timeout=7")
        self.assertEqual(self.setting(server, "maxmemory"), str(100 << 20))
        self.assertEqual(self.setting(server, "save"), "3600 1 300 100")
        self.assertEqual(self.setting(server, "timeout"), "7")

    def test_dir_is_another_name_of_data_dir(self):
        server = self.start("--data-dir", self.folder.name)
        self.assertEqual(os.path.realpath(self.setting(server, "dir")),
                         os.path.realpath(self.folder.name))

    def start_with_file(self, path, *arguments, **environment):
        """The file stands first on the command line, so the harness's own flags follow it."""
        port = free_port()
        process = subprocess.Popen([QUORIS, path, "--port", str(port), *arguments],
                                   cwd=self.folder.name, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL,
                                   env={**clean_environment(), **environment})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def connect():
            try:
                return Client(("127.0.0.1", port))
            except OSError:
                return None

        client = wait_until(connect, "the server answers")
        self.addCleanup(client.close)
        return client

    def test_flag_over_environment_over_file(self):
        path = self.file("quoris.conf", "# a comment\ntimeout 1\nmaxclients 111\n"
                         'hz 20\nrequirepass "with space"\n')
        client = self.start_with_file(path, "--timeout", "3", QUORIS_TIMEOUT="2", QUORIS_HZ="30")
        self.assertTrue(client.ask("PING").is_error)
        self.assertEqual(client.call("AUTH", "with space"), b"OK")
        for name, value in (("timeout", b"3"), ("hz", b"30"), ("maxclients", b"111")):
            self.assertEqual(client.call("CONFIG", "GET", name)[1], value, name)

    def test_config_rewrite_keeps_the_file_and_writes_what_was_set(self):
        path = self.file("quoris.conf", "# my comment\ntimeout 1\n")
        client = self.start_with_file(path)
        client.call("CONFIG", "SET", "timeout", "9", "slowlog-max-len", "77")
        self.assertEqual(client.call("CONFIG", "REWRITE"), b"OK")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        self.assertIn("# my comment", lines)
        self.assertIn("timeout 9", lines)
        self.assertIn("slowlog-max-len 77", lines)
        self.assertNotIn("timeout 1", lines)

    def test_a_bad_flag(self):
        self.assert_start_fails("nosuch", "--nosuch", "1")
        self.assert_start_fails("port", "--port", "abc")
        self.assert_start_fails("port", "--port", "70000")
        self.assert_start_fails("port", "--port")
        self.assert_start_fails("maxmemory-policy", "--maxmemory-policy", "foo")

    def test_a_bad_environment(self):
        self.assert_start_fails("QUORIS_NOSUCH", QUORIS_NOSUCH="1")
        self.assert_start_fails("QUORIS_PORT", QUORIS_PORT="abc")

    def test_a_bad_file_is_named_with_its_line(self):
        path = self.file("bad.conf", "timeout 1\n\nnosuch 2\n")
        self.assert_start_fails("bad.conf:3", path)
        self.assert_start_fails("nosuch", path)
        self.assert_start_fails("no-file.conf", "no-file.conf")

    def test_all_that_is_wrong_is_told_at_once(self):
        path = self.file("bad.conf", "io-threads 4\nport x\nprot 1\nlogfile 'a\ntimeout 5\n")
        status, output = self.run_to_end(path, "--frobnicate", "1", "--hz", "fast",
                                         QUORIS_NOSUCH="1")
        self.assertEqual(status, 1, output)
        lines = output.splitlines()
        for line, text in zip(lines, (
                "bad.conf:1: io-threads: Redis has this setting, Quoris doesn't",
                "bad.conf:2: port x: ", "bad.conf:3: prot: there is no such setting; did you mean",
                "bad.conf:4: a quote is not closed", "QUORIS_NOSUCH in the environment: ",
                "--frobnicate: there is no such flag", "--hz fast: ", "quoris docs settings")):
            self.assertTrue(line.startswith("quoris: "), line)
            self.assertIn(text, line)
        self.assertEqual(len(lines), 8, output)

    def test_every_name_of_redis_is_known_as_such(self):
        oracle = start_oracle()
        self.addCleanup(oracle.stop)
        with oracle.client() as client:
            names = [name.decode() for name in client.call("CONFIG", "GET", "*")[::2]]
        path = self.file("all.conf", "".join(f"{name}\n" for name in names))
        status, output = self.run_to_end(path)
        self.assertEqual(status, 1)
        self.assertGreater(len(names), 150)
        lines = output.splitlines()
        self.assertEqual(len(lines), len(names) + 1)
        for name, line in zip(names, lines):
            self.assertRegex(line, f": {name}: (a value is missing|Redis has this setting)")

    def test_a_redis_conf_is_refused_with_its_lines(self):
        path = os.path.join(PEERS, "../root/etc/redis/redis.conf")
        if not os.path.exists(path):
            self.skipTest("no redis.conf below build/peers: run scripts/peers")
        status, output = self.run_to_end(path)
        self.assertEqual(status, 1)
        *lines, last = output.splitlines()
        self.assertIn("quoris docs settings", last)
        self.assertGreater(len(lines), 30)
        for line in lines:
            self.assertRegex(line, r"redis\.conf:\d+: [a-z-]+( yes)?: (Redis has this setting, "
                             "Quoris doesn't|only 'no' is possible)")
        with open(path, encoding="utf-8") as file:
            numbers = [int(line.split("redis.conf:")[1].split(":")[0]) for line in lines]
            gone = {number - 1 for number in numbers}
            kept = [line for i, line in enumerate(file.readlines()) if i not in gone]
        kept = [line for line in kept if not line.startswith(("dir ", "logfile ", "pidfile "))]
        client = self.start_with_file(self.file("kept.conf", "".join(kept)))
        self.assertEqual(client.call("CONFIG", "GET", "databases")[1], b"16")

    def test_a_number_is_no_config_file(self):
        self.assert_start_fails("config file 7311: ", "7311")
        self.assert_start_fails("--port 7311", "7311")

    def test_a_memory_size_that_no_machine_has(self):
        self.assert_start_fails("--maxmemory 17179869184gb: argument must be between 0 and",
                                "--maxmemory", "17179869184gb")

    def test_a_port_in_use(self):
        pidfile = self.file("other.pid", "1\n")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            self.assert_start_fails(port, "--port", port, "--bind", "127.0.0.1", "--pidfile",
                                    pidfile)
        self.assertEqual(os.listdir(self.folder.name), ["other.pid"])
        with open(pidfile, encoding="utf-8") as file:
            self.assertEqual(file.read(), "1\n")

    def test_a_directory_that_is_missing(self):
        missing = os.path.join(self.folder.name, "none")
        port = str(free_port())
        self.assert_start_fails(f"there is no directory {missing}", "--port", port, "--logfile",
                                f"{missing}/quoris.log")
        self.assert_start_fails(f"cannot create the pid file {missing}/quoris.pid", "--port", port,
                                "--pidfile", f"{missing}/quoris.pid")
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_the_pidfile_of_a_later_server_stays(self):
        pidfile = os.path.join(self.folder.name, "quoris.pid")
        first = self.start("--pidfile", pidfile)
        second = self.start("--pidfile", pidfile)
        self.assertEqual(first.stop(), 0)
        with open(pidfile, encoding="utf-8") as file:
            self.assertEqual(int(file.read()), second.pid)
        self.assertEqual(second.stop(), 0)
        self.assertFalse(os.path.exists(pidfile))

    def test_paths_are_absolute_from_the_start_on(self):
        path = self.file("quoris.conf", "dir ./data/.\nlogfile ./quoris.log\n")
        client = self.start_with_file(path, "--pidfile", "quoris.pid")
        folder = os.path.realpath(self.folder.name)
        wanted = {"dir": f"{folder}/data", "logfile": f"{folder}/quoris.log",
                  "pidfile": f"{folder}/quoris.pid"}
        for name, value in wanted.items():
            self.assertEqual(client.call("CONFIG", "GET", name)[1].decode(), value)
        self.assertEqual(client.call("CONFIG", "REWRITE"), b"OK")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for name, value in wanted.items():
            self.assertIn(f'{name} "{value}"', lines)

    def test_sixteen_addresses_and_as_many_clients_as_the_limit_allows(self):
        addresses = [f"127.0.0.{last}" for last in range(1, 17)]
        process, port = self.start_with_open_files(256, "--bind", *addresses)
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        with Client(("127.0.0.16", port)) as client:
            most = int(client.call("CONFIG", "GET", "maxclients")[1])
            for _ in range(most - 1):
                clients.append(Client(("127.0.0.9", port)))
                self.assertEqual(clients[-1].call("PING"), b"PONG")
            other = free_port()
            self.assertEqual(client.call("CONFIG", "SET", "port", other), b"OK")
            self.assertEqual(client.call("CONFIG", "GET", "port")[1].decode(), str(other))
        self.assertIsNone(process.poll())

    def test_help_and_version(self):
        status, output = self.run_to_end("--help")
        self.assertEqual(status, 0)
        self.assertIn("--port", output)
        status, output = self.run_to_end("--version")
        self.assertEqual(status, 0)
        self.assertIn("quoris", output.lower())

    def test_pages_of_the_docs_are_current(self):
        for page in ("commands", "settings"):
            status, output = self.run_to_end("docs", page)
            self.assertEqual(status, 0)
            with open(os.path.join(ROOT, f"docs/{page}.md"), encoding="utf-8") as file:
                self.assertEqual(file.read(), output, f"quoris docs {page} > docs/{page}.md")

    def test_unix_socket(self):
        path = os.path.join(self.folder.name, "quoris.sock")
        server = self.start("--unixsocket", path, "--unixsocketperm", "700")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)
        with Client(path) as client:
            self.assertEqual(client.call("PING"), b"PONG")
            self.assertIn(path.encode(), client.call("CLIENT", "INFO"))
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(path))

    def test_pidfile_and_logfile(self):
        pidfile = os.path.join(self.folder.name, "quoris.pid")
        logfile = os.path.join(self.folder.name, "quoris.log")
        server = self.start("--pidfile", pidfile, "--logfile", logfile)
        with open(pidfile, encoding="utf-8") as file:
            self.assertEqual(int(file.read()), server.pid)
        self.assertEqual(server.stop(), 0)
        self.assertFalse(os.path.exists(pidfile))
        with open(logfile, encoding="utf-8") as file:
            log = file.read()
        self.assertIn(str(server.port), log)
        self.assertIn("SIGTERM", log)

    def test_the_start_says_version_port_mode_and_directory(self):
        server = self.start()
        output = server.output()
        for text in ("quoris", str(server.port), "standalone", server.folder):
            self.assertIn(text, output)
        self.assertLess(len(output.splitlines()), 12)

    def test_settings_of_a_cluster_are_of_no_use_to_a_node_alone(self):
        server = self.start("--cluster-name", "c", "--rack", "r1")
        self.assertIn("without use for: cluster-name, rack. A cluster is founded with cluster-port",
                      server.output())
        self.assertNotIn("without use for", self.start("--node-id", "n").output())

    def test_sigterm_sigint_and_shutdown_stop_cleanly(self):
        for end in (lambda server: server.process.send_signal(signal.SIGTERM),
                    lambda server: server.process.send_signal(signal.SIGINT),
                    lambda server: server.client().send("SHUTDOWN"),
                    lambda server: server.client().send("SHUTDOWN", "NOSAVE", "NOW")):
            server = self.start()
            with server.client() as client:
                client.call("SET", "a", "1")
                end(server)
                self.assertEqual(client.read_to_end(), b"")
            self.assertEqual(server.process.wait(RUN_DEADLINE_S), 0)

    def test_port_and_bind_change_while_running(self):
        server = self.start()
        port = free_port()
        with server.client() as client:
            self.assertEqual(client.call("CONFIG", "SET", "port", port), b"OK")
            self.assertEqual(client.call("PING"), b"PONG")
        with self.assertRaises(OSError):
            server.client()
        with Client(("127.0.0.1", port)) as client:
            self.assertEqual(client.call("PING"), b"PONG")

    def test_a_port_or_address_that_cannot_be_had_changes_nothing(self):
        server = self.start()
        with socket.socket() as taken, server.client() as client:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            reply = client.ask("CONFIG", "SET", "timeout", "77", "port", taken.getsockname()[1])
            self.assertTrue(reply.is_error)
            self.assertIn(b"Unable to listen on this port", reply.value)
            self.assertTrue(client.ask("CONFIG", "SET", "bind", "nosuch.host.invalid").is_error)
            for name, value in (("timeout", "0"), ("port", str(server.port)),
                                ("bind", "127.0.0.1")):
                self.assertEqual(client.call("CONFIG", "GET", name)[1].decode(), value)
        with server.client() as client:
            self.assertEqual(client.call("PING"), b"PONG")

    def test_the_file_from_standard_input_and_files_within_files(self):
        self.file("more.conf", "timeout 5\n")
        port = free_port()
        process = subprocess.Popen([QUORIS, "-", "--port", str(port)], cwd=self.folder.name,
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdin.write(b"hz 20\ninclude more.conf\nbind 127.0.0.1\n")
        process.stdin.close()

        def connect():
            try:
                return Client(("127.0.0.1", port))
            except OSError:
                return None

        client = wait_until(connect, "the server answers")
        self.addCleanup(client.close)
        self.assertEqual(client.call("CONFIG", "GET", "hz")[1], b"20")
        self.assertEqual(client.call("CONFIG", "GET", "timeout")[1], b"5")
        self.assertEqual(client.ask("CONFIG", "REWRITE").value,
                         b"ERR The server is running without a config file")

    def test_nothing_to_listen_on_ends_the_start(self):
        self.assert_start_fails("nothing to listen on", "--port", "0")

    def test_a_password_is_not_shown_where_it_is_refused(self):
        status, output = self.run_to_end("--requirepass", "very", "secret")
        self.assertEqual(status, 1)
        self.assertIn("--requirepass", output)
        self.assertNotIn("secret", output)

    def test_maxclients_above_what_the_system_allows_is_refused(self):
        server = self.start()
        with server.client() as client:
            reply = client.ask("CONFIG", "SET", "maxclients", "2000000000")
            self.assertTrue(reply.is_error)
            self.assertIn(b"The operating system is not able to handle the specified number of "
                          b"clients, try with ", reply.value)
            self.assertEqual(client.call("CONFIG", "GET", "maxclients")[1], b"10000")

    def test_an_ordinary_limit_on_open_files_lowers_maxclients(self):
        _, port = self.start_with_open_files(256)
        with Client(("127.0.0.1", port)) as client:
            self.assertLess(int(client.call("CONFIG", "GET", "maxclients")[1]), 256)

    def start_with_open_files(self, limit, *arguments):
        """A server that may open so many files: the process and its port."""
        limited = f"ulimit -n {limit}; exec \"$0\" \"$@\""
        port = free_port()
        process = subprocess.Popen(["sh", "-c", limited, QUORIS, "--port", str(port), *arguments],
                                   cwd=self.folder.name, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

        def connect():
            try:
                Client(("127.0.0.1", port)).close()
                return True
            except OSError:
                return None

        wait_until(connect, "the server answers")
        return process, port


class ProtectedMode(ServerTest):
    ARGUMENTS = ("--bind", "0.0.0.0")

    def test_another_machine_is_refused_without_a_password(self):
        address = self.own_address()
        oracle = start_oracle(*self.ARGUMENTS)
        self.addCleanup(oracle.stop)
        replies = []
        for server in (self.server, oracle):
            extra = Client((address, server.port))
            self.addCleanup(extra.close)
            replies.append(extra.read_to_end())
        self.assertTrue(replies[0].startswith(b"-DENIED "))
        self.assertEqual(replies[0], replies[1])
        self.client.call("CONFIG", "SET", "protected-mode", "no")
        with Client((address, self.server.port)) as welcome:
            self.assertEqual(welcome.call("PING"), b"PONG")

    def own_address(self):
        """An address of this machine that is not the loopback; no packet is sent for it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
            except OSError as error:
                raise unittest.SkipTest("this machine has no address but the loopback") from error
            return probe.getsockname()[0]


del ServerTest
