// Measures the keyspace: inserts (mean and worst), bytes per key, lookups with and without
// prefetch, scan, random keys, expiry. Prints a table; nothing is judged here.
//
//   quoris_dictionary_bench [keys in millions, 20 by default] [part of a section's name]
//
// Times are CPU time of the thread.
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#ifdef QUORIS_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/histogram.h"
#include "store/writer.h"

namespace quoris::store {

namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr size_t kBatch = 32;
constexpr size_t kLookups = 4'000'000;

uint64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

class BenchRng : public Rng {
 public:
  uint64_t next() override {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  void secret_bytes(std::span<std::byte> /*out*/) override {}

 private:
  uint64_t state_ = 7;
};

struct AllocatorFigures {
  size_t allocated = 0;
  size_t resident = 0;
};

AllocatorFigures allocator_figures() {
  AllocatorFigures figures;
#ifdef QUORIS_JEMALLOC
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  size = sizeof(size_t);
  mallctl("stats.allocated", &figures.allocated, &size, nullptr, 0);
  mallctl("stats.resident", &figures.resident, &size, nullptr, 0);
#endif
  return figures;
}

struct Key {
  std::array<char, 16> text{};

  explicit Key(uint64_t number) {
    std::memcpy(text.data(), "key:", 4);
    for (size_t at = 16; at > 4; number /= 10) text[--at] = static_cast<char>('0' + number % 10);
  }

