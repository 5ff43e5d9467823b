#include "persistence/mutation_codec.h"

#include <array>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/planted.h"
#include "base/varint.h"

namespace quoris::persistence {

namespace {

using store::Encoding;
using store::kNoExpiry;
using store::kNoVersion;
using store::Mutation;
using store::MutationKind;
using store::Type;
using store::Version;

constexpr uint8_t kKindMask = 0x0F;
constexpr uint8_t kOtherDb = 0x10;
constexpr uint8_t kExpires = 0x20;
constexpr uint8_t kHasBase = 0x40;
constexpr uint8_t kOtherLowBits = 0x80;

constexpr unsigned kLowBits = kNodeNumberBits + store::kVersionExpiredBits;
constexpr uint64_t kLowMask = (uint64_t{1} << kLowBits) - 1;
constexpr uint64_t kStampMax = std::numeric_limits<uint64_t>::max() >> kLowBits;

constexpr unsigned kTypeBits = 4;

// The parts that a kind has.
constexpr uint8_t kForm = 1;  // type and encoding
constexpr uint8_t kSwapped = 2;
constexpr uint8_t kOffset = 4;
constexpr uint8_t kCount = 8;
constexpr uint8_t kKey = 16;
constexpr uint8_t kValue = 32;
constexpr uint8_t kBase = 64;

constexpr size_t kKinds = 16;

constexpr std::array<uint8_t, kKinds> kParts = [] {
  std::array<uint8_t, kKinds> parts{};
  const auto of = [&parts](MutationKind kind) -> uint8_t& {
    return parts[static_cast<size_t>(kind)];
  };
  constexpr uint8_t kDelta = kKey | kBase;
  of(MutationKind::put_string) = kForm | kKey | kValue;
  of(MutationKind::remove) = kKey;
  of(MutationKind::expire) = kKey;
  of(MutationKind::set_expiry) = kDelta;
  of(MutationKind::append) = kDelta | kValue;
  of(MutationKind::set_range) = kDelta | kOffset | kValue;
  of(MutationKind::flush) = 0;
  of(MutationKind::swap) = kSwapped;
  of(MutationKind::put_collection) = kForm | kKey | kValue;
  of(MutationKind::set_elements) = kForm | kDelta | kValue;
  of(MutationKind::remove_elements) = kForm | kDelta | kValue;
  of(MutationKind::list_insert) = kForm | kDelta | kOffset | kValue;
  of(MutationKind::list_erase) = kForm | kDelta | kOffset | kCount;
  of(MutationKind::list_set) = kForm | kDelta | kOffset | kValue;
  of(MutationKind::list_remove) = kForm | kDelta | kOffset | kCount | kValue;
  return parts;
}();

constexpr uint64_t stamp_of(Version version) { return raw(version) >> kLowBits; }

constexpr uint64_t low_bits_of(Version version) { return raw(version) & kLowMask; }

constexpr Version version_of(uint64_t stamp, uint64_t low_bits) {
  return Version{stamp << kLowBits | low_bits};
}

// Wraps around, so that every pair of int64 has one.
uint64_t expiry_difference(int64_t expire_at_ms, Version version) {
  const auto at = static_cast<uint64_t>(expire_at_ms);
  return zigzag(static_cast<int64_t>(at - static_cast<uint64_t>(store::version_ms(version))));
}

char* put_bytes(char* out, std::string_view bytes) {
  out = put_varint(out, bytes.size());
  if (!bytes.empty()) std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

bool form_fits(MutationKind kind, Type type, Encoding encoding) {
  if (kind == MutationKind::put_string) {
    return type == Type::string && (encoding == Encoding::raw || encoding == Encoding::embstr ||
                                    encoding == Encoding::integer);
  }
  const bool is_collection =
      type == Type::list || type == Type::set || type == Type::zset || type == Type::hash;
  return is_collection && (encoding == Encoding::packed || encoding == Encoding::large ||
                           (encoding == Encoding::intset && type == Type::set));
}

// Takes a payload apart from its front; every step says whether it found what it needs.
class Decoder {
 public:
  explicit Decoder(std::string_view payload)
      : at_(payload.data()), end_(payload.data() + payload.size()) {}

  [[nodiscard]] bool at_end() const { return at_ == end_; }

  [[nodiscard]] bool batch_count(uint64_t& count) {
    return varint(count) && count > 0 && count <= left() / kMutationMin;
  }

  [[nodiscard]] bool mutation(Mutation& out) {
    if (at_ == end_) return false;
    const auto head = static_cast<uint8_t>(*at_++);
    out.kind = static_cast<MutationKind>(head & kKindMask);
    const uint8_t parts = kParts[head & kKindMask];
    const bool is_kind = (head & kKindMask) != 0;
    if (!is_kind || ((head & kHasBase) != 0 && (parts & kBase) == 0)) return false;
    return stamps(head, out) && body(parts, out);
  }

 private:
  // Head, version.
  static constexpr size_t kMutationMin = 2;

  [[nodiscard]] uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }

  [[nodiscard]] bool varint(uint64_t& value) { return get_varint(at_, end_, value); }

  [[nodiscard]] bool db_index(DbIndex& db) {
    uint64_t number = 0;
    if (!varint(number) || number > std::numeric_limits<uint16_t>::max()) return false;
    db = DbIndex{static_cast<uint16_t>(number)};
    return true;
  }

  [[nodiscard]] bool low_bits(uint64_t& bits) { return varint(bits) && bits <= kLowMask; }

  // Database, versions, expiry.
  [[nodiscard]] bool stamps(uint8_t head, Mutation& out) {
    if ((head & kOtherDb) != 0 && !db_index(state_.db)) return false;
    uint64_t value = 0;
    if (!varint(value)) return false;
    state_.stamp += static_cast<uint64_t>(unzigzag(value));
    if (state_.stamp > kStampMax) return false;
    if ((head & kOtherLowBits) != 0 && !low_bits(state_.low_bits)) return false;
    out.db = state_.db;
    out.version = version_of(state_.stamp, state_.low_bits);
    if ((head & kHasBase) != 0 && !base_version(out)) return false;
    if ((head & kExpires) != 0) {
      if (!varint(value)) return false;
      out.expire_at_ms =
          static_cast<int64_t>(static_cast<uint64_t>(store::version_ms(out.version)) +
                               static_cast<uint64_t>(unzigzag(value)));
    }
    return true;
  }

  [[nodiscard]] bool base_version(Mutation& out) {
    uint64_t value = 0;
    if (!varint(value) || value >> 1 > state_.stamp) return false;
    uint64_t bits = state_.low_bits;
    if ((value & 1) != 0 && !low_bits(bits)) return false;
    out.base_version = version_of(state_.stamp - (value >> 1), bits);
    return out.base_version != kNoVersion && out.base_version < out.version;
  }

  [[nodiscard]] bool body(uint8_t parts, Mutation& out) {
    if ((parts & kForm) != 0 && !form(out)) return false;
    if ((parts & kSwapped) != 0 && !db_index(out.other_db)) return false;
    if ((parts & kOffset) != 0 && !varint(out.offset)) return false;
    if ((parts & kCount) != 0 && !varint(out.count)) return false;
    if ((parts & kKey) != 0 && !bytes(out.key)) return false;
    if ((parts & kValue) == 0) return true;
    if (out.kind != MutationKind::put_string || out.encoding != Encoding::integer) {
      return bytes(out.value);
    }
    uint64_t value = 0;
    if (!varint(value)) return false;
    out.integer = unzigzag(value);
    return true;
  }

  [[nodiscard]] bool form(Mutation& out) {
    if (at_ == end_) return false;
    const auto form = static_cast<uint8_t>(*at_++);
    out.type = static_cast<Type>(form & ((1U << kTypeBits) - 1));
    out.encoding = static_cast<Encoding>(form >> kTypeBits);
    return form_fits(out.kind, out.type, out.encoding);
  }

  [[nodiscard]] bool bytes(std::string_view& out) {
    uint64_t size = 0;
    if (!varint(size) || size > left() || size > store::kLengthMax) return false;
    out = {at_, static_cast<size_t>(size)};
    at_ += size;
    return true;
  }

  const char* at_;
  const char* end_;
  CodecState state_;
};

}  // namespace

bool keeps_base_version(MutationKind kind) {
  return (kParts[static_cast<size_t>(kind)] & kBase) != 0;
}

size_t MutationEncoder::size_max(std::span<const Mutation> batch) {
  static_assert(kOverheadMax >= 2 + kVarintMax * 9);
  size_t size = kOverheadMax;
  for (const Mutation& mutation : batch) {
    size += kOverheadMax + mutation.key.size() + mutation.value.size();
  }
  return size;
}

char* MutationEncoder::encode(std::span<const Mutation> batch, char* out) {
  out = put_varint(out, batch.size());
  for (const Mutation& mutation : batch) out = encode_one(mutation, out);
  return out;
}

char* MutationEncoder::encode_one(const Mutation& mutation, char* out) {
  const auto kind = static_cast<uint8_t>(mutation.kind);
  const uint8_t parts = kParts[kind];
  const bool is_early = QUORIS_PLANTED("persistence: the log tells of an earlier version");
  const uint64_t stamp = stamp_of(mutation.version) - (is_early ? 1 : 0);
  const uint64_t low_bits = low_bits_of(mutation.version);
  char* const head = out++;
  uint8_t flags = kind;
  if (mutation.db != state_.db) {
    flags |= kOtherDb;
    out = put_varint(out, raw(mutation.db));
  }
  out = put_varint(out, zigzag(static_cast<int64_t>(stamp - state_.stamp)));
  if (low_bits != state_.low_bits) {
    flags |= kOtherLowBits;
    out = put_varint(out, low_bits);
  }
  state_ = {.stamp = stamp, .low_bits = low_bits, .db = mutation.db};
  if ((parts & kBase) != 0 && mutation.base_version != kNoVersion) {
    QUORIS_DCHECK(mutation.base_version < mutation.version);
    flags |= kHasBase;
    const uint64_t base_low_bits = low_bits_of(mutation.base_version);
    const bool differs = base_low_bits != low_bits;
    out = put_varint(out, (stamp - stamp_of(mutation.base_version)) << 1 | (differs ? 1U : 0U));
    if (differs) out = put_varint(out, base_low_bits);
  }
  if (mutation.expire_at_ms != kNoExpiry) {
    flags |= kExpires;
    out = put_varint(out, expiry_difference(mutation.expire_at_ms, mutation.version));
  }
  *head = static_cast<char>(flags);
  if ((parts & kForm) != 0) {
    *out++ = static_cast<char>(static_cast<uint8_t>(mutation.type) |
                               static_cast<uint8_t>(mutation.encoding) << kTypeBits);
  }
  if ((parts & kSwapped) != 0) out = put_varint(out, raw(mutation.other_db));
  if ((parts & kOffset) != 0) out = put_varint(out, mutation.offset);
  if ((parts & kCount) != 0) out = put_varint(out, mutation.count);
  if ((parts & kKey) != 0) out = put_bytes(out, mutation.key);
  if ((parts & kValue) == 0) return out;
  if (mutation.kind == MutationKind::put_string && mutation.encoding == Encoding::integer) {
    return put_varint(out, zigzag(mutation.integer));
  }
  return put_bytes(out, mutation.value);
}

bool decode_batches(std::string_view payload, std::vector<Mutation>& out,
                    std::vector<size_t>* batch_sizes) {
  Decoder decoder(payload);
  while (!decoder.at_end()) {
    uint64_t count = 0;
    if (!decoder.batch_count(count)) return false;
    for (uint64_t i = 0; i < count; ++i) {
      if (!decoder.mutation(out.emplace_back())) return false;
    }
    if (batch_sizes != nullptr) batch_sizes->push_back(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace quoris::persistence
