#include "store/keyspace.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/size_class.h"
#include "tests/store/test_rng.h"

namespace quoris::store {

namespace {

using testing::TestRng;

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr HashSecret kSecret{.seed = 12345};

NewString raw_string(std::string_view bytes) {
  return {.encoding = Encoding::raw, .integer = 0, .bytes = bytes};
}

std::string text_of(const Entry& entry) {
  char digits[21];
  return std::string(entry.string().text(digits));
}

// Sum of what the entries say of themselves.
size_t memory_of_entries(Keyspace& keyspace) {
  size_t sum = 0;
  keyspace.for_each([&sum](Entry& entry) {
    sum += entry.memory();
    return true;
  });
  return sum;
}

struct Expected {
  std::string value;
  Encoding encoding = Encoding::raw;
  int64_t expire_at_ms = kNoExpiry;
  Version version = kNoVersion;
};

void require_same(const Entry& entry, const std::string& key, const Expected& expected) {
  REQUIRE(entry.key() == key);
  REQUIRE(text_of(entry) == expected.value);
  REQUIRE(entry.string().size() == expected.value.size());
  REQUIRE(entry.encoding() == expected.encoding);
  REQUIRE(entry.expire_at_ms() == expected.expire_at_ms);
  REQUIRE(entry.version() == expected.version);
  REQUIRE(entry.type() == Type::string);
}

std::string random_bytes(TestRng& rng, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(rng.next());
  return bytes;
}

// A length that is short mostly, and now and then around a limit of the layout.
size_t random_length(TestRng& rng) {
  constexpr size_t kLimits[] = {0,   44,   45,     254,    255,    256,
                                300, 4096, 65'534, 65'535, 65'536, 70'000};
  if (rng.below(8) == 0) return kLimits[rng.below(std::size(kLimits))];
  return rng.below(60);
}

class Model {
 public:
  explicit Model(uint64_t seed) : rng_(seed) {
    for (size_t i = 0; i < 150; ++i) {
      const size_t length = i < 5 ? 200 + i * 40 : 1 + rng_.below(40);
      keys_.push_back(random_bytes(rng_, length) + std::to_string(i));
    }
    keys_.emplace_back();  // the empty key is a key
  }

  void step() {
    const std::string& key = keys_[rng_.below(keys_.size())];
    const HashedKey hashed = keyspace_.hashed(key);
    Entry* entry = keyspace_.find(hashed);
    const auto at = expected_.find(key);
    REQUIRE((entry != nullptr) == (at != expected_.end()));
    version_ = Version{raw(version_) + 2};
    const uint64_t choice = rng_.below(10);
    if (entry == nullptr || choice < 4) {
      put(key, hashed);
    } else if (choice < 6) {
      set_expiry(hashed, *entry, at->second);
    } else if (choice < 8) {
      resize(hashed, *entry, at->second);
    } else {
      REQUIRE(keyspace_.remove(hashed));
      REQUIRE_FALSE(keyspace_.remove(hashed));
      expected_.erase(at);
    }
    entry = keyspace_.find(hashed);
    const auto now = expected_.find(key);
    REQUIRE((entry != nullptr) == (now != expected_.end()));
    if (entry != nullptr) require_same(*entry, key, now->second);
  }

  void check_all() {
    REQUIRE(keyspace_.size() == expected_.size());
    size_t expiring = 0;
    long double expiry_sum = 0;
    for (const auto& [key, value] : expected_) {
      Entry* entry = keyspace_.find(keyspace_.hashed(key));
      REQUIRE(entry != nullptr);
      require_same(*entry, key, value);
      if (value.expire_at_ms == kNoExpiry) continue;
      ++expiring;
      expiry_sum += static_cast<long double>(value.expire_at_ms);
    }
    REQUIRE(keyspace_.expiring() == expiring);
    if (expiring > 0) {
      const auto mean = static_cast<double>(expiry_sum / static_cast<long double>(expiring));
      REQUIRE(static_cast<double>(keyspace_.mean_expire_at_ms()) == Approx(mean));
    }
    REQUIRE(keyspace_.memory() == memory_of_entries(keyspace_) + keyspace_.table_memory());
  }

