#include "persistence/check.h"

#include <catch2/catch.hpp>

#include "persistence/data_directory.h"
#include "persistence/dump.h"
#include "persistence/paths.h"
#include "tests/persistence/log_bench.h"

namespace quoris::persistence {

namespace {

using testing::kDirectory;
using testing::LogBench;
using testing::sample_mutations;

struct Said {
  std::string text;

  LineSink sink() {
    return [this](std::string_view line) { text.append(line).append("\n"); };
  }

  bool has(std::string_view part) const { return text.find(part) != std::string::npos; }
};

// A data directory whose log has several segments, all durable.
struct CheckBench : LogBench {
  CheckBench() {
    options.segment_bytes = 300;
    REQUIRE(DataDirectory::open(disk(), rng, kDirectory));
    start();
    for (int i = 0; i < 20; ++i) {
      turn(2);
      log->request_sync();
      advance_ms(1);
    }
    end = log->appended();
    log.reset();
    const auto files = find_log_files(disk(), kDirectory);
    REQUIRE(files);
    for (const LogFile& file : files->chain) {
      segments.push_back(join(kDirectory, file.name));
    }
    REQUIRE(segments.size() >= 3);
  }

  bool check(Said& said) {
    const auto sound = check_directory(disk(), kDirectory, said.sink());
    REQUIRE(sound);
    return *sound;
  }

  bool repair(Said& said) {
    const auto sound = repair_directory(disk(), kDirectory, said.sink());
    INFO((sound ? std::string() : sound.error().message));
    REQUIRE(sound);
    return *sound;
  }

  // Keys of the mutations that the log holds.
  std::vector<uint64_t> keys(bool* follows_repair = nullptr) {
    std::vector<uint64_t> found;
    const auto files = find_log_files(disk(), kDirectory);
    const auto read = read_log(disk(), *files, {}, [&](const LogChunk& chunk) {
      for (const store::Mutation& each : chunk.mutations) {
        found.push_back(std::stoull(std::string(each.key)));
      }
      return ok();
    });
    REQUIRE(read);
    if (follows_repair != nullptr) *follows_repair = read->follows_repair;
    return found;
  }

