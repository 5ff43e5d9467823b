// The small pieces by themselves: queue of updates, order of probes, bytes, members.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "cluster/membership/member_table.h"
#include "cluster/membership/probe_order.h"
#include "cluster/membership/update_queue.h"
#include "cluster/membership/wire_bytes.h"
#include "tests/cluster/membership/lone_core.h"

namespace quoris::membership {

namespace {

std::vector<NodeNumber> take(UpdateQueue& queue, size_t room, NodeNumber skip = node(999)) {
  std::vector<NodeNumber> taken;
  queue.take(skip, 4, [&taken, room](NodeNumber number) {
    if (taken.size() == room) return false;
    taken.push_back(number);
    return true;
  });
  return taken;
}

}  // namespace

TEST_CASE("update queue: those sent least come first, equals as they came") {
  UpdateQueue queue;
  for (const NodeNumber number : {node(5), node(3), node(9)}) queue.push(number);
  CHECK(take(queue, 2) == std::vector{node(5), node(3)});
  CHECK(take(queue, 2) == std::vector{node(9), node(5)});
  queue.push(node(7));
  CHECK(take(queue, 2) == std::vector{node(7), node(3)});
}

TEST_CASE("update queue: an update goes after its last send, a newer one starts again") {
  UpdateQueue queue;
  queue.push(node(1));
  for (int i = 0; i < 3; ++i) CHECK(take(queue, 1).size() == 1);
  queue.push(node(1));
  for (int i = 0; i < 4; ++i) CHECK(take(queue, 1).size() == 1);
  CHECK(queue.empty());
  CHECK(take(queue, 1).empty());
}

TEST_CASE("update queue: what the receiver is told otherwise is not counted") {
  UpdateQueue queue;
  queue.push(node(1));
  queue.push(node(2));
  for (int i = 0; i < 10; ++i) (void)take(queue, 9, node(1));
  CHECK(queue.size() == 1);
  queue.drop(node(1));
  queue.drop(node(1));
  CHECK(queue.empty());
}

TEST_CASE("probe order: each member once per walk, in another order each time") {
  sim::SimRng rng(4);
  ProbeOrder order;
  for (uint16_t i = 1; i <= 10; ++i) order.add(node(i), rng);
  const auto walk = [&] {
    std::vector<NodeNumber> seen;
    for (int i = 0; i < 10; ++i) {
      seen.push_back(*order.next(rng, [](NodeNumber) { return true; }));
    }
    return seen;
  };
  const auto first = walk();
  const auto second = walk();
  CHECK(first != second);
  CHECK(std::set(first.begin(), first.end()).size() == 10);
  CHECK(std::set(second.begin(), second.end()).size() == 10);
}

TEST_CASE("probe order: newcomers get a random place, and nobody loses a turn by it") {
  std::map<size_t, int> places;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    sim::SimRng rng(seed);
    ProbeOrder order;
    for (uint16_t i = 1; i <= 6; ++i) order.add(node(i), rng);
    std::vector<NodeNumber> seen;
    const auto any = [](NodeNumber) { return true; };
    for (int i = 0; i < 3; ++i) seen.push_back(*order.next(rng, any));
    order.add(node(7), rng);
    for (int i = 0; i < 3; ++i) seen.push_back(*order.next(rng, any));
    const auto place = std::ranges::find(seen, node(7)) - seen.begin();
    places[static_cast<size_t>(place)]++;
    if (place == 6) CHECK(std::set(seen.begin(), seen.end()).size() == 6);
  }
  CHECK(places.size() >= 4);
}

TEST_CASE("probe order: members that leave are skipped, those not wanted too") {
  sim::SimRng rng(1);
  ProbeOrder order;
  CHECK_FALSE(order.next(rng, [](NodeNumber) { return true; }));
  for (uint16_t i = 1; i <= 4; ++i) order.add(node(i), rng);
  (void)order.next(rng, [](NodeNumber) { return true; });
  order.remove(node(2));
  for (int i = 0; i < 20; ++i) {
    const auto next = order.next(rng, [](NodeNumber number) { return number != node(3); });
    REQUIRE(next);
    CHECK((next == node(1) || next == node(4)));
  }
  CHECK_FALSE(order.next(rng, [](NodeNumber) { return false; }));
}