  // All that has an expiry goes when the last of them is past, the rest stays.
  void check_expiry() {
    constexpr int64_t kEndMs = kNowMs + 1'000'000 + 256;
    const size_t staying = keyspace_.size() - keyspace_.expiring();
    while (!keyspace_
                .expire_some(kEndMs, 20,
                             [this](Entry& entry) {
                               REQUIRE(keyspace_.remove(keyspace_.hashed(entry.key())));
                             })
                .finished) {
    }
    REQUIRE(keyspace_.expiring() == 0);
    REQUIRE(keyspace_.size() == staying);
  }

  Keyspace& keyspace() { return keyspace_; }

 private:
  int64_t random_expiry() {
    return rng_.below(2) == 0 ? kNoExpiry : kNowMs + static_cast<int64_t>(rng_.below(1'000'000));
  }

  void put(const std::string& key, const HashedKey& hashed) {
    const std::string bytes = rng_.below(3) == 0 ? std::to_string(static_cast<int64_t>(rng_.next()))
                                                 : random_bytes(rng_, random_length(rng_));
    const NewString value = rng_.below(4) == 0 ? raw_string(bytes) : best_string(bytes);
    const int64_t at_ms = random_expiry();
    Entry& entry = keyspace_.put_string(hashed, value, version_, at_ms, 77);
    REQUIRE(entry.access() == 77);
    expected_[key] = {bytes, value.encoding, at_ms, version_};
  }

  void set_expiry(const HashedKey& hashed, Entry& entry, Expected& expected) {
    entry.set_access(99);
    entry.set_write_in_flight(true);
    const int64_t at_ms = random_expiry();
    Entry& changed = keyspace_.set_expiry(hashed, entry, at_ms, version_);
    REQUIRE(changed.access() == 99);
    REQUIRE(changed.write_in_flight());
    expected.expire_at_ms = at_ms;
    expected.version = version_;
  }

  void resize(const HashedKey& hashed, Entry& entry, Expected& expected) {
    const size_t size = expected.value.size() + rng_.below(100);
    Entry& changed = keyspace_.resize_string(hashed, entry, size, version_);
    expected.value.resize(size, '\0');
    expected.encoding = Encoding::raw;
    expected.version = version_;
    REQUIRE(changed.string().bytes == expected.value);
    if (size > 0) {
      changed.mutable_bytes()[size - 1] = 'x';
      expected.value[size - 1] = 'x';
    }
  }

  TestRng rng_;
  Keyspace keyspace_{kSecret};
  std::unordered_map<std::string, Expected> expected_;
  std::vector<std::string> keys_;
  Version version_{2};
};

}  // namespace

TEST_CASE("keyspace: random puts, expiries, resizes and removals agree with a model",
          "[keyspace]") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    INFO("seed " << seed);
    Model model(seed);
    for (size_t i = 0; i < 3000; ++i) {
      model.step();
      if (i % 500 == 0) model.check_all();
    }
    model.check_all();
    model.check_expiry();
    model.keyspace().clear();
    CHECK(model.keyspace().size() == 0);
    CHECK(model.keyspace().memory() == 0);
    CHECK(model.keyspace().expiring() == 0);
    CHECK(model.keyspace().mean_expire_at_ms() == 0);
  }
}

TEST_CASE("keyspace: a 16-byte key with a 32-byte value is 64 bytes, with a TTL one class more",
          "[keyspace]") {
  CHECK(allocator_size_class(16 + 16 + 32) == 64);
  CHECK(allocator_size_class(16 + 8 + 16 + 32) == 80);
  Keyspace keyspace(kSecret);
  const std::string value(32, 'v');
  const HashedKey key = keyspace.hashed("key:000000000001");
  Entry& entry = keyspace.put_string(key, best_string(value), Version{2}, kNoExpiry, 0);
  CHECK(entry.memory() == size_class(64));
  CHECK(keyspace.set_expiry(key, entry, kNowMs, Version{4}).memory() == size_class(72));
}

