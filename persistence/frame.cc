#include "persistence/frame.h"

#include <bit>
#include <cstring>

#include "base/assert.h"
#include "base/hash.h"

namespace quoris::persistence {

namespace {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are");

constexpr size_t kSizeAt = 8;
constexpr size_t kBehindAt = 12;
constexpr unsigned kSizeBits = 24;
constexpr uint32_t kTypeMask = 0x3F;
constexpr uint32_t kContinues = 0x40;
constexpr uint32_t kBeginsEarlier = 0x80;
static_assert(kFramePayloadMax < size_t{1} << kSizeBits);

uint64_t checksum(const char* frame, size_t payload, LogPosition at) {
  return hash_bytes({frame + kSizeAt, kFrameHeaderSize - kSizeAt + payload}, {.seed = raw(at)});
}

template <class Integer>
Integer load(const char* at) {
  Integer value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

size_t payload_size(uint32_t size_and_head) {
  return size_and_head & ((uint32_t{1} << kSizeBits) - 1);
}

}  // namespace

void seal_frame(char* frame, size_t payload, const FrameSeal& seal) {
  QUORIS_ASSERT(payload <= kFramePayloadMax);
  QUORIS_ASSERT(seal.synced <= seal.at);
  uint32_t head = static_cast<uint32_t>(seal.type);
  if (seal.part.continues) head |= kContinues;
  if (seal.part.begins_earlier) head |= kBeginsEarlier;
  const auto size_and_head = static_cast<uint32_t>(payload) | head << kSizeBits;
  const uint64_t behind_exactly = distance(seal.synced, seal.at);
  const uint32_t behind =
      behind_exactly < kFarBehind ? static_cast<uint32_t>(behind_exactly) : kFarBehind;
  std::memcpy(frame + kSizeAt, &size_and_head, sizeof size_and_head);
  std::memcpy(frame + kBehindAt, &behind, sizeof behind);
  const uint64_t sum = checksum(frame, payload, seal.at);
  std::memcpy(frame, &sum, sizeof sum);
}

bool may_be_frame(std::string_view bytes, FrameType type) {
  if (bytes.size() < kFrameHeaderSize) return false;
  const auto size_and_head = load<uint32_t>(bytes.data() + kSizeAt);
  return (size_and_head >> kSizeBits & kTypeMask) == static_cast<uint32_t>(type) &&
         payload_size(size_and_head) <= bytes.size() - kFrameHeaderSize;
}

FrameState read_frame(std::string_view bytes, LogPosition at, Frame& frame) {
  if (bytes.size() < kFrameHeaderSize) return FrameState::cut_short;
  const auto size_and_head = load<uint32_t>(bytes.data() + kSizeAt);
  const size_t payload = payload_size(size_and_head);
  const uint32_t head = size_and_head >> kSizeBits;
  const auto behind = load<uint32_t>(bytes.data() + kBehindAt);
  if (payload > kFramePayloadMax || (head & kTypeMask) == 0) return FrameState::bad;
  if (behind != kFarBehind && behind > raw(at)) return FrameState::bad;
  if (bytes.size() - kFrameHeaderSize < payload) return FrameState::cut_short;
  if (load<uint64_t>(bytes.data()) != checksum(bytes.data(), payload, at)) return FrameState::bad;
  frame.type = static_cast<FrameType>(head & kTypeMask);
  frame.part = {.begins_earlier = (head & kBeginsEarlier) != 0,
                .continues = (head & kContinues) != 0};
  frame.synced = behind == kFarBehind ? LogPosition{0} : LogPosition{raw(at) - behind};
  frame.payload = bytes.substr(kFrameHeaderSize, payload);
  return FrameState::good;
}

}  // namespace quoris::persistence
