#include "persistence/data_directory.h"

#include <catch2/catch.hpp>

#include "persistence/record_file.h"
#include "persistence/segment.h"
#include "persistence/snapshot_format.h"
#include "sim/env/sim_env.h"

namespace quoris::persistence {

namespace {

const std::string kPath = "data";

struct Bench {
  sim::SimEnv env{7};
  sim::SimRng rng{9};

  sim::SimDisk& disk() { return env.disk(); }

  Result<std::unique_ptr<DataDirectory>> open() { return DataDirectory::open(disk(), rng, kPath); }
};

const Manifest kOldManifest = {.log_begin = LogPosition{1}, .snapshots = {}};

const Manifest kManifest = {
    .log_begin = LogPosition{100},
    .snapshots = {{.name = "snapshot-2.qsnp", .begin = LogPosition{500}, .end = LogPosition{700}},
                  {.name = "snapshot-1.qsnp", .begin = LogPosition{100}, .end = LogPosition{100}}},
    .log_end = LogPosition{700},
    .needs_snapshot = true};

}  // namespace

TEST_CASE("record: what is written is read, and no changed byte passes", "[persistence]") {
  Record record;
  record.add("name", "a value with spaces");
  record.add("empty", "");
  record.add("number", UINT64_MAX);
  record.add("number", uint64_t{5});
  const std::string text = record_text("thing", record);
  const auto read = parse_record("thing", text);
  REQUIRE(read);
  REQUIRE(read->fields == record.fields);
  uint64_t number = 0;
  REQUIRE(read->get("number", number));
  REQUIRE(number == UINT64_MAX);
  REQUIRE_FALSE(read->get("name", number));
  REQUIRE_FALSE(read->get("nothing", number));
  REQUIRE_FALSE(parse_record("other", text));
  for (size_t i = 0; i < text.size(); ++i) {
    REQUIRE_FALSE(parse_record("thing", text.substr(0, i)));
    for (const char with : {'\0', ' ', '\n', 'x'}) {
      std::string changed = text;
      if (changed[i] == with) continue;
      changed[i] = with;
      REQUIRE_FALSE(parse_record("thing", changed));
    }
  }
}

TEST_CASE("record: a value of several lines is refused, and the file stays as it was",
          "[persistence]") {
  Bench bench;
  REQUIRE(bench.disk().make_directory(kPath));
  Record record;
  record.add("name", "one line");
  REQUIRE(replace_record(bench.disk(), kPath, "record", "test", record));
  record.add("more", "abc\n");
  const Status refused = replace_record(bench.disk(), kPath, "record", "test", record);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::invalid_argument);
  const Result<Record> kept = read_record(bench.disk(), kPath + "/record", "test");
  REQUIRE(kept);
  CHECK(kept->fields.size() == 1);
}

TEST_CASE("data directory: a new one gets an identity and keeps it", "[persistence]") {
  Bench bench;
  std::string node_id;
  uint64_t seed = 0;
  {
    const auto directory = bench.open();
    REQUIRE(directory);
    REQUIRE((*directory)->is_new());
    REQUIRE((*directory)->manifest() == Manifest());
    REQUIRE((*directory)->ceiling() == store::kNoVersion);
    REQUIRE_FALSE((*directory)->is_same_boot());
    node_id = (*directory)->identity().node_id;
    seed = (*directory)->identity().secret.seed;
    REQUIRE(node_id.size() == 40);
  }
  bench.disk().crash(bench.rng);
  const auto directory = bench.open();
  REQUIRE_FALSE((*directory)->is_new());
  REQUIRE((*directory)->identity().node_id == node_id);
  REQUIRE((*directory)->identity().secret.seed == seed);
}

TEST_CASE("data directory: one node at a time", "[persistence]") {
  Bench bench;
  const auto first = bench.open();
  REQUIRE(first);
  REQUIRE(bench.open().error().code == Errc::already_exists);
}

TEST_CASE("data directory: how the last life ended", "[persistence]") {
  Bench bench;
  REQUIRE((*bench.open())->mark_running(LogPosition{0}));
  bench.disk().kill();
  {
    const auto directory = bench.open();
    REQUIRE((*directory)->is_same_boot());
    REQUIRE_FALSE((*directory)->identity().clean_end);
    REQUIRE((*directory)->mark_running(LogPosition{55}));
  }
  bench.disk().crash(bench.rng);
  {
    const auto directory = bench.open();
    REQUIRE_FALSE((*directory)->is_same_boot());
    REQUIRE_FALSE((*directory)->identity().clean_end);
    REQUIRE((*directory)->identity().synced() == LogPosition{55});
    REQUIRE((*directory)->mark_clean(LogPosition{77}));
  }
  bench.disk().crash(bench.rng);
  REQUIRE((*bench.open())->identity().clean_end == LogPosition{77});
  REQUIRE((*bench.open())->identity().synced() == LogPosition{77});
}

TEST_CASE("data directory: leftovers go, files of others stay", "[persistence]") {
  Bench bench;
  for (const char* name : {"log-next.tmp", "snapshot-5.qsnp.tmp", "quoris.manifest.tmp", "mine.tmp",
                           "dump.rdb", "quoris.conf", "log-notes.txt"}) {
    bench.disk().put(kPath + "/" + name, "x");
  }
  REQUIRE(bench.open());
  const auto names = bench.disk().list(kPath);
  REQUIRE(names);
  std::vector<std::string> left;
  for (const std::string& name : *names) {
    if (name != "LOCK") left.push_back(name);
  }
  REQUIRE(left == std::vector<std::string>{"dump.rdb", "log-notes.txt", "mine.tmp", "quoris.conf",
                                           "quoris.identity", "quoris.manifest"});
}

