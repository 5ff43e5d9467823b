// A log on a simulated disk, and what the test knows of it: each turn writes keys "0", "1", "2" ...
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "persistence/append_log.h"
#include "persistence/log_reader.h"
#include "sim/env/sim_env.h"
#include "tests/persistence/sample_mutations.h"

namespace quoris::persistence::testing {

inline const std::string kDirectory = "data";

// What a start finds.
struct Recovered {
  LogFiles files;
  LogEnd end;
  uint64_t keys = 0;  // "0" up to this one, each once and in order
};

class LogBench : public LogOwner {
 public:
  explicit LogBench(uint64_t seed = 1) : env(seed), rng(seed) {
    REQUIRE(disk().make_directory(kDirectory));
    options.directory = kDirectory;
  }

  sim::SimDisk& disk() { return env.disk(); }

  // Reads the log as a start does, and changes nothing. Damage and errors are the caller's to see.
  Result<Recovered> read(LogReadOptions read_options = {}) {
    Result<LogFiles> files = find_log_files(disk(), kDirectory);
    if (!files) return files.error();
    Recovered found{.files = std::move(files).value(), .end = {}};
    bool in_order = true;
    LogPosition last{0};
    const auto consume = [&](const LogChunk& chunk) -> Status {
      in_order = in_order && chunk.begin >= last && chunk.end > chunk.begin;
      last = chunk.end;
      for (const Mutation& mutation : chunk.mutations) {
        in_order = in_order && mutation.key == std::to_string(found.keys);
        ++found.keys;
      }
      return ok();
    };
    const Result<LogEnd> end = scan_log(disk(), found.files, read_options, consume);
    if (!end) return end.error();
    found.end = *end;
    REQUIRE(in_order);
    return found;
  }

  // As a start: reads, settles, and goes on. Returns what was found.
  Recovered start() {
    Result<Recovered> found = try_start();
    INFO((found ? std::string() : found.error().message));
    REQUIRE(found);
    return std::move(found).value();
  }

  // Errors: those of the disk.
  Result<Recovered> try_start() {
    Result<Recovered> found = read();
    if (!found) return found;
    REQUIRE_FALSE(found->end.damage);
    const LogPosition end = found->end.end;
    const Status settled = settle_log(disk(), found->files, found->end.synced, end);
    if (!settled) return settled.error();
    AppendLog::Start begin{.end = end, .segments = {}};
    for (const LogFile& file : found->files.chain) begin.segments.push_back(file.head);
    auto opened = AppendLog::open(env.env(), *this, options, begin);
    if (!opened) return opened.error();
    log = std::move(opened).value();
    keys_at.assign(1, {log->appended(), found->keys});
    next_key = found->keys;
    return found;
  }

  // One batch each.
  void append(uint64_t keys) {
    for (uint64_t i = 0; i < keys; ++i) {
      const std::string key = std::to_string(next_key++);
      const std::vector<Mutation> batch = {sample_set(key, value, version_at(kSomeMs, next_key))};
      log->append(batch);
    }
  }

  void turn(uint64_t keys = 1) {
    append(keys);
    log->finish_turn();
    keys_at.push_back({log->appended(), next_key});
  }

  // How many keys stand before a position, which ends a turn.
  uint64_t keys_before(LogPosition position) const {
    uint64_t keys = 0;
    for (const auto& [at, count] : keys_at) {
      if (at <= position) keys = count;
    }
    return keys;
  }

  void advance_ms(uint64_t ms) { env.timers().advance(ms * 1000); }

  // The process goes, the disk with what is in its cache stays.
  void kill() {
    log.reset();
    disk().kill();
  }

  void crash() {
    log.reset();
    disk().crash(rng);
  }

  void on_log_advanced() override { ++advances; }

  void on_log_failed(const Error& error) override { failures.push_back(error.message); }

  void on_log_recovered() override { ++recoveries; }

  sim::SimEnv env;
  sim::SimRng rng;
  AppendLog::Options options;
  std::unique_ptr<AppendLog> log;
  std::string value = "xxx";
  uint64_t next_key = 0;
  std::vector<std::pair<LogPosition, uint64_t>> keys_at;
  uint64_t advances = 0;
  uint64_t recoveries = 0;
  std::vector<std::string> failures;
};

}  // namespace quoris::persistence::testing
