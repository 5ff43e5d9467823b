#include "server/monitoring/fault_status.h"

#include <catch2/catch.hpp>

#include "tests/server/monitoring/cluster_views_by_hand.h"

namespace quoris::server {
namespace {

std::string status(const fault::FaultRules& rules, const std::vector<bus::PeerStatus>& peers = {},
                   const std::vector<bus::LinkStatus>& links = {}) {
  return testing::bytes_of(resp::Protocol::resp3, [&](resp::ReplyWriter& reply) {
    const auto namer = [](NodeNumber node) -> std::string {
      return node == NodeNumber{2} ? "two" : "";
    };
    write_fault_status(reply, rules, namer, peers, links);
  });
}

}  // namespace

TEST_CASE("FAULT STATUS: whether rules are in force, and the commands that would make them",
          "[server]") {
  fault::FaultRules rules;
  CHECK(status(rules) ==
        "%4\r\n$7\r\nenabled\r\n:1\r\n$6\r\nfailed\r\n:0\r\n$5\r\nrules\r\n*0\r\n$5\r\nlinks\r\n"
        "*0\r\n");
  for (const std::vector<std::string_view>& words : std::vector<std::vector<std::string_view>>{
           {"DROP", "5", "TO", "2"}, {"FAIL"}, {"DISABLE"}}) {
    rules.apply(*fault::parse_fault(words, &fault::node_by_number));
  }
  const std::string text = status(rules);
  CHECK(text.find("$7\r\nenabled\r\n:0\r\n$6\r\nfailed\r\n:1\r\n") != std::string::npos);
  CHECK(text.find("\r\nDROP 5 TO two\r\n") != std::string::npos);
}

TEST_CASE("FAULT STATUS: counters and queues per peer and kind of link", "[server]") {
  bus::PeerStatus peer{.peer = bus::PeerId{7}, .number = NodeNumber{2}, .facts = {}};
  peer.facts.name = "two";
  bus::LinkCounters& data = peer.counters[index_of(bus::LinkKind::data)];
  data.out = {.messages = 10, .bytes = 1000, .dropped = 1, .duplicated = 2, .delayed = 3};
  data.in = {.messages = 20, .bytes = 2000, .dropped = 10, .duplicated = 20, .delayed = 30};
  data.queue_full = 4;
  data.connects = 5;
  data.malformed = 6;
  data.refusals = 7;
  data.silences = 8;
  const auto link = [](uint32_t to, bus::LinkKind kind, bus::Connection::State state) {
    return bus::LinkStatus{.peer = bus::PeerId{to},
                           .number = {},
                           .identity = {},
                           .name = {},
                           .link = kind,
                           .state = state,
                           .address = {},
                           .queued_bytes = 100,
                           .queued_messages = 2,
                           .round_trip_us = {},
                           .clock_offset_us = {}};
  };
  using State = bus::Connection::State;
  const std::string text = status(
      {}, {peer},
      {link(7, bus::LinkKind::data, State::open), link(7, bus::LinkKind::data, State::calling),
       link(7, bus::LinkKind::bulk, State::open), link(8, bus::LinkKind::data, State::open)});
  CHECK(text.find("$5\r\nlinks\r\n*3\r\n%18\r\n$4\r\nnode\r\n$3\r\ntwo\r\n$6\r\nnumber\r\n:2\r\n"
                  "$4\r\nlink\r\n$7\r\ncontrol\r\n$4\r\nopen\r\n:0\r\n") != std::string::npos);
  CHECK(text.find("$4\r\nlink\r\n$4\r\ndata\r\n$4\r\nopen\r\n:1\r\n$4\r\nsent\r\n:10\r\n"
                  "$9\r\ndelivered\r\n:20\r\n$7\r\ndropped\r\n:11\r\n$10\r\nduplicated\r\n:22\r\n"
                  "$7\r\ndelayed\r\n:33\r\n$9\r\nbytes-out\r\n:1000\r\n$8\r\nbytes-in\r\n:2000\r\n"
                  "$15\r\nqueued-messages\r\n:4\r\n$12\r\nqueued-bytes\r\n:200\r\n"
                  "$10\r\nqueue-full\r\n:4\r\n$8\r\nconnects\r\n:5\r\n$9\r\nmalformed\r\n:6\r\n"
                  "$7\r\nrefused\r\n:7\r\n$6\r\nsilent\r\n:8\r\n") != std::string::npos);
}

}  // namespace quoris::server
