#include "cluster/control/recover.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "cluster/control/node_file.h"
#include "cluster/raft/raft.h"
#include "cluster/raft/raft_files.h"
#include "cluster/raft/raft_storage.h"
#include "cluster/topology/map_codec.h"
#include "persistence/data_directory.h"
#include "sim/env/sim_env.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::control {

namespace {

using topology::ClusterMap;
using topology::Member;
using topology::MemberState;
using topology::testing::node;
using topology::testing::nodes;
using topology::testing::TestCluster;

const std::string kDirectory = "data";
constexpr NodeNumber kSelf{2};

// The data directory of node 2 of a cluster of four: Raft's snapshot of an early map, and a log
// with what came behind it.
class Survivor {
 public:
  explicit Survivor(uint8_t replication_factor = 3) : cluster(16, replication_factor) {
    cluster.join();
    cluster.join();
    cluster.join();
    cluster.settle();
    auto directory = persistence::DataDirectory::open(disk(), rng, kDirectory);
    REQUIRE(directory);
    identity = (*directory)->identity().node_id;
    cluster.map.find(kSelf)->identity = identity;
    snapshot = {.index = cluster.map.version,
                .term = Term{3},
                .configuration = {.voters = nodes({1, 2, 3}), .learners = nodes({4})},
                .data = topology::encode_map(cluster.map)};
    file = {.cluster_name = "test",
            .cluster_id = cluster.map.id,
            .number = kSelf,
            .boot = BootNumber{1},
            .name = "node2",
            .secret = "secret",
            .announce_host = "example.org",
            .rack = "r",
            .weight = 2,
            .client_port = 7002,
            .cluster_port = 8002,
            .replication_factor = 3,
            .partitions = 16,
            .contacts = {{.host = "10.0.0.1", .port = 8001}}};
  }

  sim::SimDisk& disk() { return env.disk(); }

  // Into the log, and the map that the test expects.
  void add(const topology::MapChange& change) {
    cluster.must(change);
    add(raft::EntryKind::command, topology::encode_change(change));
  }

  void add(raft::EntryKind kind, std::string payload) {
    const LogIndex index = entries.empty() ? raft::operator+(snapshot.index, 1)
                                           : raft::operator+(entries.back().index, 1);
    entries.push_back(
        {.index = index, .term = Term{4}, .kind = kind, .payload = std::move(payload)});
    if (cluster.map.version < index) topology::skip(cluster.map, index);
  }

  void write() {
    REQUIRE(write_node_file(disk(), kDirectory, file));
    REQUIRE(raft::write_hard_state(disk(), kDirectory, {.term = Term{5}, .vote = node(1)}));
    REQUIRE(raft::replace_file(disk(), kDirectory, raft::kSnapshotName,
                               raft::encode_snapshot(snapshot)));
    const raft::LogBase base{.index = snapshot.index, .term = snapshot.term};
    REQUIRE(
        raft::replace_file(disk(), kDirectory, raft::kLogName, raft::encode_log(base, entries)));
  }

  Status recover() {
    text.clear();
    return recover_as_new_cluster(disk(), rng, kDirectory, [this](std::string_view line) {
      text += line;
      text += '\n';
    });
  }

  std::string problem() {
    const Status status = recover();
    return status ? "none" : status.error().message;
  }

  raft::StoredState stored() {
    uint64_t torn = 0;
    auto state = raft::read_state(disk(), kDirectory, torn);
    REQUIRE(state);
    REQUIRE(state->has_value());
    return **std::move(state);
  }

  ClusterMap stored_map() {
    const raft::StoredState state = stored();
    REQUIRE(state.snapshot != nullptr);
    auto map = topology::decode_map(state.snapshot->data);
    REQUIRE(map);
    return *std::move(map);
  }

  NodeFile stored_file() {
    auto kept = read_node_file(disk(), kDirectory);
    REQUIRE(kept);
    REQUIRE(kept->has_value());
    return **std::move(kept);
  }

  [[nodiscard]] std::string bytes_of(std::string_view name) {
    const auto bytes = raft::read_file(disk(), kDirectory + "/" + std::string(name));
    return bytes ? *bytes : "(none)";
  }

  // Of all that recovery may write.
  std::vector<std::string> all_bytes() {
    return {bytes_of(kNodeFileName), bytes_of(raft::kStateName), bytes_of(raft::kSnapshotName),
            bytes_of(raft::kLogName)};
  }

