// Mutations of every kind for the tests of this room.
#pragma once

#include <deque>
#include <string>
#include <tuple>
#include <vector>

#include "base/env.h"
#include "persistence/mutation_codec.h"
#include "sim/env/sim_env.h"

namespace quoris::persistence::testing {

using store::Encoding;
using store::Mutation;
using store::MutationKind;
using store::Type;
using store::Version;

inline Version version_at(uint64_t ms, uint64_t counter = 0, uint64_t low_bits = 0) {
  return Version{ms << 23 | counter << 11 | low_bits};
}

inline constexpr uint64_t kSomeMs = 200'000'000'000;

// The 16-byte key and 3-byte value of the speed tests.
inline Mutation sample_set(std::string_view key = "key:000000000042",
                           std::string_view value = "xxx", Version version = version_at(kSomeMs)) {
  return {.kind = MutationKind::put_string,
          .encoding = Encoding::embstr,
          .version = version,
          .key = key,
          .value = value};
}

// At least one of each kind, and the corners of each field.
inline std::vector<Mutation> sample_mutations() {
  std::vector<Mutation> samples;
  uint64_t counter = 0;
  const auto add = [&](Mutation mutation) {
    if (mutation.version == store::kNoVersion) mutation.version = version_at(kSomeMs, ++counter);
    samples.push_back(mutation);
  };
  const Version before = version_at(kSomeMs - 5000, 3, 7);
  add(sample_set());
  add({.version = version_at(kSomeMs, 4, 2046), .expire_at_ms = 0, .key = "", .value = ""});
  for (const int64_t integer : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    add({.encoding = Encoding::integer, .integer = integer, .key = "n", .value = {}});
  }
  for (const int64_t at : {INT64_MIN, int64_t{1}, int64_t{1'800'000'000'000}, INT64_MAX}) {
    add({.kind = MutationKind::set_expiry,
         .db = DbIndex{65535},
         .base_version = before,
         .expire_at_ms = at,
         .key = "k",
         .value = {}});
  }
  add({.kind = MutationKind::set_expiry, .base_version = before, .key = "k", .value = {}});
  add({.kind = MutationKind::remove, .key = "gone", .value = {}});
  add({.kind = MutationKind::expire,
       .db = DbIndex{3},
       .version = store::expired_version(before),
       .key = "late",
       .value = {}});
  add({.kind = MutationKind::append, .base_version = before, .key = "a", .value = "more"});
  add({.kind = MutationKind::append, .key = "a", .value = "first"});
  add({.kind = MutationKind::set_range,
       .base_version = Version{1},
       .version = Version{UINT64_MAX},
       .offset = UINT64_MAX,
       .key = "r",
       .value = std::string_view("\0\xff\r\n", 4)});
  add({.kind = MutationKind::flush,
       .db = DbIndex{9},
       .version = Version{2},
       .key = {},
       .value = {}});
  add({.kind = MutationKind::swap,
       .db = DbIndex{0},
       .other_db = DbIndex{300},
       .key = {},
       .value = {}});
  const auto add_collection = [&](MutationKind kind, Type type, Encoding encoding) {
    add({.kind = kind,
         .type = type,
         .encoding = encoding,
         .base_version = keeps_base_version(kind) ? before : store::kNoVersion,
         .expire_at_ms = type == Type::hash ? 5 : store::kNoExpiry,
         .key = "c",
         .value = "\x01x\x02"});
  };
  for (const MutationKind kind :
       {MutationKind::put_collection, MutationKind::set_elements, MutationKind::remove_elements}) {
    add_collection(kind, Type::hash, Encoding::packed);
    add_collection(kind, Type::set, Encoding::intset);
    add_collection(kind, Type::zset, Encoding::large);
  }
  for (const MutationKind kind : {MutationKind::put_collection, MutationKind::list_insert,
                                  MutationKind::list_set, MutationKind::list_remove}) {
    add_collection(kind, Type::list, Encoding::large);
    if (kind == MutationKind::put_collection) continue;
    samples.back().offset = 70'000;
    if (kind == MutationKind::list_remove) samples.back().count = 300;
  }
  add({.kind = MutationKind::list_erase,
       .type = Type::list,
       .encoding = Encoding::packed,
       .base_version = before,
       .offset = 1,
       .count = UINT64_MAX,
       .key = "l",
       .value = {}});
  return samples;
}

// Equality as far as the codec keeps it.
inline auto fields_of(const Mutation& m) {
  return std::make_tuple(m.kind, raw(m.db), raw(m.other_db), m.type, m.encoding,
                         raw(m.base_version), raw(m.version), m.expire_at_ms, m.offset, m.count,
                         m.integer, std::string(m.key), std::string(m.value));
}

inline bool equal(const Mutation& a, const Mutation& b) { return fields_of(a) == fields_of(b); }

inline bool equal(const std::vector<Mutation>& a, const std::vector<Mutation>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!equal(a[i], b[i])) return false;
  }
  return true;
}

// As a payload, each of `batches` one batch.
inline std::string encoded(const std::vector<std::vector<Mutation>>& batches) {
  std::string payload;
  MutationEncoder encoder;
  for (const std::vector<Mutation>& batch : batches) {
    const size_t before = payload.size();
    payload.resize(before + MutationEncoder::size_max(batch));
    const char* end = encoder.encode(batch, payload.data() + before);
    payload.resize(static_cast<size_t>(end - payload.data()));
  }
  return payload;
}

}  // namespace quoris::persistence::testing
