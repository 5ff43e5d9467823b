// `quoris check` and a member's files.
#include "cluster/control/check.h"

#include <catch2/catch.hpp>
#include <map>

#include "cluster/raft/raft_files.h"
#include "persistence/check.h"
#include "persistence/identity.h"
#include "tests/cluster/control/control_world.h"

namespace quoris::control::testing {
namespace {

using Files = std::map<std::string, std::string>;

const std::vector<std::string> kNames = {kNodeFileName, std::string(raft::kStateName),
                                         std::string(raft::kSnapshotName),
                                         std::string(raft::kLogName)};

std::string path(const std::string& name) { return std::string(kDirectory) + "/" + name; }

// A member that is down; all of its log was fsynced, and the log says so.
class CheckBench {
 public:
  CheckBench() : world_(3) {
    for (size_t i = 0; i < 3; ++i) world_.node(i).wish.partitions = 16;
    world_.start_all();
    world_.until([&] { return world_.is_settled(); }, 10'000, "settled");
    world_.advance_ms(2'000);
    node().kill();
    REQUIRE(node().start());
    const topology::ClusterMap& map = node().control().map();
    identity.node_id = map.find(node().control().number())->identity;
    node().kill();
    keep(identity);
  }

  void keep(const persistence::Identity& kept) {
    REQUIRE(persistence::write_identity(disk(), kDirectory, kept));
  }

  TestNode& node() { return world_.node(1); }

  sim::SimDisk& disk() { return node().disk(); }

  // What to do about damage.
  std::string check() {
    said.clear();
    const auto checked = check_cluster_files(disk(), kDirectory, sink());
    INFO((checked ? std::string() : checked.error().message));
    REQUIRE(checked);
    return *checked;
  }

  persistence::LineSink sink() {
    return [this](std::string_view line) { said.append(line).append("\n"); };
  }

  bool has_said(std::string_view part) const { return said.find(part) != std::string::npos; }

  Files files() {
    Files all;
    const auto names = disk().list(kDirectory);
    REQUIRE(names);
    for (const std::string& name : *names) {
      if (const auto content = disk().content(path(name))) all[name] = *content;
    }
    return all;
  }

  std::string said;
  persistence::Identity identity;

 private:
  ControlWorld world_;
};

}  // namespace

TEST_CASE("check: a member's files are named and sound", "[control]") {
  CheckBench bench;
  const Files before = bench.files();
  CHECK(bench.check().empty());
  INFO(bench.said);
  CHECK(bench.has_said("quoris.cluster: good; n2, node "));
  CHECK(bench.has_said("quoris.raft: good; term "));
  CHECK(bench.has_said("raft-snapshot.qsnp: good; the map of entry "));
  CHECK(bench.has_said("16 partitions"));
  CHECK(bench.has_said("raft-log.qlog: good; "));
  CHECK_FALSE(bench.has_said("torn"));
  CHECK(bench.files() == before);
}

TEST_CASE("check: a byte that is another one is found in each of a member's files", "[control]") {
  CheckBench bench;
  for (const std::string& name : kNames) {
    const std::string sound = *bench.disk().content(path(name));
    for (uint64_t offset = 0; offset < sound.size(); offset += 1 + sound.size() / 200) {
      INFO(name << " at " << offset << "\n" << bench.said);
      bench.disk().flip_byte(path(name), offset);
      REQUIRE_FALSE(bench.check().empty());
      REQUIRE(bench.has_said(name + ": DAMAGED: " + path(name) + ": "));
      const bool has_offsets = name.starts_with("raft-");
      if (has_offsets) REQUIRE(bench.has_said("damaged at offset "));
      bench.disk().put(path(name), sound);
    }
    REQUIRE(bench.disk().remove(path(name)));
    REQUIRE_FALSE(bench.check().empty());
    REQUIRE(bench.has_said("missing"));
    bench.disk().put(path(name), sound);
  }
  CHECK(bench.check().empty());
}

TEST_CASE("check: a newcomer's files are sound, and where no cluster is nothing is said",
          "[control]") {
  ControlWorld world(2);
  REQUIRE(world.node(1).start());  // nobody lets it in
  world.node(1).kill();
  std::string said;
  const auto sink = [&](std::string_view line) { said.append(line).append("\n"); };
  CHECK(check_cluster_files(world.node(1).disk(), kDirectory, sink).value().empty());
  CHECK(said.find("n2, not let into a cluster yet") != std::string::npos);
  said.clear();
  REQUIRE(world.node(0).disk().make_directory(kDirectory));
  CHECK(check_cluster_files(world.node(0).disk(), kDirectory, sink).value().empty());
  CHECK(said.empty());
}

TEST_CASE("check: a member's identity is the one that the map knows", "[control]") {
  CheckBench bench;
  REQUIRE(bench.check().empty());
  persistence::Identity other = bench.identity;
  other.node_id[0] = other.node_id[0] == 'a' ? 'b' : 'a';
  bench.keep(other);
  CHECK_FALSE(bench.check().empty());
  CHECK(bench.has_said("quoris.identity: DAMAGED: it is missing or another one's"));
  REQUIRE(bench.disk().remove(path("quoris.identity")));
  CHECK_FALSE(bench.check().empty());
}

TEST_CASE("check: a recovery that was not ended is found", "[control]") {
  CheckBench bench;
  NodeFile file = **read_node_file(bench.disk(), kDirectory);
  file.cluster_id[0] = file.cluster_id[0] == 'a' ? 'b' : 'a';
  REQUIRE(write_node_file(bench.disk(), kDirectory, file));
  CHECK_FALSE(bench.check().empty());
  CHECK(bench.has_said("a recovery was not ended"));
}

TEST_CASE("check: --repair says what is wrong with a cluster's files and leaves them alone",
          "[control]") {
  CheckBench bench;
  const auto others = [&](const persistence::LineSink& out) {
    return check_cluster_files(bench.disk(), kDirectory, out);
  };
  CHECK(persistence::check_directory(bench.disk(), kDirectory, bench.sink(), others).value());
  CHECK(bench.said.ends_with("\nsound\n"));
  for (const std::string& name : kNames) bench.disk().flip_byte(path(name), 40);
  const Files before = bench.files();
  bench.said.clear();
  const auto repaired =
      persistence::repair_directory(bench.disk(), kDirectory, bench.sink(), others);
  REQUIRE(repaired);
  INFO(bench.said);
  CHECK_FALSE(*repaired);
  CHECK(bench.has_said("\nDAMAGED: the cluster's files, which --repair leaves as they are"));
  CHECK_FALSE(bench.has_said("keeps the originals"));
  Files after = bench.files();
  for (const std::string& name : kNames) CHECK(after[name] == before.at(name));
}

}  // namespace quoris::control::testing
