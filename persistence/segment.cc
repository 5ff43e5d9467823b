#include "persistence/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/text.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kPrefix = "log-";
constexpr std::string_view kSuffix = ".qlog";
constexpr size_t kDigits = 20;

// The payload as it stands in the file (little-endian, no padding).
struct HeadFields {
  uint32_t format_version = 0;
  uint32_t unused = 0;
  uint64_t begin = 0;
  uint64_t synced = 0;
  uint64_t sequence = 0;
};

static_assert(sizeof(HeadFields) == 32);
constexpr size_t kHeadFrameAt = kSegmentMagic.size();
constexpr size_t kPayloadAt = kHeadFrameAt + kFrameHeaderSize;
constexpr size_t kPayloadSize = kSegmentHeadSize - kPayloadAt;
static_assert(sizeof(HeadFields) <= kPayloadSize);
constexpr size_t kSyncedAt = kPayloadAt + offsetof(HeadFields, synced);
constexpr size_t kSequenceAt = kPayloadAt + offsetof(HeadFields, sequence);

// What the bytes of a sequence that are missing may have been is tried up to here.
constexpr uint64_t kSequenceTries = 4096;

}  // namespace

std::array<char, kSegmentHeadSize> encode_segment_head(const SegmentHead& head) {
  std::array<char, kSegmentHeadSize> bytes{};
  const HeadFields fields = {.format_version = kFormatVersion,
                             .begin = raw(head.begin),
                             .synced = raw(head.synced),
                             .sequence = head.sequence};
  kSegmentMagic.copy(bytes.data(), kSegmentMagic.size());
  std::memcpy(bytes.data() + kPayloadAt, &fields, sizeof fields);
  seal_frame(bytes.data() + kHeadFrameAt, kPayloadSize, {.type = FrameType::segment_head});
  return bytes;
}

Status write_segment_head(File& file, const SegmentHead& head) {
  const auto bytes = encode_segment_head(head);
  const std::string_view piece(bytes.data(), bytes.size());
  return file.write_at(0, {&piece, 1});
}

Result<SegmentHead> decode_segment_head(std::string_view bytes) {
  Frame frame;
  if (!bytes.starts_with(kSegmentMagic) ||
      read_frame(bytes.substr(kHeadFrameAt), LogPosition{0}, frame) != FrameState::good ||
      frame.type != FrameType::segment_head || frame.payload.size() != kPayloadSize) {
    return Error{Errc::corrupt, "the head of the file is damaged"};
  }
  HeadFields fields;
  std::memcpy(&fields, frame.payload.data(), sizeof fields);
  if (fields.format_version > kFormatVersion) {
    return Error{Errc::unsupported,
                 fmt::format("written by a later version (format {}, this one knows {})",
                             fields.format_version, kFormatVersion)};
  }
  return SegmentHead{.begin = LogPosition{fields.begin},
                     .synced = LogPosition{fields.synced},
                     .sequence = fields.sequence};
}

bool is_unfinished_head(std::string_view bytes, LogPosition begin) {
  bytes = bytes.substr(0, kSegmentHeadSize);
  const std::string_view there = bytes.substr(0, bytes.find_last_not_of('\0') + 1);
  SegmentHead head{.begin = begin};
  if (there.size() <= kSequenceAt) {
    const auto pattern = encode_segment_head(head);
    for (size_t at = 0; at < there.size(); ++at) {
      const bool is_open = (at >= kHeadFrameAt && at < kHeadFrameAt + kFrameChecksumSize) ||
                           (at >= kSyncedAt && at < kSequenceAt);
      if (!is_open && there[at] != pattern[at]) return false;
    }
    return true;
  }
  std::memcpy(&head.synced, there.data() + kSyncedAt, sizeof head.synced);
  const size_t known = std::min(there.size() - kSequenceAt, sizeof head.sequence);
  std::memcpy(&head.sequence, there.data() + kSequenceAt, known);
  if (known == sizeof head.sequence) return false;
  for (uint64_t tried = 0; tried < kSequenceTries; ++tried) {
    const auto bytes_of_it = encode_segment_head(head);
    if (std::string_view(bytes_of_it.data(), there.size()) == there) return true;
    head.sequence += uint64_t{1} << (8 * known);
  }
  return false;
}

std::string segment_name(LogPosition begin) {
  return fmt::format("{}{:0{}}{}", kPrefix, raw(begin), kDigits, kSuffix);
}

std::optional<LogPosition> parse_segment_name(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size() || !name.starts_with(kPrefix) ||
      !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  std::string_view digits = name.substr(kPrefix.size(), kDigits);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), kDigits - 1));
  const std::optional<uint64_t> begin = parse_uint64(digits);
  if (!begin) return std::nullopt;
  return LogPosition{*begin};
}

}  // namespace quoris::persistence
