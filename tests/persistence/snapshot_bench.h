// A store with a writer, a disk and time of the simulator, for tests of snapshots and recovery.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "persistence/paths.h"
#include "persistence/snapshot_reader.h"
#include "persistence/snapshot_writer.h"
#include "sim/env/sim_env.h"
#include "store/elements.h"
#include "store/packed.h"
#include "store/replay.h"
#include "store/writer.h"

namespace quoris::persistence::testing {

inline constexpr size_t kDatabases = 3;
inline constexpr const char* kDirectory = "data";

// All of a store as text, for comparison.
inline std::map<std::string, std::string> contents_of(store::Store& store) {
  std::map<std::string, std::string> contents;
  for (size_t i = 0; i < store.databases(); ++i) {
    const DbIndex db{static_cast<uint16_t>(i)};
    const std::string prefix = std::to_string(i) + ":";
    contents[prefix] = std::to_string(raw(store.db_version(db)));
    store.db(db).for_each([&](store::Entry& entry) {
      std::vector<std::string> elements;
      char digits[21];
      if (entry.type() == store::Type::string) {
        elements.emplace_back(entry.string().text(digits));
      } else {
        store::for_each_piece(entry, 1000, [&](std::string_view run, size_t) {
          store::packed::for_each_element(run, [&](const store::StringView& element) {
            elements.emplace_back(element.text(digits));
          });
        });
      }
      if (entry.type() == store::Type::set) std::ranges::sort(elements);
      std::string text = std::to_string(raw(entry.version())) + " " +
                         std::to_string(static_cast<int>(entry.encoding())) + " " +
                         std::to_string(entry.expire_at_ms());
      for (const std::string& element : elements) text += "|" + element;
      contents[prefix + std::string(entry.key())] = text;
      return true;
    });
  }
  return contents;
}

class SnapshotBench {
 public:
  static constexpr int64_t kNowMs = 1'800'000'000'000;

  explicit SnapshotBench(store::MutationSink* sink = nullptr) : sink_(sink) {
    REQUIRE(disk().make_directory(kDirectory));
  }

  [[nodiscard]] sim::SimDisk& disk() { return env.disk(); }

  store::Writer writer() { return store::Writer(store, stats, rng, now_ms, {.sink = sink_}); }

  void set(DbIndex db, std::string_view key, std::string_view value,
           int64_t expire_at_ms = store::kNoExpiry) {
    writer().put_string(db, store.db(db).hashed(key), store::best_string(value), expire_at_ms);
  }

  void push(DbIndex db, std::string_view key, std::string_view item) {
    store::Writer out = writer();
    const store::HashedKey hashed = store.db(db).hashed(key);
    store::Entry* list = out.find_for_write(db, hashed);
    const size_t size = list == nullptr ? 0 : store::collection_size(*list);
    out.list_insert(db, hashed, list, size, std::vector{item}, "rpush");
  }

  void add(DbIndex db, std::string_view key, std::string_view member) {
    store::Writer out = writer();
    const store::HashedKey hashed = store.db(db).hashed(key);
    out.set_add(db, hashed, out.find_for_write(db, hashed), std::vector{member}, "sadd");
  }

  // Some of everything.
  void fill(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      const std::string n = std::to_string(i);
      const DbIndex db{static_cast<uint16_t>(i % 2)};
      set(db, "key" + n, i % 3 == 0 ? n : "value " + n, i % 5 == 0 ? now_ms + 1000 : -1);
      push(db, "list", "item" + n);
      add(db, "set", "member" + n);
    }
    set(DbIndex{0}, "large", std::string(3'000'000, 'L'));
    writer().flush(DbIndex{2}, false);
  }

  // Runs a writer to its end, with time passing where it waits for the disk.
  Result<SnapshotInfo> save(const SnapshotWriter::Options& options, LogPosition end) {
    std::optional<Result<SnapshotInfo>> result;
    SnapshotWriter writer(disk(), store, options,
                          [&result](const Result<SnapshotInfo>& info) { result = info; });
    while (!result) {
      const SnapshotWriter::Phase phase = writer.step(100);
      if (phase == SnapshotWriter::Phase::through) writer.end_at(end);
      if (phase != SnapshotWriter::Phase::walking) env.timers().advance(1000);
    }
    return *result;
  }

  sim::SimEnv env{1};
  store::Store store{kDatabases, HashSecret{7}, NodeNumber{1}};
  store::KeyspaceStats stats;
  sim::SimRng rng{1};
  int64_t now_ms = kNowMs;

 private:
  store::MutationSink* sink_;
};

}  // namespace quoris::persistence::testing