  LogPosition end{0};
  std::vector<std::string> segments;
};

}  // namespace

TEST_CASE("check: a sound directory is said to be so, file by file", "[persistence]") {
  CheckBench bench;
  Said said;
  REQUIRE(bench.check(said));
  for (const std::string& segment : bench.segments) {
    REQUIRE(said.has(segment.substr(kDirectory.size() + 1)));
  }
  REQUIRE(said.has("quoris.identity: good"));
  REQUIRE(said.has("\nsound\n"));
  REQUIRE_FALSE(said.has("DAMAGED"));
}

TEST_CASE("check: small files that are not there are not called good", "[persistence]") {
  CheckBench bench;
  REQUIRE(bench.disk().remove(join(kDirectory, kManifestName)));
  Said said;
  REQUIRE(bench.check(said));
  REQUIRE(said.has("quoris.ceiling: not there"));
  REQUIRE(said.has("quoris.manifest: not there; the log is needed from position 0 on"));
  REQUIRE(write_manifest(bench.disk(), kDirectory, Manifest()));
  REQUIRE(write_ceiling(bench.disk(), kDirectory, store::Version{5}));
  Said again;
  REQUIRE(bench.check(again));
  REQUIRE(again.has("quoris.ceiling: good"));
  REQUIRE(again.has("quoris.manifest: good"));
}

TEST_CASE("check: a log that is gone is told with a name, and begun anew by a repair",
          "[persistence]") {
  CheckBench bench;
  REQUIRE((*DataDirectory::open(bench.disk(), bench.rng, kDirectory))->mark_clean(bench.end));
  for (const std::string& segment : bench.segments) REQUIRE(bench.disk().remove(segment));
  Said said;
  REQUIRE_FALSE(bench.check(said));
  REQUIRE(said.has("log-00000000000000000000.qlog: DAMAGED"));
  REQUIRE(bench.repair(said));
  const auto found = bench.read({.from = LogPosition{0}, .synced = bench.end});
  REQUIRE(found->end.end == bench.end);
  REQUIRE(found->end.follows_repair);
  REQUIRE(found->keys == 0);
}

TEST_CASE("check: what can't be told of other files does not keep the log's verdict back",
          "[persistence]") {
  CheckBench bench;
  const auto newer = [](const LineSink&) -> Result<std::string> {
    return Error{Errc::unsupported, "from a later version"};
  };
  Said sound;
  const auto checked = check_directory(bench.disk(), kDirectory, sound.sink(), newer);
  REQUIRE_FALSE(checked);
  REQUIRE(checked.error().message == "from a later version");
  REQUIRE_FALSE(sound.has("DAMAGED"));
  bench.disk().flip_byte(bench.segments[1], kSegmentHeadSize + 5);
  Said damaged;
  REQUIRE_FALSE(check_directory(bench.disk(), kDirectory, damaged.sink(), newer));
  REQUIRE(damaged.has("DAMAGED; `quoris check"));
}

TEST_CASE("check: a torn tail is no damage, and is told", "[persistence]") {
  CheckBench bench;
  const std::string& last = bench.segments.back();
  bench.disk().put(last, *bench.disk().content(last) + "half a fra");
  Said said;
  REQUIRE(bench.check(said));
  REQUIRE(said.has("a torn tail"));
  REQUIRE(said.has("10 bytes"));
}

TEST_CASE("check: what stands behind the manifest's end of the log is told, and no damage",
          "[persistence]") {
  CheckBench bench;
  const auto [end, keys] = bench.keys_at[10];
  REQUIRE(write_manifest(bench.disk(), kDirectory,
                         {.log_begin = LogPosition{0}, .snapshots = {}, .log_end = end}));
  bench.disk().flip_byte(bench.segments.back(), kSegmentHeadSize + 5);
  const std::string unused = std::to_string(distance(end, bench.end));
  const std::string position = std::to_string(raw(end));
  Said said;
  REQUIRE(bench.check(said));
  REQUIRE(said.has("needed from position 0 to " + position));
  REQUIRE(said.has(unused + " bytes of the log behind position " + position + " are not used"));
  Said dumped;
  REQUIRE(*dump_directory(bench.disk(), kDirectory, dumped.sink()));
  REQUIRE(dumped.has("{\"unused_bytes\":" + unused + ",\"position\":" + position + "}"));
  REQUIRE(static_cast<uint64_t>(std::ranges::count(dumped.text, '\n')) == keys + 1);

  // Damage before it is one, and the repair doesn't bring back what doesn't count.
  bench.disk().flip_byte(bench.segments[0], kSegmentHeadSize + 5);
  REQUIRE_FALSE(bench.check(said));
  REQUIRE(bench.repair(said));
  const auto files = find_log_files(bench.disk(), kDirectory);
  const auto read =
      read_log(bench.disk(), *files, {.end = end}, [](const LogChunk&) { return ok(); });
  REQUIRE(read);
  REQUIRE(read->end == end);
  REQUIRE(read->follows_repair);
  REQUIRE(read_manifest(bench.disk(), kDirectory)->log_end == end);
}

TEST_CASE("check: every flipped byte of a segment is told, repaired, and costs its turn alone",
          "[persistence]") {
  const CheckBench pattern;
  const std::string whole = *const_cast<CheckBench&>(pattern).disk().content(pattern.segments[1]);
  for (size_t at = 0; at < whole.size(); at += 3) {
    INFO("offset " << at);
    CheckBench bench;
    bench.disk().flip_byte(bench.segments[1], at);
    Said said;
    REQUIRE_FALSE(bench.check(said));
    REQUIRE(said.has("DAMAGED"));
    Said repaired;
    REQUIRE(bench.repair(repaired));
    bool follows_repair = false;
    const std::vector<uint64_t> keys = bench.keys(&follows_repair);
    REQUIRE(std::is_sorted(keys.begin(), keys.end()));
    if (at < kSegmentHeadSize) {
      REQUIRE(keys.size() == bench.next_key);
    } else {
      REQUIRE(keys.size() == bench.next_key - 2);
      REQUIRE(follows_repair);
    }
    const auto original = bench.disk().content(
        join(kDirectory + "/damaged-1", bench.segments[1].substr(kDirectory.size() + 1)));
    REQUIRE(original);
    REQUIRE(*original != whole);
    REQUIRE(original->size() == whole.size());
  }
}

TEST_CASE("check: missing files and several damages are repaired in one go", "[persistence]") {
  for (const size_t missing : {size_t{0}, size_t{1}}) {
    CheckBench bench;
    REQUIRE(bench.disk().remove(bench.segments[missing]));
    bench.disk().flip_byte(bench.segments[2], 100);
    bench.disk().flip_byte(bench.segments[2], 250);
    Said said;
    // Without a manifest a log that begins late is one that was dropped up to there.
    REQUIRE(write_manifest(bench.disk(), kDirectory, Manifest()));
    REQUIRE_FALSE(bench.check(said));
    REQUIRE(bench.repair(said));
    REQUIRE(bench.keys().size() < bench.next_key);
    REQUIRE(bench.keys().back() == bench.next_key - 1);
    // The log goes on where it ended.
    Said again;
    REQUIRE(bench.check(again));
    REQUIRE(again.has("positions " + std::to_string(0)));
  }
}

TEST_CASE("check: a log that is shorter than a clean shutdown left it is damage, and is made good",
          "[persistence]") {
  CheckBench bench;
  REQUIRE((*DataDirectory::open(bench.disk(), bench.rng, kDirectory))->mark_clean(bench.end));
  Said said;
  REQUIRE(bench.check(said));
  bench.disk().cut_off(bench.segments.back(), kSegmentHeadSize + 20);
  REQUIRE_FALSE(bench.check(said));
  REQUIRE(bench.repair(said));
  REQUIRE(bench.read({.from = LogPosition{0}, .synced = bench.end})->end.end == bench.end);
}

TEST_CASE("check: damaged small files are set aside", "[persistence]") {
  for (const std::string_view name : {kIdentityName, kCeilingName, kManifestName}) {
    CheckBench bench;
    REQUIRE(write_manifest(bench.disk(), kDirectory, Manifest()));
    REQUIRE(write_ceiling(bench.disk(), kDirectory, store::Version{5}));
    const std::string path = join(kDirectory, name);
    bench.disk().flip_byte(path, 9);
    Said said;
    REQUIRE_FALSE(bench.check(said));
    REQUIRE(said.has(std::string(name) + ": DAMAGED"));
    REQUIRE(bench.repair(said));
    REQUIRE(bench.disk().content(join(kDirectory + "/damaged-1", name)));
    REQUIRE(bench.keys().size() == bench.next_key);
  }
}

TEST_CASE("check: no repair while a node runs", "[persistence]") {
  CheckBench bench;
  const auto running = DataDirectory::open(bench.disk(), bench.rng, kDirectory);
  Said said;
  REQUIRE(repair_directory(bench.disk(), kDirectory, said.sink()).error().code ==
          Errc::already_exists);
  REQUIRE(bench.check(said));
}

TEST_CASE("check: a repair that a full disk stops can be made again", "[persistence]") {
  for (uint64_t steps = 0; steps < 30; ++steps) {
    CheckBench bench;
    bench.disk().flip_byte(bench.segments[1], 100);
    bench.disk().stop_after(steps);
    Said said;
    (void)repair_directory(bench.disk(), kDirectory, said.sink());
    bench.disk().crash(bench.rng);
    REQUIRE(bench.repair(said));
    REQUIRE(bench.keys().size() == bench.next_key - 2);
  }
}

TEST_CASE("dump: mutations as JSON, bytes and all", "[persistence]") {
  REQUIRE(json_string(std::string_view("a\"b\\c\n\0\xff", 8)) == R"("a\"b\\c\u000a\u0000\u00ff")");
  const store::Mutation set = testing::sample_set("k\x01", "v");
  REQUIRE(mutation_json(LogPosition{5}, 1, set).find(R"("position":5,"batch":1,)") !=
          std::string::npos);
  REQUIRE(mutation_json(LogPosition{5}, 1, set).find(R"("key":"k\u0001","value":"v"})") !=
          std::string::npos);
  for (const store::Mutation& mutation : sample_mutations()) {
    const std::string json = mutation_json(LogPosition{0}, 0, mutation);
    REQUIRE(json.front() == '{');
    REQUIRE(json.back() == '}');
    for (const char c : json) REQUIRE((c >= 0x20 && c < 0x7F));
  }
  CheckBench bench;
  Said said;
  const auto sound = dump_directory(bench.disk(), kDirectory, said.sink());
  REQUIRE(*sound);
  REQUIRE(static_cast<uint64_t>(std::count(said.text.begin(), said.text.end(), '\n')) ==
          bench.next_key);
}

}  // namespace quoris::persistence
