#include "cluster/raft/raft_storage.h"

#include <catch2/catch.hpp>

#include "cluster/raft/raft_files.h"
#include "persistence/frame.h"
#include "persistence/record_file.h"
#include "tests/cluster/raft/lone_raft.h"

namespace quoris::raft::testing {

namespace {

using Operation = sim::SimDisk::Operation;

const std::string kDirectory = "data";
const std::string kLogPath = "data/raft-log.qlog";
const std::string kSnapshotPath = "data/raft-snapshot.qsnp";
const std::string kStatePath = "data/quoris.raft";

Persist entries_batch(std::vector<LogEntry> entries) {
  Persist batch;
  batch.entries = std::move(entries);
  return batch;
}

SnapshotPtr snapshot_at(uint64_t index, uint64_t term, std::string data) {
  return std::make_shared<Snapshot>(Snapshot{.index = LogIndex{index},
                                             .term = Term{term},
                                             .configuration = voters({1, 2, 3}),
                                             .data = std::move(data)});
}

bool equal(const StoredState& a, const StoredState& b) {
  const bool same_snapshot = (a.snapshot == nullptr) == (b.snapshot == nullptr) &&
                             (a.snapshot == nullptr || *a.snapshot == *b.snapshot);
  return same_snapshot && a.hard_state == b.hard_state && a.base == b.base &&
         a.entries == b.entries;
}

// A storage on a simulated disk, and what the test knows of it.
class Bench : public StorageOwner {
 public:
  explicit Bench(uint64_t seed = 1) : env(seed), rng(seed) {
    REQUIRE(disk().make_directory(kDirectory));
  }

  sim::SimDisk& disk() { return env.disk(); }

  Result<StoredState> try_start() {
    Result<RaftStorage::Opened> opened = RaftStorage::open(disk(), *this, kDirectory);
    if (!opened) return opened.error();
    storage = std::move(opened->storage);
    torn_bytes = opened->torn_bytes;
    return std::move(opened->state);
  }

  StoredState start() {
    Result<StoredState> state = try_start();
    INFO((state ? std::string() : state.error().message));
    REQUIRE(state);
    return std::move(state).value();
  }

  // The error's text; empty: there was none.
  std::string problem() {
    const Result<StoredState> state = try_start();
    return state ? std::string() : state.error().message;
  }

  void persist(Persist batch) {
    batch.sequence = ++sequence;
    storage->persist(std::move(batch));
  }

  void advance() { env.timers().advance(1'000'000); }

  void kill() {
    storage.reset();
    disk().kill();
  }

  void crash() {
    storage.reset();
    disk().crash(rng);
  }

  void on_persisted(uint64_t upto) override { persisted.push_back(upto); }

  void on_storage_failed(const Error& error) override { failures.push_back(error.message); }

