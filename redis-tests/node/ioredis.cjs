// ioredis against a server: node ioredis.cjs <port>. Throws at the first broken expectation.
"use strict";
const assert = require("node:assert/strict");
const Redis = require("ioredis");

async function plainCommands(redis) {
  assert.equal(await redis.ping(), "PONG");
  assert.equal(await redis.set("io:a", "1", "EX", 100), "OK");
  assert.equal(await redis.get("io:a"), "1");
  assert.equal(await redis.incr("io:a"), 2);
  assert.equal(await redis.get("io:absent"), null);
  assert.ok((await redis.ttl("io:a")) > 90);
  await assert.rejects(redis.incrby("io:a", "x"), /ERR value is not an integer/);
  assert.deepEqual(await redis.mget("io:a", "io:absent"), ["2", null]);
  const bytes = Buffer.from([0, 13, 10, 255]);
  await redis.set("io:bin", bytes);
  assert.deepEqual(await redis.getBuffer("io:bin"), bytes);
}

async function pipelineAndMulti(redis) {
  const replies = await redis.pipeline().set("io:p", 1).incr("io:p").get("io:p").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, 2], [null, "2"]]);
  const results = await redis.multi().set("io:m", 5).incrby("io:m", 5).exec();
  assert.deepEqual(results, [[null, "OK"], [null, 10]]);
  await redis.watch("io:m");
  const other = redis.duplicate();
  await other.set("io:m", 1);
  assert.equal(await redis.multi().incr("io:m").exec(), null);
  other.disconnect();
}

async function scanAndMonitor(redis) {
  await redis.mset(Object.fromEntries([...Array(500).keys()].map((i) => [`io:s:${i}`, i])));
  const seen = new Set();
  for await (const keys of redis.scanStream({ match: "io:s:*", count: 50 })) {
    keys.forEach((key) => seen.add(key));
  }
  assert.equal(seen.size, 500);
  const monitor = await redis.monitor();
  const line = new Promise((resolve) => {
    monitor.on("monitor", (time, args) => args[1] === "io:seen" && resolve(args));
  });
  await redis.get("io:seen");
  assert.deepEqual((await line).map(String), ["get", "io:seen"]);
  monitor.disconnect();
}

async function blockingAndPubSub(redis) {
  const waiting = redis.duplicate();
  const popped = waiting.blpop("io:first", "io:queue", 20);
  await redis.rpush("io:queue", "one", "two");
  assert.deepEqual(await popped, ["io:queue", "one"]);
  assert.equal(await redis.lmove("io:queue", "io:done", "LEFT", "RIGHT"), "two");
  assert.equal(await waiting.blpop("io:queue", 0.01), null);
  waiting.disconnect();

  const subscriber = redis.duplicate();
  const received = new Promise((resolve) => {
    const messages = [];
    const take = (...message) => messages.push(message) === 2 && resolve(messages);
    subscriber.on("message", take);
    subscriber.on("pmessage", take);
  });
  assert.equal(await subscriber.subscribe("io:news"), 1);
  assert.equal(await subscriber.psubscribe("io:n*"), 2);
  assert.equal(await redis.publish("io:news", "hello"), 2);
  assert.deepEqual(await received, [
    ["io:news", "hello"],
    ["io:n*", "io:news", "hello"],
  ]);
  assert.equal(await subscriber.unsubscribe("io:news"), 1);
  assert.equal(await subscriber.punsubscribe("io:n*"), 0);
  assert.equal(await subscriber.get("io:absent"), null);
  subscriber.disconnect();
}

async function main() {
  const port = Number(process.argv[2]);
  const redis = new Redis({ host: "127.0.0.1", port, connectionName: "io", db: 2 });
  assert.match(await redis.client("LIST"), /name=io/);
  await plainCommands(redis);
  await pipelineAndMulti(redis);
  await blockingAndPubSub(redis);
  await scanAndMonitor(redis);
  assert.match(await redis.info(), /redis_version:7\.0\.15/);
  assert.equal(await redis.quit(), "OK");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