TEST_CASE("wire bytes: as a flat array of bulk strings") {
  CHECK(wire_bytes(uint64_t{7}) == std::string("$1\r\n7\r\n").size());
  CHECK(wire_bytes(int64_t{-120}) == std::string("$4\r\n-120\r\n").size());
  CHECK(wire_bytes(std::string("abcdefghijkl")) == std::string("$12\r\nabcdefghijkl\r\n").size());
  CHECK(wire_bytes(node(1023)) == std::string("$4\r\n1023\r\n").size());
  const Accuser accuser{.member = node(12), .link_closed = true};
  CHECK(wire_bytes(accuser) == std::string("$2\r\n12\r\n$1\r\n1\r\n").size());
  CHECK(wire_bytes(std::vector<Accuser>(2, accuser)) == 7 + 2 * wire_bytes(accuser));
}

TEST_CASE("wire bytes: the largest updates fit into the smallest piggyback that is allowed") {
  const std::vector<Accuser> accusers(kAccusersMax, {.member = node(1023), .link_closed = true});
  Opinion opinion = LoneCore::opinion(1023, kCountMax, Health::suspect, accusers);
  opinion.boot = BootNumber{kCountMax};
  CHECK(wire_bytes(opinion) <= 160);
  const MemberNotes notes{.member = node(1023),
                          .boot = BootNumber{kCountMax},
                          .version = kCountMax,
                          .notes = {.map_version = ~uint64_t{0},
                                    .clock_offset_us = std::numeric_limits<int64_t>::min(),
                                    .flags = ~uint32_t{0},
                                    .keys = ~uint64_t{0}}};
  CHECK(wire_bytes(notes) <= Options::kPiggybackBytesMin);
}

TEST_CASE("member table: members come and go with the map, this node stays") {
  MemberTable table({.number = node(5), .boot = BootNumber{2}}, 0);
  const auto change = table.set(std::vector<MemberSpec>{{.number = node(9), .boot = BootNumber{1}},
                                                        {.number = node(2), .boot = BootNumber{1}}},
                                0);
  CHECK(change.came == std::vector{node(2), node(9)});
  CHECK(table.size() == 3);
  CHECK(table.all()[1].number == node(5));
  CHECK(table.self().standing.incarnation == Incarnation{1});
  const auto next =
      table.set(std::vector<MemberSpec>{{.number = node(9), .boot = BootNumber{1}}}, 0);
  CHECK(next.gone == std::vector{node(2)});
  CHECK(table.find(node(2)) == nullptr);
  CHECK(table.find(node(9)) != nullptr);
  CHECK(table.find(static_cast<NodeNumber>(60000)) == nullptr);
}

TEST_CASE("member table: counts those who are not down, and knows the suspects") {
  MemberTable table({.number = node(1), .boot = BootNumber{1}}, 0);
  const std::vector<MemberSpec> three{{.number = node(1), .boot = BootNumber{1}},
                                      {.number = node(2), .boot = BootNumber{1}},
                                      {.number = node(3), .boot = BootNumber{1}}};
  table.set(three, 0);
  table.change(*table.find(node(2)), {.boot = BootNumber{1}, .health = Health::suspect}, 7);
  CHECK(table.suspects() == std::set{node(2)});
  CHECK(table.live() == 3);
  table.change(*table.find(node(2)), {.boot = BootNumber{1}, .health = Health::down}, 8);
  CHECK(table.suspects().empty());
  CHECK(table.live() == 2);
  CHECK(table.find(node(2))->since_us == 8);
  table.set(std::vector<MemberSpec>{three[0], three[2]}, 9);
  CHECK(table.live() == 2);
  CHECK(table.size() == 2);
}

}  // namespace quoris::membership
