// What a snapshot rests on: what a walk yields, slice by slice between commands, loaded into an
// empty store and followed by what was emitted since the walk began, gives an equal store.
#include "store/store_walk.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "store/replay.h"
#include "tests/command/store_difference.h"
#include "tests/command/write_generators.h"

namespace quoris::command {
namespace {

using store::Entry;
using store::Mutation;
using store::MutationKind;
using store::Replay;
using store::Store;
using store::StoreWalk;
using testing::Bench;
using testing::difference;
using testing::Draw;
using testing::Words;
using testing::write_generators;

// Keeps what is emitted.
class Recorder final : public store::MutationSink {
 public:
  void emit(const Mutation& mutation) override {
    bytes_.emplace_back(mutation.key);
    bytes_.emplace_back(mutation.value);
    Mutation kept = mutation;
    kept.value = bytes_.back();
    kept.key = bytes_[bytes_.size() - 2];
    // As the log's codec: what is no delta comes back without its base.
    const bool names_base = kept.kind >= MutationKind::set_expiry &&
                            kept.kind != MutationKind::flush && kept.kind != MutationKind::swap &&
                            kept.kind != MutationKind::put_collection;
    if (!names_base) kept.base_version = store::kNoVersion;
    mutations.push_back(kept);
  }

  void clear() {
    mutations.clear();
    bytes_.clear();
  }

  std::vector<Mutation> mutations;

 private:
  std::deque<std::string> bytes_;
};

// A store under a walk: all that is emitted is the log, all that is yielded the snapshot.
class Scene {
 public:
  explicit Scene(uint64_t seed) : draw(seed), bench(&log_, seed) {
    bench.store.limits() = {.hash_max_packed_fields = 4,
                            .hash_max_packed_bytes = 64,
                            .set_max_intset_members = 6,
                            .zset_max_packed_members = 4,
                            .zset_max_packed_bytes = 64,
                            .list_max_packed = 8,
                            .list_max_small_bytes = 64,
                            .list_max_small_items = 8};
  }

  void begin_walk(size_t piece_bytes) {
    log_.clear();
    walk_.emplace(bench.store, piece_bytes);
  }

  // True: the walk is through.
  bool slice(size_t work_max) {
    if (!walk_->step(snapshot_, work_max)) return false;
    end_ = log_.mutations.size();
    return true;
  }

  // Nothing if the recovered store is equal.
  std::optional<std::string> recover() {
    Store recovered(Bench::kDatabases, HashSecret{31}, NodeNumber{0});
    Replay replay(recovered);
    for (const Mutation& mutation : snapshot_.mutations) {
      if (replay.load(mutation) != Replay::Outcome::applied) return "the snapshot was refused";
    }
    for (size_t i = 0; i < log_.mutations.size(); ++i) {
      if (i == end_) replay.end_of_snapshot();
      const Replay::Outcome outcome = replay.replay(log_.mutations[i]);
      ++outcomes[outcome];
      if (outcome == Replay::Outcome::damage) return damage(i, recovered);
      if (i >= end_ && outcome != Replay::Outcome::applied) return "a skip behind the end";
    }
    const auto wrong = difference(bench.store, recovered);
    if (wrong) return wrong;
    // (An expiry has the value's version with one bit more.)
    if (raw(recovered.versions().last()) / 2 > raw(bench.store.versions().last()) / 2) {
      return "the clock's future";
    }
    return std::nullopt;
  }

  // How many mutations of a kind the walk has yielded.
  [[nodiscard]] size_t yielded(MutationKind kind) const {
    return static_cast<size_t>(std::ranges::count(snapshot_.mutations, kind, &Mutation::kind));
  }

  [[nodiscard]] StoreWalk::Figures figures() const { return walk_->figures(); }

  [[nodiscard]] size_t during_walk() const { return end_; }

  store::Writer writer() {
    return store::Writer(bench.store, bench.stats, bench.rng, bench.now_ms, {.sink = &log_});
  }

  std::map<Replay::Outcome, size_t> outcomes;
  Draw draw;

 private:
  std::string damage(size_t at, Store& recovered) {
    const Mutation& mutation = log_.mutations[at];
    store::Keyspace& db = recovered.db(mutation.db);
    const Entry* entry = db.find(db.hashed(mutation.key));
    return "damage: " + std::to_string(at) + " of " + std::to_string(end_) + ", kind " +
           std::to_string(static_cast<int>(mutation.kind)) + ", base " +
           std::to_string(raw(mutation.base_version)) + ", version " +
           std::to_string(raw(mutation.version)) + ", key '" + std::string(mutation.key) +
           "' where there is " + (entry == nullptr ? "nothing" : testing::describe(*entry));
  }

