// The cluster client of ioredis: node ioredis_cluster.cjs <port> <masters>.
// Throws at the first broken expectation.
"use strict";
const assert = require("node:assert/strict");
const Redis = require("ioredis");

async function main(port, masters) {
  const cluster = new Redis.Cluster([{ host: "127.0.0.1", port }]);
  assert.equal(await cluster.set("io:cluster", "1"), "OK");
  assert.equal(await cluster.incr("io:cluster"), 2);
  const keys = [...Array(200).keys()].map((number) => `io:c:${number}`);
  await Promise.all(keys.map((key) => cluster.set(key, key)));
  assert.deepEqual(await Promise.all(keys.map((key) => cluster.get(key))), keys);
  assert.equal(cluster.nodes("master").length, masters);
  const results = await cluster.multi().set("{io}a", 5).incrby("{io}a", 5).exec();
  assert.deepEqual(results, [[null, "OK"], [null, 10]]);
  cluster.disconnect();
}

main(Number(process.argv[2]), Number(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