  sim::SimEnv env;
  sim::SimRng rng;
  std::unique_ptr<RaftStorage> storage;
  uint64_t torn_bytes = 0;
  uint64_t sequence = 0;
  std::vector<uint64_t> persisted;
  std::vector<std::string> failures;
};

Persist hard_state_batch(uint64_t term, uint16_t vote) {
  Persist batch;
  batch.hard_state = HardState{.term = Term{term}, .vote = node(vote)};
  return batch;
}

// What a node might write in its life, every kind of batch.
std::vector<Persist> some_batches() {
  std::vector<Persist> batches;
  batches.push_back(hard_state_batch(1, 2));
  batches.push_back(
      entries_batch({configuration_entry(1, 1, voters({1, 2, 3})), entry_of(2, 1, "two")}));
  batches.push_back(entries_batch({entry_of(3, 1, std::string(5000, 'x')), entry_of(4, 1)}));
  batches.push_back(hard_state_batch(3, 0));
  batches.push_back(entries_batch({entry_of(3, 3, "another")}));  // in the place of 3 and 4
  batches.push_back(entries_batch({entry_of(4, 3), entry_of(5, 3)}));
  Persist own_snapshot;
  own_snapshot.snapshot = snapshot_at(4, 3, std::string(3000, 's'));
  own_snapshot.base = LogBase{.index = LogIndex{3}, .term = Term{3}};
  own_snapshot.entries = {entry_of(4, 3), entry_of(5, 3)};
  batches.push_back(own_snapshot);
  batches.push_back(entries_batch({entry_of(6, 3)}));
  Persist installed = hard_state_batch(5, 1);
  installed.snapshot = snapshot_at(9, 4, "from a leader");
  installed.base = LogBase{.index = LogIndex{9}, .term = Term{4}};
  batches.push_back(installed);
  batches.push_back(entries_batch({entry_of(10, 5), entry_of(11, 5)}));
  return batches;
}

StoredState after(StoredState state, const Persist& batch) {
  if (batch.hard_state) state.hard_state = *batch.hard_state;
  if (batch.snapshot != nullptr) state.snapshot = batch.snapshot;
  if (batch.base) {
    state.base = *batch.base;
    state.entries.clear();
  }
  if (batch.entries.empty()) return state;
  state.entries.resize(raw(batch.entries.front().index) - raw(state.base.index) - 1);
  state.entries.insert(state.entries.end(), batch.entries.begin(), batch.entries.end());
  return state;
}

// [i]: after i batches.
std::vector<StoredState> states_of(const std::vector<Persist>& batches) {
  std::vector<StoredState> states(1);
  for (const Persist& batch : batches) states.push_back(after(states.back(), batch));
  return states;
}

// What was found is at least what was reported, and nothing that nobody wrote. A batch has parts:
// hard state, snapshot and log may each be further than the one behind it.
void check_found(const StoredState& found, const std::vector<StoredState>& states,
                 uint64_t reported) {
  uint64_t hard_state = 0;
  uint64_t log = 0;
  for (uint64_t i = reported; i < states.size(); ++i) {
    if (found.hard_state == states[i].hard_state) hard_state = i + 1;
    StoredState with_hard_state = found;
    with_hard_state.hard_state = states[i].hard_state;
    if (equal(with_hard_state, states[i])) log = i + 1;
    // The snapshot was written, the log behind it not yet.
    StoredState fitted = states[i];
    for (uint64_t j = i; j < states.size(); ++j) {
      fitted.snapshot = states[j].snapshot;
      fitted.base = states[i].base;
      fitted.entries = states[i].entries;
      (void)fit_log_to_snapshot(fitted);
      with_hard_state.hard_state = fitted.hard_state;
      if (equal(with_hard_state, fitted)) log = i + 1;
    }
  }
  REQUIRE(hard_state != 0);
  REQUIRE(log != 0);
}

}  // namespace

TEST_CASE(
    "storage: the first start finds nothing, and the second one knows that it isn't the first",
    "[raft]") {
  Bench bench;
  const StoredState first = bench.start();
  REQUIRE(first.is_first_life);
  REQUIRE(equal(first, StoredState()));
  bench.crash();
  const StoredState second = bench.start();
  REQUIRE_FALSE(second.is_first_life);
  REQUIRE(equal(second, StoredState()));
}

TEST_CASE("storage: what was persisted is there after a kill and after a power cut", "[raft]") {
  const std::vector<Persist> batches = some_batches();
  const std::vector<StoredState> states = states_of(batches);
  for (uint64_t count = 0; count <= batches.size(); ++count) {
    for (const bool loses_power : {false, true}) {
      for (const bool at_once : {false, true}) {
        Bench bench;
        (void)bench.start();
        for (uint64_t i = 0; i < count; ++i) {
          bench.persist(batches[i]);
          if (!at_once) bench.advance();
        }
        bench.advance();
        if (count > 0) REQUIRE(bench.persisted.back() == count);
        loses_power ? bench.crash() : bench.kill();
        REQUIRE(equal(bench.start(), states[count]));
        REQUIRE(bench.torn_bytes == 0);
      }
    }
  }
}

TEST_CASE("storage: a power cut at any step leaves what was reported, and nothing made up",
          "[raft]") {
  const std::vector<Persist> batches = some_batches();
  const std::vector<StoredState> states = states_of(batches);
  uint64_t steps = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    for (uint64_t step = 0;; ++step) {
      Bench bench(seed * 1000 + step);
      (void)bench.start();
      bench.disk().stop_after(step);
      for (const Persist& batch : batches) {
        bench.persist(batch);
        bench.env.timers().advance(bench.rng.below(150));
      }
      const bool is_through = !bench.disk().stopped();
      const uint64_t reported = bench.persisted.empty() ? 0 : bench.persisted.back();
      bench.crash();
      const StoredState found = bench.start();
      check_found(found, states, reported);
      // It goes on from there, and a start changes nothing.
      bench.crash();
      REQUIRE(equal(bench.start(), found));
      bench.persist(hard_state_batch(9, 3));
      bench.advance();
      bench.crash();
      REQUIRE(bench.start().hard_state == HardState{.term = Term{9}, .vote = node(3)});
      ++steps;
      if (is_through) break;
    }
  }
  REQUIRE(steps > 100);
}

