// From snapshots and a log back to the store that was; and what damage to either does.
#include "persistence/recovery.h"

#include <catch2/catch.hpp>

#include "persistence/append_log.h"
#include "persistence/check.h"
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
  explicit Node(uint64_t segment_bytes = 4'000) : bench(this) {
    AppendLog::Options options;
    options.directory = testing::kDirectory;
    options.segment_bytes = segment_bytes;
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

  // A walk, with a turn between two slices, unless nobody writes meanwhile.
  void snapshot(bool is_idle = false) {
    SnapshotWriter::Options options{.directory = testing::kDirectory,
                                    .name = snapshot_name(log->appended(), ++snapshots_),
                                    .begin = log->appended(),
                                    .block_bytes = 300,
                                    .piece_bytes = 100};
    std::optional<Result<SnapshotInfo>> result;
    SnapshotWriter writer(disk(), bench.store, options,
                          [&result](const Result<SnapshotInfo>& info) { result = info; });
    while (writer.step(2) != SnapshotWriter::Phase::through) {
      if (!is_idle) turn();
    }
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
  Result<Recovery::Report> recover(Contents* contents = nullptr, LogPosition synced = {},
                                   bool same_boot = false) {
    store::Store store(kDatabases, HashSecret{99}, NodeNumber{1});
    Recovery recovery(disk(), store,
                      {.directory = testing::kDirectory,
                       .manifest = manifest,
                       .synced = synced,
                       .now_ms = bench.now_ms,
                       .same_boot = same_boot});
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

// How a directory came to be whose bytes are changed one by one.
struct Shape {
  uint64_t segment_bytes = 4'000;
  bool is_idle = false;     // nobody writes while the snapshots are made
  bool drops_log = true;    // what they don't need of it
  bool same_boot = false;   // the node was killed, the machine ran on
  size_t turns_behind = 6;  // the newest snapshot
};

// Every byte of every file is flipped, every file is cut at every length, and removed.
class Rot {
 public:
  explicit Rot(const Shape& shape) : shape_(shape), node_(shape.segment_bytes) {
    for (size_t snapshot = 0; snapshot < 2; ++snapshot) {
      for (size_t i = 0; i < 6; ++i) node_.turn();
      node_.snapshot(shape.is_idle);
    }
    for (size_t i = 0; i < shape.turns_behind; ++i) node_.turn();
    if (shape.drops_log) node_.drop_log();
    node_.stop();
    const auto names = node_.disk().list(testing::kDirectory);
    for (const std::string& name : *names) {
      const std::string path = testing::kDirectory + ("/" + name);
      files_[path] = *node_.disk().content(path);
    }
  }

  void run() {
    for (const auto& [path, content] : files_) {
      const bool is_segment = path.ends_with(".qlog");
      for (size_t at = 0; at < content.size(); ++at) {
        CAPTURE(path, at);
        restore();
        node_.disk().flip_byte(path, at, static_cast<uint8_t>(1U << (at % 8)));
        check({.is_cut = false, .keeps_all = is_segment && at < kSegmentHeadSize});
        restore();
        node_.disk().cut_off(path, at);
        check({.is_cut = true});
      }
      CAPTURE(path);
      restore();
      REQUIRE(node_.disk().remove(path));
      check({.is_cut = true});
    }
  }

  size_t errors = 0;
  size_t whole = 0;
  size_t torn = 0;

 private:
  struct Change {
    bool is_cut = false;
    bool keeps_all = false;  // or is refused
  };

  void restore() {
    const auto present = node_.disk().list(testing::kDirectory);
    for (const std::string& name : *present) {
      REQUIRE(node_.disk().remove(testing::kDirectory + ("/" + name)));
    }
    for (const auto& [path, content] : files_) node_.disk().put(path, content);
  }

  // The contents are of a turn, and no later one was known to be durable. What was lost is
  // reported, unless it was cut off at the end of a frame: nothing tells that there was more.
  void check(Change change) {
    const auto before = files();
    Contents contents;
    const auto manifest = read_manifest(node_.disk(), testing::kDirectory);
    if (manifest) node_.manifest = *manifest;
    const auto report = manifest ? node_.recover(&contents, {}, shape_.same_boot)
                                 : Result<Recovery::Report>(manifest.error());
    if (!report) {
      REQUIRE(report.error().code == Errc::corrupt);
      REQUIRE(files() == before);
      ++errors;
      return;
    }
    ++(report->log.torn_bytes > 0 ? torn : whole);
    const auto turn = node_.turn_of(contents);
    REQUIRE(turn);
    REQUIRE(node_.states[*turn].first >= node_.manifest.snapshots[0].end);
    const bool is_last = node_.states[*turn].second == node_.states.back().second;
    if (is_last) return;
    REQUIRE_FALSE(change.keeps_all);
    if (change.is_cut) return;
    REQUIRE(report->log.torn_bytes > 0);
    // Only the very last turn can have been under way.
    if (shape_.same_boot) REQUIRE(*turn + 2 == node_.states.size());
  }

  std::map<std::string, std::string> files() {
    std::map<std::string, std::string> found;
    const auto names = node_.disk().list(testing::kDirectory);
    for (const std::string& name : *names) {
      const std::string path = testing::kDirectory + ("/" + name);
      found[path] = *node_.disk().content(path);
    }
    return found;
  }

  Shape shape_;
  Node node_;
  std::map<std::string, std::string> files_;
};

TEST_CASE("recovery: any byte changed, any file cut or gone: the truth or an error",
          "[persistence]") {
  // One file that begins before the snapshot's position, too: its head is then all that is wrong.
  for (const Shape& shape :
       {Shape{}, Shape{.segment_bytes = 1'000'000, .is_idle = true, .drops_log = false},
        Shape{.is_idle = true, .same_boot = true}}) {
    CAPTURE(shape.segment_bytes, shape.is_idle, shape.same_boot);
    Rot rot(shape);
    rot.run();
    CHECK(rot.errors > 100);
    CHECK(rot.whole > 100);  // the snapshots
    CHECK(rot.torn > (shape.same_boot ? 10 : 100));
  }
}

TEST_CASE("recovery: a log that ends before what the snapshot says of it is refused and repaired",
          "[persistence]") {
  for (const bool is_gone : {false, true}) {
    for (uint64_t size = 0;; size += 7) {
      Node node(1'000'000);
      for (size_t i = 0; i < 12; ++i) node.turn();
      node.snapshot(true);
      node.manifest.log_begin = node.manifest.snapshots[0].begin;
      REQUIRE(write_manifest(node.disk(), testing::kDirectory, node.manifest));
      const Contents saved = node.states.back().second;
      for (size_t i = 0; i < 5; ++i) node.turn();
      node.stop();
      const std::string path = testing::kDirectory + ("/" + segment_name(LogPosition{0}));
      if (size >= segment_offset(LogPosition{0}, node.manifest.snapshots[0].end)) break;
      node.disk().cut_off(path, size);
      if (is_gone) REQUIRE(node.disk().remove(path));
      CAPTURE(size, is_gone);
      const auto report = node.recover();
      REQUIRE(!report);
      REQUIRE(report.error().code == Errc::corrupt);
      REQUIRE(report.error().message.find("--repair") != std::string::npos);
      REQUIRE(report.error().message.find(".qlog is damaged at offset") != std::string::npos);
      REQUIRE(node.disk().content(path).has_value() == !is_gone);
      std::string said;
      const LineSink out = [&said](std::string_view line) { said.append(line).append("\n"); };
      REQUIRE_FALSE(*check_directory(node.disk(), testing::kDirectory, out));
      REQUIRE(said.find("\n: ") == std::string::npos);
      const auto repaired = repair_directory(node.disk(), testing::kDirectory, out);
      CAPTURE(said);
      REQUIRE(repaired);
      REQUIRE(*repaired);
      Contents contents;
      REQUIRE(node.recover(&contents));
      REQUIRE(contents == saved);
      if (is_gone) break;
    }
  }
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

TEST_CASE("recovery: without a manifest a repair goes on from the snapshots that are good",
          "[persistence]") {
  Node node;
  live(node);
  node.drop_log();
  node.stop();
  const Manifest before = node.manifest;
  REQUIRE(node.disk().remove(testing::kDirectory + ("/" + std::string(kManifestName))));
  CHECK(read_manifest(node.disk(), testing::kDirectory).error().code == Errc::corrupt);
  std::string said;
  const LineSink out = [&said](std::string_view line) { said.append(line).append("\n"); };
  REQUIRE_FALSE(*check_directory(node.disk(), testing::kDirectory, out));
  CHECK(said.find("quoris.manifest: DAMAGED") != std::string::npos);
  const auto repaired = repair_directory(node.disk(), testing::kDirectory, out);
  CAPTURE(said);
  REQUIRE(repaired);
  REQUIRE(*repaired);
  const auto manifest = read_manifest(node.disk(), testing::kDirectory);
  REQUIRE(manifest);
  CHECK(manifest->snapshots == before.snapshots);
  Contents contents;
  REQUIRE(node.recover(&contents));
  CHECK(contents == node.states.back().second);
}

TEST_CASE("recovery: a full disk is told from damage, with the room that a start needs",
          "[persistence]") {
  Node node(1'000'000);
  for (size_t i = 0; i < 30; ++i) node.turn();
  node.bench.env.timers().advance(100'000);
  node.log.reset();
  node.disk().kill();
  const uint64_t used = node.disk().bytes_used();
  node.disk().set_capacity(used + kSegmentHeadSize);
  const auto report = node.recover();
  REQUIRE(!report);
  CHECK(report.error().code == Errc::no_space);
  const std::string& message = report.error().message;
  const std::string_view before = "for which it needs ";
  const size_t at = message.find(before);
  REQUIRE(at != std::string::npos);
  const uint64_t room = std::stoull(message.substr(at + before.size()));
  CHECK(room > kSegmentHeadSize);
  CHECK(node.disk().bytes_used() == used);
  node.disk().set_capacity(used + room - 1);
  REQUIRE(node.recover().error().code == Errc::no_space);
  node.disk().set_capacity(used + room);
  Contents contents;
  REQUIRE(node.recover(&contents));
  CHECK(contents == node.states.back().second);
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
