#include "persistence/log_reader.h"

#include <catch2/catch.hpp>

#include "persistence/paths.h"
#include "tests/persistence/log_bench.h"

namespace quoris::persistence {

namespace {

using testing::kDirectory;
using testing::LogBench;
using testing::Recovered;

std::string path_of(const std::string& name) { return join(kDirectory, name); }

std::vector<std::string> segments_of(LogBench& bench) {
  const auto files = find_log_files(bench.disk(), kDirectory);
  REQUIRE(files);
  std::vector<std::string> names;
  for (const LogFile& file : files->chain) names.push_back(file.name);
  return names;
}

// Turns of two keys, each known to be durable before the next is written, in one segment or more.
void write_synced(LogBench& bench, int turns) {
  for (int i = 0; i < turns; ++i) {
    bench.turn(2);
    bench.log->request_sync();
    bench.advance_ms(1);
    REQUIRE(bench.log->is_idle());
  }
}

// What a changed log may be read as: a beginning of what was written, with all that is known to
// be durable, or damage.
void require_honest(LogBench& bench, uint64_t durable_keys) {
  const Result<Recovered> found = bench.read();  // checks keys and order itself
  if (!found) {
    REQUIRE(found.error().code == Errc::unsupported);
    return;
  }
  if (!found->end.damage) REQUIRE(found->keys >= durable_keys);
  REQUIRE(found->keys <= bench.next_key);
}

}  // namespace

TEST_CASE("log reader: an empty directory is an empty log", "[persistence]") {
  LogBench bench;
  const auto found = bench.read();
  REQUIRE(found);
  REQUIRE(found->keys == 0);
  REQUIRE(found->end.end == LogPosition{0});
  REQUIRE(found->end.torn_bytes == 0);
  REQUIRE_FALSE(found->end.damage);
}

TEST_CASE("log reader: nothing behind the end that is asked for is looked at", "[persistence]") {
  LogBench bench;
  bench.options.segment_bytes = 300;
  bench.start();
  write_synced(bench, 20);
  const LogPosition whole = bench.log->appended();
  bench.log.reset();
  const std::string last = path_of(segments_of(bench).back());
  bench.disk().flip_byte(last, bench.disk().content(last)->size() - 1);
  for (const auto& [end, keys] : bench.keys_at) {
    if (end == whole) continue;
    const auto found = bench.read({.end = end});
    REQUIRE(found);
    REQUIRE_FALSE(found->end.damage);
    REQUIRE_FALSE(found->end.torn);
    REQUIRE(found->keys == keys);
    REQUIRE(found->end.end == end);
    REQUIRE(found->end.synced == end);
    REQUIRE(found->end.unused_bytes == distance(end, whole));
    REQUIRE(found->end.torn_bytes == 0);
  }
  const auto [end, keys] = bench.keys_at[7];
  auto found = bench.read({.end = end});
  REQUIRE(settle_log(bench.disk(), found->files, found->end.synced, found->end.end));
  found = bench.read();
  REQUIRE(found->keys == keys);
  REQUIRE(found->end.end == end);
  REQUIRE_FALSE(found->end.torn);
  REQUIRE_FALSE(found->end.damage);
}

TEST_CASE("log reader: all up to the end that is asked for has to be there", "[persistence]") {
  LogBench bench;
  bench.start();
  bench.turn(2);
  bench.turn(2);
  const LogPosition whole = bench.log->appended();
  bench.advance_ms(2'000);
  bench.log.reset();
  const auto beyond = bench.read({.end = whole + 1});
  REQUIRE(beyond);
  REQUIRE(beyond->end.damage);
  for (uint64_t end = 1; end < raw(whole); ++end) {
    const auto within = bench.read({.end = LogPosition{end}});
    REQUIRE(within);
    REQUIRE(within->end.damage.has_value() == (LogPosition{end} != bench.keys_at[1].first));
  }
  REQUIRE(bench.disk().remove(path_of(segments_of(bench)[0])));
  REQUIRE(bench.read({.end = whole})->end.damage);
  REQUIRE_FALSE(bench.read({.end = LogPosition{0}})->end.damage);
}

TEST_CASE("log reader: cut anywhere, a log reads up to the last whole turn and tells what is torn",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.start();
  for (int i = 0; i < 12; ++i) bench.turn(1 + i % 3);
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  const std::string whole = *bench.disk().content(path);
  for (size_t size = kSegmentHeadSize; size <= whole.size(); ++size) {
    bench.disk().put(path, whole.substr(0, size));
    const auto found = bench.read();
    REQUIRE(found);
    const LogPosition last{size - kSegmentHeadSize};
    REQUIRE_FALSE(found->end.damage);
    REQUIRE(found->keys == bench.keys_before(last));
    REQUIRE(bench.keys_before(found->end.end) == found->keys);
    REQUIRE(found->end.torn_bytes == distance(found->end.end, last));
    REQUIRE(found->end.torn.has_value() == (found->end.torn_bytes > 0));
  }
}

TEST_CASE("log reader: no cut of a synced log passes for a torn tail but of the last turn",
          "[persistence]") {
  LogBench bench;
  bench.start();
  write_synced(bench, 10);
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  const std::string whole = *bench.disk().content(path);
  const LogPosition end{whole.size() - kSegmentHeadSize};
  for (size_t size = 0; size < whole.size(); ++size) {
    bench.disk().put(path, whole.substr(0, size));
    // What a snapshot or a clean shutdown knows counts as much as what the frames say.
    const auto found = bench.read({.from = LogPosition{0}, .synced = end});
    REQUIRE(found);
    REQUIRE(found->end.damage);
    REQUIRE(read_log(bench.disk(), found->files, {.from = LogPosition{0}, .synced = end},
                     [](const LogChunk&) { return ok(); })
                .error()
                .code == Errc::corrupt);
  }
}

TEST_CASE("log reader: every flipped byte of a synced log is damage, or torn in the last turn",
          "[persistence]") {
  for (const uint64_t segment_bytes : {uint64_t{1} << 20, uint64_t{300}}) {
    LogBench bench;
    bench.options.segment_bytes = segment_bytes;
    bench.start();
    write_synced(bench, 15);
    bench.log.reset();
    const uint64_t durable = bench.next_key - 2;  // no frame says that the last turn is
    const std::vector<std::string> names = segments_of(bench);
    REQUIRE((names.size() > 1) == (segment_bytes == 300));
    for (const std::string& name : names) {
      const std::string whole = *bench.disk().content(path_of(name));
      for (size_t at = 0; at < whole.size(); ++at) {
        for (const uint8_t bits : {uint8_t{0xFF}, uint8_t{1}, uint8_t{0x80}}) {
          INFO(name << " offset " << at);
          bench.disk().flip_byte(path_of(name), at, bits);
          require_honest(bench, durable);
          bench.disk().put(path_of(name), whole);
        }
      }
    }
    REQUIRE(bench.read()->keys == bench.next_key);
  }
}

TEST_CASE("log reader: every flipped byte of a log that was never synced is a torn tail",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.start();
  for (int i = 0; i < 10; ++i) bench.turn(3);
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  const std::string whole = *bench.disk().content(path);
  for (size_t at = kSegmentHeadSize; at < whole.size(); ++at) {
    bench.disk().flip_byte(path, at);
    const auto found = bench.read();
    REQUIRE_FALSE(found->end.damage);
    REQUIRE(found->end.torn);
    REQUIRE(found->end.torn->offset <= at);
    REQUIRE(found->keys == bench.keys_before(found->end.end));
    bench.disk().put(path, whole);
  }
}

TEST_CASE("log reader: a file that is missing is damage, whichever it is", "[persistence]") {
  LogBench bench;
  bench.options.segment_bytes = 300;
  bench.start();
  write_synced(bench, 30);
  bench.log.reset();
  const std::vector<std::string> names = segments_of(bench);
  REQUIRE(names.size() >= 4);
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    const std::string whole = *bench.disk().content(path_of(names[i]));
    REQUIRE(bench.disk().remove(path_of(names[i])));
    const auto found = bench.read();
    REQUIRE(found->end.damage);
    bench.disk().put(path_of(names[i]), whole);
  }
  // The last one: only who knows how far the log went can tell.
  const LogPosition end = bench.read()->end.end;
  REQUIRE(bench.disk().remove(path_of(names.back())));
  REQUIRE(bench.read({.from = LogPosition{0}, .synced = end})->end.damage);
}

TEST_CASE("log reader: a file under another one's name is not taken for it", "[persistence]") {
  LogBench bench;
  bench.options.segment_bytes = 300;
  bench.start();
  write_synced(bench, 30);
  bench.log.reset();
  const std::vector<std::string> names = segments_of(bench);
  bench.disk().put(path_of(names[1]), *bench.disk().content(path_of(names[2])));
  REQUIRE(bench.read()->end.damage);
}

TEST_CASE("log reader: a file of a later version is refused, not cut", "[persistence]") {
  LogBench bench;
  bench.start();
  write_synced(bench, 3);
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  std::string bytes = *bench.disk().content(path);
  bytes[24] = 9;  // format version, behind the magic and the header of the frame
  seal_frame(bytes.data() + 8, kSegmentHeadSize - 24, {.type = FrameType::segment_head});
  bench.disk().put(path, bytes);
  REQUIRE(find_log_files(bench.disk(), kDirectory).error().code == Errc::unsupported);
}

TEST_CASE("log reader: a frame of a kind that is not known stops the start, it is never cut",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.start();
  bench.turn(4);
  const LogPosition end = bench.log->appended();
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  for (const FrameType type : {FrameType{63}, FrameType::segment_head, FrameType::mutations}) {
    std::string frame(kFrameHeaderSize, '\0');
    frame += "no mutations";
    seal_frame(frame.data(), frame.size() - kFrameHeaderSize, {.type = type, .at = end});
    const std::string whole = *bench.disk().content(path);
    bench.disk().put(path, whole + frame);
    const auto found = bench.read();
    REQUIRE(found->end.damage);
    REQUIRE(found->end.damage->at == end);
    REQUIRE(found->keys == 4);
    bench.disk().put(path, whole);
  }
}

TEST_CASE("log reader: a batch in parts that is not complete is left out", "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.value.assign(3 * kFramePayloadMax, 'x');
  bench.start();
  bench.turn();
  bench.turn();
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  const std::string whole = *bench.disk().content(path);
  const LogPosition second = bench.keys_at[1].first;
  for (const size_t size :
       {whole.size() - 1, whole.size() - kFrameMax, whole.size() - 2 * kFrameMax,
        size_t{segment_offset(LogPosition{0}, second)} + kFrameMax}) {
    bench.disk().put(path, whole.substr(0, size));
    const auto found = bench.read();
    REQUIRE(found->keys == 1);
    REQUIRE(found->end.end == second);
    REQUIRE_FALSE(found->end.damage);
  }
  // However the process was killed.
  REQUIRE_FALSE(bench.read({.same_boot = true})->end.damage);
  // A part in the middle is gone, good ones follow.
  for (const size_t part : {size_t{0}, size_t{1}, size_t{2}}) {
    bench.disk().put(path, whole);
    bench.disk().flip_byte(path, segment_offset(LogPosition{0}, second) + part * kFrameMax + 100);
    const auto found = bench.read();
    REQUIRE(found->keys == 1);
    REQUIRE(found->end.end == second);
  }
}

TEST_CASE("log reader: turns that were written out of order before a power cut are cut off whole",
          "[persistence]") {
  uint64_t torn = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    LogBench bench(seed);
    bench.options.policy = SyncPolicy::never;
    bench.start();
    write_synced(bench, 5);
    for (int i = 0; i < 30; ++i) bench.turn(1 + bench.rng.below(3));
    bench.crash();
    const Recovered found = bench.start();
    REQUIRE(found.keys >= 10);
    if (found.end.torn) ++torn;
    // What was cut never comes back.
    const uint64_t before = found.keys;
    bench.turn(1);
    bench.advance_ms(10);
    bench.kill();
    REQUIRE(bench.start().keys == before + 1);
  }
  REQUIRE(torn > 20);
}

