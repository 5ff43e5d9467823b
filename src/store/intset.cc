#include "store/intset.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/assert.h"

namespace quoris::store {

namespace {

size_t width_of(int64_t value) {
  if (value >= std::numeric_limits<int16_t>::min() && value <= std::numeric_limits<int16_t>::max())
    return sizeof(int16_t);
  if (value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max())
    return sizeof(int32_t);
  return sizeof(int64_t);
}

int64_t load(const char* at, size_t width) {
  if (width == sizeof(int16_t)) {
    int16_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  if (width == sizeof(int32_t)) {
    int32_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  int64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Little-endian: the low bytes are the narrower form.
void put(char* at, size_t width, int64_t value) { std::memcpy(at, &value, width); }

std::string widened(const IntsetView& view, size_t width) {
  std::string block(IntsetView::kHeader + view.size() * width, '\0');
  block[0] = static_cast<char>(width);
  for (size_t i = 0; i < view.size(); ++i) {
    put(block.data() + IntsetView::kHeader + i * width, width, view.at(i));
  }
  return block;
}

}  // namespace

int64_t IntsetView::at(size_t index) const {
  return load(block_.data() + kHeader + index * width(), width());
}

size_t IntsetView::lower_bound(int64_t value) const {
  size_t low = 0;
  size_t high = size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (at(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool IntsetView::contains(int64_t value) const {
  const size_t index = lower_bound(value);
  return index < size() && at(index) == value;
}

namespace intset {

std::string empty_block() { return std::string(1, static_cast<char>(sizeof(int16_t))); }

std::string block_of(std::span<const int64_t> members) {
  if (members.empty()) return empty_block();
  const size_t width = std::max(width_of(members.front()), width_of(members.back()));
  std::string block(IntsetView::kHeader + members.size() * width, '\0');
  block[0] = static_cast<char>(width);
  char* out = block.data() + IntsetView::kHeader;
  for (const int64_t member : members) {
    put(out, width, member);
    out += width;
  }
  return block;
}

Entry& insert(Keyspace& keyspace, const HashedKey& key, Entry& entry, int64_t value) {
  Entry* changed = &entry;
  if (width_of(value) > IntsetView(entry.block()).width()) {
    const std::string block = widened(IntsetView(entry.block()), width_of(value));
    changed = &keyspace.replace_block(key, entry, Encoding::intset, block);
  }
  const IntsetView view(changed->block());
  const size_t width = view.width();
  const size_t offset = IntsetView::kHeader + view.lower_bound(value) * width;
  changed = &keyspace.splice_block(key, *changed, offset, 0, width);
  put(changed->mutable_block() + offset, width, value);
  return *changed;
}

Entry& erase(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t index) {
  const size_t width = IntsetView(entry.block()).width();
  return keyspace.splice_block(key, entry, IntsetView::kHeader + index * width, width, 0);
}

}  // namespace intset
}  // namespace quoris::store
