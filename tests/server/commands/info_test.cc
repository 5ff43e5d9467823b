#include <catch2/catch.hpp>

#include "server/monitoring/info_sections.h"
#include "server/monitoring/memory_figures.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

// The text of a bulk reply.
std::string info(TestClient& client, std::string_view section) {
  const std::string reply = client.ask({"INFO", section});
  const size_t start = reply.find("\r\n") + 2;
  return reply.substr(start, reply.size() - start - 2);
}

// The value of a field; empty if it isn't there.
std::string field(const std::string& text, std::string_view name) {
  const std::string wanted = fmt::format("\r\n{}:", name);
  const size_t at = text.find(wanted);
  if (at == std::string::npos) return {};
  const size_t start = at + wanted.size();
  return text.substr(start, text.find("\r\n", start) - start);
}

TEST_CASE("INFO: sections by name, whatever the case, in their own order, each once", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(info(client, "CLUSTER") == "# Cluster\r\ncluster_enabled:0\r\n");
  CHECK(info(client, "module_list") == "# Modules\r\n");
  CHECK(client.ask({"INFO", "nosuch"}) == "$0\r\n\r\n");
  CHECK(client.ask({"INFO", "keyspace", "cluster", "keyspace"}) ==
        "$44\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n\r\n");
}

TEST_CASE("INFO: without arguments all but the figures by command", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  const std::string text = client.ask({"INFO"});
  CHECK(text.find("# Server\r\n") != std::string::npos);
  CHECK(text.find("# Keyspace\r\n") != std::string::npos);
  CHECK(text.find("# Commandstats") == std::string::npos);
  CHECK(text.find("# Latencystats") == std::string::npos);
  CHECK(info(client, "everything").find("# Latencystats") != std::string::npos);
  CHECK(info(client, "all").find("# Commandstats") != std::string::npos);
  CHECK(info(client, "default").find("# Commandstats") == std::string::npos);
}

TEST_CASE("INFO: a text of its own kind in RESP3", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.session().protocol = resp::Protocol::resp3;
  CHECK(client.ask({"INFO", "cluster"}) == "=34\r\ntxt:# Cluster\r\ncluster_enabled:0\r\n\r\n");
}

