// Sets in all their forms: SetView, SetValue, and what Writer and apply make of them.
#include "store/set_value.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "tests/store/replica_fixture.h"

namespace quoris::store {
namespace {

using testing::elements_of;
using testing::Replicated;
using testing::TestRng;

constexpr DbIndex kDb = Replicated::kDb;
constexpr const char* kName = "the set";

using Model = std::set<std::string>;

// How members look, and so which form the set gets to.
enum class Draw { small_integers, integers, texts, mixed };

std::string draw_member(TestRng& rng, Draw how) {
  const bool mixed = how == Draw::mixed;
  if (how == Draw::texts || (mixed && rng.below(30) == 0)) {
    const std::string text = "m" + std::to_string(rng.below(150));
    return rng.below(200) == 0 ? text + std::string(80, 'x') : text;
  }
  const auto value = static_cast<int64_t>(rng.below(mixed ? 90 : 200)) - 20;
  if (how != Draw::integers || rng.below(20) > 0) return std::to_string(value);
  return std::to_string(value * (rng.below(2) == 0 ? 1'000'003 : 10'000'000'019));
}

void check(Replicated& pair, const Model& model) {
  pair.check_equal();
  const Entry* entry = pair.find(kName);
  REQUIRE((entry == nullptr) == model.empty());
  if (entry == nullptr) return;
  REQUIRE(elements_of(*entry) == std::vector<std::string>(model.begin(), model.end()));
  REQUIRE(collection_size(*entry) == model.size());
  const SetView view(*entry);
  REQUIRE(view.size() == model.size());
  const std::string probe = draw_member(pair.rng, Draw::mixed);
  REQUIRE(view.contains(probe) == model.contains(probe));
  char digits[21];
  REQUIRE(model.contains(std::string(view.random(pair.rng).text(digits))));
}

void add(Replicated& pair, Model& model, Draw how) {
  std::vector<std::string> members;
  for (size_t i = 1 + pair.rng.below(5); i > 0; --i) {
    members.push_back(draw_member(pair.rng, how));
  }
  const std::vector<std::string_view> views(members.begin(), members.end());
  const size_t before = model.size();
  model.insert(members.begin(), members.end());
  const size_t added = pair.writer().set_add(kDb, pair.key(kName), pair.find(kName), views, "sadd");
  REQUIRE(added == model.size() - before);
}

void remove(Replicated& pair, Model& model, Draw how) {
  const std::string member =
      model.empty() || pair.rng.below(4) == 0
          ? draw_member(pair.rng, how)
          : *std::next(model.begin(), static_cast<ptrdiff_t>(pair.rng.below(model.size())));
  Entry* entry = pair.find(kName);
  if (entry == nullptr) return;
  const std::string_view views[] = {member, "never there", member};
  REQUIRE(pair.writer().set_remove(kDb, pair.key(kName), *entry, views, "srem") ==
          model.erase(member));
}

void pop(Replicated& pair, Model& model) {
  Entry* entry = pair.find(kName);
  if (entry == nullptr) return;
  const size_t count = 1 + pair.rng.below(pair.rng.below(30) == 0 ? 400 : 4);
  size_t taken = 0;
  const size_t expected = std::min(count, model.size());
  char digits[21];
  pair.writer().set_pop(
      kDb, pair.key(kName), *entry, count,
      [&](const StringView& member) {
        ++taken;
        REQUIRE(model.erase(std::string(member.text(digits))) == 1);
      },
      "spop");
  REQUIRE(taken == expected);
}

TEST_CASE("set: random changes agree with a model, in all forms, and a replica follows", "[set]") {
  for (const Draw how : {Draw::small_integers, Draw::integers, Draw::texts, Draw::mixed}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(static_cast<int>(how), seed);
      Replicated pair(seed);
      pair.primary.limits().set_max_intset_members = seed % 2 == 0 ? 40 : 512;
      Model model;
      std::set<Encoding> forms;
      for (int i = 0; i < 1'200; ++i) {
        const bool grows = i % 600 < 400;
        const uint64_t which = pair.rng.below(12);
        if (which < (grows ? 8U : 3U)) {
          add(pair, model, how);
        } else if (which < 11) {
          remove(pair, model, how);
        } else {
          pop(pair, model);
        }
        if (pair.find(kName) != nullptr) forms.insert(pair.find(kName)->encoding());
        check(pair, model);
      }
      const bool stays_intset =
          seed % 2 == 1 && (how == Draw::small_integers || how == Draw::integers);
      CHECK(forms.size() >= (stays_intset ? 1 : 2));
    }
  }
}

TEST_CASE("set: it is an intset, then packed, then large, each where its limit is", "[set]") {
  Replicated pair;
  const auto add_one = [&pair](const char* name, const std::string& member) {
    const std::string_view members[] = {member};
    pair.writer().set_add(kDb, pair.key(name), pair.find(name), members, "");
    return pair.find(name)->encoding();
  };
  pair.primary.limits().set_max_intset_members = 100;
  for (int i = 1; i <= 100; ++i) CHECK(add_one("i", std::to_string(i)) == Encoding::intset);
  CHECK(add_one("i", "101") == Encoding::large);
  for (int i = 1; i <= 64; ++i) CHECK(add_one("p", "m" + std::to_string(i)) == Encoding::packed);
  CHECK(add_one("p", "one more") == Encoding::large);
  CHECK(add_one("long", std::string(64, 'x')) == Encoding::packed);
  CHECK(add_one("long", std::string(65, 'x')) == Encoding::large);
  for (int i = 1; i <= 65; ++i) CHECK(add_one("j", std::to_string(i)) == Encoding::intset);
  CHECK(add_one("j", "text") == Encoding::large);
  CHECK(add_one("k", "5") == Encoding::intset);
  CHECK(add_one("k", "text") == Encoding::packed);
  pair.check_equal();
}

TEST_CASE("set: each member is as likely to be drawn as any other, in every form", "[set]") {
  for (const char* prefix : {"", "m",
                             "a rather long one that makes the set a large one, as it has "
                             "more bytes than a block's members may have: "}) {
    Replicated pair;
    constexpr size_t kMembers = 20;
    constexpr size_t kDraws = 20'000;
    for (size_t i = 0; i < kMembers; ++i) {
      const std::string member = prefix + std::to_string(i);
      const std::string_view members[] = {member};
      pair.writer().set_add(kDb, pair.key(kName), pair.find(kName), members, "");
    }
    const SetView view(*pair.find(kName));
    std::map<std::string, size_t> drawn;
    char digits[21];
    for (size_t i = 0; i < kDraws; ++i) ++drawn[std::string(view.random(pair.rng).text(digits))];
    CAPTURE(prefix);
    REQUIRE(drawn.size() == kMembers);
    for (const auto& [member, times] : drawn) {
      CHECK(times > kDraws / kMembers * 8 / 10);
      CHECK(times < kDraws / kMembers * 12 / 10);
    }
  }
}

std::vector<std::string> numbered(const std::string& prefix, size_t count) {
  std::vector<std::string> members;
  for (size_t i = 0; i < count; ++i) members.push_back(prefix + std::to_string(i));
  return members;
}

std::unique_ptr<SetTable> table_of(const std::vector<std::string>& members) {
  auto table = std::make_unique<SetTable>(HashSecret{7});
  for (const std::string& member : members) table->insert(member, table->hash_of(member));
  return table;
}

void put(Replicated& pair, const char* name, const std::vector<std::string>& members) {
  pair.writer().set_put(kDb, pair.key(name), table_of(members), "sunionstore");
}

TEST_CASE("set: one that is put as a whole gets the form that suits it", "[set]") {
  Replicated pair;
  pair.primary.limits().set_max_intset_members = 70;
  const std::pair<std::vector<std::string>, Encoding> kSets[] = {
      {numbered("", 70), Encoding::intset},           {numbered("", 71), Encoding::large},
      {numbered("m", 64), Encoding::packed},          {numbered("m", 65), Encoding::large},
      {{"1", std::string(65, 'x')}, Encoding::large}, {{"1", "x"}, Encoding::packed},
      {{"-9223372036854775808"}, Encoding::intset},
  };
  for (const auto& [members, encoding] : kSets) {
    put(pair, "a", members);
    CAPTURE(members.size());
    CHECK(pair.find("a")->encoding() == encoding);
    const std::set<std::string> sorted(members.begin(), members.end());
    CHECK(elements_of(*pair.find("a")) == std::vector<std::string>(sorted.begin(), sorted.end()));
    pair.check_equal();
  }
  // Whatever was there before, and its expiry, is gone.
  pair.writer().put_string(kDb, pair.key("a"), best_string("text"), Replicated::kNowMs + 50);
  put(pair, "a", {"1"});
  CHECK(pair.find("a")->type() == Type::set);
  CHECK_FALSE(pair.find("a")->has_expiry());
  pair.check_equal();
}

TEST_CASE("set: a large one is put, copied, moved and renamed in pieces that a replica takes",
          "[set]") {
  Replicated pair;
  const auto members =
      numbered("a member of some length, so that there are pieces of it: ", 20'000);
  put(pair, "a", members);
  CHECK(pair.emitted.size() > 3);
  CHECK(pair.emitted.front() == MutationKind::put_collection);
  CHECK(pair.emitted.back() == MutationKind::set_elements);
  CHECK(pair.longest < 300'000);
  pair.check_equal();
  Writer writer = pair.writer();
  writer.set_expiry(kDb, pair.key("a"), *pair.find("a"), Replicated::kNowMs + 1'000);
  writer.copy(kDb, *pair.find("a"), kDb, pair.key("b"));
  pair.check_equal();
  writer.move(kDb, pair.key("a"), *pair.find("a"), kDb, pair.key("c"));
  CHECK(pair.find("a") == nullptr);
  CHECK(collection_size(*pair.find("c")) == members.size());
  CHECK(pair.find("c")->expire_at_ms() == Replicated::kNowMs + 1'000);
  pair.check_equal();
  // Over a large value, which is put aside.
  writer.move(kDb, pair.key("b"), *pair.find("b"), kDb, pair.key("c"));
  CHECK(pair.db().size() == 1);
  CHECK(pair.db().doomed() == 1);
  pair.check_equal();
}

TEST_CASE("set: many members popped at once are emitted in pieces too", "[set]") {
  Replicated pair;
  put(pair, "a", numbered("a member of some length, so that there are pieces of it: ", 20'000));
  const size_t before = pair.emitted.size();
  pair.longest = 0;
  pair.writer().set_pop(
      kDb, pair.key("a"), *pair.find("a"), 15'000, [](const StringView&) {}, "spop");
  CHECK(pair.emitted.size() > before + 3);
  CHECK(pair.longest < 300'000);
  CHECK(collection_size(*pair.find("a")) == 5'000);
  pair.check_equal();
}

TEST_CASE("set: a large one whose key is gone is freed in slices", "[set]") {
  Replicated pair;
  put(pair, "a", numbered("m", 10'000));
  put(pair, "b", numbered("m", 100));
  pair.writer().remove(kDb, pair.key("a"));
  pair.writer().put_string(kDb, pair.key("b"), best_string("text"), kNoExpiry);
  CHECK(pair.primary.lazy_pending() == 2);
  const size_t memory = pair.db().memory();
  size_t freed = 0;
  while (const size_t slice = pair.primary.free_some(256)) {
    REQUIRE(slice <= 256);
    freed += slice;
    CHECK(pair.db().memory() == memory);  // what was put aside counted no longer
  }
  CHECK(freed == 10'100);
  CHECK(pair.primary.lazily_freed() == 2);
  CHECK(pair.primary.lazy_pending() == 0);
}

TEST_CASE("set: members that are no longer than a block's are freed with their key", "[set]") {
  Replicated pair;
  put(pair, "a", {std::string(100, 'x')});
  CHECK(pair.find("a")->is_large());
  pair.writer().remove(kDb, pair.key("a"));
  CHECK(pair.primary.lazy_pending() == 0);
}

// --- bytes from outside -------------------------------------------------------------------------

Mutation set_mutation(MutationKind kind, std::string_view value,
                      Encoding encoding = Encoding::packed) {
  return {.kind = kind,
          .db = kDb,
          .type = Type::set,
          .encoding = encoding,
          .version = Version{uint64_t{1} << 40},
          .key = kName,
          .value = value};
}

TEST_CASE("set: a mutation whose value is no run of elements is refused and changes nothing",
          "[set][apply]") {
  Replicated pair;
  put(pair, kName, {"a", "b", "77"});
  const auto before = testing::contents_of(pair.replica.db(kDb));
  std::string run;
  for (const char* text : {"c", "12", "a longer one"}) {
    packed::append(run, packed::best_element(text));
  }
  for (const MutationKind kind :
       {MutationKind::put_collection, MutationKind::set_elements, MutationKind::remove_elements}) {
    for (size_t length = 1; length < run.size(); ++length) {
      if (length == 3 || length == 5) continue;  // whole elements
      CAPTURE(static_cast<int>(kind), length);
      CHECK_FALSE(apply(pair.replica, set_mutation(kind, run.substr(0, length))));
    }
  }
  TestRng rng(5);
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = run;
    bytes[rng.below(bytes.size())] ^= static_cast<char>(1 + rng.below(255));
    Store store(1, HashSecret{3}, NodeNumber{1});
    if (apply(store, set_mutation(MutationKind::put_collection, bytes))) continue;
    REQUIRE(store.db(kDb).size() == 0);
  }
  CHECK(testing::contents_of(pair.replica.db(kDb)) == before);
}

TEST_CASE("set: a mutation for another type, or of a kind that sets have not, is refused",
          "[set][apply]") {
  Store store(1, HashSecret{3}, NodeNumber{1});
  std::string run;
  packed::append(run, packed::best_element("c"));
  for (const MutationKind kind :
       {MutationKind::list_insert, MutationKind::list_erase, MutationKind::list_set}) {
    CHECK_FALSE(apply(store, set_mutation(kind, run)));
  }
  Keyspace& db = store.db(kDb);
  db.put_string(db.hashed(kName), best_string("text"), Version{1}, kNoExpiry, 0);
  CHECK_FALSE(apply(store, set_mutation(MutationKind::set_elements, run)));
  CHECK_FALSE(apply(store, set_mutation(MutationKind::remove_elements, run)));
  CHECK(db.find(db.hashed(kName))->type() == Type::string);
  CHECK(apply(store, set_mutation(MutationKind::put_collection, run)));
  CHECK(db.find(db.hashed(kName))->type() == Type::set);
}

TEST_CASE("set: a mutation's form is a wish, what it holds decides", "[set][apply]") {
  std::string run;
  for (int i = 0; i < 100; ++i) packed::append(run, packed::best_element("m" + std::to_string(i)));
  packed::append(run, packed::best_element("m1"));  // twice
  for (const Encoding encoding :
       {Encoding::intset, Encoding::packed, Encoding::large, Encoding::raw, Encoding{13}}) {
    Store store(1, HashSecret{3}, NodeNumber{1});
    CHECK(apply(store, set_mutation(MutationKind::put_collection, run, encoding)));
    const Entry* entry = store.db(kDb).find(store.db(kDb).hashed(kName));
    REQUIRE(entry != nullptr);
    CHECK(entry->is_large());
    CHECK(collection_size(*entry) == 100);
    CHECK(apply(store, set_mutation(MutationKind::remove_elements, run, encoding)));
    CHECK(store.db(kDb).size() == 0);
    CHECK(apply(store, set_mutation(MutationKind::remove_elements, run, encoding)));
    CHECK(apply(store, set_mutation(MutationKind::put_collection, "", encoding)));
    CHECK(store.db(kDb).size() == 0);
  }
}

}  // namespace
}  // namespace quoris::store
