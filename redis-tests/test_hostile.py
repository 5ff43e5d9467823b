"""Clients that do harm or do nothing: the server serves the others and keeps its memory."""

import os
import resource
import select
import socket
import time
import unittest

from harness import ServerTest, quoris_is_oracle, wait_until
from resp import encode

MIB = 1 << 20
MANY = 10000  # connections
IDLE_CONNECTION_BYTES_MAX = 2048


def raise_file_limit():
    """As many open files as we may have; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), hard))
    if os.geteuid() == 0 and hard != resource.RLIM_INFINITY and hard < 2 * MANY:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
        except (ValueError, OSError):
            pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def need_files(count):
    limit = raise_file_limit()
    if limit < count:
        raise unittest.SkipTest(f"needs {count} open files, the limit is {limit}")


class Hostile(ServerTest):
    @classmethod
    def setUpClass(cls):
        raise_file_limit()
        super().setUpClass()

    def tcp(self):
        connection = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def clients_connected(self):
        text = self.client.call("INFO", "clients").decode()
        return int(text.split("connected_clients:")[1].split()[0])

    def assert_serves(self):
        """Another client is answered in time, and with little work."""
        before = self.server.cpu_s()
        with self.server.client() as other:
            self.assertEqual(other.call("PING"), b"PONG")
        self.assertLess(self.server.cpu_s() - before, 2)

    def set_config(self, name, value):
        before = self.client.call("CONFIG", "GET", name)[1]
        self.client.call("CONFIG", "SET", name, value)
        self.addCleanup(self.client.call, "CONFIG", "SET", name, before)


class Frames(Hostile):
    def test_half_a_frame_and_silence(self):
        whole = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nabcde\r\n"
        pieces = [b"SET a", *(whole[:length] for length in range(1, len(whole)))]
        for piece in pieces:
            self.tcp().sendall(piece)
        self.assert_serves()
        self.assertGreaterEqual(self.clients_connected(), len(pieces))

    def test_a_frame_byte_by_byte(self):
        connection = self.tcp()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in encode(("SET", "a", "x" * 100)):
            connection.sendall(bytes([byte]))
        self.assertEqual(connection.recv(100), b"+OK\r\n")
        self.assertEqual(self.client.call("STRLEN", "a"), 100)

    def test_an_endless_inline_command(self):
        connection = self.connect()
        with self.assertRaises((ConnectionError, TimeoutError)):
            for _ in range(200):
                connection.send_raw(b"x" * MIB)
        self.assert_serves()
        self.assertLess(self.server.rss_bytes(), 200 * MIB)

    def test_the_error_of_a_long_inline_command(self):
        connection = self.connect()
        connection.send_raw(b"x" * 70000)
        self.assertEqual(connection.read_to_end(),
                         b"-ERR Protocol error: too big inline request\r\n")

    def test_the_error_of_a_long_count_and_a_long_length(self):
        for start, error in ((b"*1", b"too big mbulk count string"),
                             (b"*1\r\n$1", b"too big bulk count string")):
            connection = self.connect()
            connection.send_raw(start + b"1" * 70000)
            self.assertEqual(connection.read_to_end(), b"-ERR Protocol error: " + error + b"\r\n")

    def test_huge_counts_take_no_memory(self):
        before = self.server.rss_bytes()
        for _ in range(50):
            self.tcp().sendall(b"*1048576\r\n$3\r\nSET\r\n")
            self.tcp().sendall(b"*2147483647\r\n")
            self.tcp().sendall(b"*2\r\n$3\r\nGET\r\n$536870912\r\n")
        self.assert_serves()
        # Redis sets aside the whole of an announced bulk string, untouched: resident stays small.
        self.assertLess(self.server.rss_bytes() - before, 50 * MIB)

    def test_random_bytes(self):
        state = 12345
        for _ in range(300):
            noise = bytearray()
            for _ in range(200):
                state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                noise.append(state >> 56)
            connection = self.tcp()
            connection.sendall(bytes(noise) + b"\r\n*1\r\n$4\r\nPING\r\n")
        self.assert_serves()

    def test_a_bulk_string_of_64_mib_in_small_pieces(self):
        size = 64 * MIB
        connection = self.connect()
        before = self.server.cpu_s()
        connection.send_raw(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % size)
        piece = b"x" * 16384
        for _ in range(size // len(piece)):
            connection.send_raw(piece)
        connection.send_raw(b"\r\n")
        self.assertEqual(connection.read().value, b"OK")
        # Copying the gathered bytes at every piece would take minutes.
        self.assertLess(self.server.cpu_s() - before, 15)
        self.assertEqual(self.client.call("STRLEN", "big"), size)
        self.assertEqual(len(self.client.call("GET", "big")), size)

    def test_a_million_arguments(self):
        count = 1000000
        before = self.server.cpu_s()
        self.assertEqual(self.client.ask("EXISTS", *["k"] * count).value, 0)
        self.assertLess(self.server.cpu_s() - before, 20)

    def test_a_pipeline_of_200000_commands_in_one_write(self):
        count = 200000
        connection = self.connect()
        replies = connection.pipeline([("INCR", "a")] * count)
        self.assertEqual([replies[0].value, replies[-1].value], [1, count])


class SlowReaders(Hostile):
    def slow_reader(self):
        """A connection that the server knows, with a small window and no wish to read."""
        connection = self.tcp()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"PING\r\n")
        self.assertEqual(connection.recv(100), b"+PONG\r\n")
        return connection

    def test_a_client_that_never_reads_holds_back_nobody(self):
        self.client.call("SET", "big", "x" * (8 * MIB))
        connection = self.slow_reader()
        connection.sendall(encode(("GET", "big")) * 8)
        self.assert_serves()
        for _ in range(200):
            self.assertEqual(self.client.call("PING"), b"PONG")

    def test_a_slow_reader_gets_all_in_the_end(self):
        self.client.call("SET", "big", "y" * (2 * MIB))
        connection = self.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.send_raw(encode(("GET", "big")) * 10)
        self.assert_serves()
        for _ in range(10):
            self.assertEqual(len(connection.read().value), 2 * MIB)

    def test_the_hard_output_limit_closes(self):
        self.set_config("client-output-buffer-limit", "normal 4mb 0 0")
        self.client.call("SET", "big", "z" * MIB)
        connection = self.slow_reader()
        before = self.clients_connected()
        connection.sendall(encode(("GET", "big")) * 64)
        wait_until(lambda: self.clients_connected() < before, "the slow client is closed")
        self.assert_serves()

    def test_the_soft_output_limit_closes_after_its_time(self):
        self.set_config("client-output-buffer-limit", "normal 0 1mb 1")
        self.client.call("SET", "big", "z" * MIB)
        connection = self.slow_reader()
        before = self.clients_connected()
        connection.sendall(encode(("GET", "big")) * 32)
        wait_until(lambda: self.clients_connected() < before, "the slow client is closed")

    def send_until_closed(self, *pieces):
        """Sends the pieces in turn, the last one again and again, until the server closes."""
        before = self.clients_connected()
        connection = self.tcp()
        with self.assertRaises(ConnectionError):
            for piece in pieces[:-1]:
                connection.sendall(piece)
            for _ in range(64 * MIB // len(pieces[-1])):
                connection.sendall(pieces[-1])
        wait_until(lambda: self.clients_connected() <= before, "the client is closed")
        self.assert_serves()

    def test_the_query_buffer_limit_counts_a_long_argument(self):
        self.set_config("client-query-buffer-limit", "1mb")
        start = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$%d\r\n" % (100 * MIB)
        self.send_until_closed(start, b"x" * 65536)

    @unittest.skipIf(quoris_is_oracle(), "Redis does not count arguments that are complete")
    def test_the_query_buffer_limit_counts_the_arguments_of_an_unfinished_command(self):
        self.set_config("client-query-buffer-limit", "1mb")
        self.send_until_closed(b"*1000000\r\n", b"$100\r\n%s\r\n" % (b"x" * 100) * 500)

    def test_one_who_pipelines_without_reading_costs_what_it_asked_for(self):
        self.client.call("SET", "value", "v" * 10000)
        connection = self.tcp()
        connection.setblocking(False)
        request, sent = encode(("GET", "value")) * 1000, 0
        end = time.monotonic() + 2
        while time.monotonic() < end and sent < 64 * len(request):
            if not select.select([], [connection], [], 0.2)[1]:
                break
            sent += connection.send(request)
        self.assert_serves()
        # As in Redis without a limit: all replies wait in memory, once.
        self.assertLess(self.server.rss_bytes(), sent // len(encode(("GET", "value"))) * 10000 * 1.4
                        + 64 * MIB)

    def test_monitor_that_never_reads(self):
        self.set_config("client-output-buffer-limit", "normal 2mb 0 0")
        monitor = self.slow_reader()
        monitor.sendall(b"MONITOR\r\n")
        self.assertEqual(monitor.recv(5), b"+OK\r\n")
        before = self.clients_connected()

        def gone():
            self.client.pipeline([("SET", "a", "x" * 1000)] * 2000)
            return self.clients_connected() < before

        wait_until(gone, "the monitor is closed", 30)


class Crowds(Hostile):
    ARGUMENTS = ("--maxclients", "20000", "--tcp-backlog", "4096")

    def test_ten_thousand_connections_opened_and_dropped(self):
        need_files(MANY + 200)
        for turn in range(10):
            batch = [socket.create_connection(("127.0.0.1", self.server.port))
                     for _ in range(MANY // 10)]
            for place, connection in enumerate(batch):
                if place % 3 == 0:
                    connection.sendall(b"*2\r\n$3\r\nGET\r\n$1")
                elif place % 3 == 1:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          b"\x01\x00\x00\x00\x00\x00\x00\x00")
                connection.close()
            self.assertEqual(self.client.call("PING"), b"PONG", turn)
        wait_until(lambda: self.clients_connected() == 1, "the dropped ones are gone", 30)

    @unittest.skipIf(quoris_is_oracle(), "Redis takes about 10 KiB")
    def test_an_idle_connection_takes_less_than_2_kib(self):
        need_files(MANY + 200)
        self.set_config("timeout", "0")
        crowd = []
        self.addCleanup(lambda: [connection.close() for connection in crowd])

        def gather(count):
            for _ in range(count):
                connection = socket.create_connection(("127.0.0.1", self.server.port))
                connection.sendall(b"PING\r\n")
                crowd.append(connection)
            for connection in crowd[-count:]:
                self.assertEqual(connection.recv(100), b"+PONG\r\n")

        gather(500)
        before = self.server.rss_bytes()
        gather(MANY)
        wait_until(lambda: self.clients_connected() == len(crowd) + 1, "all are connected")
        each = (self.server.rss_bytes() - before) / MANY
        self.assertLess(each, IDLE_CONNECTION_BYTES_MAX, f"{each:.0f} bytes a connection")
        self.assert_serves()


class ClientLimit(Hostile):
    ARGUMENTS = ("--maxclients", "20")

    def test_one_too_many_is_told_so_and_closed(self):
        crowd = [self.connect() for _ in range(19)]
        for connection in crowd:
            self.assertEqual(connection.call("PING"), b"PONG")
        extra = self.connect()
        self.assertEqual(extra.read_to_end(), b"-ERR max number of clients reached\r\n")
        crowd[0].close()
        wait_until(lambda: self.clients_connected() == 19, "its place is free")
        self.assert_serves()


class Timeout(Hostile):
    ARGUMENTS = ("--timeout", "1")

    def test_an_idle_client_is_closed_after_the_timeout(self):
        idle = self.connect()
        start = time.monotonic()
        self.assertEqual(idle.read_to_end(), b"")
        self.assertGreater(time.monotonic() - start, 0.9)


del Hostile, ServerTest