  [[nodiscard]] std::string_view view() const { return {text.data(), text.size()}; }
};

constexpr std::string_view kValue = "a value of thirty-two bytes, yes";
static_assert(kValue.size() == 32);

NewString value() { return {.encoding = Encoding::embstr, .integer = 0, .bytes = kValue}; }

double per(uint64_t ns, size_t count) {
  return static_cast<double>(ns) / static_cast<double>(std::max<size_t>(count, 1));
}

void print_bytes(const Keyspace& keyspace, const AllocatorFigures& before) {
  const AllocatorFigures now = allocator_figures();
  const auto keys = static_cast<double>(keyspace.size());
  const double allocated = static_cast<double>(now.allocated - before.allocated);
  const double ours = static_cast<double>(keyspace.memory());
  std::printf(
      "  %10zu keys: table %6.2f B/key, all %6.2f; allocator %6.2f (ours/its %.4f), "
      "resident %6.2f\n",
      keyspace.size(), static_cast<double>(keyspace.table_memory()) / keys, ours / keys,
      allocated / keys, ours / allocated,
      (static_cast<double>(now.resident) - static_cast<double>(before.resident)) / keys);
}

void bench_inserts(size_t keys, bool with_ttl) {
  std::printf("inserts, 16-byte keys, 32-byte values, %s\n", with_ttl ? "with TTL" : "no TTL");
  constexpr double kMillion = 1e6;
  const std::vector<double> marks = {0.1, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9,  0.95, 1.0, 1.2,
                                     1.4, 1.7, 2.0, 3.0, 4.0,  5.0, 7.0,  10.0, 14.0, 20.0};
  const AllocatorFigures before = allocator_figures();
  Keyspace keyspace(HashSecret{.seed = 99});
  Histogram histogram;  // CPU time of kBatch inserts: an upper bound for each of them
  uint64_t spent = 0;
  size_t longest_at = 0;
  size_t mark = 0;
  for (size_t i = 0; i < keys; i += kBatch) {
    const uint64_t from = cpu_ns();
    for (size_t j = i; j < i + kBatch; ++j) {
      const Key key(j);
      const int64_t at_ms = with_ttl ? kNowMs + static_cast<int64_t>(j % 100'000) * 37 : kNoExpiry;
      keyspace.put_string(keyspace.hashed(key.view()), value(), Version{j + 1}, at_ms, 0);
    }
    const uint64_t ns = cpu_ns() - from;
    spent += ns;
    if (ns > histogram.max()) longest_at = i;
    histogram.record(ns);
    if (mark < marks.size() && keyspace.size() >= static_cast<size_t>(marks[mark] * kMillion)) {
      print_bytes(keyspace, before);
      ++mark;
    }
  }
  std::printf(
      "  mean %.0f ns; CPU time of %zu inserts: p99 %.1f us, p99.9 %.1f us, p99.99 %.1f us, "
      "longest %.1f us (at key %zu)\n",
      per(spent, keys), kBatch, static_cast<double>(histogram.percentile(99)) / 1e3,
      static_cast<double>(histogram.percentile(99.9)) / 1e3,
      static_cast<double>(histogram.percentile(99.99)) / 1e3,
      static_cast<double>(histogram.max()) / 1e3, longest_at);
  const uint64_t from = cpu_ns();
  keyspace.clear();
  std::printf("  clear: %.0f ns per key\n", per(cpu_ns() - from, keys));
}

void fill(Keyspace& keyspace, size_t keys) {
  for (size_t i = 0; i < keys; ++i) {
    const Key key(i);
    keyspace.put_string(keyspace.hashed(key.view()), value(), Version{i + 1}, kNoExpiry, 0);
  }
}

// One pass of lookups over random keys out of [first, first + keys).
void bench_find(Keyspace& keyspace, const char* name, size_t first, size_t keys, bool batched) {
  BenchRng rng;
  std::vector<Key> names;
  for (size_t i = 0; i < kLookups; ++i) names.emplace_back(first + rng.below(keys));
  std::array<HashedKey, kBatch> batch;
  size_t found = 0;
  const uint64_t from = cpu_ns();
  for (size_t i = 0; i + kBatch <= kLookups; i += kBatch) {
    for (size_t j = 0; j < kBatch; ++j) batch[j] = keyspace.hashed(names[i + j].view());
    if (batched) {
      for (const HashedKey& key : batch) keyspace.prefetch_bucket(key.hash);
      for (const HashedKey& key : batch) keyspace.prefetch_entry(key.hash);
    }
    for (const HashedKey& key : batch) {
      const Entry* entry = keyspace.find(key);
      if (entry != nullptr && entry->string().bytes.size() == kValue.size()) ++found;
    }
  }
  std::printf("  %-24s %6.1f ns (%zu found)\n", name, per(cpu_ns() - from, kLookups), found);
}

void bench_overwrite(Keyspace& keyspace, size_t keys, bool batched) {
  BenchRng rng;
  std::vector<Key> names;
  for (size_t i = 0; i < kLookups; ++i) names.emplace_back(rng.below(keys));
  std::array<HashedKey, kBatch> batch;
  const uint64_t from = cpu_ns();
  for (size_t i = 0; i + kBatch <= kLookups; i += kBatch) {
    for (size_t j = 0; j < kBatch; ++j) batch[j] = keyspace.hashed(names[i + j].view());
    if (batched) {
      for (const HashedKey& key : batch) keyspace.prefetch_bucket(key.hash);
      for (const HashedKey& key : batch) keyspace.prefetch_entry(key.hash);
    }
    for (const HashedKey& key : batch) {
      keyspace.put_string(key, value(), Version{i + 1}, kNoExpiry, 0);
    }
  }
  std::printf("  %-24s %6.1f ns\n", batched ? "overwrite, prefetched" : "overwrite",
              per(cpu_ns() - from, kLookups));
}

void bench_lookups(size_t keys) {
  std::printf("lookups in %zu keys (hashing and reading the value included)\n", keys);
  Keyspace keyspace(HashSecret{.seed = 99});
  fill(keyspace, keys);
  bench_find(keyspace, "hit", 0, keys, false);
  bench_find(keyspace, "hit, prefetched by 32", 0, keys, true);
  bench_find(keyspace, "miss", keys, keys, false);
  bench_find(keyspace, "miss, prefetched by 32", keys, keys, true);

  bench_overwrite(keyspace, keys, false);
  bench_overwrite(keyspace, keys, true);

  BenchRng rng;
  size_t seen = 0;
  size_t calls = 0;
  uint64_t cursor = 0;
  uint64_t from = cpu_ns();
  do {
    cursor = keyspace.scan(cursor, 10, [&seen](Entry& entry) { seen += entry.key().size() / 16; });
    ++calls;
  } while (cursor != 0);
  uint64_t spent = cpu_ns() - from;
  std::printf("  scan COUNT 10: %.1f ns per key, %.0f per call, %.1f keys per call\n",
              per(spent, seen), per(spent, calls), per(seen, calls));
  seen = 0;
  from = cpu_ns();
  keyspace.for_each([&seen](Entry& entry) {
    seen += entry.key().size() / 16;
    return true;
  });
  std::printf("  for_each: %.1f ns per key\n", per(cpu_ns() - from, seen));
  from = cpu_ns();
  for (size_t i = 0; i < kLookups / 4; ++i) seen += keyspace.random(rng)->key().size();
  std::printf("  random: %.1f ns\n", per(cpu_ns() - from, kLookups / 4));

  // Keys come and go at a steady size.
  uint64_t oldest = 0;
  uint64_t newest = keys;
  from = cpu_ns();
  for (size_t i = 0; i < kLookups; ++i) {
    const Key gone(oldest++);
    keyspace.remove(keyspace.hashed(gone.view()));
    const Key come(newest++);
    keyspace.put_string(keyspace.hashed(come.view()), value(), Version{i + 1}, kNoExpiry, 0);
  }
  std::printf("  remove and insert: %.0f ns for both (with making the keys)\n",
              per(cpu_ns() - from, kLookups));
  bench_find(keyspace, "hit after churn", oldest, keys, false);
  bench_find(keyspace, "miss after churn", newest, keys, false);
}

struct ExpiryBench {
  Store store{1, HashSecret{.seed = 99}, NodeNumber{0}};
  KeyspaceStats stats;
  BenchRng rng;
  size_t looked_at = 0;

  // One call a tick of the server would make. Returns its CPU time.
  uint64_t tick(int64_t now_ms, size_t work_max) {
    const uint64_t from = cpu_ns();
    Writer writer(store, stats, rng, now_ms, {});
    Keyspace& db = store.db(DbIndex{0});
    const auto result = db.expire_some(
        now_ms, work_max, [&writer](Entry& entry) { writer.expire(DbIndex{0}, entry); });
    looked_at += result.looked_at;
    return cpu_ns() - from;
  }
};

// Keys whose times are spread so that `keys / seconds` fall due each second.
void bench_steady_expiry(size_t keys) {
  constexpr int64_t kSpreadMs = 100'000;
  constexpr int64_t kTickMs = 10;
  constexpr int64_t kSeconds = 20;
  constexpr size_t kWorkMax = 100'000;
  std::printf("expiry: %zu keys, %.0f fall due each second, looked for every %lld ms\n", keys,
              static_cast<double>(keys) * 1000 / kSpreadMs, static_cast<long long>(kTickMs));
  ExpiryBench bench;
  Keyspace& db = bench.store.db(DbIndex{0});
  for (size_t i = 0; i < keys; ++i) {
    const Key key(i);
    const auto at_ms = kNowMs + static_cast<int64_t>(bench.rng.below(kSpreadMs));
    db.put_string(db.hashed(key.view()), value(), Version{i + 1}, at_ms, 0);
  }
  uint64_t spent = 0;
  uint64_t longest = 0;
  size_t backlog = 0;
  for (int64_t ms = kTickMs; ms <= kSeconds * 1000; ms += kTickMs) {
    const uint64_t ns = bench.tick(kNowMs + ms, kWorkMax);
    spent += ns;
    longest = std::max(longest, ns);
    backlog = std::max(backlog, db.expired_backlog(kNowMs + ms));
  }
  const double removed = static_cast<double>(bench.stats.expired);
  std::printf(
      "  %.0f removed in %lld s: %.2f %% of the thread, %.0f ns each, longest call %.2f ms, "
      "largest backlog %zu, %.1f read for each\n",
      removed, static_cast<long long>(kSeconds),
      static_cast<double>(spent) / (static_cast<double>(kSeconds) * 1e7),
      static_cast<double>(spent) / removed, static_cast<double>(longest) / 1e6, backlog,
      static_cast<double>(bench.looked_at) / removed);
  const uint64_t from = cpu_ns();
  for (int i = 0; i < 1000; ++i) bench.tick(kNowMs + kSeconds * 1000, kWorkMax);
  std::printf("  nothing due: %.0f ns per call\n", per(cpu_ns() - from, 1000));
}

// All fall due at one instant, among as many that don't.
void bench_mass_expiry(size_t keys) {
  constexpr size_t kWorkMax = 1000;
  ExpiryBench bench;
  Keyspace& db = bench.store.db(DbIndex{0});
  for (size_t i = 0; i < 2 * keys; ++i) {
    const Key key(i);
    db.put_string(db.hashed(key.view()), value(), Version{i + 1},
                  i % 2 == 0 ? kNowMs : kNowMs + 100'000'000, 0);
  }
  uint64_t spent = 0;
  uint64_t longest = 0;
  size_t calls = 0;
  const size_t backlog = db.expired_backlog(kNowMs + 1000);
  while (db.size() > keys) {
    const uint64_t ns = bench.tick(kNowMs + 1000, kWorkMax);
    spent += ns;
    longest = std::max(longest, ns);
    ++calls;
  }
  std::printf(
      "expiry of %zu of %zu keys at once: %.0f ns each, %zu calls, longest %.1f us; "
      "estimated backlog %zu\n",
      keys, 2 * keys, per(spent, keys), calls, static_cast<double>(longest) / 1e3, backlog);
}

}  // namespace

}  // namespace quoris::store

int main(int argc, char** argv) {
  using namespace quoris::store;
  const double millions = argc > 1 ? std::strtod(argv[1], nullptr) : 20;
  const char* only = argc > 2 ? argv[2] : "";
  const auto keys = static_cast<size_t>(millions * 1e6);
  const auto wants = [only](const char* section) { return std::strstr(section, only) != nullptr; };
  if (wants("inserts")) bench_inserts(keys, false);
  if (wants("inserts ttl")) bench_inserts(keys, true);
  if (wants("lookups")) bench_lookups(keys);
  if (wants("expiry steady")) bench_steady_expiry(keys);
  if (wants("expiry mass")) bench_mass_expiry(std::min<size_t>(keys, 2'000'000));
  return 0;
}
