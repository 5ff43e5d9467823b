// The cluster client of node-redis: node node_redis_cluster.cjs <port> <masters>.
// Throws at the first broken expectation.
"use strict";
const assert = require("node:assert/strict");
const { createCluster } = require("redis");

async function main(port, masters) {
  const cluster = createCluster({ rootNodes: [{ socket: { host: "127.0.0.1", port } }] });
  cluster.on("error", (error) => { throw error; });
  await cluster.connect();
  assert.equal(await cluster.set("nr:cluster", "1"), "OK");
  assert.equal(await cluster.incr("nr:cluster"), 2);
  const keys = [...Array(200).keys()].map((number) => `nr:c:${number}`);
  await Promise.all(keys.map((key) => cluster.set(key, key)));
  assert.deepEqual(await Promise.all(keys.map((key) => cluster.get(key))), keys);
  assert.equal(cluster.masters.length, masters);
  assert.equal(cluster.slots.length, 16384);
  await cluster.destroy();
}

main(Number(process.argv[2]), Number(process.argv[3])).catch((error) => {
  console.error(error);
  process.exit(1);
});