  Recorder log_;
  Recorder snapshot_;
  size_t end_ = 0;  // the walk's, in the log
  std::optional<StoreWalk> walk_;

 public:
  Bench bench;
};

// --- random commands ----------------------------------------------------------------------------

Words next_request(Draw& draw, bool flushes) {
  const auto& generator = write_generators()[draw.below(write_generators().size())];
  if (generator.name.starts_with("FLUSH") && (!flushes || !draw.one_in(4))) {
    return testing::set_request(draw);
  }
  draw.favour(generator.family);
  Words words = generator.make(draw);
  draw.favour(0);
  return words;
}

// One command, or what a server does besides.
void act(Scene& scene, bool flushes) {
  Bench& bench = scene.bench;
  Draw& draw = scene.draw;
  bench.now_ms += static_cast<int64_t>(draw.below(20));
  bench.db = DbIndex{static_cast<uint16_t>(draw.below(Draw::kDatabases))};
  store::Writer writer = scene.writer();
  store::Keyspace& db = bench.store.db(bench.db);
  switch (draw.below(24)) {
    case 0:
      db.expire_some(bench.now_ms, 10, [&](Entry& entry) {
        if (entry.is_expired(bench.now_ms)) writer.expire(bench.db, entry);
      });
      return;
    case 1:
      if (Entry* entry = db.random(bench.rng); entry != nullptr && draw.one_in(3)) {
        writer.evict(bench.db, *entry);
      }
      return;
    case 2:
      static_cast<void>(bench.store.free_some(draw.below(30)));
      return;
    default:
      bench.run(next_request(draw, flushes));
  }
}

constexpr uint64_t kSeeds = 1'000;

TEST_CASE("store walk: with the log since it began it gives an equal store", "[command]") {
  std::map<Replay::Outcome, size_t> outcomes;
  StoreWalk::Figures sum;
  size_t during_walk = 0;
  size_t list_pieces = 0;  // but for the first of each value
  size_t table_pieces = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Scene scene(seed);
    Draw& draw = scene.draw;
    const bool flushes = draw.one_in(2);
    const size_t slice_one_in = 2 + draw.below(20);
    const size_t work_max = 1 + draw.below(30);
    for (size_t i = draw.below(800); i > 0; --i) act(scene, flushes);
    scene.begin_walk(size_t{1} << draw.below(14));
    bool through = false;
    while (!through) {
      if (draw.one_in(slice_one_in)) {
        through = scene.slice(1 + draw.below(work_max));
      } else {
        act(scene, flushes);
      }
    }
    for (size_t i = 0; i < 50; ++i) act(scene, flushes);
    const auto wrong = scene.recover();
    CAPTURE(seed, wrong.value_or(""));
    REQUIRE(!wrong);
    for (const auto& [outcome, count] : scene.outcomes) outcomes[outcome] += count;
    sum.entries += scene.figures().entries;
    sum.large += scene.figures().large;
    during_walk += scene.during_walk();
    list_pieces += scene.yielded(MutationKind::list_insert);
    table_pieces += scene.yielded(MutationKind::set_elements);
  }
  // The runs were worth something.
  CHECK(sum.entries > 5 * kSeeds);
  CHECK(sum.large > kSeeds);
  CHECK(during_walk > 20 * kSeeds);
  CHECK(list_pieces > kSeeds);
  CHECK(table_pieces > kSeeds);
  CHECK(outcomes[Replay::Outcome::skipped] > 5 * kSeeds);
  CHECK(outcomes[Replay::Outcome::applied] > 20 * kSeeds);
}

// --- large values, changed at every boundary ----------------------------------------------------

constexpr size_t kElements = 60;
constexpr size_t kPieceBytes = 64;

// A large value of every type, a string and a few small ones.
void fill(Scene& scene) {
  for (size_t i = 0; i < kElements; ++i) {
    const std::string n = std::to_string(i);
    scene.bench.run({"HSET", "hash", "field" + n, n});
    scene.bench.run({"SADD", "set", "member" + n});
    scene.bench.run({"ZADD", "zset", n, "member" + n});
    scene.bench.run({"RPUSH", "list", "item" + n});
  }
  scene.bench.run({"SET", "string", "value"});
  scene.bench.run({"SADD", "small", "1", "2"});
}

// `#` stands for a number that grows from command to command.
const char* const kChanges[] = {
    "HSET hash field# new",
    "HSET hash more# new",
    "HDEL hash field#",
    "HINCRBY hash field# 7",
    "SADD set more#",
    "SREM set member#",
    "SPOP set 3",
    "SMOVE set other member#",
    "ZADD zset -# member#",
    "ZADD zset 5 more#",
    "ZREM zset member#",
    "ZPOPMIN zset 3",
    "ZREMRANGEBYRANK zset 0 2",
    "LPUSH list new#",
    "RPUSH list new#",
    "LPOP list",
    "RPOP list 3",
    "LSET list # changed#",
    "LSET list 0 x",
    "LREM list 0 item#",
    "LTRIM list 2 -3",
    "LINSERT list AFTER item# x",
    "LMOVE list list LEFT RIGHT",
    "RENAME hash set",
    "RENAME list zset",
    "RENAME zset moved",
    "RENAME moved zset",
    "RENAME small list",
    "COPY hash copied",
    "COPY list hash REPLACE",
    "MOVE list 1",
    "DEL hash",
    "DEL list",
    "UNLINK zset",
    "DEL set",
    "SET hash string",
    "SET list string",
    "SADD small x#",
    "APPEND string x",
    "SETRANGE string # y",
    "PEXPIRE hash 1",
    "PEXPIRE list 100000",
    "EXISTS hash list set",
    "PERSIST list",
    "SUNIONSTORE set small set",
    "ZUNIONSTORE zset 2 zset set",
    "SORT list ALPHA STORE list",
    "SWAPDB 0 1",
    "SWAPDB 1 2",
    "FLUSHDB",
    "FLUSHDB ASYNC",
    "FLUSHALL",
    "HSET hash a b",
    "RPUSH list a b c d e f g h i j",
};

void change(Scene& scene, std::string line, size_t number) {
  for (size_t at = line.find('#'); at != std::string::npos; at = line.find('#')) {
    line.replace(at, 1, std::to_string(number % kElements));
  }
  scene.bench(line);
  ++scene.bench.now_ms;
}

TEST_CASE("store walk: large values may be changed at every slice boundary", "[command]") {
  for (const char* const line : kChanges) {
    Scene scene(1);
    fill(scene);
    scene.begin_walk(kPieceBytes);
    size_t slices = 0;
    for (; !scene.slice(1); ++slices) change(scene, line, slices);
    change(scene, line, slices);
    const auto wrong = scene.recover();
    CAPTURE(line, wrong.value_or(""));
    REQUIRE(!wrong);
  }
}

TEST_CASE("store walk: one change, and another after it, at any slice boundary", "[command]") {
  constexpr size_t kSlicesMax = 10'000;
  for (size_t n = 0; n < std::size(kChanges); ++n) {
    const char* const first = kChanges[n];
    const char* const second = kChanges[(n * 7 + 3) % std::size(kChanges)];
    size_t slices = kSlicesMax;
    for (size_t boundary = 0; boundary < slices; ++boundary) {
      Scene scene(1);
      fill(scene);
      scene.begin_walk(kPieceBytes);
      size_t at = 0;
      for (bool through = false; !through; ++at) {
        if (at == boundary) change(scene, first, boundary);
        if (at == boundary + 3) change(scene, second, boundary);
        through = scene.slice(1);
      }
      slices = std::min(slices, at);
      const auto wrong = scene.recover();
      CAPTURE(first, second, boundary, wrong.value_or(""));
      REQUIRE(!wrong);
    }
    CHECK(slices > 10);
  }
}

// All that the walk has met goes, then something comes where it has been, then the rest goes: at
// replay the value is empty for a moment, as it never was.
struct Emptying {
  std::string add, remove, element;
};

TEST_CASE("store walk: a value may lose all that was read of it", "[command]") {
  constexpr size_t kSome = 60;  // read in four pieces or so
  constexpr size_t kSlices = 6;
  const Emptying kinds[] = {{"HSET value # x", "HDEL value #", "field"},
                            {"SADD value #", "SREM value #", "member"},
                            {"ZADD value 1 #", "ZREM value #", "member"}};
  const auto run = [](Scene& scene, std::string line, const std::string& element, size_t number) {
    scene.bench(line.replace(line.find('#'), 1, element + std::to_string(number)));
  };
  for (const Emptying& kind : kinds) {
    for (size_t kept = 0; kept < kSome; kept += 3) {
      for (size_t boundary = 0; boundary < kSlices; ++boundary) {
        Scene scene(1);
        for (size_t i = 0; i < kSome; ++i) run(scene, kind.add, kind.element, i);
        scene.begin_walk(1);
        size_t at = 0;
        for (bool through = false; !through; ++at) {
          if (at == boundary) {
            for (size_t i = 0; i < kSome; ++i) {
              if (i != kept) run(scene, kind.remove, kind.element, i);
            }
            run(scene, kind.add, kind.element, kSome + boundary);
            run(scene, kind.remove, kind.element, kept);
          }
          through = scene.slice(1);
        }
        const auto wrong = scene.recover();
        CAPTURE(kind.add, kept, boundary, wrong.value_or(""));
        REQUIRE(!wrong);
      }
    }
  }
}

}  // namespace
}  // namespace quoris::command
