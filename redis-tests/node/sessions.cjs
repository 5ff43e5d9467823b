// connect-redis, the session store of express, against a server: node sessions.cjs <port>. Throws
// at the first broken expectation.
"use strict";
const assert = require("node:assert/strict");
const { promisify } = require("node:util");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

const session = (user) => ({ user, cookie: { originalMaxAge: null } });

async function main() {
  const socket = { host: "127.0.0.1", port: Number(process.argv[2]) };
  const client = createClient({ socket });
  client.on("error", (error) => {
    throw error;
  });
  await client.connect();
  const store = new RedisStore({ client, prefix: "sess:", ttl: 1000 });
  const call = (name, ...words) => promisify(store[name].bind(store))(...words);

  await call("set", "one", session("ada"));
  assert.deepEqual(await call("get", "one"), session("ada"));
  assert.ok((await client.ttl("sess:one")) > 900);
  assert.equal(await call("get", "absent"), null);

  await client.expire("sess:one", 10);
  await call("touch", "one", session("ada"));
  assert.ok((await client.ttl("sess:one")) > 900);

  for (let i = 0; i < 300; ++i) await call("set", `s${i}`, session(`user ${i}`));
  assert.equal(await call("length"), 301);
  assert.equal((await call("ids")).length, 301);
  const users = (await call("all")).map(({ id, user }) => `${id} ${user}`);
  assert.ok(users.includes("s7 user 7"));

  await call("destroy", "one");
  assert.equal(await call("get", "one"), null);
  await call("clear");
  assert.equal(await call("length"), 0);
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
