"""python3-redis, as Debian packages it, against the server."""

import unittest

try:
    import redis
except ImportError:
    redis = None

from harness import ServerTest, quoris_is_oracle


@unittest.skipIf(redis is None, "python3-redis is not installed")
class PythonRedis(ServerTest):
    def setUp(self):
        super().setUp()
        self.redis = self.connect_redis(decode_responses=True)

    def connect_redis(self, **options):
        client = redis.Redis("127.0.0.1", self.server.port, socket_timeout=20, **options)
        self.addCleanup(client.close)
        return client

    def test_strings_and_keys(self):
        self.assertTrue(self.redis.set("a", "1", ex=100))
        self.assertEqual(self.redis.get("a"), "1")
        self.assertEqual(self.redis.incr("a", 5), 6)
        self.assertIsNone(self.redis.get("absent"))
        self.assertGreater(self.redis.ttl("a"), 90)
        self.assertEqual(self.redis.set("a", "2", get=True), "6")
        self.assertIsNone(self.redis.set("a", "3", nx=True))
        self.assertEqual(self.redis.mget("a", "absent"), ["2", None])
        self.assertEqual(self.redis.delete("a", "absent"), 1)
        self.assertEqual(self.redis.getex("absent"), None)
        self.assertAlmostEqual(self.redis.incrbyfloat("f", 1.5), 1.5)

    def test_bytes_survive(self):
        plain = self.connect_redis()
        value = bytes(range(256))
        plain.set(value, value)
        self.assertEqual(plain.get(value), value)

    def test_pipeline_is_a_transaction(self):
        with self.redis.pipeline() as pipe:
            replies = pipe.set("a", 1).incr("a").get("a").execute()
        self.assertEqual(replies, [True, 2, "2"])
        with self.redis.pipeline() as pipe:
            pipe.set("a", "x").incr("a").set("b", 1)
            with self.assertRaisesRegex(redis.ResponseError, "not an integer"):
                pipe.execute()
        self.assertEqual(self.redis.get("b"), "1")

    def test_pipeline_without_transaction(self):
        with self.redis.pipeline(transaction=False) as pipe:
            for _ in range(1000):
                pipe.incr("a")
            self.assertEqual(pipe.execute(), list(range(1, 1001)))

    def test_watch(self):
        self.redis.set("a", 1)

        def add(pipe):
            value = int(pipe.get("a"))
            pipe.multi()
            pipe.set("a", value + 1)

        self.assertEqual(self.redis.transaction(add, "a"), [True])
        with self.redis.pipeline() as pipe:
            pipe.watch("a")
            self.redis.set("a", 100)
            pipe.multi()
            pipe.incr("a")
            with self.assertRaises(redis.WatchError):
                pipe.execute()

    def test_scan_iter(self):
        self.redis.mset({f"k:{i}": i for i in range(2000)})
        self.redis.set("other", 1)
        self.assertEqual(len(set(self.redis.scan_iter("k:*", count=100))), 2000)

    def test_server_commands_parse(self):
        info = self.redis.info()
        self.assertEqual(info["redis_version"], "7.0.15")
        if not quoris_is_oracle():
            self.assertIn("quoris_version", info)
        self.assertGreater(info["used_memory"], 0)
        self.assertEqual(self.redis.config_get("maxmemory"), {"maxmemory": "0"})
        self.assertTrue(self.redis.config_set("maxmemory", 0))
        self.redis.client_setname("me")
        self.assertIn("me", [client["name"] for client in self.redis.client_list()])
        self.assertGreater(self.redis.client_id(), 0)
        self.assertEqual(len(self.redis.time()), 2)
        self.assertIn("get", self.redis.command())
        self.assertIsInstance(self.redis.slowlog_get(), list)
        self.assertIsInstance(self.redis.memory_stats(), dict)
        self.redis.set("a", "text")
        self.assertEqual(self.redis.object("encoding", "a"), "embstr")
        self.assertGreater(self.redis.memory_usage("a"), 0)
        self.assertEqual(self.redis.dbsize(), 1)

    def test_monitor(self):
        with self.redis.monitor() as monitor:
            self.redis.set("seen", "a b")
            for command in monitor.listen():
                if "seen" in command["command"]:
                    break
        self.assertEqual(command["command"], "SET seen a b")
        self.assertEqual(command["db"], 0)
        self.assertEqual(command["client_type"], "tcp")

    def test_databases_and_reconnection(self):
        other = self.connect_redis(db=5, decode_responses=True)
        other.set("a", "five")
        self.assertIsNone(self.redis.get("a"))
        self.redis.client_kill_filter(_type="normal", skipme=True)
        self.assertEqual(other.get("a"), "five")
