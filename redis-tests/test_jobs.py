"""Job queues as Debian packages them, with workers of their own, against the server.

rq keeps results in streams; celery's worker and sidekiq's poller run Lua scripts. Where the server
has no such command, their tests are skipped and say so. Sidekiq has none yet.
"""

import os
import subprocess
import sys
import unittest

try:
    import redis
    import rq
except ImportError:
    rq = None
try:
    import kombu
except ImportError:
    kombu = None
try:
    import celery
except ImportError:
    celery = None

import job_tasks
from harness import ServerTest, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 60


def output_of(process):
    return process.communicate(timeout=DEADLINE_S)[0]


class JobTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.url = f"redis://127.0.0.1:{self.server.port}/0"

    def need(self, command, reason):
        if self.client.call("COMMAND", "INFO", command) == [None]:
            self.skipTest(reason)

    def start_worker(self, *arguments):
        """A process of this Python; it sees job_tasks.py."""
        worker = subprocess.Popen(
            [sys.executable, *arguments], cwd=self.server.folder, text=True,
            env={**os.environ, "PYTHONPATH": HERE, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(worker.stdout.close)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker


@unittest.skipIf(rq is None, "python3-rq is not installed")
class Rq(JobTest):
    def setUp(self):
        super().setUp()
        self.need("XADD", "rq keeps results in streams, the server has none")
        self.redis = redis.Redis.from_url(self.url, socket_timeout=DEADLINE_S)
        self.addCleanup(self.redis.close)
        self.queue = rq.Queue("numbers", connection=self.redis)

    def work_off(self):
        """Until the queue is empty, by the program that users start."""
        worker = self.start_worker("-m", "rq.cli", "worker", "--burst", "--url", self.url,
                                   "numbers")
        text = output_of(worker)
        self.assertEqual(worker.returncode, 0, text)

    def test_a_job_and_its_result(self):
        job = self.queue.enqueue(job_tasks.add, 1, 2, 3)
        self.assertEqual(job.get_status(), "queued")
        self.assertEqual(self.queue.job_ids, [job.id])
        self.work_off()
        self.assertEqual(job.get_status(), "finished")
        self.assertEqual(job.result, 6)
        self.assertEqual(self.queue.finished_job_registry.get_job_ids(), [job.id])
        self.assertEqual(len(self.queue), 0)

    def test_jobs_that_fail_or_wait_for_others(self):
        first = self.queue.enqueue(job_tasks.add, 1, 1)
        second = self.queue.enqueue(job_tasks.add, 2, 2, depends_on=first)
        failing = self.queue.enqueue(job_tasks.fail, "as it should")
        self.assertEqual(second.get_status(), "deferred")
        self.work_off()
        self.assertEqual(second.result, 4)
        self.assertEqual(failing.get_status(refresh=True), "failed")
        failing.refresh()
        self.assertIn("as it should", failing.exc_info)
        self.assertEqual(self.queue.failed_job_registry.get_job_ids(), [failing.id])
        failing.requeue()
        self.assertEqual(self.queue.job_ids, [failing.id])


@unittest.skipIf(kombu is None, "python3-kombu is not installed")
class Kombu(JobTest):
    def setUp(self):
        super().setUp()
        self.connection = kombu.Connection(self.url)
        self.addCleanup(self.connection.release)

    def test_messages_are_acknowledged(self):
        queue = self.connection.SimpleQueue("parcels")
        self.addCleanup(queue.close)
        for number in range(3):
            queue.put({"number": number})
        self.assertEqual(queue.qsize(), 3)
        message = queue.get(timeout=DEADLINE_S)
        self.assertEqual(message.payload, {"number": 0})
        self.assertEqual(self.client.call("HLEN", "unacked"), 1)
        self.assertEqual(self.client.call("ZCARD", "unacked_index"), 1)
        message.ack()
        self.assertEqual(self.client.call("EXISTS", "unacked", "unacked_index"), 0)
        queue.get(timeout=DEADLINE_S).requeue()
        numbers = [queue.get(timeout=DEADLINE_S).payload["number"] for _ in range(2)]
        self.assertEqual(sorted(numbers), [1, 2])

    def test_a_consumer_that_dies_leaves_its_messages(self):
        with kombu.Connection(self.url) as other:
            queue = other.SimpleQueue("parcels")
            queue.put("one")
            self.assertEqual(queue.get(timeout=DEADLINE_S).payload, "one")
        again = self.connection.SimpleQueue("parcels")
        self.addCleanup(again.close)
        self.assertEqual(again.get(timeout=DEADLINE_S).payload, "one")

    def test_topics_and_broadcasts(self):
        received = []

        def take(body, message):
            received.append((body, message.delivery_info["routing_key"]))
            message.ack()

        topics = kombu.Exchange("events", "topic")
        news = kombu.Exchange("news", "fanout")
        queues = [kombu.Queue("users", topics, "user.*"), kombu.Queue("all", topics, "#"),
                  kombu.Queue("readers", news)]
        with self.connection.Consumer(queues, callbacks=[take]):
            producer = self.connection.Producer()
            # A broadcast reaches those who are subscribed by then: when a consumer first drains.
            producer.publish("hello", exchange=topics, routing_key="user.new")
            self.drain_until(lambda: len(received) == 2)
            wait_until(lambda: self.client.call("PUBSUB", "NUMPAT"), "kombu has subscribed")
            producer.publish("extra", exchange=news, routing_key="")
            self.drain_until(lambda: len(received) == 3)
        self.assertEqual(sorted(received),
                         [("extra", ""), ("hello", "user.new"), ("hello", "user.new")])

    def drain_until(self, holds):
        while not holds():
            self.connection.drain_events(timeout=DEADLINE_S)


@unittest.skipIf(celery is None, "python3-celery is not installed")
class Celery(JobTest):
    def test_a_task_and_its_result(self):
        self.need("EVALSHA", "celery's worker takes a lock by a script, the server has none")
        with open(os.path.join(self.server.folder, "celery_tasks.py"), "w") as module:
            module.write("import celery, job_tasks\n"
                         f"app = celery.Celery('tasks', broker={self.url!r},"
                         f" backend={self.url!r})\n"
                         "add = app.task(job_tasks.add, name='add')\n"
                         "fail = app.task(job_tasks.fail, name='fail')\n")
        self.start_worker("-m", "celery", "-A", "celery_tasks", "worker", "--pool", "solo",
                          "--loglevel", "WARNING")
        app = celery.Celery("asker", broker=self.url, backend=self.url)
        self.addCleanup(app.close)
        results = [app.send_task("add", (number, 1)) for number in range(10)]
        self.assertEqual([result.get(timeout=DEADLINE_S) for result in results],
                         list(range(1, 11)))
        failed = app.send_task("fail", ("as it should",))
        with self.assertRaisesRegex(ValueError, "as it should"):
            failed.get(timeout=DEADLINE_S)
        later = app.send_task("add", (20, 22), countdown=0.2)
        self.assertEqual(later.get(timeout=DEADLINE_S), 42)
        wait_until(lambda: not self.client.call("EXISTS", "unacked", "celery"), "all is acked")
        for result in (*results, failed, later):
            result.forget()


del JobTest