TEST_CASE("log reader: of a head, what a power cut leaves is told from what rot does",
          "[persistence]") {
  for (const uint64_t sequence : {uint64_t{1}, uint64_t{0x1234}, uint64_t{0x12345}}) {
    const LogPosition begin{5'000};
    const auto head = encode_segment_head({.begin = begin, .synced = begin, .sequence = sequence});
    const std::string whole(head.data(), head.size());
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(sequence, size);
      const std::string cut = whole.substr(0, size);
      std::string padded = cut;
      padded.resize(whole.size());
      if (padded == whole) continue;
      REQUIRE(is_unfinished_head(cut, begin));
      REQUIRE(is_unfinished_head(padded + "frames", begin));
      for (const uint8_t bits : {uint8_t{0xFF}, uint8_t{1}, uint8_t{0x80}}) {
        std::string rotten = whole;
        rotten[size] = static_cast<char>(static_cast<uint8_t>(rotten[size]) ^ bits);
        const bool is_sequence = size >= 48;  // cut before it
        if (!is_sequence) REQUIRE_FALSE(is_unfinished_head(rotten, begin));
      }
    }
    REQUIRE_FALSE(is_unfinished_head(whole, begin + 1));
  }
}

// Nothing knows how far the log was fsynced, so what was cut short could be a torn tail.
TEST_CASE("log reader: no segment with a rotten head is taken for one that was just begun",
          "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.options.segment_bytes = 300;
  bench.start();
  for (int i = 0; i < 30; ++i) {
    bench.turn(2);
    bench.advance_ms(1);
  }
  bench.log.reset();
  for (const std::string& name : segments_of(bench)) {
    const std::string whole = *bench.disk().content(path_of(name));
    for (size_t at = 0; at < 48; ++at) {
      CAPTURE(name, at);
      bench.disk().flip_byte(path_of(name), at, static_cast<uint8_t>(1U << (at % 8)));
      const auto found = bench.read();
      REQUIRE(found->end.damage);
      REQUIRE(found->end.damage->file == name);
      REQUIRE(found->end.damage->offset == 0);
      bench.disk().put(path_of(name), whole);
    }
  }
  // The first one gets its name when its head is durable.
  const std::string first = path_of(segment_name(LogPosition{0}));
  for (const std::string& name : segments_of(bench)) REQUIRE(bench.disk().remove(path_of(name)));
  for (const std::string& content : {std::string(), std::string(10, 'x'), std::string(64, '\0')}) {
    bench.disk().put(first, content);
    REQUIRE(bench.read()->end.damage);
  }
}

