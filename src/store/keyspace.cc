#include "store/keyspace.h"

#include <malloc.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "store/size_class.h"

namespace quoris::store {

namespace {

// Units of Dictionary's due times: 256 ms since the epoch of versions. Rounded up, so that what a
// mark calls due is due; an entry is found at most a unit late.
constexpr unsigned kDueUnitBits = 8;
constexpr int64_t kDueUnitMs = int64_t{1} << kDueUnitBits;
// Times past 2054 have no unit of their own; they are left to lookups.
constexpr uint32_t kDueMax = Dictionary::kNeverDue - 1;

// resize_string(): room for as much again up to this, above it this much.
constexpr size_t kSlackMax = size_t{1024} * 1024;

constexpr size_t kClearStep = 10'000;

uint32_t due_unit(int64_t at_ms) {
  if (at_ms == kNoExpiry) return Dictionary::kNeverDue;
  if (at_ms <= kVersionEpochMs) return 0;
  const int64_t since_epoch = at_ms - kVersionEpochMs;
  const int64_t unit = (since_epoch >> kDueUnitBits) + ((since_epoch & (kDueUnitMs - 1)) != 0);
  return static_cast<uint32_t>(std::min<int64_t>(unit, kDueMax));
}

// REQUIRES: now_ms >= kVersionEpochMs.
uint32_t now_unit(int64_t now_ms) {
  const int64_t since_epoch = now_ms - kVersionEpochMs;
  return static_cast<uint32_t>(std::min<int64_t>(since_epoch >> kDueUnitBits, kDueMax - 1));
}

uint64_t hash_of_entry(const void* item, uint64_t seed) {
  return hash_bytes(static_cast<const Entry*>(item)->key(), HashSecret{.seed = seed});
}

uint32_t due_of_entry(const void* item) {
  return due_unit(static_cast<const Entry*>(item)->expire_at_ms());
}

// Header, expiry and a short key.
constexpr size_t kEntryHead = 40;

constexpr ItemTraits kEntryTraits = {
    .hash = &hash_of_entry, .due = &due_of_entry, .head = kEntryHead};

size_t length_of(const NewString& value) {
  return value.encoding == Encoding::integer ? sizeof value.integer : value.bytes.size();
}

}  // namespace

NewString best_string(std::string_view bytes) {
  if (bytes.size() <= kInt64TextMax) {
    if (const auto integer = parse_int64(bytes)) {
      return {.encoding = Encoding::integer, .integer = *integer, .bytes = {}};
    }
  }
  const Encoding encoding = bytes.size() <= kEmbstrMax ? Encoding::embstr : Encoding::raw;
  return {.encoding = encoding, .integer = 0, .bytes = bytes};
}

// --- life
// -----------------------------------------------------------------------------------------

Keyspace::Keyspace(HashSecret secret) : dictionary_(kEntryTraits, secret.seed), secret_(secret) {}

Keyspace::~Keyspace() { clear(); }

Keyspace::Keyspace(Keyspace&& other) noexcept
    : dictionary_(std::move(other.dictionary_)),
      secret_(other.secret_),
      entry_memory_(std::exchange(other.entry_memory_, 0)),
      expiring_(std::exchange(other.expiring_, 0)),
      expiry_sum_ms_(std::exchange(other.expiry_sum_ms_, 0)) {}

Keyspace& Keyspace::operator=(Keyspace&& other) noexcept {
  if (this == &other) return *this;
  clear();
  dictionary_ = std::move(other.dictionary_);
  secret_ = other.secret_;
  entry_memory_ = std::exchange(other.entry_memory_, 0);
  expiring_ = std::exchange(other.expiring_, 0);
  expiry_sum_ms_ = std::exchange(other.expiry_sum_ms_, 0);
  return *this;
}

size_t Keyspace::size() const { return dictionary_.size(); }

size_t Keyspace::expiring() const { return expiring_; }

int64_t Keyspace::mean_expire_at_ms() const {
  if (expiring_ == 0) return 0;
  return static_cast<int64_t>(expiry_sum_ms_ / static_cast<int64_t>(expiring_));
}

size_t Keyspace::memory() const { return entry_memory_ + dictionary_.memory(); }

size_t Keyspace::table_memory() const { return dictionary_.memory(); }

size_t Keyspace::table_slots() const { return dictionary_.slots(); }

// --- entries ------------------------------------------------------------------------------------

Entry* Keyspace::allocate(size_t size) {
  QUORIS_ASSERT(size >= sizeof(Entry));
  const size_t bytes = size_class(size);
  QUORIS_ASSERT(bytes >= size);
  void* memory = ::operator new(bytes, std::nothrow);
  QUORIS_ASSERT(memory != nullptr);
  return new (memory) Entry();
}

void Keyspace::account_new(const Entry& entry) {
  entry_memory_ += entry.memory();
  if (!entry.has_expiry()) return;
  ++expiring_;
  expiry_sum_ms_ += entry.expire_at_ms();
}

void Keyspace::account_gone(const Entry& entry) {
  entry_memory_ -= entry.memory();
  if (!entry.has_expiry()) return;
  --expiring_;
  expiry_sum_ms_ -= entry.expire_at_ms();
}

// The allocator takes an entry back faster if it is told the size.
void Keyspace::release(Entry* entry, [[maybe_unused]] size_t size) {
#ifdef __cpp_sized_deallocation
  ::operator delete(entry, size);
#else
  ::operator delete(entry);
#endif
}

void Keyspace::destroy(Entry* entry) {
  const size_t size = entry->memory();
  account_gone(*entry);
  release(entry, size);
}

bool Keyspace::is_inside(const Entry& entry, std::string_view bytes) {
  const auto from = reinterpret_cast<uintptr_t>(&entry);
  const auto at = reinterpret_cast<uintptr_t>(bytes.data());
  return at >= from && at < from + entry.value_offset() + entry.value_length();
}

// `by` takes the place of `entry`, which is freed.
Entry* Keyspace::replace_allocation(const HashedKey& key, Entry* entry, Entry* by) {
  dictionary_.replace(key.hash, entry, by);
  release(entry, entry->memory());
  return by;
}

Entry& Keyspace::put_string(const HashedKey& key, const NewString& value, Version version,
                            int64_t expire_at_ms, uint32_t access) {
  return put_string(key, value, version, expire_at_ms, access, find(key));
}

Entry& Keyspace::put_string(const HashedKey& key, const NewString& value, Version version,
                            int64_t expire_at_ms, uint32_t access, Entry* present) {
  const size_t length = length_of(value);
  const EntryLayout layout = Entry::layout(key.bytes.size(), length, expire_at_ms != kNoExpiry);
  Entry* entry = present;
  if (present != nullptr) account_gone(*present);
  const bool in_place = present != nullptr && size_class(layout.size) == present->memory() &&
                        !is_inside(*present, value.bytes);
  if (in_place) {
    std::memmove(entry->at(layout.key_offset), entry->at(entry->key_offset()), key.bytes.size());
    entry->flags_ &= Entry::kWriteInFlight;
  } else {
    entry = allocate(layout.size);
    if (present != nullptr) entry->set_write_in_flight(present->write_in_flight());
    std::memcpy(entry->at(layout.key_offset), key.bytes.data(), key.bytes.size());
  }
  entry->set_layout(layout, key.bytes.size(), length);
  entry->set_type(Type::string, value.encoding);
  entry->set_access(access);
  entry->version_ = version;
  if (layout.expires) {
    std::memcpy(entry->at(entry->expiry_offset()), &expire_at_ms, sizeof expire_at_ms);
  }
  if (value.encoding == Encoding::integer) {
    std::memcpy(entry->at(layout.value_offset), &value.integer, sizeof value.integer);
  } else if (length > 0) {
    std::memcpy(entry->at(layout.value_offset), value.bytes.data(), length);
  }
  account_new(*entry);
  if (present == nullptr) {
    dictionary_.insert(key.hash, entry, due_unit(expire_at_ms));
    return *entry;
  }
  if (!in_place) replace_allocation(key, present, entry);
  dictionary_.lower_due(key.hash, entry, due_unit(expire_at_ms));
  return *entry;
}

Entry& Keyspace::set_expiry(const HashedKey& key, Entry& entry, int64_t expire_at_ms,
                            Version version) {
  const size_t key_length = entry.key_length();
  const size_t value_length = entry.value_length();
  const EntryLayout layout = Entry::layout(key_length, value_length, expire_at_ms != kNoExpiry);
  Entry* changed = &entry;
  const size_t memory = entry.memory();
  account_gone(entry);
  // What has slack keeps it: its allocation has room for eight bytes more or asks for another.
  const bool has_slack = (entry.flags_ & Entry::kSlack) != 0;
  const bool in_place = has_slack ? layout.size <= memory : size_class(layout.size) == memory;
  const size_t moved = key_length + value_length;
  if (in_place) {
    std::memmove(entry.at(layout.key_offset), entry.at(entry.key_offset()), moved);
  } else {
    changed = allocate(layout.size);
    changed->type_and_encoding_ = entry.type_and_encoding_;
    changed->flags_ = static_cast<uint8_t>(entry.flags_ & ~unsigned{Entry::kSlack});
    changed->set_access(entry.access());
    std::memcpy(changed->at(layout.key_offset), entry.at(entry.key_offset()), moved);
  }
  changed->set_layout(layout, key_length, value_length);
  changed->version_ = version;
  if (layout.expires) {
    std::memcpy(changed->at(changed->expiry_offset()), &expire_at_ms, sizeof expire_at_ms);
  }
  account_new(*changed);
  if (!in_place) replace_allocation(key, &entry, changed);
  dictionary_.lower_due(key.hash, changed, due_unit(expire_at_ms));
  return *changed;
}

Entry& Keyspace::resize_string(const HashedKey& key, Entry& entry, size_t size, Version version) {
  QUORIS_ASSERT(size <= kLengthMax);
  char digits[kInt64TextMax + 1];
  const StringView old_value = entry.string();
  const std::string_view text = old_value.text(digits);
  QUORIS_ASSERT(size >= text.size());
  const size_t key_length = entry.key_length();
  const EntryLayout layout = Entry::layout(key_length, size, entry.has_expiry());
  const size_t memory = entry.memory();
  account_gone(entry);
  Entry* changed = &entry;
  if (layout.size <= memory && layout.wide == entry.is_wide()) {
    if (old_value.is_integer) std::memcpy(entry.at(layout.value_offset), text.data(), text.size());
    if (size_class(layout.size) != memory) entry.flags_ |= Entry::kSlack;
  } else {
    const size_t slack = std::min(size, kSlackMax);
    changed = allocate(layout.size + slack);
    changed->flags_ = static_cast<uint8_t>(entry.flags_ | Entry::kSlack);
    changed->set_access(entry.access());
    std::memcpy(changed->at(layout.key_offset), entry.at(entry.key_offset()), key_length);
    std::memcpy(changed->at(layout.value_offset), text.data(), text.size());
    if (entry.has_expiry()) {
      const int64_t at_ms = entry.expire_at_ms();
      const size_t at = layout.key_offset - Entry::kExpirySize;
      std::memcpy(changed->at(at), &at_ms, sizeof at_ms);
    }
  }
  changed->set_layout(layout, key_length, size);
  changed->set_type(Type::string, Encoding::raw);
  changed->version_ = version;
  std::memset(changed->at(layout.value_offset + text.size()), 0, size - text.size());
  account_new(*changed);
  if (changed != &entry) replace_allocation(key, &entry, changed);
  return *changed;
}

bool Keyspace::remove(const HashedKey& key) {
  Entry* entry = find(key);
  if (entry == nullptr) return false;
  remove(key, *entry);
  return true;
}

void Keyspace::remove(const HashedKey& key, Entry& present) {
  dictionary_.erase(key.hash, &present);
  destroy(&present);
}

void Keyspace::clear(const std::function<void()>& step) {
  while (size() > 0) {
    clear_some(kClearStep);
    if (step) step();
  }
}

size_t Keyspace::clear_some(size_t entries_max) {
  return dictionary_.take_some(entries_max, [this](void* item) { destroy(as_entry(item)); });
}

// --- walks
// ----------------------------------------------------------------------------------------

uint64_t Keyspace::scan(uint64_t cursor, size_t count, const std::function<void(Entry&)>& visit) {
  return dictionary_.scan(cursor, count, [&visit](void* item) { visit(*as_entry(item)); });
}

void Keyspace::for_each(const std::function<bool(Entry&)>& visit) {
  dictionary_.for_each([&visit](void* item) { return visit(*as_entry(item)); });
}

Entry* Keyspace::random(Rng& rng) { return as_entry(dictionary_.random(rng)); }

// --- active expiry
// --------------------------------------------------------------------------------

Keyspace::ExpireResult Keyspace::expire_some(int64_t now_ms, size_t work_max,
                                             const std::function<void(Entry&)>& expire) {
  if (now_ms < kVersionEpochMs) return {.removed = 0, .looked_at = 0, .finished = true};
  const Dictionary::DueResult result = dictionary_.take_due(
      now_unit(now_ms), work_max, [&expire](void* item) { expire(*as_entry(item)); });
  return {.removed = result.removed, .looked_at = result.looked_at, .finished = result.finished};
}

size_t Keyspace::expired_backlog(int64_t now_ms) const {
  return now_ms < kVersionEpochMs ? 0 : dictionary_.estimate_due(now_unit(now_ms));
}

}  // namespace quoris::store