TEST_CASE("storage: a power cut at any step of a start loses nothing", "[raft]") {
  const std::vector<Persist> batches = some_batches();
  const std::vector<StoredState> states = states_of(batches);
  for (uint64_t step = 0;; ++step) {
    Bench bench(step + 1);
    (void)bench.start();
    for (const Persist& batch : batches) bench.persist(batch);
    bench.advance();
    bench.kill();
    bench.disk().stop_after(step);
    const bool has_started = bench.try_start().has_value();
    bench.crash();
    REQUIRE(equal(bench.start(), states.back()));
    if (has_started) break;
  }
  // Of the first one, too.
  for (uint64_t step = 0;; ++step) {
    Bench bench(step + 1);
    bench.disk().stop_after(step);
    const bool has_started = bench.try_start().has_value();
    bench.crash();
    REQUIRE(equal(bench.start(), StoredState()));
    if (has_started) break;
  }
}

TEST_CASE("storage: what waits shares one job and one fsync", "[raft]") {
  Bench bench;
  (void)bench.start();
  const uint64_t syncs = bench.disk().count(Operation::sync);
  const uint64_t writes = bench.disk().count(Operation::write);
  bench.persist(entries_batch({configuration_entry(1, 0, voters({1}))}));
  for (uint64_t i = 2; i <= 20; ++i) bench.persist(entries_batch({entry_of(i, 0)}));
  REQUIRE(bench.disk().jobs_pending() == 1);
  bench.advance();
  REQUIRE(bench.disk().count(Operation::sync) == syncs + 2);
  REQUIRE(bench.disk().count(Operation::write) == writes + 2);
  REQUIRE(bench.persisted == std::vector<uint64_t>{1, 20});
  REQUIRE(bench.storage->is_idle());
  REQUIRE(bench.storage->log_bytes() == bench.disk().content(kLogPath)->size());
  bench.kill();
  REQUIRE(bench.start().entries.size() == 20);
}

TEST_CASE("storage: a cluster's first state is there when found() returns", "[raft]") {
  Bench bench;
  (void)bench.start();
  const SnapshotPtr first = snapshot_at(1, 1, "the map");
  const Result<StoredState> founded = bench.storage->found(first);
  REQUIRE(founded);
  REQUIRE(founded->is_first_life);
  bench.persist(entries_batch({entry_of(2, 1)}));
  bench.advance();
  bench.crash();
  const StoredState found = bench.start();
  REQUIRE(*found.snapshot == *first);
  REQUIRE(found.hard_state == HardState{.term = Term{1}, .vote = kNobody});
  REQUIRE(found.base == LogBase{.index = LogIndex{1}, .term = Term{1}});
  REQUIRE(found.entries == std::vector<LogEntry>{entry_of(2, 1)});
}

TEST_CASE("storage: entries and snapshots larger than a frame", "[raft]") {
  Bench bench;
  (void)bench.start();
  const std::string large(kPayloadBytesMax, 'y');
  Persist batch;
  batch.hard_state = HardState{.term = Term{1}, .vote = kNobody};
  batch.snapshot = snapshot_at(1, 1, std::string(3'500'000, 'z'));
  batch.base = LogBase{.index = LogIndex{1}, .term = Term{1}};
  batch.entries = {entry_of(2, 1, large), entry_of(3, 1, large)};
  bench.persist(batch);
  bench.advance();
  bench.persist(entries_batch({entry_of(4, 1, large), entry_of(5, 1, large), entry_of(6, 1)}));
  bench.advance();
  bench.crash();
  const StoredState found = bench.start();
  REQUIRE(found.snapshot->data.size() == 3'500'000);
  REQUIRE(found.entries.size() == 5);
  REQUIRE(found.entries[3].payload == large);
}

