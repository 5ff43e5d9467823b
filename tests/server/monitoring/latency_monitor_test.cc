#include "server/monitoring/latency_monitor.h"

#include <catch2/catch.hpp>

#include "server/monitoring/latency_report.h"
#include "tests/server/node_fixture.h"

namespace quoris::server {
namespace {

TEST_CASE("latency monitor: only spikes from the threshold on are kept", "[server]") {
  LatencyMonitor monitor;
  monitor.note("command", 500, 0, 1);
  monitor.note("command", 9, 10, 1);
  CHECK(monitor.events().empty());
  monitor.note("command", 10, 10, 1);
  CHECK(monitor.events().size() == 1);
}

TEST_CASE("latency monitor: of one second the worst spike stays", "[server]") {
  LatencyMonitor monitor;
  for (const uint64_t ms : {20U, 50U, 30U}) monitor.note("command", ms, 10, 7);
  monitor.note("command", 15, 10, 8);
  const LatencySeries& series = monitor.events().at("command");
  REQUIRE(series.samples().size() == 2);
  CHECK(series.samples()[0].latency_ms == 50);
  CHECK(series.samples()[1].latency_ms == 15);
  CHECK(series.max_ms() == 50);
}

TEST_CASE("latency monitor: the last 160 spikes of an event are kept, and its worst", "[server]") {
  LatencyMonitor monitor;
  for (int64_t second = 0; second < 200; ++second) {
    monitor.note("command", second == 3 ? 9000 : 20, 10, second);
  }
  const std::vector<LatencySample> samples = monitor.events().at("command").samples();
  REQUIRE(samples.size() == LatencySeries::kSamples);
  CHECK(samples.front().time_s == 40);
  CHECK(samples.back().time_s == 199);
  CHECK(monitor.events().at("command").max_ms() == 9000);
}

TEST_CASE("latency monitor: reset drops one event or all, and says how many", "[server]") {
  LatencyMonitor monitor;
  monitor.note("command", 20, 10, 1);
  monitor.note("fast-command", 20, 10, 1);
  CHECK(monitor.reset("nosuch") == 0);
  CHECK(monitor.reset("command") == 1);
  CHECK(monitor.reset() == 1);
  CHECK(monitor.events().empty());
}

TEST_CASE("latency graph: bars grow from the smallest spike to the largest", "[server]") {
  // What redis-server 7.0.15 drew of these spikes.
  LatencySeries series;
  const int64_t times[] = {25, 26, 28, 29, 30, 34, 35, 36};
  const uint32_t spikes[] = {20, 50, 120, 30, 80, 200, 15, 45};
  for (size_t i = 0; i < 8; ++i) series.add(times[i], spikes[i]);
  CHECK(latency_graph("command", series, 38) ==
        "command - high 200 ms, low 15 ms (all time high 200 ms)\n"
        "--------------------------------------------------------------------------------\n"
        "     #  \n"
        "  _  |  \n"
        "  | o|  \n"
        "_#|_||_o\n"
        "        \n"
        "11198432\n"
        "320sssss\n"
        "sss     \n");
}

TEST_CASE("latency graph: equal spikes lie on the ground, ages grow to minutes, hours, days",
          "[server]") {
  LatencySeries series;
  const int64_t now_s = 1'000'000;
  for (const int64_t age : {2 * 86400, 3600, 60, 59}) series.add(now_s - age, 50);
  const std::string graph = latency_graph("e", series, now_s);
  CHECK(graph.find("____\n    \n2115\ndhm9\n   s\n") != std::string::npos);
}

TEST_CASE("latency graph: 80 columns, then a second strip", "[server]") {
  LatencySeries series;
  for (int64_t second = 0; second < 100; ++second) {
    series.add(second, static_cast<uint32_t>(10 + second));
  }
  const std::string graph = latency_graph("e", series, 100);
  size_t widest = 0;
  size_t lines = 0;
  for (size_t at = 0; at < graph.size(); ++lines) {
    const size_t end = graph.find('\n', at);
    widest = std::max(widest, end - at);
    at = end + 1;
  }
  CHECK(widest == 80);
  // Title and rule; bars, a gap and labels of four characters at most, twice, a line between.
  CHECK(lines == 2 + (4 + 1 + 3) + 1 + (4 + 1 + 3));
}

TEST_CASE("latency doctor: says what was measured, and what to do about it", "[server]") {
  LatencyMonitor monitor;
  Histogram turns;
  DoctorFindings findings{.monitor = monitor, .turns = turns, .slowest = {}};
  CHECK(latency_doctor(findings).find("latency-monitor-threshold is 0") != std::string::npos);

  findings.threshold_ms = 10;
  CHECK(latency_doctor(findings) ==
        "No spike of 10 ms or more was seen.\nNothing calls for a change.\n");

  monitor.note("command", 20, 10, 100);
  monitor.note("command", 40, 10, 110);
  turns.record(25'000'000);
  findings.now_s = 115;
  findings.slower_than_us = -1;
  findings.slowest = {{.name = "keys",
                       .calls = 2,
                       .p99_ns = 20'000'000,
                       .max_ns = 40'000'000,
                       .walks_keyspace = true}};
  const std::string report = latency_doctor(findings);
  CAPTURE(report);
  CHECK(report.find("Spikes of command: 2, mean 30 ms, mean deviation 10 ms, one every 10.0 s, "
                    "the last 5s ago, the worst ever 40 ms.") != std::string::npos);
  CHECK(report.find("longest 25000 us") != std::string::npos);
  CHECK(report.find("Command keys: 2 calls, p99 20000 us, longest 40000 us.") != std::string::npos);
  CHECK(report.find("the slow log, which would name them, is off") != std::string::npos);
  CHECK(report.find("SCAN goes step by step") != std::string::npos);
}

TEST_CASE("LATENCY: spikes of commands are recorded by the dispatcher", "[server]") {
  TestNode node;
  REQUIRE(node.set("latency-monitor-threshold", "10"));
  REQUIRE(node.set("enable-debug-command", "yes") == false);  // fixed at the start
  TestClient client = node.connect();
  node.node().latency().note("command", 50, 10, 77);
  CHECK(client.ask({"LATENCY", "LATEST"}) == "*1\r\n*4\r\n$7\r\ncommand\r\n:77\r\n:50\r\n:50\r\n");
  CHECK(client.ask({"LATENCY", "HISTORY", "command"}) == "*1\r\n*2\r\n:77\r\n:50\r\n");
  CHECK(client.ask({"LATENCY", "HISTORY", "nosuch"}) == "*0\r\n");
  CHECK(client.ask({"LATENCY", "GRAPH", "nosuch"}) ==
        "-ERR No samples available for event 'nosuch'\r\n");
  CHECK(client.ask({"LATENCY", "RESET", "nosuch", "command"}) == ":1\r\n");
  CHECK(client.ask({"LATENCY", "RESET"}) == ":0\r\n");
}

TEST_CASE("LATENCY HISTOGRAM: counts add up over powers of two", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  const command::Command* get = node.node().commands().find("get");
  REQUIRE(get != nullptr);
  CommandStats& stats = node.node().stats().commands[get->index];
  stats.latency = std::make_unique<Histogram>();
  for (const uint64_t ns : {500U, 900U, 3'000U, 3'000'000U}) stats.latency->record(ns);
  CHECK(client.ask({"LATENCY", "HISTOGRAM", "GET", "nosuch"}) ==
        "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:4\r\n$14\r\nhistogram_usec\r\n"
        "*6\r\n:1\r\n:2\r\n:4\r\n:3\r\n:4227\r\n:4\r\n");
}

TEST_CASE("LATENCY LOOP: shows the turns' CPU times, and begins anew", "[server]") {
  TestNode node;
  TestClient client = node.connect();
  node.node().stats().turn_cpu.reset();
  for (int i = 0; i < 99; ++i) node.node().stats().turn_cpu.record(1000);
  node.node().stats().turn_cpu.record(7'000'000);
  CHECK(
      client.ask({"LATENCY", "LOOP"}) ==
      "*10\r\n$5\r\ncount\r\n:100\r\n$3\r\np50\r\n:1\r\n$3\r\np99\r\n:1\r\n$5\r\np99.9\r\n:7000\r\n"
      "$3\r\nmax\r\n:7000\r\n");
  CHECK(client.ask({"LATENCY", "LOOP", "FOO"}) == "-ERR syntax error\r\n");
  CHECK(client.ask({"LATENCY", "LOOP", "RESET"}) == "+OK\r\n");
  CHECK(node.node().stats().turn_cpu.count() == 1);  // the turn of RESET itself
}

}  // namespace
}  // namespace quoris::server
