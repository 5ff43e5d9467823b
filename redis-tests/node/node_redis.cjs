// node-redis against a server: node node_redis.cjs <port> <2|3>, the protocol. Throws at the first
// broken expectation.
"use strict";
const assert = require("node:assert/strict");
const { createClient, WatchError } = require("redis");

async function plainCommands(client) {
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.set("nr:a", "1", { EX: 100, NX: true }), "OK");
  assert.equal(await client.set("nr:a", "1", { NX: true }), null);
  assert.equal(await client.incr("nr:a"), 2);
  assert.equal(await client.get("nr:absent"), null);
  assert.equal(await client.incrByFloat("nr:a", 0.5), "2.5");
  assert.deepEqual(await client.mGet(["nr:a", "nr:absent"]), ["2.5", null]);
  assert.ok((await client.ttl("nr:a")) > 90);
  await assert.rejects(client.incr("nr:a"), /ERR value is not an integer/);
  assert.deepEqual({ ...(await client.configGet("maxmemory")) }, { maxmemory: "0" });
}

async function transactions(client) {
  const replies = await client.multi().set("nr:m", "5").incr("nr:m").get("nr:m").exec();
  assert.deepEqual(replies, ["OK", 6, "6"]);
  await client.watch("nr:m");
  const other = client.duplicate();
  await other.connect();
  await other.set("nr:m", "1");
  await assert.rejects(client.multi().incr("nr:m").exec(), WatchError);
  other.destroy();
}

async function scan(client) {
  await Promise.all([...Array(500).keys()].map((i) => client.set(`nr:s:${i}`, "x")));
  const seen = new Set();
  for await (const keys of client.scanIterator({ MATCH: "nr:s:*", COUNT: 50 })) {
    [].concat(keys).forEach((key) => seen.add(key));
  }
  assert.equal(seen.size, 500);
}

async function collections(client) {
  assert.equal(await client.hSet("nr:h", { a: "1", b: "2" }), 2);
  assert.deepEqual({ ...(await client.hGetAll("nr:h")) }, { a: "1", b: "2" });
  assert.equal(await client.zAdd("nr:z", [{ score: 2, value: "b" }, { score: 1, value: "a" }]), 2);
  assert.deepEqual(await client.zRangeWithScores("nr:z", 0, -1), [
    { value: "a", score: 1 },
    { value: "b", score: 2 },
  ]);
  assert.equal(await client.sAdd("nr:s", ["1", "2"]), 2);
  assert.deepEqual([...(await client.sMembers("nr:s"))].sort(), ["1", "2"]);
  const waiting = client.duplicate();
  await waiting.connect();
  const popped = waiting.blPop("nr:queue", 20);
  await client.rPush("nr:queue", "job");
  assert.deepEqual({ ...(await popped) }, { key: "nr:queue", element: "job" });
  waiting.destroy();
}

async function pubSub(client) {
  const subscriber = client.duplicate();
  await subscriber.connect();
  const messages = [];
  await new Promise((resolve, reject) => {
    const take = (message, channel) => messages.push([channel, message]) === 3 && resolve();
    subscriber
      .subscribe("nr:news", take)
      .then(() => subscriber.pSubscribe("nr:n*", take))
      .then(() => subscriber.sSubscribe("nr:news", take))
      .then(() => client.publish("nr:news", "hello"))
      .then((receivers) => assert.equal(receivers, 2))
      .then(() => client.sPublish("nr:news", "shard"))
      .then((receivers) => assert.equal(receivers, 1))
      .catch(reject);
  });
  assert.deepEqual(messages, [
    ["nr:news", "hello"],
    ["nr:news", "hello"],
    ["nr:news", "shard"],
  ]);
  await subscriber.unsubscribe("nr:news");
  await subscriber.pUnsubscribe("nr:n*");
  await subscriber.sUnsubscribe("nr:news");
  assert.equal(await client.publish("nr:news", "nobody"), 0);
  subscriber.destroy();
}

async function main() {
  const [port, protocol] = process.argv.slice(2).map(Number);
  const socket = { host: "127.0.0.1", port };
  const client = createClient({ socket, RESP: protocol, name: "nr", database: 3 });
  client.on("error", (error) => {
    throw error;
  });
  await client.connect();
  assert.equal(await client.clientGetName(), "nr");
  await plainCommands(client);
  await transactions(client);
  await scan(client);
  await collections(client);
  await pubSub(client);
  assert.match(await client.info("server"), /redis_version:7\.0\.15/);
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
