// From snapshots and a log back to the store that was; and what damage to either does.
#include "persistence/recovery.h"

#include <catch2/catch.hpp>

#include "persistence/append_log.h"
#include "tests/persistence/snapshot_bench.h"

namespace quoris::persistence {
namespace {

using testing::contents_of;
using testing::kDatabases;
using testing::SnapshotBench;
using Contents = std::map<std::string, std::string>;

constexpr DbIndex kDb{0};
constexpr DbIndex kOther{1};

// A store whose changes go to a log, and what it held after each turn.
class Node : store::MutationSink, LogOwner {
 public:
  Node() : bench(this) {
    AppendLog::Options options;
    options.directory = testing::kDirectory;
    options.segment_bytes = 4'000;
    auto opened = AppendLog::open(bench.env.env(), *this, options, AppendLog::Start{});
    REQUIRE(opened);
    log = std::move(opened).value();
    note_state();
  }

  [[nodiscard]] sim::SimDisk& disk() { return bench.disk(); }

  // Turns that are in no log, as where it is written for snapshots only.
  void turns_without_log(size_t turns) {
    is_logged_ = false;
    for (size_t i = 0; i < turns; ++i) turn();
    is_logged_ = true;
  }

  // Is in the second of two snapshots, with changes between them that were not logged; the manifest
  // names the first. What the first one holds with its log.
  Contents live_with_gap(size_t turns) {
    turns_without_log(turns);
    snapshot();
    manifest.log_begin = manifest.snapshots[0].begin;
    manifest.log_end = manifest.snapshots[0].end;
    manifest.needs_snapshot = true;
    Contents saved = states.back().second;
    turns_without_log(turns);
    for (size_t i = 0; i < 30; ++i) turn();
    return saved;
  }

  // One after another all kinds of changes, of few keys.
  void turn() {
    const size_t n = turns_++;
    const std::string text = std::to_string(n);
    bench.now_ms += 7;
    store::Writer writer = bench.writer();
    store::Keyspace& db = bench.store.db(kDb);
    const store::HashedKey string = db.hashed("string");
    switch (n % 8) {
      case 0:
        bench.set(kDb, "string", "value" + text, n % 3 == 0 ? bench.now_ms + 5 : -1);
        break;
      case 1:
        if (store::Entry* entry = writer.find_for_write(kDb, string)) {
          writer.append(kDb, string, *entry, "+" + text);
        }
        break;
      case 2:
        for (size_t i = 0; i < 4; ++i) bench.push(kDb, "list", "item" + std::to_string(n + i));
        break;
      case 3:
        for (size_t i = 0; i < 4; ++i) bench.add(kDb, "set", "member" + std::to_string(n + i));
        break;
      case 4:
        if (store::Entry* entry = writer.find_for_write(kDb, db.hashed("list"))) {
          writer.list_erase(kDb, db.hashed("list"), *entry, 0, 1, "lpop");
        }
        break;
      case 5:
        bench.set(kOther, "other" + text, text);
        break;
      case 6:
        if (n % 5 == 0) writer.swap(kDb, kOther);
        writer.remove(kOther, db.hashed("other" + std::to_string(n - 1)));
        break;
      default:
        if (n % 3 == 0) writer.flush(kOther, false);
        bench.set(kDb, "key" + text, text);
    }
    end_turn();
  }