TEST_CASE("storage: a torn tail is cut wherever it was torn", "[raft]") {
  Bench bench;
  (void)bench.start();
  const std::vector<Persist> batches = some_batches();
  for (uint64_t i = 0; i < 3; ++i) {
    bench.persist(batches[i]);
    bench.advance();
  }
  bench.kill();
  const std::string whole = *bench.disk().content(kLogPath);
  const uint64_t last_frame = 5000 + 1;
  const StoredState before = states_of(batches)[2];
  for (uint64_t cut = 1; cut < last_frame; cut += 97) {
    bench.disk().put(kLogPath, whole.substr(0, whole.size() - cut));
    REQUIRE(equal(bench.start(), before));
    REQUIRE(bench.torn_bytes > 0);
    bench.kill();
  }
  // Full length, some bytes of it never written.
  for (uint64_t back = 1; back < last_frame; back += 97) {
    std::string torn = whole;
    torn[torn.size() - back] = static_cast<char>(torn[torn.size() - back] ^ 0x55);
    bench.disk().put(kLogPath, torn);
    REQUIRE(equal(bench.start(), before));
    bench.kill();
  }
}

TEST_CASE("storage: damage to what was fsynced is refused, with file and offset", "[raft]") {
  Bench bench;
  (void)bench.start();
  const std::vector<Persist> batches = some_batches();
  for (uint64_t i = 0; i < 4; ++i) {
    bench.persist(batches[i]);
    bench.advance();
  }
  const uint64_t begin = bench.storage->log_bytes();
  bench.persist(batches[4]);
  bench.advance();
  bench.kill();
  const std::string log = *bench.disk().content(kLogPath);
  const std::string state = *bench.disk().content(kStatePath);
  // Every byte up to the last frame: that a later frame, or the head, says it was fsynced.
  for (uint64_t offset = 0; offset < begin; offset += offset < 200 ? 1 : 61) {
    bench.disk().flip_byte(kLogPath, offset);
    const std::string problem = bench.problem();
    INFO("offset " << offset << ": " << problem);
    REQUIRE(problem.starts_with(kLogPath + ": damaged at offset "));
    bench.disk().put(kLogPath, log);
  }
  for (uint64_t offset = 0; offset < state.size(); ++offset) {
    bench.disk().flip_byte(kStatePath, offset);
    REQUIRE(bench.problem().starts_with(kStatePath));
    bench.disk().put(kStatePath, state);
  }
  REQUIRE(bench.problem().empty());
}

TEST_CASE("storage: a log that is cut within what its head names is damaged", "[raft]") {
  Bench bench;
  (void)bench.start();
  for (const Persist& batch : some_batches()) bench.persist(batch);
  bench.advance();
  bench.kill();
  (void)bench.start();  // writes it anew, as a whole
  bench.kill();
  const std::string log = *bench.disk().content(kLogPath);
  for (uint64_t size = 0; size < log.size(); ++size) {
    bench.disk().put(kLogPath, log.substr(0, size));
    REQUIRE(bench.problem().starts_with(kLogPath + ": damaged at offset "));
  }
  const std::string snapshot = *bench.disk().content(kSnapshotPath);
  bench.disk().put(kLogPath, log);
  for (uint64_t size = 0; size < snapshot.size(); ++size) {
    bench.disk().put(kSnapshotPath, snapshot.substr(0, size));
    REQUIRE(bench.problem().starts_with(kSnapshotPath + ": damaged at offset "));
    bench.disk().put(kSnapshotPath, snapshot);
    bench.disk().flip_byte(kSnapshotPath, size);
    REQUIRE(bench.problem().starts_with(kSnapshotPath + ": damaged at offset "));
  }
  bench.disk().put(kSnapshotPath, snapshot);
  REQUIRE(bench.problem().empty());
}

TEST_CASE("storage: files that are missing or don't go together are refused", "[raft]") {
  const auto problem_without = [](const std::string& path) {
    Bench bench;
    (void)bench.start();
    for (const Persist& batch : some_batches()) bench.persist(batch);
    bench.advance();
    bench.kill();
    REQUIRE(bench.disk().remove(path));
    return bench.problem();
  };
  REQUIRE(problem_without(kStatePath) ==
          kStatePath + ": it is missing, but not the log or the snapshot");
  REQUIRE(problem_without(kLogPath) == kLogPath + ": it is missing");
  REQUIRE(problem_without(kSnapshotPath) ==
          kLogPath + ": entries between the snapshot and the log are missing");

  Bench bench;
  (void)bench.start();
  bench.persist(some_batches()[0]);
  bench.persist(some_batches()[1]);
  bench.advance();
  bench.kill();
  REQUIRE(write_hard_state(bench.disk(), kDirectory, {}));
  REQUIRE(bench.problem() == kStatePath + ": its term is older than that of the last entry");
}

