// What replication and recovery rely on: the mutations that commands emitted, applied to an empty
// second store, give an equal store, versions, encodings and expiries included.
#include <map>
#include <optional>
#include <set>

#include "tests/command/store_difference.h"
#include "tests/command/write_generators.h"

namespace quoris::command {
namespace {

using store::Entry;
using store::Mutation;
using store::MutationKind;
using store::Store;
using testing::Bench;
using testing::difference;
using testing::Draw;
using testing::Words;
using testing::write_generators;

// Applies what is emitted to a store of its own, whose hash is another. Can be told to lose all
// mutations of a kind.
class Replica final : public store::MutationSink {
 public:
  Replica() : store(Bench::kDatabases, HashSecret{99}, NodeNumber{5}) {}

  void emit(const Mutation& mutation) override {
    ++emitted[mutation.kind];
    if (mutation.kind == lost) return;
    if (!mutation.key.empty() || is_on_key(mutation.kind)) check_base(mutation);
    if (mutation.kind != MutationKind::expire && raw(mutation.version) <= raw(last_)) {
      broken = "a version that is not above the last one";
    }
    if (mutation.kind != MutationKind::expire) last_ = mutation.version;
    if (!store::apply(store, mutation)) broken = "a mutation was refused";
  }

  Store store;
  std::map<MutationKind, size_t> emitted;
  std::optional<MutationKind> lost;
  std::string broken;  // what was wrong with a mutation itself

 private:
  static bool is_on_key(MutationKind kind) {
    return kind != MutationKind::flush && kind != MutationKind::swap;
  }

  void check_base(const Mutation& mutation) {
    store::Keyspace& keyspace = store.db(mutation.db);
    const Entry* entry = keyspace.find(keyspace.hashed(mutation.key));
    const store::Version present = entry == nullptr ? store::kNoVersion : entry->version();
    if (present != mutation.base_version) broken = "a base version that is not the key's";
  }

  store::Version last_ = store::kNoVersion;
};

// The stores are compared after every so many commands: whole, large collections included.
constexpr size_t kCompareEvery = 10;

// One random run: a primary with its replica, compared again and again.
class Run {
 public:
  explicit Run(uint64_t seed) : draw_(seed), bench_(&replica, seed) {
    bench_.store.limits().set_max_intset_members = 20;  // so that large values are met
  }

  // Nothing if the stores stayed equal for `commands` commands.
  std::optional<std::string> go(size_t commands) {
    for (size_t i = 0; i < commands; ++i) {
      move_time();
      bench_.db = DbIndex{static_cast<uint16_t>(draw_.below(Draw::kDatabases))};
      const Words words = next_request();
      const size_t before = mutations();
      const size_t expired_before = replica.emitted[MutationKind::expire];
      const std::string reply = bench_.run(words);
      const size_t expired = replica.emitted[MutationKind::expire] - expired_before;
      const size_t changes = mutations() - before - expired;
      if (changes > 0) changed_by[words[0]] += changes;
      std::string wrong = replica.broken;
      if (changes > 0 && reply.starts_with('-')) wrong = "an error, and yet a change";
      if (i % kCompareEvery == 0 || i + 1 == commands) {
        if (const auto found = difference(bench_.store, replica.store)) wrong = *found;
      }
      if (!wrong.empty()) return "after command " + std::to_string(i) + show(words) + ": " + wrong;
    }
    return std::nullopt;
  }

  Replica replica;
  std::map<std::string, size_t> changed_by;  // mutations per command, expiries left out

 private:
  // Mostly forward, by less than the TTLs; sometimes back a little, as wall clocks do.
  void move_time() {
    bench_.now_ms += static_cast<int64_t>(draw_.below(20));
    if (draw_.one_in(50)) bench_.now_ms -= 15;
  }

  Words next_request() {
    if (draw_.one_in(15)) return read_request();
    const auto& generator = write_generators()[draw_.below(write_generators().size())];
    const bool rare = generator.name.starts_with("FLUSH");
    if (rare && !draw_.one_in(5)) return testing::set_request(draw_);
    draw_.favour(generator.family);
    Words words = generator.make(draw_);
    draw_.favour(0);
    return words;
  }

