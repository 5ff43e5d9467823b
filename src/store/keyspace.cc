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
      doomed_(std::move(other.doomed_)),
      entry_memory_(std::exchange(other.entry_memory_, 0)),
      large_memory_(std::exchange(other.large_memory_, 0)),
      expiring_(std::exchange(other.expiring_, 0)),
      expiry_sum_ms_(std::exchange(other.expiry_sum_ms_, 0)) {}

Keyspace& Keyspace::operator=(Keyspace&& other) noexcept {
  if (this == &other) return *this;
  clear();
  dictionary_ = std::move(other.dictionary_);
  secret_ = other.secret_;
  doomed_ = std::move(other.doomed_);
  entry_memory_ = std::exchange(other.entry_memory_, 0);
  large_memory_ = std::exchange(other.large_memory_, 0);
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

size_t Keyspace::memory() const { return entry_memory_ + large_memory_ + dictionary_.memory(); }

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
  entry_memory_ += entry.own_memory();
  if (entry.is_large()) large_memory_ += entry.large().memory();
  if (!entry.has_expiry()) return;
  ++expiring_;
  expiry_sum_ms_ += entry.expire_at_ms();
}

void Keyspace::account_gone(const Entry& entry) {
  entry_memory_ -= entry.own_memory();
  if (entry.is_large()) large_memory_ -= entry.large().memory();
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
  const size_t size = entry->own_memory();
  account_gone(*entry);
  if (entry->is_large()) doom(std::unique_ptr<LargeValue>(&entry->large()));
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
  release(entry, entry->own_memory());
  return by;
}

Entry& Keyspace::put_string(const HashedKey& key, const NewString& value, Version version,
                            int64_t expire_at_ms, uint32_t access) {
  return put_string(key, value, version, expire_at_ms, access, find(key));
}

Entry& Keyspace::put_string(const HashedKey& key, const NewString& value, Version version,
                            int64_t expire_at_ms, uint32_t access, Entry* present) {
  if (value.encoding != Encoding::integer) {
    return put(key, {.type = Type::string, .encoding = value.encoding, .bytes = value.bytes},
               version, expire_at_ms, access, present);
  }
  char integer[sizeof value.integer];
  std::memcpy(integer, &value.integer, sizeof integer);
  return put(key,
             {.type = Type::string, .encoding = value.encoding, .bytes = {integer, sizeof integer}},
             version, expire_at_ms, access, present);
}

Entry& Keyspace::put_block(const HashedKey& key, const NewBlock& value, Version version,
                           int64_t expire_at_ms, uint32_t access, Entry* present) {
  QUORIS_ASSERT(value.encoding == Encoding::packed || value.encoding == Encoding::intset);
  return put(key, {.type = value.type, .encoding = value.encoding, .bytes = value.block}, version,
             expire_at_ms, access, present);
}

Entry& Keyspace::put_large(const HashedKey& key, Type type, std::unique_ptr<LargeValue> value,
                           Version version, int64_t expire_at_ms, uint32_t access, Entry* present) {
  char pointer[Entry::kPointerSize];
  const LargeValue* large = value.release();
  std::memcpy(pointer, &large, sizeof pointer);
  return put(key, {.type = type, .encoding = Encoding::large, .bytes = {pointer, sizeof pointer}},
             version, expire_at_ms, access, present);
}

Entry& Keyspace::put(const HashedKey& key, const NewValue& value, Version version,
                     int64_t expire_at_ms, uint32_t access, Entry* present) {
  const size_t length = value.bytes.size();
  const EntryLayout layout = Entry::layout(key.bytes.size(), length, expire_at_ms != kNoExpiry);
  Entry* entry = present;
  if (present != nullptr) {
    account_gone(*present);
    if (present->is_large()) doom(std::unique_ptr<LargeValue>(&present->large()));
  }
  const bool in_place = present != nullptr && size_class(layout.size) == present->own_memory() &&
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
  entry->set_type(value.type, value.encoding);
  entry->set_access(access);
  entry->version_ = version;
  if (layout.expires) {
    std::memcpy(entry->at(entry->expiry_offset()), &expire_at_ms, sizeof expire_at_ms);
  }
  if (length > 0) std::memcpy(entry->at(layout.value_offset), value.bytes.data(), length);
  account_new(*entry);
  if (present == nullptr) {
    dictionary_.insert(key.hash, entry, due_unit(expire_at_ms));
    return *entry;
  }
  if (!in_place) replace_allocation(key, present, entry);
  dictionary_.lower_due(key.hash, entry, due_unit(expire_at_ms));
  return *entry;
}

// --- collections --------------------------------------------------------------------------------

