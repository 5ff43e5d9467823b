#include "store/defragmenter.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "store/hash_value.h"
#include "store/set_value.h"
#include "store/writer.h"
#include "tests/store/test_rng.h"

namespace quoris::store {
namespace {

constexpr DbIndex kDb{0};

// Moves all, or nothing.
class TestRelocator final : public Relocator {
 public:
  void* new_place(void* /*at*/, size_t size) override {
    if (!moves) return nullptr;
    ++placed;
    return ::operator new(size);
  }

  void release(void* at, size_t /*size*/) override {
    ++released;
    ::operator delete(at);
  }

  bool moves = true;
  size_t placed = 0;
  size_t released = 0;
};

class Fixture {
 public:
  Fixture() {
    for (int i = 0; i < 3000; ++i) {
      writer().put_string(kDb, key("string" + std::to_string(i)), best_string(value(i)),
                          i % 3 == 0 ? 1'900'000'000'000 + i : kNoExpiry);
    }
    for (int i = 0; i < 1000; ++i) {
      const std::string field = "field" + std::to_string(i);
      const std::string text = value(i);
      const std::string_view pair[] = {field, text};
      const HashedKey hash_key = key("hash");
      writer().hash_set(kDb, hash_key, store.db(kDb).find(hash_key), pair, "");
      const HashedKey set_key = key("set");
      writer().set_add(kDb, set_key, store.db(kDb).find(set_key), {pair, 1}, "");
    }
  }

  static std::string value(int i) { return std::string(static_cast<size_t>(i % 200), 'v'); }

  HashedKey key(std::string_view name) { return store.db(kDb).hashed(name); }

  Writer writer() { return {store, stats, rng, 1'800'000'000'000, {}}; }

  // All that a client can see, and in which order.
  std::string contents() {
    std::string text;
    store.db(kDb).for_each([&text](Entry& entry) {
      char digits[21];
      text += std::string(entry.key()) + " " + std::to_string(raw(entry.version())) + " " +
              std::to_string(entry.expire_at_ms()) + " ";
      if (entry.type() == Type::string) text += entry.string().text(digits);
      if (entry.type() == Type::hash) {
        HashView(entry).for_each([&](const StringView& field, const StringView& held) {
          text += std::string(field.text(digits)) + "=";
          text += std::string(held.text(digits)) + ",";
          return true;
        });
      }
      if (entry.type() == Type::set) {
        SetView(entry).for_each([&](const StringView& member) {
          text += std::string(member.text(digits)) + ",";
          return true;
        });
      }
      text += "\n";
      return true;
    });
    return text;
  }

  Store store{2, HashSecret{5}, NodeNumber{0}};
  KeyspaceStats stats;
  testing::TestRng rng{3};
};

TEST_CASE("defragmenter: a pass moves entries and elements, and nothing else changes",
          "[defragmenter]") {
  Fixture at;
  const std::string before = at.contents();
  const size_t memory = at.store.db(kDb).memory();
  TestRelocator relocator;
  Defragmenter defragmenter;
  size_t steps = 1;
  while (!defragmenter.step(at.store, relocator, 50)) ++steps;
  CHECK(steps > 50);
  CHECK(relocator.placed == 3002 + 2000);
  CHECK(relocator.released == relocator.placed);
  CHECK(defragmenter.figures().moved == relocator.placed);
  CHECK(at.contents() == before);
  CHECK(at.store.db(kDb).memory() == memory);
}

TEST_CASE("defragmenter: what stands well stays", "[defragmenter]") {
  Fixture at;
  TestRelocator relocator;
  relocator.moves = false;
  Defragmenter defragmenter;
  while (!defragmenter.step(at.store, relocator, 100)) {
  }
  CHECK(defragmenter.figures().moved == 0);
  CHECK(defragmenter.figures().left == 3002 + 2000);
}

TEST_CASE("defragmenter: keys and large values may go while it walks", "[defragmenter]") {
  Fixture at;
  TestRelocator relocator;
  Defragmenter defragmenter;
  bool through = false;
  for (int i = 0; !through; ++i) {
    through = defragmenter.step(at.store, relocator, 20);
    at.writer().remove(kDb, at.key("string" + std::to_string(i * 7)));
    if (i == 160) at.writer().remove(kDb, at.key("hash"));
    if (i == 170) at.writer().flush(kDb, true);
  }
  CHECK(at.store.db(kDb).size() == 0);
  while (at.store.free_some(1000) > 0) {
  }
}

}  // namespace
}  // namespace quoris::store