// A head without its sequence looks as if a power cut had cut it short there.
TEST_CASE("log reader: a head that has lost its sequence is damage if a frame knows of an fsync",
          "[persistence]") {
  LogBench bench;
  bench.options.segment_bytes = 300;
  bench.start();
  for (int i = 0; i < 10; ++i) {
    bench.turn(2);
    bench.advance_ms(100);
  }
  bench.advance_ms(10'000);
  bench.log.reset();
  const std::vector<std::string> names = segments_of(bench);
  REQUIRE(names.size() > 1);
  for (const std::string& name : names) {
    const std::string whole = *bench.disk().content(path_of(name));
    for (size_t at = 48; at < kSegmentHeadSize; ++at) {
      for (const char byte : {whole[at], '\x01', '\xFF'}) {
        if (byte == '\0') continue;
        CAPTURE(name, at, byte);
        bench.disk().flip_byte(path_of(name), at, static_cast<uint8_t>(byte));
        REQUIRE(bench.read()->end.damage);
        bench.disk().put(path_of(name), whole);
      }
    }
  }
}

TEST_CASE("log reader: a killed process tears nothing but the end", "[persistence]") {
  LogBench bench;
  bench.options.policy = SyncPolicy::never;
  bench.start();
  for (int i = 0; i < 10; ++i) bench.turn(3);
  const LogPosition last = (bench.keys_at.end() - 2)->first;
  bench.log.reset();
  const std::string path = path_of(segment_name(LogPosition{0}));
  const std::string whole = *bench.disk().content(path);
  for (size_t at = kSegmentHeadSize; at < whole.size(); ++at) {
    CAPTURE(at);
    bench.disk().flip_byte(path, at);
    const auto found = bench.read({.same_boot = true});
    REQUIRE(found->end.damage.has_value() == (at < segment_offset(LogPosition{0}, last)));
    bench.disk().put(path, whole.substr(0, at));
    REQUIRE_FALSE(bench.read({.same_boot = true})->end.damage);
    bench.disk().put(path, whole);
  }
}

TEST_CASE("log reader: random bytes as files never crash it", "[persistence]") {
  sim::SimRng rng(5);
  for (int round = 0; round < 300; ++round) {
    LogBench bench;
    bench.start();
    write_synced(bench, 5);
    bench.log.reset();
    std::string bytes = *bench.disk().content(path_of(segment_name(LogPosition{0})));
    for (uint64_t i = rng.below(40); i > 0; --i) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    }
    if (rng.below(2) == 0) bytes.resize(rng.below(bytes.size()));
    bench.disk().put(path_of(segment_name(LogPosition{rng.below(2) * rng.below(300)})), bytes);
    require_honest(bench, 0);
  }
}

}  // namespace quoris::persistence