TEST_CASE("keyspace: a value of the same size is overwritten where it stands", "[keyspace]") {
  Keyspace keyspace(kSecret);
  const HashedKey key = keyspace.hashed("key");
  const Entry* first = &keyspace.put_string(key, raw_string("12345"), Version{2}, kNoExpiry, 0);
  const Entry* second = &keyspace.put_string(key, raw_string("54321"), Version{4}, kNoExpiry, 0);
  CHECK(first == second);
  CHECK(text_of(*second) == "54321");
}

TEST_CASE("keyspace: a value can be replaced by a part of itself", "[keyspace]") {
  for (const int64_t at_ms : {kNoExpiry, kNowMs}) {
    Keyspace keyspace(kSecret);
    const HashedKey key = keyspace.hashed("key");
    Entry* entry = &keyspace.put_string(key, raw_string("abcdefgh"), Version{2}, kNoExpiry, 0);
    entry = &keyspace.put_string(key, raw_string(entry->string().bytes), Version{4}, at_ms, 0);
    CHECK(text_of(*entry) == "abcdefgh");
    entry = &keyspace.put_string(key, raw_string(entry->string().bytes.substr(3)), Version{6},
                                 kNoExpiry, 0);
    CHECK(text_of(*entry) == "defgh");
    CHECK(entry->key() == "key");
    // Of a length that leaves room for an expiry in the same allocation: the layout shifts.
    const std::string longer = "abcdefghijklmnop";
    entry = &keyspace.put_string(key, raw_string(longer), Version{8}, kNoExpiry, 0);
    entry = &keyspace.put_string(key, raw_string(entry->string().bytes), Version{10}, at_ms, 0);
    CHECK(text_of(*entry) == longer);
    entry = &keyspace.put_string(key, raw_string(entry->string().bytes), Version{12}, kNoExpiry, 0);
    CHECK(text_of(*entry) == longer);
  }
}

TEST_CASE("keyspace: a key may be removed by its own bytes", "[keyspace]") {
  Keyspace keyspace(kSecret);
  Entry& entry =
      keyspace.put_string(keyspace.hashed("some key"), raw_string("x"), Version{2}, kNoExpiry, 0);
  CHECK(keyspace.remove(keyspace.hashed(entry.key())));
  CHECK(keyspace.size() == 0);
}

TEST_CASE("keyspace: appending byte by byte moves the value seldom", "[keyspace]") {
  Keyspace keyspace(kSecret);
  const HashedKey key = keyspace.hashed("log");
  Entry* entry = &keyspace.put_string(key, raw_string(""), Version{2}, kNoExpiry, 0);
  std::string expected;
  size_t moves = 0;
  for (size_t i = 0; i < 100'000; ++i) {
    const Entry* before = entry;
    entry = &keyspace.resize_string(key, *entry, i + 1, Version{4});
    if (entry != before) ++moves;
    entry->mutable_bytes()[i] = static_cast<char>('a' + i % 26);
    expected.push_back(static_cast<char>('a' + i % 26));
  }
  CHECK(text_of(*entry) == expected);
  CHECK(moves < 20);
  CHECK(entry->memory() < 2 * expected.size() + 64);
  CHECK(keyspace.memory() == memory_of_entries(keyspace) + keyspace.table_memory());
  // A plain put gives the slack back.
  entry = &keyspace.put_string(key, raw_string("short"), Version{6}, kNoExpiry, 0);
  CHECK(entry->memory() <= 48);
}

TEST_CASE("keyspace: an integer that grows becomes its text", "[keyspace]") {
  Keyspace keyspace(kSecret);
  const HashedKey key = keyspace.hashed("n");
  for (const char* number : {"0", "-1", "123", "-9223372036854775808", "9223372036854775807"}) {
    Entry& entry = keyspace.put_string(key, best_string(number), Version{2}, kNowMs, 0);
    REQUIRE(entry.encoding() == Encoding::integer);
    const size_t size = std::string_view(number).size();
    Entry& text = keyspace.resize_string(key, entry, size + 2, Version{4});
    CHECK(text.string().bytes == std::string(number) + std::string(2, '\0'));
    CHECK(text.encoding() == Encoding::raw);
    CHECK(text.expire_at_ms() == kNowMs);
  }
}