TEST_CASE("INFO server: version, ids, time", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  node.advance_ms(90'000);
  const std::string text = info(client, "server");
  CHECK(field(text, "redis_version") == "7.0.15");
  CHECK(field(text, "quoris_version") == QUORIS_VERSION);
  CHECK(field(text, "run_id") == node.node().run_id());
  CHECK(field(text, "process_id") == "42");
  CHECK(field(text, "tcp_port") == "6379");
  CHECK(field(text, "uptime_in_seconds") == "90");
  CHECK(field(text, "executable") == "/usr/bin/quoris");
}

TEST_CASE("INFO clients and stats: what happened is counted", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  TestClient blocked = node.connect();
  blocked.ask({"WAIT", "1", "1000"});
  client.ask({"SET", "k", "v"});
  client.ask({"GET", "k"});
  client.ask({"GET", "nosuch"});
  client.ask({"NOSUCH"});
  const std::string clients = info(client, "clients");
  CHECK(field(clients, "connected_clients") == "2");
  CHECK(field(clients, "blocked_clients") == "1");
  CHECK(field(clients, "clients_in_timeout_table") == "1");
  CHECK(field(clients, "maxclients") == "10000");
  const std::string stats = info(client, "stats");
  CHECK(field(stats, "total_connections_received") == "2");
  CHECK(field(stats, "keyspace_hits") == "1");
  CHECK(field(stats, "keyspace_misses") == "1");
  CHECK(field(stats, "total_error_replies") == "1");
  CHECK(field(stats, "expired_backlog") == "0");
  CHECK(field(info(client, "persistence"), "rdb_changes_since_last_save") == "1");
}

TEST_CASE("INFO clients: the largest buffers of the last eight seconds", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.send_all("*2\r\n$4\r\nECHO\r\n$1000000\r\n" + std::string(1'000'000, 'x') + "\r\n");
  client.received();
  const auto recent = [&](std::string_view which) {
    const std::string clients = info(client, "clients");
    return std::stoull(field(clients, fmt::format("client_recent_max_{}_buffer", which)));
  };
  for (int seconds = 0; seconds < 7; ++seconds) {
    CHECK(recent("input") >= 1'000'000);
    CHECK(recent("output") >= 1'000'000);
    node.advance_ms(1'000);
  }
  client.ask({"CONFIG", "RESETSTAT"});
  CHECK(recent("input") >= 1'000'000);
  node.advance_ms(1'500);
  CHECK(recent("input") < 100'000);
  CHECK(recent("output") < 100'000);
}

TEST_CASE("INFO stats: what has expired and waits, and who was not served", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  node.node().active_expire = false;
  for (int i = 0; i < 3000; ++i) client.ask({"SET", fmt::format("a{}", i), "v", "PX", "100"});
  for (int i = 0; i < 1000; ++i) client.ask({"SET", fmt::format("b{}", i), "v", "PX", "9000000"});
  CHECK(field(info(client, "stats"), "expired_stale_perc") == "0.00");
  node.advance_ms(3'000);
  const double stale = std::stod(field(info(client, "stats"), "expired_stale_perc"));
  CHECK(stale > 60);
  CHECK(stale < 90);
  node.node().active_expire = true;
  node.advance_ms(2'000);
  CHECK(std::stod(field(info(client, "stats"), "expired_stale_perc")) < 1);
  CHECK(field(info(client, "stats"), "expired_time_cap_reached_count") == "0");
  node.node().on_unserved();
  CHECK(field(info(client, "stats"), "connections_unserved") == "1");
}

TEST_CASE("INFO stats: how long memory has been past its limit", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  const auto time = [&](std::string_view which) {
    const std::string stats = info(client, "stats");
    return std::stoi(field(stats, fmt::format("{}_eviction_exceeded_time", which)));
  };
  REQUIRE(node.set("maxmemory", "2mb"));
  node.advance_ms(1'000);
  CHECK(time("total") == 0);
  node.host().heap_bytes = 3'000'000;
  node.advance_ms(3'000);
  CHECK(time("current") >= 2'800);
  CHECK(time("current") <= 3'000);
  CHECK(time("total") == time("current"));
  node.host().heap_bytes = 1'000'000;
  node.advance_ms(1'000);
  CHECK(time("current") == 0);
  CHECK(time("total") >= 2'800);
  CHECK(time("total") <= 3'200);
}

TEST_CASE("INFO stats: slices of the active expiry that time ended", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  for (int i = 0; i < 5000; ++i) client.ask({"SET", fmt::format("k{}", i), "v", "PX", "100"});
  const auto reached = [&] {
    return std::stoi(field(info(client, "stats"), "expired_time_cap_reached_count"));
  };
  CHECK(reached() == 0);
  node.clock().set_cost_of_look(600);
  node.advance_ms(1'000);
  node.clock().set_cost_of_look(0);
  const int before_the_end = reached();
  CHECK(before_the_end > 1);
  node.advance_ms(1'000);
  CHECK(client.ask({"DBSIZE"}) == ":0\r\n");
  CHECK(reached() == before_the_end);
  client.ask({"CONFIG", "RESETSTAT"});
  CHECK(reached() == 0);
}

TEST_CASE("CONFIG RESETSTAT: the peak of the memory and its time stay, counts go", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  node.host().heap_bytes = 9'000'000;
  node.advance_ms(1'000);
  node.host().heap_bytes = 2'000'000;
  const LastingStats& lasting = node.node().stats().lasting;
  const int64_t peak_at_s = lasting.peak_memory_at_s;
  client.send("FLUSHALL\r\nSET k v\r\nFLUSHALL ASYNC\r\n");
  node.turn();
  node.advance_ms(1'000);
  CHECK(field(info(client, "memory"), "lazyfreed_objects") == "1");
  node.advance_ms(5'000);
  client.ask({"CONFIG", "RESETSTAT"});
  CHECK(lasting.peak_memory == 9'000'000);
  CHECK(lasting.peak_memory_at_s == peak_at_s);
  CHECK(field(info(client, "memory"), "lazyfreed_objects") == "0");
  CHECK(field(info(client, "stats"), "total_connections_received") == "0");
}

TEST_CASE("INFO keyspace: keys, those with an expiry, their mean time to live", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(info(client, "keyspace") == "# Keyspace\r\n");
  client.ask({"SET", "a", "v"});
  client.ask({"SET", "b", "v", "PX", "20000"});
  client.ask({"SET", "c", "v", "PX", "40000"});
  client.ask({"SELECT", "7"});
  client.ask({"SET", "a", "v"});
  CHECK(info(client, "keyspace") ==
        "# Keyspace\r\ndb0:keys=3,expires=2,avg_ttl=30000\r\ndb7:keys=1,expires=0,avg_ttl=0\r\n");
}

TEST_CASE("INFO commandstats, errorstats, latencystats: by full name and by code", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  client.ask({"SET", "k", "v"});
  client.ask({"INCR", "k"});
  client.ask({"GET"});
  client.ask({"CLIENT", "ID"});
  const std::string commands = info(client, "commandstats");
  CHECK(field(commands, "cmdstat_incr").find("calls=1,usec=") == 0);
  CHECK(field(commands, "cmdstat_incr").find("rejected_calls=0,failed_calls=1") !=
        std::string::npos);
  CHECK(field(commands, "cmdstat_get") ==
        "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0");
  CHECK(field(commands, "cmdstat_client|id").find("calls=1,") == 0);
  CHECK(field(commands, "cmdstat_mget").empty());
  CHECK(info(client, "errorstats") == "# Errorstats\r\nerrorstat_ERR:count=2\r\n");

  const command::Command* set = node.node().commands().find("set");
  Histogram& latency = *node.node().stats().commands[set->index].latency;
  latency.reset();
  latency.record(15);
  CHECK(field(info(client, "latencystats"), "latency_percentiles_usec_set") ==
        "p50=0.015,p99=0.015,p99.9=0.015");
}

TEST_CASE("INFO memory: figures add up, and are MEMORY STATS's", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  node.host().heap_bytes = 5'000'000;
  const std::string text = info(client, "memory");
  CHECK(field(text, "used_memory") == "5000000");
  CHECK(field(text, "used_memory_human") == "4.77M");
  CHECK(field(text, "used_memory_peak") == "5000000");
  CHECK(field(text, "used_memory_startup") == "1000000");
  CHECK(field(text, "used_memory_rss") == "10000000");
  CHECK(field(text, "mem_fragmentation_ratio") == "2.00");
  CHECK(field(text, "maxmemory_policy") == "noeviction");
  const int64_t overhead = std::stoll(field(text, "used_memory_overhead"));
  const int64_t dataset = std::stoll(field(text, "used_memory_dataset"));
  CHECK(overhead + dataset == 5'000'000);
  CHECK(overhead >= 1'000'000);
  const std::string stats = client.ask({"MEMORY", "STATS"});
  CHECK(stats.find("$15\r\ntotal.allocated\r\n:5000000\r\n") != std::string::npos);
  CHECK(stats.substr(0, 5) == "*54\r\n");  // 27 pairs, no database has keys
  client.ask({"SET", "k", "v"});
  CHECK(client.ask({"MEMORY", "STATS"}).substr(0, 5) == "*56\r\n");
}

TEST_CASE("memory figures: bytes for people", "[server]") {
  CHECK(human_bytes(0) == "0B");
  CHECK(human_bytes(1023) == "1023B");
  CHECK(human_bytes(1024) == "1.00K");
  CHECK(human_bytes(916616) == "895.13K");
  CHECK(human_bytes(25276510208) == "23.54G");
  CHECK(human_bytes(UINT64_MAX) == "16.00E");
}

TEST_CASE("MEMORY USAGE: the key's own bytes, and nothing without a key", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"MEMORY", "USAGE", "k"}) == "$-1\r\n");
  client.ask({"SET", "k", std::string(10'000, 'x')});
  const std::string usage = client.ask({"MEMORY", "USAGE", "k", "SAMPLES", "0"});
  REQUIRE(usage[0] == ':');
  CHECK(std::stoll(usage.substr(1)) >= 10'000);
  CHECK(std::stoll(usage.substr(1)) < 13'000);
  client.ask({"PEXPIRE", "k", "1"});
  node.node().active_expire = false;
  node.advance_ms(10);
  CHECK(client.ask({"MEMORY", "USAGE", "k"}) == "$-1\r\n");
  CHECK(client.ask({"MEMORY", "USAGE", "k", "SAMPLES", "-1"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"MEMORY", "USAGE", "k", "SAMPLES", "x"}) ==
        "-ERR value is not an integer or out of range\r\n");
}

TEST_CASE("MEMORY PURGE and DOCTOR: the allocator is told, the report is about this node",
          "[server]") {
  TestNode node;
  TestClient client = node.connect();
  CHECK(client.ask({"MEMORY", "PURGE"}) == "+OK\r\n");
  CHECK(node.host().purges == 1);
  CHECK(client.ask({"MEMORY", "DOCTOR"}).find("nothing to examine") != std::string::npos);
  node.host().heap_bytes = 100'000'000;
  CHECK(client.ask({"MEMORY", "DOCTOR"}).find("In use 95.37M") != std::string::npos);
  REQUIRE(node.set("maxmemory", "104857600"));
  CHECK(client.ask({"MEMORY", "DOCTOR"}).find("- Near the limit: 95.37M of maxmemory 100.00M") !=
        std::string::npos);
  node.host().heap_bytes = 20'000'000;
  CHECK(client.ask({"MEMORY", "DOCTOR"}).find("- The peak was 95.37M") != std::string::npos);
}

}  // namespace
}  // namespace quoris::server