TEST_CASE("storage: a log that lacks what was noted as committed is refused", "[raft]") {
  Bench bench;
  (void)bench.start();
  bench.persist(some_batches()[0]);
  bench.persist(some_batches()[1]);
  bench.persist(entries_batch({entry_of(3, 1)}));
  Persist noted;
  noted.hard_state = HardState{.term = Term{1}, .vote = node(2), .commit = LogIndex{3}};
  bench.persist(noted);
  bench.advance();
  bench.kill();
  REQUIRE(bench.start().hard_state == *noted.hard_state);
  bench.kill();

  // Its last frame alone would be a torn tail, which nobody was promised.
  const std::string log = *bench.disk().content(kLogPath);
  bench.disk().put(kLogPath,
                   encode_log({}, std::vector{configuration_entry(1, 1, voters({1, 2, 3})),
                                              entry_of(2, 1, "two")}));
  REQUIRE(bench.problem() == kLogPath +
                                 ": it ends at entry 2, but entries up to 3 were committed: some "
                                 "were lost");
  bench.disk().put(kLogPath, log);
  // An earlier version noted nothing.
  persistence::Record record;
  record.add("term", uint64_t{1});
  record.add("vote", uint64_t{2});
  REQUIRE(persistence::replace_record(bench.disk(), kDirectory, kStateName, "raft", record));
  REQUIRE(bench.start().hard_state == HardState{.term = Term{1}, .vote = node(2)});
  bench.kill();
  record.add("commit", "many");
  REQUIRE(persistence::replace_record(bench.disk(), kDirectory, kStateName, "raft", record));
  REQUIRE(bench.problem() == kStatePath + ": damaged at offset 0: commit");
}

TEST_CASE("storage: after any failure of the disk nothing more is reported, and nothing is lost",
          "[raft]") {
  const std::vector<Persist> batches = some_batches();
  const std::vector<StoredState> states = states_of(batches);
  for (const Operation operation :
       {Operation::create, Operation::write, Operation::sync, Operation::rename, Operation::remove,
        Operation::sync_directory}) {
    for (uint64_t after_steps = 0; after_steps < 12; ++after_steps) {
      for (const bool loses_power : {false, true}) {
        Bench bench(after_steps + 1);
        (void)bench.start();
        bench.disk().fail(operation, {.after = after_steps});
        for (const Persist& batch : batches) {
          bench.persist(batch);
          bench.advance();
        }
        const bool has_failed = bench.persisted.size() < batches.size();
        REQUIRE(bench.failures.size() == (has_failed ? 1 : 0));
        REQUIRE(bench.storage->has_failed() == has_failed);
        const uint64_t reported = bench.persisted.empty() ? 0 : bench.persisted.back();
        loses_power ? bench.crash() : bench.kill();
        if (!has_failed) break;
        const StoredState found = bench.start();
        check_found(found, states, reported);
        // What reads well though its fsync failed is durable once a start has taken it.
        bench.crash();
        REQUIRE(equal(bench.start(), found));
      }
    }
  }
}

TEST_CASE("storage: who is gone is not called any more", "[raft]") {
  Bench bench;
  (void)bench.start();
  bench.persist(some_batches()[0]);
  bench.storage.reset();
  bench.advance();
  REQUIRE(bench.persisted.empty());
}

TEST_CASE("storage: files of a later version are refused", "[raft]") {
  Bench bench;
  (void)bench.start();
  bench.kill();
  std::string log = encode_log({}, {});
  // The version is the first byte of the head's payload.
  const size_t at = 8 + persistence::kFrameHeaderSize;
  log[at] = static_cast<char>(kFormatVersion + 1);
  persistence::seal_frame(
      log.data() + 8, log.size() - at,
      {.type = persistence::FrameType::raft_log_head, .at = persistence::LogPosition{8}});
  bench.disk().put(kLogPath, log);
  REQUIRE(bench.try_start().error().code == Errc::unsupported);
}

}  // namespace quoris::raft::testing