// Replaces `erased` bytes of the value at `offset` by `inserted` bytes that the caller writes.
Entry& Keyspace::reshape(const HashedKey& key, Entry& entry, size_t offset, size_t erased,
                         size_t inserted) {
  const size_t key_length = entry.key_length();
  const size_t old_length = entry.value_length();
  QUORIS_ASSERT(offset <= old_length);
  QUORIS_ASSERT(erased <= old_length - offset);
  const size_t length = old_length - erased + inserted;
  const EntryLayout layout = Entry::layout(key_length, length, entry.has_expiry());
  const size_t memory = entry.own_memory();
  const size_t tail = old_length - offset - erased;
  if (size_class(layout.size) == memory && layout.wide == entry.is_wide()) {
    char* value = entry.at(layout.value_offset);
    std::memmove(value + offset + inserted, value + offset + erased, tail);
    entry.set_layout(layout, key_length, length);
    return entry;
  }
  Entry* changed = allocate(layout.size);
  entry_memory_ += size_class(layout.size) - memory;
  changed->version_ = entry.version_;
  changed->type_and_encoding_ = entry.type_and_encoding_;
  changed->flags_ = entry.flags_;
  changed->set_access(entry.access());
  if (layout.expires) {
    const int64_t at_ms = entry.expire_at_ms();
    std::memcpy(changed->at(layout.key_offset - Entry::kExpirySize), &at_ms, sizeof at_ms);
  }
  const char* value = entry.at(entry.value_offset());
  std::memcpy(changed->at(layout.key_offset), entry.at(entry.key_offset()), key_length);
  std::memcpy(changed->at(layout.value_offset), value, offset);
  std::memcpy(changed->at(layout.value_offset + offset + inserted), value + offset + erased, tail);
  changed->set_layout(layout, key_length, length);
  return *replace_allocation(key, &entry, changed);
}

Entry& Keyspace::splice_block(const HashedKey& key, Entry& entry, size_t offset, size_t erased,
                              size_t inserted) {
  QUORIS_ASSERT(entry.encoding() == Encoding::packed || entry.encoding() == Encoding::intset);
  return reshape(key, entry, offset, erased, inserted);
}

Entry& Keyspace::replace_block(const HashedKey& key, Entry& entry, Encoding encoding,
                               std::string_view block) {
  QUORIS_ASSERT(encoding == Encoding::packed || encoding == Encoding::intset);
  QUORIS_ASSERT(!is_inside(entry, block));
  const Type type = entry.type();
  Entry& changed = splice_block(key, entry, 0, entry.block().size(), block.size());
  changed.set_type(type, encoding);
  std::memcpy(changed.mutable_block(), block.data(), block.size());
  return changed;
}

Entry& Keyspace::grow_large(const HashedKey& key, Entry& entry, std::unique_ptr<LargeValue> value) {
  const Type type = entry.type();
  Entry& changed = splice_block(key, entry, 0, entry.block().size(), Entry::kPointerSize);
  large_memory_ += value->memory();
  const LargeValue* large = value.release();
  std::memcpy(changed.at(changed.value_offset()), &large, Entry::kPointerSize);
  changed.set_type(type, Encoding::large);
  return changed;
}

std::unique_ptr<LargeValue> Keyspace::take_large(Entry& entry) {
  QUORIS_ASSERT(entry.is_large());
  std::unique_ptr<LargeValue> value(&entry.large());
  large_memory_ -= value->memory();
  entry.set_type(Type::string, Encoding::raw);
  return value;
}

// What is small is freed at once.
void Keyspace::doom(std::unique_ptr<LargeValue> value) {
  constexpr size_t kFreedAtOnce = 64;
  if (value->size() > kFreedAtOnce) doomed_.push_back(std::move(value));
}

size_t Keyspace::free_doomed(size_t elements_max, size_t& values) {
  size_t freed = 0;
  while (freed < elements_max && !doomed_.empty()) {
    const size_t count = doomed_.back()->free_some(elements_max - freed);
    freed += count;
    if (count > 0) continue;
    doomed_.pop_back();
    ++values;
  }
  return freed;
}

Entry& Keyspace::set_expiry(const HashedKey& key, Entry& entry, int64_t expire_at_ms,
                            Version version) {
  const size_t key_length = entry.key_length();
  const size_t value_length = entry.value_length();
  const EntryLayout layout = Entry::layout(key_length, value_length, expire_at_ms != kNoExpiry);
  Entry* changed = &entry;
  const size_t memory = entry.own_memory();
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
  const size_t memory = entry.own_memory();
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
  size_t ignored = 0;
  while (size() > 0 || doomed() > 0) {
    if (free_doomed(kClearStep, ignored) == 0) clear_some(kClearStep);
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

bool Keyspace::relocate(Entry& entry, Relocator& relocator, Entry*& moved_to) {
  const size_t size = entry.own_memory();
  void* place = relocator.new_place(&entry, size);
  moved_to = &entry;
  if (place == nullptr) return false;
  const uint64_t hash = hashed(entry.key()).hash;
  std::memcpy(place, static_cast<const void*>(&entry), size);
  moved_to = static_cast<Entry*>(place);
  dictionary_.replace(hash, &entry, moved_to);
  relocator.release(&entry, size);
  return true;
}

void Keyspace::sample(Rng& rng, size_t count, bool expiring_only,
                      const std::function<void(Entry&)>& visit) {
  if (expiring_only && expiring_ == 0) return;
  dictionary_.sample(rng, count, expiring_only, [&visit](void* item) { visit(*as_entry(item)); });
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
