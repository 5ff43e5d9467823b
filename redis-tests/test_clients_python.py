"""python3-redis, as Debian packages it, against the server."""

import threading
import unittest

try:
    import redis
except ImportError:
    redis = None

from harness import ServerTest, quoris_is_oracle, wait_until


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

    def test_hashes_and_sets(self):
        self.assertEqual(self.redis.hset("h", mapping={"a": 1, "b": "two"}), 2)
        self.assertEqual(self.redis.hgetall("h"), {"a": "1", "b": "two"})
        self.assertEqual(self.redis.hmget("h", "a", "c"), ["1", None])
        self.assertAlmostEqual(self.redis.hincrbyfloat("h", "a", 0.5), 1.5)
        self.redis.hset("large", mapping={f"f{i}": i for i in range(1000)})
        self.assertEqual(len(dict(self.redis.hscan_iter("large", count=100))), 1000)
        self.assertEqual(self.redis.sadd("s", 1, 2, "x"), 3)
        self.redis.sadd("t", 2, 3)
        self.assertEqual(self.redis.sinter("s", "t"), {"2"})
        self.assertEqual(self.redis.sunionstore("u", "s", "t"), 4)
        self.assertEqual(self.redis.smismember("u", ["x", "y"]), [1, 0])
        self.assertEqual(set(self.redis.sscan_iter("u")), {"1", "2", "3", "x"})
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.redis.sadd("h", "x")

    def test_sorted_sets(self):
        self.assertEqual(self.redis.zadd("z", {"a": 1, "b": 2.5, "c": float("inf")}), 3)
        self.assertEqual(self.redis.zrange("z", 0, -1, withscores=True),
                         [("a", 1.0), ("b", 2.5), ("c", float("inf"))])
        self.assertEqual(self.redis.zrangebyscore("z", "(1", 3), ["b"])
        self.assertEqual(self.redis.zrank("z", "b"), 1)
        self.assertEqual(self.redis.zadd("z", {"a": 7}, gt=True, ch=True), 1)
        self.assertEqual(self.redis.zpopmin("z"), [("b", 2.5)])
        self.assertEqual(self.redis.bzpopmin("z", timeout=1), ("z", "a", 7.0))
        self.assertEqual(self.redis.zmscore("z", ["c", "d"]), [float("inf"), None])

    def test_lists_and_waiting(self):
        self.assertEqual(self.redis.rpush("l", "a", "b", "c"), 3)
        self.assertEqual(self.redis.lrange("l", 0, -1), ["a", "b", "c"])
        self.assertEqual(self.redis.lpos("l", "b"), 1)
        self.assertEqual(self.redis.lmove("l", "m", "RIGHT", "LEFT"), "c")
        self.assertEqual(self.redis.blpop(["none", "l"], timeout=1), ("l", "a"))
        self.assertIsNone(self.redis.blpop("none", timeout=0.01))
        popped = []
        waiting = threading.Thread(
            target=lambda: popped.append(self.connect_redis(decode_responses=True).brpop("q", 20)))
        waiting.start()
        wait_until(lambda: self.redis.info()["blocked_clients"], "a client waits")
        self.redis.lpush("q", "job")
        waiting.join()
        self.assertEqual(popped, [("q", "job")])

    def test_pub_sub(self):
        with self.redis.pubsub() as pubsub:
            pubsub.subscribe("news")
            pubsub.psubscribe("n*")
            self.assertEqual([pubsub.get_message(timeout=20)["type"] for _ in range(2)],
                             ["subscribe", "psubscribe"])
            self.assertEqual(self.redis.publish("news", "hello"), 2)
            received = [pubsub.get_message(timeout=20) for _ in range(2)]
            self.assertEqual([message["type"] for message in received], ["message", "pmessage"])
            self.assertEqual({message["data"] for message in received}, {"hello"})
            self.assertEqual(self.redis.pubsub_numsub("news"), [("news", 1)])
            pubsub.unsubscribe()
            self.assertEqual(pubsub.get_message(timeout=20)["type"], "unsubscribe")
            self.assertEqual(self.redis.publish("news", "again"), 1)

    def test_keyspace_events(self):
        self.redis.config_set("notify-keyspace-events", "KEA")
        self.addCleanup(self.redis.config_set, "notify-keyspace-events", "")
        with self.redis.pubsub() as pubsub:
            pubsub.psubscribe("__keyspace@0__:*")
            self.assertEqual(pubsub.get_message(timeout=20)["type"], "psubscribe")
            self.redis.rpush("l", "a")
            message = pubsub.get_message(timeout=20)
            self.assertEqual((message["channel"], message["data"]), ("__keyspace@0__:l", "rpush"))

    def test_pipelines_of_collections(self):
        with self.redis.pipeline(transaction=False) as pipe:
            for i in range(500):
                pipe.hset("h", f"f{i}", i).zadd("z", {f"m{i}": i}).rpush("l", i).sadd("s", i)
            self.assertEqual(len(pipe.execute()), 2000)
            pipe.hlen("h").zcard("z").llen("l").scard("s")
            self.assertEqual(pipe.execute(), [500] * 4)