TEST_CASE("keyspace: strings get the encoding that Redis gives them", "[keyspace]") {
  CHECK(best_string("123").encoding == Encoding::integer);
  CHECK(best_string("-9223372036854775808").integer == std::numeric_limits<int64_t>::min());
  CHECK(best_string("9223372036854775808").encoding == Encoding::embstr);
  CHECK(best_string("0123").encoding == Encoding::embstr);
  CHECK(best_string("+1").encoding == Encoding::embstr);
  CHECK(best_string("-0").encoding == Encoding::embstr);
  CHECK(best_string("").encoding == Encoding::embstr);
  CHECK(best_string(std::string(44, 'a')).encoding == Encoding::embstr);
  CHECK(best_string(std::string(45, 'a')).encoding == Encoding::raw);
  CHECK(encoding_name(Type::string, Encoding::integer) == "int");
  CHECK(type_name(Type::zset) == "zset");
}

TEST_CASE("keyspace: all that is due goes within a unit of its time and nothing before",
          "[keyspace]") {
  constexpr int64_t kUnitMs = 256;
  for (const int64_t base : {kNowMs, kVersionEpochMs - 5000, int64_t{0}}) {
    Keyspace keyspace(kSecret);
    TestRng rng(9);
    for (size_t i = 0; i < 5000; ++i) {
      const int64_t at_ms = i % 5 == 0 ? kNoExpiry : base + static_cast<int64_t>(rng.below(10'000));
      keyspace.put_string(keyspace.hashed("k" + std::to_string(i)), raw_string("v"), Version{2},
                          at_ms, 0);
    }
    for (int64_t now = base; now < base + 10'000 + 2 * kUnitMs; now += 100) {
      (void)keyspace.expire_some(now, 100'000, [&](Entry& entry) {
        REQUIRE(entry.is_expired(now));
        REQUIRE(keyspace.remove(keyspace.hashed(entry.key())));
      });
      keyspace.for_each([&](Entry& entry) {
        if (now > kVersionEpochMs) REQUIRE_FALSE(entry.is_expired(now - kUnitMs));
        return true;
      });
    }
    if (base > 0) CHECK(keyspace.size() == 1000);
    CHECK(keyspace.expired_backlog(base + 20'000) <= keyspace.size());
  }
}

TEST_CASE("keyspace: an expiry that a key gets later is found, one it loses is not", "[keyspace]") {
  Keyspace keyspace(kSecret);
  const HashedKey key = keyspace.hashed("k");
  const auto expired_by = [&](int64_t now_ms) {
    return keyspace.expire_some(now_ms, 100, [&](Entry& entry) { keyspace.remove(key, entry); })
        .removed;
  };
  for (const char* value : {"v", "a value that takes another allocation than the short one"}) {
    keyspace.put_string(key, raw_string("v"), Version{2}, kNoExpiry, 0);
    CHECK(expired_by(kNowMs + 1000) == 0);
    keyspace.put_string(key, raw_string(value), Version{4}, kNowMs, 0);
    CHECK(keyspace.expired_backlog(kNowMs + 1000) == 1);
    CHECK(expired_by(kNowMs + 1000) == 1);
  }
  Entry* entry = &keyspace.put_string(key, raw_string("v"), Version{2}, kNoExpiry, 0);
  entry = &keyspace.set_expiry(key, *entry, kNowMs, Version{4});
  keyspace.set_expiry(key, *entry, kNoExpiry, Version{6});
  CHECK(expired_by(kNowMs + 1000) == 0);
  keyspace.set_expiry(key, *keyspace.find(key), kNowMs, Version{8});
  CHECK(expired_by(kNowMs + 1000) == 1);
}

TEST_CASE("keyspace: expiries at the ends of time are held exactly and never found early",
          "[keyspace]") {
  Keyspace keyspace(kSecret);
  const int64_t times[] = {std::numeric_limits<int64_t>::max(),    3'000'000'000'000, 0, 1, -7,
                           std::numeric_limits<int64_t>::min() + 1};
  for (const int64_t at_ms : times) {
    const std::string name = std::to_string(at_ms);
    const HashedKey key = keyspace.hashed(name);
    const Entry& entry = keyspace.put_string(key, raw_string("v"), Version{2}, at_ms, 0);
    CHECK(entry.expire_at_ms() == at_ms);
  }
  (void)keyspace.expire_some(kNowMs, 1000, [&](Entry& entry) {
    REQUIRE(entry.is_expired(kNowMs));
    REQUIRE(keyspace.remove(keyspace.hashed(entry.key())));
  });
  CHECK(keyspace.size() == 2);
}

TEST_CASE("keyspace: clearing frees all and lets others breathe", "[keyspace]") {
  Keyspace keyspace(kSecret);
  for (size_t i = 0; i < 35'000; ++i) {
    keyspace.put_string(keyspace.hashed(std::to_string(i)), raw_string("v"), Version{2},
                        i % 2 == 0 ? kNowMs : kNoExpiry, 0);
  }
  CHECK(keyspace.clear_some(1000) == 1000);
  CHECK(keyspace.size() == 34'000);
  CHECK(keyspace.memory() == memory_of_entries(keyspace) + keyspace.table_memory());
  size_t steps = 0;
  keyspace.clear([&steps] { ++steps; });
  CHECK(steps >= 3);
  CHECK(keyspace.size() == 0);
  CHECK(keyspace.memory() == 0);
  CHECK(keyspace.clear_some(5) == 0);
}

TEST_CASE("keyspace: moving one leaves an empty one that works", "[keyspace]") {
  Keyspace keyspace(kSecret);
  keyspace.put_string(keyspace.hashed("a"), raw_string("1"), Version{2}, kNowMs, 0);
  Keyspace moved = std::move(keyspace);
  CHECK(moved.size() == 1);
  CHECK(moved.expiring() == 1);
  keyspace = Keyspace(kSecret);
  CHECK(keyspace.size() == 0);
  keyspace.put_string(keyspace.hashed("b"), raw_string("2"), Version{2}, kNoExpiry, 0);
  keyspace = std::move(moved);
  CHECK(keyspace.find(keyspace.hashed("a")) != nullptr);
  CHECK(keyspace.find(keyspace.hashed("b")) == nullptr);
}

TEST_CASE("keyspace: batch lookups find what single ones find", "[keyspace]") {
  Keyspace keyspace(kSecret);
  const std::string longer(200, 'v');
  std::vector<std::string> names;
  for (size_t i = 0; i < 1000; ++i) names.push_back("key " + std::to_string(i));
  for (size_t i = 0; i < 500; ++i) {
    keyspace.put_string(keyspace.hashed(names[i]), raw_string(longer), Version{2}, kNoExpiry, 0);
  }
  for (const std::string& name : names) keyspace.prefetch_bucket(keyspace.hashed(name).hash);
  for (const std::string& name : names) keyspace.prefetch_entry(keyspace.hashed(name).hash);
  for (size_t i = 0; i < names.size(); ++i) {
    CHECK((keyspace.find(keyspace.hashed(names[i])) != nullptr) == (i < 500));
  }
}

TEST_CASE("keyspace: size classes are multiples that rise and hold what is asked", "[keyspace]") {
  size_t last = 0;
  for (size_t size = 1; size < 100'000; ++size) {
    const size_t rounded = allocator_size_class(size);
    REQUIRE(rounded >= size);
    REQUIRE(rounded >= last);
    REQUIRE(rounded % 16 == 0);
    REQUIRE((rounded - size) * 4 <= std::max<size_t>(size, 64));
    REQUIRE(allocator_size_class(rounded) == rounded);
    last = rounded;
  }
}

}  // namespace quoris::store
