#include "persistence/append_log.h"

#include <catch2/catch.hpp>

#include "persistence/paths.h"
#include "tests/persistence/log_bench.h"

namespace quoris::persistence {

namespace {

using testing::kDirectory;
using testing::LogBench;
using testing::Recovered;
using Operation = sim::SimDisk::Operation;

uint64_t segment_count(LogBench& bench) {
  const auto files = find_log_files(bench.disk(), kDirectory);
  REQUIRE(files);
  return files->chain.size();
}

}  // namespace

TEST_CASE("append log: what was written is there after a kill, under every policy",
          "[persistence]") {
  for (const SyncPolicy policy :
       {SyncPolicy::always, SyncPolicy::every_second, SyncPolicy::never}) {
    LogBench bench;
    bench.options.policy = policy;
    bench.start();
    for (int i = 0; i < 20; ++i) {
      bench.turn(3);
      bench.advance_ms(7);
    }
    REQUIRE(bench.log->acknowledged() == bench.log->appended());
    bench.kill();
    REQUIRE(bench.start().keys == 60);
  }
}

TEST_CASE("append log: everysec writes within the turn, always after a job that syncs",
          "[persistence]") {
  LogBench bench;
  bench.start();
  bench.turn();
  REQUIRE(bench.log->written() == bench.log->appended());
  REQUIRE(bench.log->acknowledged() == bench.log->appended());

  bench.log->request_sync();
  bench.advance_ms(10);
  REQUIRE(bench.log->is_idle());
  bench.log->set_policy(SyncPolicy::always);
  bench.turn();
  const LogPosition first = bench.log->appended();
  REQUIRE(bench.log->acknowledged() < first);
  bench.turn();
  bench.turn();
  const uint64_t syncs = bench.disk().count(Operation::sync);
  bench.advance_ms(1);
  REQUIRE(bench.log->acknowledged() == bench.log->appended());
  // One for the first turn, one for the two that came meanwhile.
  REQUIRE(bench.disk().count(Operation::sync) == syncs + 2);
}

TEST_CASE("append log: under always the writers that one sync served share the next one",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::always;
  bench.disk().set_latency_us(1000);
  bench.start();
  sim::SimTimers& timers = bench.env.timers();
  const auto turns = [&](int count) {
    for (int i = 0; i < count; ++i) bench.turn();
  };
  const auto syncs = [&] { return bench.disk().count(Operation::sync); };
  const uint64_t before = syncs();
  // One is served, eight come meanwhile and don't wait longer than that.
  bench.turn();
  turns(8);
  timers.advance(1000);
  REQUIRE(syncs() == before + 1);
  // Eight are served while four come: these wait for the eight to come again.
  timers.advance(200);
  turns(4);
  timers.advance(800);
  REQUIRE(syncs() == before + 2);
  turns(7);
  timers.advance(200);
  REQUIRE(bench.disk().jobs_pending() == 0);
  bench.turn();
  REQUIRE(bench.disk().jobs_pending() == 1);
  timers.advance(1000);
  REQUIRE(bench.log->acknowledged() == bench.log->appended());
  REQUIRE(syncs() == before + 3);
  // Nobody comes: who waits is held back for two looks.
  timers.advance(1000);
  bench.turn(8);
  turns(2);
  timers.advance(1000);
  REQUIRE(bench.disk().jobs_pending() == 0);
  timers.advance(199);
  REQUIRE(bench.disk().jobs_pending() == 0);
  timers.advance(1);
  REQUIRE(bench.disk().jobs_pending() == 1);
  // One writer alone is never held back.
  timers.advance(10'000);
  for (int i = 0; i < 5; ++i) {
    bench.turn();
    REQUIRE(bench.disk().jobs_pending() == 1);
    timers.advance(1000);
    REQUIRE(bench.log->acknowledged() == bench.log->appended());
  }
}

TEST_CASE("append log: always acknowledges only what a power cut leaves", "[persistence]") {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    LogBench bench(seed);
    bench.options.policy = SyncPolicy::always;
    bench.start();
    for (uint64_t i = bench.rng.below(30); i > 0; --i) {
      bench.turn(1 + bench.rng.below(3));
      bench.env.timers().advance(bench.rng.below(300));
    }
    const uint64_t promised = bench.keys_before(bench.log->acknowledged());
    bench.crash();
    REQUIRE(bench.start().keys >= promised);
  }
}

TEST_CASE("append log: everysec loses at most what it wrote within two seconds", "[persistence]") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    LogBench bench(seed);
    bench.start();
    std::vector<uint64_t> keys_by_ms;
    for (uint64_t i = 1000 + bench.rng.below(3000); i > 0; --i) {
      bench.turn();
      keys_by_ms.push_back(bench.next_key);
      bench.advance_ms(1);
    }
    bench.crash();
    REQUIRE(bench.start().keys >=
            keys_by_ms[keys_by_ms.size() - std::min<size_t>(keys_by_ms.size(), 1100)]);
  }
}