  sim::SimEnv env{11};
  sim::SimRng rng{9};
  TestCluster cluster;  // what this node could know
  std::string identity;
  raft::Snapshot snapshot;
  std::vector<raft::LogEntry> entries;
  NodeFile file;
  std::string text;
};

// What every recovered cluster is.
void check_recovered(Survivor& survivor) {
  const raft::StoredState state = survivor.stored();
  const ClusterMap map = survivor.stored_map();
  CHECK(state.hard_state.vote == raft::kNobody);
  CHECK(state.hard_state.term == state.snapshot->term);
  CHECK(state.snapshot->index == map.version);
  CHECK(state.snapshot->configuration == raft::Configuration{.voters = {kSelf}, .learners = {}});
  CHECK(state.base == raft::LogBase{.index = map.version, .term = state.snapshot->term});
  CHECK(state.entries.empty());
  REQUIRE(topology::check(map));
  CHECK(map.id == survivor.stored_file().cluster_id);
  CHECK(map.id != survivor.file.cluster_id);
  for (const Member& member : map.members) {
    INFO(raw(member.number));
    if (member.number == kSelf) {
      CHECK(member.state == MemberState::up);
      CHECK_FALSE(member.departs);
    } else {
      CHECK(member.state == MemberState::down);
      CHECK(member.departs);
    }
  }
  for (const topology::Partition& partition : map.partitions) {
    CHECK(partition.replicas == std::vector<NodeNumber>{kSelf});
    CHECK_FALSE(partition.is_moving());
    CHECK(partition.primary.node == kSelf);
  }
  CHECK(map.replication_in_force == 1);
  CHECK(map.replication_wanted == 3);
}

class Owner final : public raft::StorageOwner {
 public:
  void on_persisted(uint64_t /*sequence*/) override {}

  void on_storage_failed(const Error& /*error*/) override {}
};

}  // namespace