  // A walk, with a turn between two slices.
  void snapshot() {
    SnapshotWriter::Options options{.directory = testing::kDirectory,
                                    .name = snapshot_name(log->appended(), ++snapshots_),
                                    .begin = log->appended(),
                                    .block_bytes = 300,
                                    .piece_bytes = 100};
    std::optional<Result<SnapshotInfo>> result;
    SnapshotWriter writer(disk(), bench.store, options,
                          [&result](const Result<SnapshotInfo>& info) { result = info; });
    while (writer.step(2) != SnapshotWriter::Phase::through) turn();
    sync();
    writer.end_at(log->appended());
    bench.env.timers().advance(100'000);
    REQUIRE(result);
    REQUIRE(*result);
    const SnapshotInfo& info = **result;
    manifest.snapshots.insert(manifest.snapshots.begin(),
                              {.name = info.name, .begin = info.begin, .end = info.end});
    REQUIRE(write_manifest(disk(), testing::kDirectory, manifest));
  }

  // As the log lets segments go, when there are two snapshots.
  void drop_log() {
    manifest.log_begin = manifest.snapshots.back().begin;
    REQUIRE(write_manifest(disk(), testing::kDirectory, manifest));
    log->drop_before(manifest.log_begin);
    bench.env.timers().advance(100'000);
  }

  void sync() {
    log->request_sync();
    bench.env.timers().advance(3'000'000);
    REQUIRE(log->synced() == log->appended());
  }

  void stop() {
    sync();
    log.reset();
    disk().kill();
  }

  // Into a store of another secret, so that no order is carried over.
  Result<Recovery::Report> recover(Contents* contents = nullptr, LogPosition synced = {}) {
    store::Store store(kDatabases, HashSecret{99}, NodeNumber{1});
    Recovery recovery(disk(), store,
                      {.directory = testing::kDirectory,
                       .manifest = manifest,
                       .synced = synced,
                       .now_ms = bench.now_ms});
    for (;;) {
      const Result<bool> through = recovery.step();
      const auto [done, total] = recovery.progress();
      REQUIRE(done <= total);
      if (!through) return through.error();
      if (*through) break;
    }
    if (contents != nullptr) *contents = contents_of(store);
    // No version is issued twice.
    REQUIRE(store.versions().last() >= newest_of(store));
    return recovery.report();
  }

  // The number of the turn that the contents are of.
  [[nodiscard]] std::optional<size_t> turn_of(const Contents& contents) const {
    for (size_t i = states.size(); i > 0; --i) {
      if (states[i - 1].second == contents) return i - 1;
    }
    return std::nullopt;
  }

  SnapshotBench bench;
  std::unique_ptr<AppendLog> log;
  Manifest manifest;
  std::vector<std::pair<LogPosition, Contents>> states;  // after each turn

 private:
  static store::Version newest_of(store::Store& store) {
    store::Version newest = store::kNoVersion;
    for (size_t i = 0; i < store.databases(); ++i) {
      store.db(DbIndex{static_cast<uint16_t>(i)}).for_each([&newest](store::Entry& entry) {
        newest = std::max(newest, entry.version());
        return true;
      });
    }
    return newest;
  }

  void emit(const store::Mutation& mutation) override {
    if (!is_logged_) return;
    log->append(std::span<const store::Mutation>(&mutation, 1));
  }

  void end_turn() {
    log->finish_turn();
    note_state();
  }

  void note_state() { states.emplace_back(log->appended(), contents_of(bench.store)); }

  void on_log_advanced() override {}

  void on_log_failed(const Error& /*error*/) override {}

  void on_log_recovered() override {}

  bool is_logged_ = true;
  size_t turns_ = 0;
  uint64_t snapshots_ = 0;
};

// Two snapshots, with turns before, between and behind.
void live(Node& node, size_t turns = 12) {
  for (size_t i = 0; i < turns; ++i) node.turn();
  node.snapshot();
  for (size_t i = 0; i < turns; ++i) node.turn();
  node.snapshot();
  for (size_t i = 0; i < turns; ++i) node.turn();
}

TEST_CASE("recovery: of nothing there is nothing", "[persistence]") {
  Node node;
  node.stop();
  Contents contents;
  const auto report = node.recover(&contents);
  REQUIRE(report);
  CHECK(report->keys == 0);
  CHECK(contents == node.states[0].second);
}

TEST_CASE("recovery: from the log alone", "[persistence]") {
  Node node;
  for (size_t i = 0; i < 100; ++i) node.turn();
  node.stop();
  Contents contents;
  const auto report = node.recover(&contents);
  REQUIRE(report);
  CHECK(contents == node.states.back().second);
  CHECK(report->snapshot.empty());
  CHECK(report->skipped == 0);
  CHECK(report->log.end == node.states.back().first);
  CHECK(report->log_bytes == raw(node.states.back().first));
}

TEST_CASE("recovery: from the newest snapshot and the log behind it", "[persistence]") {
  for (size_t turns = 0; turns < 40; ++turns) {
    Node node;
    live(node, turns);
    node.drop_log();
    node.stop();
    Contents contents;
    const auto report = node.recover(&contents);
    CAPTURE(turns, report ? std::string() : report.error().message);
    REQUIRE(report);
    REQUIRE(contents == node.states.back().second);
    CHECK(report->snapshot == node.manifest.snapshots[0].name);
    CHECK(report->snapshot_end == node.manifest.snapshots[0].end);
    CHECK(report->keys == node.bench.store.db(kDb).size() + node.bench.store.db(kOther).size());
    CHECK(report->dropped.empty());
    CHECK(report->log.torn_bytes == 0);
    // Once more: nothing was changed.
    REQUIRE(node.recover(&contents));
    CHECK(contents == node.states.back().second);
  }
}

TEST_CASE("recovery: a damaged snapshot gives way to the one before, and that to the log",
          "[persistence]") {
  Node node;
  live(node);
  node.stop();
  const auto path = [&node](size_t index) {
    return std::string(testing::kDirectory) + "/" + node.manifest.snapshots[index].name;
  };
  Contents contents;
  node.disk().flip_byte(path(0), node.disk().content(path(0))->size() / 2);
  auto report = node.recover(&contents);
  REQUIRE(report);
  CHECK(contents == node.states.back().second);
  CHECK(report->snapshot == node.manifest.snapshots[1].name);
  REQUIRE(report->dropped.size() == 1);
  CHECK(report->dropped[0].find(path(0)) != std::string::npos);

  REQUIRE(node.disk().remove(path(1)));
  report = node.recover(&contents);
  REQUIRE(report);
  CHECK(contents == node.states.back().second);
  CHECK(report->snapshot.empty());
  CHECK(report->dropped.size() == 2);

  node.manifest.log_begin = node.manifest.snapshots[1].begin;
  report = node.recover(&contents);
  REQUIRE(!report);
  CHECK(report.error().code == Errc::corrupt);
  CHECK(report.error().message.find("no good snapshot") != std::string::npos);
}

// The contents are of a turn, and no later one was known to be durable. What was lost is reported,
// unless it was cut off at the end of a frame: nothing tells that there was more.
void check_never_wrong(Node& node, LogPosition durable, const Contents& contents,
                       const Recovery::Report& report, bool was_cut) {
  const auto turn = node.turn_of(contents);
  REQUIRE(turn);
  REQUIRE(node.states[*turn].first >= durable);
  const bool is_last = node.states[*turn].second == node.states.back().second;
  if (!is_last && !was_cut) REQUIRE(report.log.torn_bytes > 0);
}

TEST_CASE("recovery: any byte changed, any file cut or gone: the truth or an error",
          "[persistence]") {
  Node node;
  live(node, 6);
  node.drop_log();
  node.stop();
  const LogPosition durable = node.manifest.snapshots[0].end;
  const auto names = node.disk().list(testing::kDirectory);
  REQUIRE(names);
  std::map<std::string, std::string> files;
  for (const std::string& name : *names) {
    if (name == kManifestName) continue;
    files[testing::kDirectory + ("/" + name)] =
        *node.disk().content(testing::kDirectory + ("/" + name));
  }
  const auto restore = [&] {
    const auto present = node.disk().list(testing::kDirectory);
    for (const std::string& name : *present) {
      if (name != kManifestName) REQUIRE(node.disk().remove(testing::kDirectory + ("/" + name)));
    }
    for (const auto& [path, content] : files) node.disk().put(path, content);
  };
  size_t errors = 0;
  size_t whole = 0;
  size_t torn = 0;
  const auto check = [&](bool was_cut) {
    Contents contents;
    const auto report = node.recover(&contents);
    if (!report) {
      REQUIRE(report.error().code == Errc::corrupt);
      ++errors;
      return;
    }
    ++(report->log.torn_bytes > 0 ? torn : whole);
    check_never_wrong(node, durable, contents, *report, was_cut);
  };
  for (const auto& [path, content] : files) {
    for (size_t at = 0; at < content.size(); ++at) {
      CAPTURE(path, at);
      restore();
      node.disk().flip_byte(path, at, static_cast<uint8_t>(1U << (at % 8)));
      check(false);
      restore();
      node.disk().cut_off(path, at);
      check(true);
    }
    CAPTURE(path);
    restore();
    REQUIRE(node.disk().remove(path));
    check(true);
  }
  CHECK(errors > 100);
  CHECK(whole > 100);  // the snapshots
  CHECK(torn > 100);
}

TEST_CASE("recovery: a clean shutdown knows where the log ended", "[persistence]") {
  Node node;
  live(node);
  node.stop();
  const LogPosition end = node.states.back().first;
  std::string last;
  const auto names = node.disk().list(testing::kDirectory);
  for (const std::string& name : *names) {
    if (parse_segment_name(name)) last = testing::kDirectory + ("/" + name);
  }
  node.disk().cut_off(last, node.disk().content(last)->size() - 1);
  const auto report = node.recover(nullptr, end);
  REQUIRE(!report);
  CHECK(report.error().code == Errc::corrupt);
}

TEST_CASE("recovery: after a power cut the log has what it promised", "[persistence]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Node node;
    node.bench.rng = sim::SimRng(seed);
    live(node, seed % 20);
    const LogPosition synced = node.log->synced();
    node.log.reset();
    node.disk().crash(node.bench.rng);
    Contents contents;
    const auto report = node.recover(&contents);
    CAPTURE(seed, report ? std::string() : report.error().message);
    REQUIRE(report);
    const auto turn = node.turn_of(contents);
    REQUIRE(turn);
    CHECK(node.states[*turn].first >= synced);
    CHECK(report->log.end >= synced);
  }
}

TEST_CASE("recovery: changes that were not logged are not gone across", "[persistence]") {
  size_t misled = 0;
  for (size_t turns = 1; turns < 40; ++turns) {
    Node node;
    const Contents saved = node.live_with_gap(turns);
    node.stop();
    Contents contents;
    const auto report = node.recover(&contents);
    CAPTURE(turns, report ? std::string() : report.error().message);
    REQUIRE(report);
    REQUIRE(contents == saved);
    CHECK(report->log.end == *node.manifest.log_end);
    CHECK(report->log.torn_bytes == 0);
    CHECK(report->log.unused_bytes == distance(report->log.end, node.states.back().first));
    // What didn't count is gone.
    const auto again = node.recover(&contents);
    REQUIRE(again);
    CHECK(again->log.unused_bytes == 0);
    node.manifest.log_end.reset();
    REQUIRE(node.recover(&contents));
    CHECK(contents == saved);

    Node other;
    other.live_with_gap(turns);
    other.stop();
    other.manifest.log_end.reset();
    misled += !other.recover(&contents) || contents != saved ? 1 : 0;
  }
  CHECK(misled == 39);
}

TEST_CASE("recovery: a power cut while a second snapshot is made leaves the first",
          "[persistence]") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Node node;
    node.bench.rng = sim::SimRng(seed);
    const Contents saved = node.live_with_gap(seed % 20);
    node.log.reset();
    node.disk().crash(node.bench.rng);
    Contents contents;
    const auto report = node.recover(&contents);
    CAPTURE(seed, report ? std::string() : report.error().message);
    REQUIRE(report);
    REQUIRE(contents == saved);
    REQUIRE(node.recover(&contents));
    REQUIRE(contents == saved);
  }
}

TEST_CASE("recovery: without the only snapshot a log that begins late is not taken for all",
          "[persistence]") {
  Node node;
  node.live_with_gap(5);
  node.stop();
  REQUIRE(node.manifest.log_begin == LogPosition{0});
  const std::string path = testing::kDirectory + ("/" + node.manifest.snapshots[0].name);
  node.disk().flip_byte(path, node.disk().content(path)->size() / 2);
  const auto report = node.recover();
  REQUIRE(!report);
  CHECK(report.error().code == Errc::corrupt);
  CHECK(report.error().message.find("no good snapshot") != std::string::npos);
}

TEST_CASE("recovery: more databases than there are is an error that says so", "[persistence]") {
  for (const bool with_snapshot : {true, false}) {
    Node node;
    node.turn();
    if (with_snapshot) node.snapshot();
    for (size_t i = 0; i < 8; ++i) node.turn();
    node.stop();
    store::Store store(1, HashSecret{99}, NodeNumber{1});
    Recovery recovery(node.disk(), store,
                      {.directory = testing::kDirectory, .manifest = node.manifest});
    Result<bool> through = false;
    while (through && !*through) through = recovery.step();
    REQUIRE(!through);
    CHECK(through.error().code == Errc::invalid_argument);
    CHECK(through.error().message.find("databases") != std::string::npos);
  }
}

}  // namespace
}  // namespace quoris::persistence
