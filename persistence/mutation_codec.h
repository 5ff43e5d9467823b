// Mutations as bytes: what stands in frames of the log and of snapshots.
//
// A payload is a run of batches: count (varint), then so many mutations. A mutation, in order:
//   1     kind (low 4 bits) and flags: 0x10 another database than the one before, 0x20 expiry,
//         0x40 base version, 0x80 node number or expired bit of the version other than before
//   v     other database: its number
//   v     milliseconds and counter of the version (its upper 53 bits): difference to the one
//         before, zigzag
//   v     other lower 11 bits of the version
//   v     base version: by how much its upper 53 bits are lower, times two, plus one if its lower
//         bits are others, which then follow
//   v     expiry: difference to the milliseconds in the version, zigzag
//   then, where the kind has them: type and encoding (1 byte, as in store/entry.h), the other
//   database of a swap, offset, count, key, and value (both with their length before them) or, of
//   a put_string with Encoding::integer, the integer, zigzag.
// "Before" is the mutation before it in the same run of encode(); it begins with database 0 and
// version 0. Base versions are written for deltas only: replay doesn't need them elsewhere.
//
// Decoding trusts nothing: what is no mutation is refused, and no more memory is asked for than
// the bytes justify. (The elements in the value of a collection are store::apply's to check.)
// Used by: log writer and reader, snapshot. Pure. Knows all of store/mutation.h.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "store/mutation.h"

namespace quoris::persistence {

// The codec's memory of the mutation before. Both sides begin anew with each frame, or with the
// first part of what goes in parts.
struct CodecState {
  uint64_t stamp = 0;     // upper 53 bits of the version
  uint64_t low_bits = 0;  // the others
  DbIndex db{0};
};

// What is kept of a mutation when it is written; the rest has defaults when it is read.
[[nodiscard]] bool keeps_base_version(store::MutationKind kind);

class MutationEncoder {
 public:
  // No mutation takes more than this beyond its key and value, no batch's count either.
  static constexpr size_t kOverheadMax = 96;

  [[nodiscard]] static size_t size_max(std::span<const store::Mutation> batch);

  // Begins a frame.
  void restart() { state_ = CodecState(); }

  // Returns the end of what was written. REQUIRES: room for size_max(batch).
  char* encode(std::span<const store::Mutation> batch, char* out);

 private:
  char* encode_one(const store::Mutation& mutation, char* out);

  CodecState state_;
};

// Appends the mutations of all batches of a payload to `out`, with views into the payload. False
// if it is none; `out` has some of them then, which are not to be used. `batch_sizes`, if given,
// gets the number of mutations of each batch.
[[nodiscard]] bool decode_batches(std::string_view payload, std::vector<store::Mutation>& out,
                                  std::vector<size_t>* batch_sizes = nullptr);

}  // namespace quoris::persistence