TEST_CASE("recover: a log that lost what was committed is the last resort's, not a voter's",
          "[control]") {
  Survivor survivor;
  survivor.write();
  REQUIRE(raft::write_hard_state(survivor.disk(), kDirectory,
                                 {.term = Term{5}, .vote = node(1), .commit = LogIndex{1'000}}));
  uint64_t torn = 0;
  CHECK_FALSE(raft::read_state(survivor.disk(), kDirectory, torn));
  REQUIRE(survivor.recover());
  CHECK(survivor.text.find("up to 1000 were made, but the log ends at") != std::string::npos);
  check_recovered(survivor);
}

TEST_CASE("recover: the survivor owns all, alone, with every entry that it has", "[control]") {
  Survivor survivor;
  survivor.add(topology::SetSetting{.name = "colour", .value = "blue"});
  survivor.add(raft::EntryKind::no_op, "");
  survivor.add(raft::EntryKind::configuration,
               raft::encode_configuration({.voters = nodes({1, 2, 3, 4}), .learners = {}}));
  survivor.add(topology::SetSetting{.name = "shape", .value = "round"});
  survivor.write();
  const ClusterMap before = survivor.cluster.map;
  REQUIRE(survivor.problem() == "none");
  check_recovered(survivor);

  ClusterMap after = survivor.stored_map();
  CHECK(survivor.stored().hard_state.term == Term{6});
  REQUIRE(after.find_setting("colour") != nullptr);
  REQUIRE(after.find_setting("shape") != nullptr);
  CHECK(after.hash_seed == before.hash_seed);
  CHECK(after.name == before.name);
  // But for its id it is a later map of the same cluster: no number, boot or epoch went back.
  CHECK(after.id != before.id);
  after.id = before.id;
  CHECK(topology::check_succession(before, after));
  CHECK(after.version > survivor.entries.back().index);
}

TEST_CASE("recover: the directory says the new cluster, and all else as before", "[control]") {
  Survivor survivor;
  survivor.write();
  REQUIRE(survivor.problem() == "none");
  const NodeFile after = survivor.stored_file();
  CHECK(after.cluster_id.size() == topology::kIdSize);
  CHECK(after.cluster_id != survivor.file.cluster_id);
  CHECK(after.contacts.empty());
  CHECK(after.cluster_name == survivor.file.cluster_name);
  CHECK(after.number == survivor.file.number);
  CHECK(after.boot == survivor.file.boot);
  CHECK(after.name == survivor.file.name);
  CHECK(after.secret == survivor.file.secret);
  CHECK(after.announce_host == survivor.file.announce_host);
  CHECK(after.rack == survivor.file.rack);
  CHECK(after.weight == survivor.file.weight);
  CHECK(after.client_port == survivor.file.client_port);
  CHECK(after.cluster_port == survivor.file.cluster_port);
  // It is not locked any more, and has its identity.
  const auto directory =
      persistence::DataDirectory::open(survivor.disk(), survivor.rng, kDirectory);
  REQUIRE(directory);
  CHECK((*directory)->identity().node_id == survivor.identity);
}

TEST_CASE("recover: the survivor's Raft leads by itself", "[control]") {
  Survivor survivor;
  survivor.add(topology::SetSetting{.name = "colour", .value = "blue"});
  survivor.write();
  REQUIRE(survivor.problem() == "none");
  Owner owner;
  auto opened = raft::RaftStorage::open(survivor.disk(), owner, kDirectory);
  REQUIRE(opened);
  raft::Raft raft({.self = kSelf}, std::move(opened->state), survivor.rng, 0);
  uint64_t now_us = 0;
  for (int i = 0; i < 10 && !raft.is_settled_leader(); ++i) {
    now_us = std::max(now_us + 1, raft.wake_at_us());
    raft.tick(now_us);
    for (raft::Output output = raft.take_output(); !output.is_empty();
         output = raft.take_output()) {
      CHECK(output.messages.empty());
      if (output.persist) raft.persisted(now_us, output.persist->sequence);
    }
  }
  CHECK(raft.is_settled_leader());
}

TEST_CASE("recover: whatever state it was in, the survivor is up", "[control]") {
  const auto became = [](MemberState state, bool departs) {
    Survivor survivor;
    if (departs) {
      survivor.add(topology::SetDeparting{.member = survivor.cluster.seen(kSelf), .departs = true});
    }
    const Member& self = *survivor.cluster.map.find(kSelf);
    if (state != self.state) {
      survivor.add(topology::ChangeState{.member = survivor.cluster.seen(kSelf),
                                         .from = self.state,
                                         .to = state,
                                         .incarnation = self.incarnation});
    }
    survivor.write();
    REQUIRE(survivor.problem() == "none");
    check_recovered(survivor);
  };
  became(MemberState::down, false);
  became(MemberState::stale, false);
  became(MemberState::leaving, true);
  became(MemberState::down, true);
}

TEST_CASE("recover: others are given up whatever state they were in", "[control]") {
  Survivor survivor;
  const auto change = [&](NodeNumber number, MemberState to) {
    const Member member = *survivor.cluster.map.find(number);
    survivor.add(topology::ChangeState{.member = survivor.cluster.seen(number),
                                       .from = member.state,
                                       .to = to,
                                       .incarnation = Incarnation{7}});
  };
  survivor.add(topology::AddMember{.newcomer = topology::testing::newcomer(5)});
  change(node(1), MemberState::down);
  change(node(3), MemberState::stale);
  survivor.add(topology::SetDeparting{.member = survivor.cluster.seen(node(4)), .departs = true});
  survivor.write();
  REQUIRE(survivor.problem() == "none");
  check_recovered(survivor);
  CHECK(survivor.stored_map().members.size() == 5);
}

TEST_CASE("recover: a move that was under way counts as incomplete", "[control]") {
  Survivor survivor(1);
  PartitionIndex other{0};  // of another node
  while (survivor.cluster.map.find(other)->primary.node == kSelf) {
    other = PartitionIndex{static_cast<uint16_t>(raw(other) + 1)};
  }
  survivor.add(topology::BeginMoves{.steps = {{.partition = other,
                                               .epoch = survivor.cluster.map.find(other)->epoch,
                                               .replicas = {kSelf},
                                               .primary = topology::kNoNode}}});
  survivor.write();
  size_t whole = 0;
  for (const topology::Partition& partition : survivor.cluster.map.partitions) {
    if (topology::contains(partition.replicas, kSelf)) ++whole;
  }
  survivor.file.replication_factor = 1;
  REQUIRE(survivor.problem() == "none");
  const std::string expected = "Of 16 partitions this node holds " + std::to_string(whole) +
                               ", 1 are incomplete, and of " + std::to_string(15 - whole) +
                               " it has NO COPY";
  INFO(survivor.text);
  CHECK(survivor.text.find(expected) != std::string::npos);
  for (const std::string name : {"node1", "node3", "node4"}) {
    CHECK(survivor.text.find("Given up: " + name) != std::string::npos);
  }
  CHECK(survivor.text.find("Given up: node2") == std::string::npos);
}

TEST_CASE("recover: not while a node runs there", "[control]") {
  Survivor survivor;
  survivor.write();
  const auto before = survivor.all_bytes();
  const auto running = persistence::DataDirectory::open(survivor.disk(), survivor.rng, kDirectory);
  REQUIRE(running);
  const Status status = survivor.recover();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::already_exists);
  CHECK(survivor.all_bytes() == before);
}

TEST_CASE("recover: a directory without a member is left as it is", "[control]") {
  Survivor survivor;
  const auto is_refused = [&] {
    const auto names = survivor.disk().list(kDirectory);
    const auto before = survivor.all_bytes();
    const Status status = survivor.recover();
    CHECK(survivor.all_bytes() == before);
    CHECK(survivor.disk().list(kDirectory).value() == names.value());
    CHECK(survivor.text.empty());
    return !status && status.error().code == Errc::not_found;
  };
  SECTION("of a node that ran alone") { CHECK(is_refused()); }
  SECTION("of a newcomer") {
    survivor.file.number = NodeNumber{0};
    survivor.write();
    CHECK(is_refused());
  }
  SECTION("whose identity the map doesn't know") {
    survivor.cluster.map.find(kSelf)->identity = topology::testing::identity_of(99);
    survivor.snapshot.data = topology::encode_map(survivor.cluster.map);
    survivor.write();
    CHECK(is_refused());
  }
  SECTION("whose node was removed") {
    survivor.file.number = NodeNumber{9};
    survivor.write();
    CHECK(is_refused());
  }
  SECTION("without an identity") {
    survivor.write();
    REQUIRE(survivor.disk().remove(kDirectory + "/quoris.identity"));
    CHECK(is_refused());
  }
  SECTION("that isn't there") {
    const Status status =
        recover_as_new_cluster(survivor.disk(), survivor.rng, "elsewhere", [](auto) {});
    CHECK_FALSE(status);
    CHECK_FALSE(survivor.disk().list("elsewhere"));
  }
}

TEST_CASE("recover: a log that a later version wrote is not guessed at", "[control]") {
  Survivor survivor;
  survivor.add(raft::EntryKind::command, "\xFF what is that");
  survivor.write();
  const auto before = survivor.all_bytes();
  const Status status = survivor.recover();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Errc::unsupported);
  CHECK(survivor.all_bytes() == before);
}

TEST_CASE("recover: a second time it is again another cluster", "[control]") {
  Survivor survivor;
  survivor.write();
  REQUIRE(survivor.problem() == "none");
  CHECK(survivor.text.find("THE ONLY VOTER ALREADY") == std::string::npos);
  const std::string first = survivor.stored_map().id;
  REQUIRE(survivor.problem() == "none");
  CHECK(survivor.text.find("THE ONLY VOTER ALREADY") != std::string::npos);
  CHECK(survivor.stored_map().id != first);
  check_recovered(survivor);
}

TEST_CASE("recover: a power cut at any step leaves no voter of the old cluster's id", "[control]") {
  bool was_whole = false;
  for (uint64_t steps = 0; !was_whole; ++steps) {
    INFO(steps);
    REQUIRE(steps < 100);
    Survivor survivor;
    survivor.add(topology::SetSetting{.name = "colour", .value = "blue"});
    survivor.write();
    survivor.disk().stop_after(steps);
    was_whole = bool(survivor.recover());
    survivor.disk().crash(survivor.rng);
    const raft::StoredState state = survivor.stored();
    const bool is_alone = state.snapshot->configuration.voters.size() == 1;
    if (is_alone) CHECK(survivor.stored_file().cluster_id != survivor.file.cluster_id);
    if (was_whole) CHECK(is_alone);
    if (!is_alone) CHECK(state.snapshot->configuration == survivor.snapshot.configuration);
    REQUIRE(survivor.problem() == "none");
    check_recovered(survivor);
    CHECK(survivor.stored_map().find_setting("colour") != nullptr);
  }
}

}  // namespace quoris::control