TEST_CASE("data directory: a damaged small file stops the start and is named", "[persistence]") {
  Bench bench;
  REQUIRE(bench.open());
  REQUIRE(write_manifest(bench.disk(), kPath, kManifest));
  REQUIRE(write_ceiling(bench.disk(), kPath, store::Version{5}));
  for (const std::string_view name : {kIdentityName, kManifestName, kCeilingName}) {
    const std::string path = kPath + "/" + std::string(name);
    const std::string whole = *bench.disk().content(path);
    bench.disk().flip_byte(path, whole.size() / 2);
    const auto opened = bench.open();
    REQUIRE(opened.error().code == Errc::corrupt);
    REQUIRE(opened.error().message.find(path) != std::string::npos);
    bench.disk().put(path, whole);
  }
  REQUIRE((*bench.open())->manifest() == kManifest);
}

TEST_CASE("manifest: a directory without one that had one is refused, a new one is not",
          "[persistence]") {
  const std::string later = segment_name(LogPosition{300});
  for (const std::string& name : {snapshot_name(LogPosition{0}), later}) {
    Bench bench;
    bench.disk().put(kPath + "/" + segment_name(LogPosition{0}), "x");
    REQUIRE(bench.open());
    REQUIRE(bench.disk().content(kPath + "/quoris.manifest"));
    REQUIRE(bench.disk().remove(kPath + "/quoris.manifest"));
    REQUIRE(bench.open());
    REQUIRE(bench.disk().remove(kPath + "/quoris.manifest"));
    if (name == later) REQUIRE(bench.disk().remove(kPath + "/" + segment_name(LogPosition{0})));
    bench.disk().put(kPath + "/" + name, "x");
    const auto opened = bench.open();
    REQUIRE(opened.error().code == Errc::corrupt);
    REQUIRE(opened.error().message.find("data/quoris.manifest is missing") != std::string::npos);
    REQUIRE(opened.error().message.find(name) != std::string::npos);
    REQUIRE(opened.error().message.find("--repair") != std::string::npos);
    REQUIRE_FALSE(bench.disk().content(kPath + "/quoris.manifest"));
  }
}

TEST_CASE("manifest: a log that ends before what is needed of it is refused", "[persistence]") {
  Bench bench;
  REQUIRE(bench.disk().make_directory(kPath));
  for (const uint64_t end : {0, 99, 100, 699}) {
    Manifest manifest = kManifest;
    manifest.log_end = LogPosition{end};
    REQUIRE(write_manifest(bench.disk(), kPath, manifest));
    REQUIRE(read_manifest(bench.disk(), kPath).error().code == Errc::corrupt);
  }
  for (const std::optional<LogPosition> end :
       {std::optional<LogPosition>(), std::optional(LogPosition{701})}) {
    Manifest manifest = kManifest;
    manifest.log_end = end;
    REQUIRE(write_manifest(bench.disk(), kPath, manifest));
    REQUIRE(*read_manifest(bench.disk(), kPath) == manifest);
  }
}

TEST_CASE("manifest: a power cut at any step leaves the old or the new one", "[persistence]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (uint64_t steps = 0; steps < 12; ++steps) {
      Bench bench;
      bench.rng = sim::SimRng(seed);
      REQUIRE(bench.disk().make_directory(kPath));
      REQUIRE(write_manifest(bench.disk(), kPath, kOldManifest));
      bench.disk().stop_after(steps);
      const bool is_done = static_cast<bool>(write_manifest(bench.disk(), kPath, kManifest));
      bench.disk().crash(bench.rng);
      const auto found = read_manifest(bench.disk(), kPath);
      REQUIRE(found);
      if (is_done) {
        REQUIRE(*found == kManifest);
      } else {
        REQUIRE((*found == kManifest || *found == kOldManifest));
      }
    }
  }
}

TEST_CASE("ceiling: stays ahead of the clock, and is rewritten seldom", "[persistence]") {
  Bench bench;
  REQUIRE(bench.disk().make_directory(kPath));
  store::VersionClock clock{NodeNumber{0}};
  CeilingKeeper keeper(bench.disk(), kPath, store::kNoVersion);
  int64_t now_ms = 1'800'000'000'000;
  REQUIRE(keeper.raise_now(clock.next(now_ms)));
  const uint64_t writes = bench.disk().count(sim::SimDisk::Operation::write);
  for (int second = 0; second < 300; ++second) {
    now_ms += 1000;
    const store::Version issued = clock.next(now_ms);
    REQUIRE(issued < *read_ceiling(bench.disk(), kPath));
    keeper.tick(issued);
    bench.env.timers().advance(1'000'000);
  }
  const uint64_t rewritten = bench.disk().count(sim::SimDisk::Operation::write) - writes;
  REQUIRE(rewritten >= 9);
  REQUIRE(rewritten <= 11);

  bench.disk().fail(sim::SimDisk::Operation::sync, {.code = Errc::no_space});
  const store::Version jumped = clock.next(now_ms + 3'600'000);
  keeper.tick(jumped);
  bench.env.timers().advance(1'000'000);
  REQUIRE_FALSE(keeper.status());
  keeper.tick(jumped);
  bench.env.timers().advance(1'000'000);
  REQUIRE(keeper.status());
  REQUIRE(jumped < *read_ceiling(bench.disk(), kPath));
}

}  // namespace quoris::persistence