  // Reads change something too: they remove what is expired.
  Words read_request() {
    switch (draw_.below(4)) {
      case 0:
        return {"GET", draw_.key()};
      case 1:
        return {"SCAN", "0", "COUNT", "5"};
      case 2:
        return {"RANDOMKEY"};
      default:
        return testing::keys_request(draw_, "EXISTS");
    }
  }

  [[nodiscard]] size_t mutations() const {
    size_t sum = 0;
    for (const auto& [kind, count] : replica.emitted) sum += count;
    return sum;
  }

  static std::string show(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += " " + word.substr(0, 80);
    return text;
  }

  Draw draw_;
  Bench bench_;
};

constexpr uint64_t kSeeds = 60;
constexpr size_t kCommandsPerSeed = 2'000;

constexpr MutationKind kKinds[] = {MutationKind::put_string,      MutationKind::remove,
                                   MutationKind::expire,          MutationKind::set_expiry,
                                   MutationKind::append,          MutationKind::set_range,
                                   MutationKind::flush,           MutationKind::swap,
                                   MutationKind::put_collection,  MutationKind::set_elements,
                                   MutationKind::remove_elements, MutationKind::list_insert,
                                   MutationKind::list_erase,      MutationKind::list_set,
                                   MutationKind::list_remove};

TEST_CASE("mutations: applied to an empty store they give an equal one", "[command]") {
  std::map<std::string, size_t> changed_by;
  std::map<MutationKind, size_t> emitted;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Run run(seed);
    const auto wrong = run.go(kCommandsPerSeed);
    CAPTURE(seed, wrong.value_or(""));
    REQUIRE(!wrong);
    for (const auto& [command, count] : run.changed_by) changed_by[command] += count;
    for (const auto& [kind, count] : run.replica.emitted) emitted[kind] += count;
  }
  // The runs were worth something: every command changed something, every kind was emitted.
  for (const auto& generator : write_generators()) {
    CAPTURE(generator.name);
    CHECK(changed_by[std::string(generator.name)] > 20);
  }
  for (const MutationKind kind : kKinds) {
    CAPTURE(static_cast<int>(kind));
    CHECK(emitted[kind] > 20);
  }
}

TEST_CASE("mutations: a sink that loses one kind of them is found out", "[command]") {
  for (const MutationKind kind : kKinds) {
    bool found = false;
    // Not every run meets every kind.
    for (uint64_t seed = 1; seed <= kSeeds && !found; ++seed) {
      Run run(seed);
      run.replica.lost = kind;
      found = run.go(kCommandsPerSeed).has_value();
    }
    CAPTURE(static_cast<int>(kind));
    CHECK(found);
  }
}

// Names of the write commands among `rows`, "config|set" for subcommands.
std::set<std::string> write_commands(std::span<const CommandSpec> rows,
                                     const std::string& prefix = "") {
  std::set<std::string> names;
  for (const CommandSpec& row : rows) {
    const std::string name = prefix + std::string(row.name);
    if (row.has(CommandFlag::write)) names.insert(name);
    names.merge(write_commands(row.subcommands, name + "|"));
  }
  return names;
}

std::set<std::string> generated_commands() {
  std::set<std::string> names;
  for (const auto& generator : write_generators()) names.insert(std::string(generator.name));
  return names;
}

TEST_CASE("mutations: every write command of the data families has a generator", "[command]") {
  std::set<std::string> rows;
  for (const auto family : data_command_families()) rows.merge(write_commands(family));
  CHECK(rows == generated_commands());
}

TEST_CASE("mutations: a write command without a generator is found out", "[command]") {
  static constexpr CommandSpec kSubcommands[] = {
      {.name = "CHANGE", .arity = 2, .flags = CommandFlag::write}};
  static constexpr CommandSpec kNewRows[] = {
      {.name = "NEW", .arity = 2, .flags = CommandFlag::write | CommandFlag::fast},
      {.name = "BOX", .arity = -2, .subcommands = kSubcommands},
      {.name = "LOOK", .arity = 2, .flags = CommandFlag::readonly}};
  CHECK(write_commands(kNewRows) == std::set<std::string>{"NEW", "BOX|CHANGE"});
}

}  // namespace
}  // namespace quoris::command