TEST_CASE("append log: no sync while nothing is written, one a second else", "[persistence]") {
  LogBench bench;
  bench.start();
  bench.turn();
  bench.advance_ms(10'000);
  const uint64_t syncs = bench.disk().count(Operation::sync);
  bench.advance_ms(60'000);
  REQUIRE(bench.disk().count(Operation::sync) == syncs);
  for (int i = 0; i < 10'000; ++i) {
    bench.turn();
    bench.advance_ms(1);
  }
  REQUIRE(bench.disk().count(Operation::sync) >= syncs + 10);
  REQUIRE(bench.disk().count(Operation::sync) <= syncs + 12);
  REQUIRE(bench.env.timers().pending() <= 3);
}

TEST_CASE("append log: what was fsynced is said once nothing comes any more", "[persistence]") {
  for (const SyncPolicy policy : {SyncPolicy::always, SyncPolicy::every_second}) {
    LogBench bench;
    bench.options.policy = policy;
    bench.start();
    for (int i = 0; i < 3; ++i) bench.turn(2);
    bench.advance_ms(3'000);
    const LogPosition written = bench.log->appended();
    REQUIRE(bench.log->is_idle());
    bench.advance_ms(10'000);
    REQUIRE(bench.log->is_idle());
    const LogPosition marked = bench.log->appended();
    REQUIRE(distance(written, marked) == kFrameHeaderSize);
    // Once.
    const uint64_t syncs = bench.disk().count(Operation::sync);
    bench.advance_ms(100'000);
    REQUIRE(bench.log->appended() == marked);
    REQUIRE(bench.disk().count(Operation::sync) == syncs);
    bench.crash();

    const std::string path = join(kDirectory, segment_name(LogPosition{0}));
    const std::string whole = *bench.disk().content(path);
    REQUIRE(whole.size() == segment_offset(LogPosition{0}, marked));
    for (size_t at = kSegmentHeadSize; at < segment_offset(LogPosition{0}, written); ++at) {
      CAPTURE(at);
      bench.disk().flip_byte(path, at);
      REQUIRE(bench.read()->end.damage);
      bench.disk().put(path, whole);
    }
    // What came afterwards may be torn.
    bench.disk().put(path, whole + "torn");
    const Recovered found = bench.start();
    REQUIRE(found.keys == 6);
    REQUIRE(found.end.torn_bytes == 4);
    REQUIRE(found.end.synced == written);
  }
}

TEST_CASE("append log: what an attempt after a failure made durable is said, too",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::always;
  bench.start();
  bench.turn();
  bench.disk().fail(Operation::sync, {.code = Errc::io});
  bench.turn();
  const LogPosition written = bench.log->appended();
  bench.advance_ms(20'000);
  REQUIRE(bench.recoveries == 1);
  bench.crash();
  REQUIRE(bench.read()->end.synced == written);
}

TEST_CASE("append log: appendfsync no syncs only as much as the buffer's bound asks for",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.options.sync_bytes = 10'000;
  bench.start();
  const uint64_t syncs = bench.disk().count(Operation::sync);
  bench.turn(10);
  bench.advance_ms(10'000);
  REQUIRE(bench.disk().count(Operation::sync) == syncs);
  while (distance(LogPosition{0}, bench.log->appended()) < 50'000) {
    bench.turn(10);
    bench.advance_ms(1);
  }
  REQUIRE(bench.disk().count(Operation::sync) >= syncs + 3);
  REQUIRE(bench.disk().count(Operation::sync) <= syncs + 5);
}

TEST_CASE(
    "append log: while a sync is in flight writes go through the pool, and a sync that takes "
    "more than a second holds replies back",
    "[persistence]") {
  LogBench bench;
  bench.start();
  bench.disk().set_latency_us(5'000'000);
  bench.turn();  // written in the turn, and its sync begins
  const LogPosition first = bench.log->appended();
  REQUIRE(bench.log->acknowledged() == first);
  bench.disk().set_latency_us(1000);
  bench.advance_ms(500);
  bench.turn();
  const LogPosition second = bench.log->appended();
  REQUIRE(bench.log->acknowledged() == first);
  bench.advance_ms(2);
  REQUIRE(bench.log->acknowledged() == second);

  bench.advance_ms(1000);
  REQUIRE(bench.log->figures().delayed_syncs == 1);
  bench.turn();
  bench.advance_ms(2);
  REQUIRE(bench.log->written() == bench.log->appended());
  REQUIRE(bench.log->acknowledged() == second);
  REQUIRE(bench.log->accepts());
  bench.advance_ms(4000);
  REQUIRE(bench.log->acknowledged() == bench.log->appended());
}

TEST_CASE("append log: what waits for the disk is bounded", "[persistence]") {
  LogBench bench;
  bench.options.buffer_bytes_max = 100'000;
  bench.options.sync_bytes = 50'000;
  bench.start();
  bench.disk().set_latency_us(10'000'000);
  while (bench.log->accepts()) bench.turn(10);
  REQUIRE(bench.log->figures().unsynced >= 100'000);
  REQUIRE(bench.log->figures().unsynced < 101'000);
  bench.disk().set_latency_us(100);
  bench.advance_ms(11'000);
  REQUIRE(bench.log->accepts());
}

TEST_CASE("append log: segments follow one another, and old ones go", "[persistence]") {
  for (const SyncPolicy policy :
       {SyncPolicy::always, SyncPolicy::every_second, SyncPolicy::never}) {
    LogBench bench;
    bench.options.policy = policy;
    bench.options.segment_bytes = 5000;
    bench.start();
    for (int i = 0; i < 300; ++i) {
      bench.turn(5);
      bench.advance_ms(1);
    }
    bench.log->request_sync();
    bench.advance_ms(10);
    REQUIRE(bench.log->is_idle());
    const uint64_t segments = segment_count(bench);
    REQUIRE(segments >= 5);
    REQUIRE(bench.log->figures().segments == segments);

    // From any segment's beginning on the log reads well.
    const auto files = find_log_files(bench.disk(), kDirectory);
    for (const LogFile& file : files->chain) {
      uint64_t mutations = 0;
      const auto end = read_log(bench.disk(), *files, {.from = file.head.begin},
                                [&mutations](const LogChunk& chunk) {
                                  mutations += chunk.mutations.size();
                                  return ok();
                                });
      REQUIRE(end);
      REQUIRE(mutations == 1500 - bench.keys_before(file.head.begin));
    }

    const LogPosition middle = files->chain[2].head.begin;
    bench.log->drop_before(middle + 10);
    bench.advance_ms(10);
    REQUIRE(segment_count(bench) == segments - 2);
    REQUIRE(bench.log->first() == middle);
    bench.crash();
    const auto rest = find_log_files(bench.disk(), kDirectory);
    const auto end =
        read_log(bench.disk(), *rest, {.from = middle}, [](const LogChunk&) { return ok(); });
    REQUIRE(end);
    REQUIRE(end->torn_bytes == 0);
  }
}

TEST_CASE("append log: batches larger than a frame and than a chunk come back whole",
          "[persistence]") {
  LogBench bench;
  bench.start();
  std::vector<std::pair<std::string, std::string>> values;
  for (const size_t size :
       {size_t{200'000}, size_t{300'000}, kFramePayloadMax - 100, kFramePayloadMax,
        kFramePayloadMax + 1, 3 * kFramePayloadMax, size_t{7'654'321}, size_t{1}}) {
    std::string value(size, 'v');
    for (size_t i = 0; i < size; i += 97) value[i] = static_cast<char>(i);
    values.emplace_back("key" + std::to_string(size), std::move(value));
  }
  for (const auto& [key, value] : values) {
    const std::vector<store::Mutation> batch = {
        testing::sample_set(key, value),
        {.kind = store::MutationKind::remove,
         .version = testing::version_at(testing::kSomeMs, 2),
         .key = key,
         .value = {}}};
    bench.log->append(batch);
    if (value.size() % 2 == 0) bench.log->finish_turn();
  }
  bench.log->finish_turn();
  bench.advance_ms(10);
  bench.kill();
  const auto files = find_log_files(bench.disk(), kDirectory);
  size_t next = 0;
  const auto end = read_log(bench.disk(), *files, {}, [&](const LogChunk& chunk) {
    for (const store::Mutation& mutation : chunk.mutations) {
      REQUIRE(mutation.key == values[next / 2].first);
      if (next % 2 == 0) REQUIRE((mutation.value == values[next / 2].second));
      ++next;
    }
    return ok();
  });
  REQUIRE(end);
  REQUIRE(next == 2 * values.size());
}

TEST_CASE("append log: after a failed write or sync nothing is lost, and it recovers by itself",
          "[persistence]") {
  for (const SyncPolicy policy :
       {SyncPolicy::always, SyncPolicy::every_second, SyncPolicy::never}) {
    for (const Operation operation : {Operation::write, Operation::sync}) {
      for (const uint64_t count : {uint64_t{1}, uint64_t{4}}) {
        LogBench bench(count);
        bench.options.policy = policy;
        bench.options.sync_bytes = 200;
        bench.start();
        for (int i = 0; i < 20; ++i) {
          bench.turn();
          bench.advance_ms(1);
        }
        bench.disk().fail(operation, {.code = Errc::io, .count = count, .after = 1});
        while (bench.failures.empty()) {
          bench.turn(3);
          bench.advance_ms(10);
        }
        REQUIRE_FALSE(bench.log->accepts());
        REQUIRE(bench.log->figures().failed);
        const LogPosition acknowledged = bench.log->acknowledged();
        bench.turn(2);  // what was under way is still taken
        REQUIRE(bench.log->acknowledged() == acknowledged);
        bench.advance_ms(20'000);
        REQUIRE(bench.recoveries == 1);
        REQUIRE(bench.failures.size() == 1);
        REQUIRE(bench.log->accepts());
        REQUIRE(bench.log->acknowledged() == bench.log->appended());
        bench.turn(5);
        bench.log->request_sync();
        bench.advance_ms(100);
        REQUIRE(bench.log->synced() == bench.log->appended());
        const uint64_t keys = bench.next_key;
        bench.crash();
        REQUIRE(bench.start().keys == keys);
        // The new life goes on where the old one was.
        bench.turn(5);
        bench.advance_ms(10);
        bench.kill();
        REQUIRE(bench.start().keys == keys + 5);
      }
    }
  }
}

TEST_CASE("append log: a full disk is survived, and left behind once there is room",
          "[persistence]") {
  LogBench bench;
  bench.start();
  bench.turn(100);
  bench.disk().set_capacity(bench.disk().bytes_used() + 1000);
  while (bench.failures.empty()) {
    bench.turn(5);
    bench.advance_ms(1);
  }
  bench.advance_ms(30'000);
  REQUIRE(bench.recoveries == 0);
  REQUIRE_FALSE(bench.log->accepts());
  // A process that is killed now finds all that it acknowledged.
  const uint64_t promised = bench.keys_before(bench.log->acknowledged());
  REQUIRE(bench.read()->keys >= promised);
  bench.disk().set_capacity(sim::SimDisk::kUnlimited);
  bench.advance_ms(3000);
  REQUIRE(bench.recoveries == 1);
  const uint64_t keys = bench.next_key;
  bench.crash();
  REQUIRE(bench.start().keys == keys);
}

TEST_CASE("append log: faults at random, with kills and power cuts in between", "[persistence]") {
  constexpr Operation kOperations[] = {
      Operation::write, Operation::sync,           Operation::rename, Operation::create,
      Operation::open,  Operation::sync_directory, Operation::remove};
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    LogBench bench(seed);
    sim::SimRng& rng = bench.rng;
    bench.options.policy = static_cast<SyncPolicy>(rng.below(2));
    bench.options.segment_bytes = 500 + rng.below(3000);
    bench.options.sync_bytes = 300 + rng.below(3000);
    bench.start();
    for (int life = 0; life < 4; ++life) {
      for (uint64_t turns = rng.below(150); turns > 0; --turns) {
        if (rng.below(20) == 0) {
          bench.disk().fail(kOperations[rng.below(std::size(kOperations))],
                            {.count = 1 + rng.below(4), .after = rng.below(3)});
        }
        if (rng.below(30) == 0) bench.disk().set_latency_us(rng.below(2'000'000));
        bench.turn(1 + rng.below(4));
        bench.env.timers().advance(rng.below(rng.below(8) == 0 ? 3'000'000 : 3000));
      }
      const bool is_kill = rng.below(2) == 0;
      const uint64_t promised =
          bench.keys_before(is_kill ? bench.log->acknowledged() : bench.log->synced());
      if (is_kill) {
        bench.kill();
      } else {
        bench.crash();
      }
      bench.disk().set_latency_us(100);
      Result<Recovered> found = bench.try_start();
      while (!found) found = bench.try_start();  // faults that are left, a few
      REQUIRE(found->keys >= promised);
    }
  }
}

TEST_CASE("append log: a machine that stops at any step loses nothing it promised",
          "[persistence]") {
  for (const SyncPolicy policy : {SyncPolicy::always, SyncPolicy::every_second}) {
    for (uint64_t steps = 0;; ++steps) {
      LogBench bench(steps + 1);
      bench.options.policy = policy;
      bench.options.segment_bytes = 600;
      bench.options.sync_bytes = 400;
      bench.start();
      bench.disk().stop_after(steps);
      for (int i = 0; i < 40 && !bench.disk().stopped(); ++i) {
        bench.turn(3);
        bench.env.timers().advance(700);
      }
      const bool is_done = !bench.disk().stopped();
      const uint64_t promised = bench.keys_before(bench.log->synced());
      bench.crash();
      REQUIRE(bench.start().keys >= promised);
      bench.turn(3);
      bench.log->request_sync();
      bench.advance_ms(10);
      const uint64_t keys = bench.next_key;
      bench.crash();
      REQUIRE(bench.start().keys == keys);
      if (is_done) break;
    }
  }
}

TEST_CASE("append log: one that is gone leaves its jobs behind without harm", "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::always;
  bench.start();
  bench.turn(10);
  bench.log.reset();
  bench.advance_ms(1000);
  REQUIRE(bench.advances == 0);
  REQUIRE(bench.start().keys == 10);
}

// Nothing of a log that begins nowhere could be told from one that is lost.
TEST_CASE("append log: a segment is kept until the one behind it is durable", "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.options.segment_bytes = 300;
  bench.start();
  while (bench.log->appended() < LogPosition{300}) bench.turn(2);
  bench.log->request_sync();
  bench.advance_ms(10);
  const LogPosition border = bench.log->appended();
  REQUIRE(bench.log->synced() == border);
  bench.turn(2);
  REQUIRE(bench.log->figures().segments == 2);
  bench.log->drop_before(border);
  REQUIRE(bench.log->figures().segments == 2);
  bench.log->request_sync();
  bench.advance_ms(10);
  bench.log->drop_before(border);
  REQUIRE(bench.log->figures().segments == 1);
}

}  // namespace quoris::persistence
