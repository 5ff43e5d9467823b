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
  assert.match(await client.info("server"), /redis_version:7\.0\.15/);
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
