// The file of a snapshot: what is written is read, anything else is an error; and what becomes of
// it when the disk fails.
#include <catch2/catch.hpp>

#include "tests/persistence/snapshot_bench.h"

namespace quoris::persistence {
namespace {

using testing::contents_of;
using testing::kDatabases;
using testing::kDirectory;
using testing::SnapshotBench;
using Operation = sim::SimDisk::Operation;

constexpr LogPosition kBegin{1000};
constexpr LogPosition kEnd{5000};
const char* const kPath = "data/s";

SnapshotWriter::Options options() {
  return {.directory = kDirectory,
          .name = "s",
          .begin = kBegin,
          .wall_ms = SnapshotBench::kNowMs,
          .block_bytes = 300,
          .blocks_max = 3,
          .sync_bytes = 1000,
          .piece_bytes = 100};
}

// The whole file into a store.
Result<SnapshotEnd> load(SnapshotBench& bench, store::Store& store) {
  auto reader = SnapshotReader::open(bench.disk(), kPath);
  if (!reader) return reader.error();
  store::Replay replay(store);
  std::vector<store::Mutation> mutations;
  for (;;) {
    const Result<bool> more = (*reader)->next(mutations);
    if (!more) return more.error();
    if (!*more) return (*reader)->end();
    for (const store::Mutation& mutation : mutations) {
      if (replay.load(mutation) != store::Replay::Outcome::applied) {
        return Error{Errc::corrupt, "refused"};
      }
    }
  }
}

TEST_CASE("snapshot: what is written is read", "[persistence]") {
  SnapshotBench bench;
  bench.fill(200);
  const auto saved = bench.save(options(), kEnd);
  REQUIRE(saved);
  CHECK(saved->name == "s");
  CHECK(saved->begin == kBegin);
  CHECK(saved->end == kEnd);
  CHECK(saved->entries == 200 + 5);
  CHECK(saved->bytes == bench.disk().content(kPath)->size());
  store::Store store(kDatabases, HashSecret{8}, NodeNumber{1});
  const auto end = load(bench, store);
  REQUIRE(end);
  CHECK(end->end == kEnd);
  CHECK(end->version == bench.store.versions().last());
  CHECK(end->entries == saved->entries);
  CHECK(contents_of(store) == contents_of(bench.store));
  const auto reader = SnapshotReader::open(bench.disk(), kPath);
  REQUIRE(reader);
  CHECK((*reader)->head().entries == std::vector<uint64_t>{103, 102, 0});
  CHECK((*reader)->head().begin == kBegin);
  CHECK((*reader)->head().wall_ms == SnapshotBench::kNowMs);
}

TEST_CASE("snapshot: an empty store has one", "[persistence]") {
  SnapshotBench bench;
  REQUIRE(bench.save(options(), kBegin));
  store::Store store(kDatabases, HashSecret{8}, NodeNumber{1});
  REQUIRE(load(bench, store));
  CHECK(contents_of(store) == contents_of(bench.store));
}

TEST_CASE("snapshot: it is durable when it is finished, and nothing else is left",
          "[persistence]") {
  SnapshotBench bench;
  bench.fill(50);
  REQUIRE(bench.save(options(), kEnd));
  bench.disk().crash(bench.rng);
  CHECK(*bench.disk().list(kDirectory) == std::vector<std::string>{"s"});
  store::Store store(kDatabases, HashSecret{8}, NodeNumber{1});
  REQUIRE(load(bench, store));
  CHECK(contents_of(store) == contents_of(bench.store));
}

TEST_CASE("snapshot: cut short or with any byte changed it is refused", "[persistence]") {
  SnapshotBench bench;
  for (int i = 0; i < 5; ++i) bench.set(DbIndex{0}, "key" + std::to_string(i), "value");
  for (int i = 0; i < 60; ++i) bench.add(DbIndex{1}, "set", "m" + std::to_string(i));
  for (int i = 0; i < 20; ++i) bench.push(DbIndex{1}, "list", std::string(50, 'i'));
  bench.set(DbIndex{1}, "in parts", std::string(500, 'p'));
  REQUIRE(bench.save(options(), kEnd));
  const std::string good = *bench.disk().content(kPath);
  REQUIRE(good.size() < 5000);
  const auto refused = [&bench] {
    store::Store store(kDatabases, HashSecret{8}, NodeNumber{1});
    const auto end = load(bench, store);
    return !end && end.error().code == Errc::corrupt &&
           end.error().message.find(kPath) != std::string::npos;
  };
  for (size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    for (const uint8_t bits : {uint8_t{1}, uint8_t{0x80}, uint8_t{0xFF}}) {
      bench.disk().put(kPath, good);
      bench.disk().flip_byte(kPath, at, bits);
      REQUIRE(refused());
    }
    bench.disk().put(kPath, good);
    bench.disk().cut_off(kPath, at);
    REQUIRE(refused());
  }
  bench.disk().put(kPath, good + "x");
  CHECK(refused());
  bench.disk().put(kPath, good + good);
  CHECK(refused());
}

TEST_CASE("snapshot: a block of another one is not taken for its own", "[persistence]") {
  SnapshotBench bench;
  for (int i = 0; i < 40; ++i) bench.set(DbIndex{0}, "key" + std::to_string(i), "old value");
  REQUIRE(bench.save(options(), kEnd));
  const std::string old = *bench.disk().content(kPath);
  for (int i = 0; i < 40; ++i) bench.set(DbIndex{0}, "key" + std::to_string(i), "new value");
  auto later = options();
  later.begin = kBegin + 500;
  REQUIRE(bench.save(later, kEnd));
  std::string mixed = *bench.disk().content(kPath);
  REQUIRE(mixed.size() == old.size());
  const size_t middle = old.size() / 2;
  bench.disk().put(kPath, mixed.substr(0, middle) + old.substr(middle));
  store::Store store(kDatabases, HashSecret{8}, NodeNumber{1});
  CHECK(!load(bench, store));
}

TEST_CASE("snapshot: a later version's is refused as such", "[persistence]") {
  SnapshotBench bench;
  std::string bytes(kSnapshotMagic);
  const std::string payload = "\x07something";
  bytes += std::string(kFrameHeaderSize, '\0') + payload;
  seal_frame(bytes.data() + kSnapshotMagic.size(), payload.size(),
             {.type = FrameType::snapshot_head,
              .at = LogPosition{kSnapshotMagic.size()},
              .synced = LogPosition{0}});
  bench.disk().put(kPath, bytes);
  const auto reader = SnapshotReader::open(bench.disk(), kPath);
  REQUIRE(!reader);
  CHECK(reader.error().code == Errc::unsupported);
}

TEST_CASE("snapshot: a failure of the disk ends it and leaves no file behind", "[persistence]") {
  for (const Operation operation :
       {Operation::create, Operation::write, Operation::sync, Operation::rename}) {
    for (const uint64_t after : {0, 1, 2}) {
      SnapshotBench bench;
      bench.fill(100);
      bench.disk().fail(operation, {.code = Errc::no_space, .count = 1, .after = after});
      const auto saved = bench.save(options(), kEnd);
      CAPTURE(static_cast<int>(operation), after);
      const bool is_single = operation == Operation::create || operation == Operation::rename;
      if (is_single && after > 0) {
        CHECK(saved);
        continue;
      }
      REQUIRE(!saved);
      CHECK(saved.error().code == Errc::no_space);
      CHECK(bench.disk().list(kDirectory)->empty());
    }
  }
}

TEST_CASE("snapshot: given up, it leaves no file behind", "[persistence]") {
  for (size_t slices = 0; slices < 12; ++slices) {
    for (const bool job_in_flight : {true, false}) {
      SnapshotBench bench;
      bench.fill(100);
      bool finished = false;
      {
        SnapshotWriter writer(bench.disk(), bench.store, options(),
                              [&finished](const Result<SnapshotInfo>&) { finished = true; });
        for (size_t i = 0; i < slices; ++i) {
          if (writer.step(30) == SnapshotWriter::Phase::waiting) bench.env.timers().advance(1000);
        }
        if (!job_in_flight) bench.env.timers().advance(1000);
      }
      bench.env.timers().advance(10'000);
      CHECK(!finished);
      CHECK(bench.disk().list(kDirectory)->empty());
    }
  }
}

TEST_CASE("snapshot: a slow disk makes the walk wait", "[persistence]") {
  SnapshotBench bench;
  bench.fill(100);
  SnapshotWriter writer(bench.disk(), bench.store, options(), [](const Result<SnapshotInfo>&) {});
  SnapshotWriter::Phase phase = SnapshotWriter::Phase::walking;
  while (phase == SnapshotWriter::Phase::walking) phase = writer.step(5);
  CHECK(phase == SnapshotWriter::Phase::waiting);
  const auto figures = writer.figures();
  CHECK(figures.entries < 100);
  writer.step(1000);
  CHECK(writer.figures().entries == figures.entries);
  CHECK(figures.memory < 10'000);
  bench.env.timers().advance(1000);
  CHECK(writer.phase() == SnapshotWriter::Phase::walking);
  writer.step(5);
  CHECK(writer.figures().entries > figures.entries);
}

TEST_CASE("snapshot: names say where it begins", "[persistence]") {
  CHECK(snapshot_name(LogPosition{1234}) == "snapshot-00000000000000001234.qsnp");
  CHECK(snapshot_name(LogPosition{1234}, 2) == "snapshot-00000000000000001234-2.qsnp");
  CHECK(parse_snapshot_name("snapshot-00000000000000001234.qsnp") == LogPosition{1234});
  CHECK(parse_snapshot_name("snapshot-00000000000000001234-2.qsnp") == LogPosition{1234});
  CHECK(!parse_snapshot_name("snapshot-1234.qsnp"));
  CHECK(!parse_snapshot_name("snapshot-00000000000000001234.qsnp.tmp"));
  CHECK(!parse_snapshot_name("snapshot-00000000000000001234x.qsnp"));
  CHECK(!parse_snapshot_name("snapshot-.qsnp"));
}

}  // namespace
}  // namespace quoris::persistence
