#include "persistence/snapshot_format.h"

#include <fmt/format.h>

#include <charconv>
#include <initializer_list>

#include "persistence/varint.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kNamePrefix = "snapshot-";
constexpr std::string_view kNameSuffix = ".qsnp";
constexpr size_t kNameDigits = 20;

std::string varints(std::initializer_list<uint64_t> values) {
  std::string bytes(values.size() * kVarintMax, '\0');
  char* out = bytes.data();
  for (const uint64_t value : values) out = put_varint(out, value);
  bytes.resize(static_cast<size_t>(out - bytes.data()));
  return bytes;
}

// All of the payload, or nothing.
bool read_varints(std::string_view payload, std::initializer_list<uint64_t*> values) {
  const char* at = payload.data();
  const char* const end = at + payload.size();
  for (uint64_t* value : values) {
    if (!get_varint(at, end, *value)) return false;
  }
  return at == end;
}

}  // namespace

std::string encode_snapshot_head(const SnapshotHead& head) {
  return varints({kSnapshotFormatVersion, head.databases, raw(head.begin), raw(head.version),
                  zigzag(head.wall_ms)});
}

std::optional<SnapshotHead> decode_snapshot_head(std::string_view payload, uint64_t& version) {
  const char* at = payload.data();
  if (!get_varint(at, payload.data() + payload.size(), version)) version = 0;
  if (version != kSnapshotFormatVersion) return std::nullopt;
  SnapshotHead head;
  uint64_t begin = 0;
  uint64_t stamp = 0;
  uint64_t wall = 0;
  if (!read_varints(payload, {&version, &head.databases, &begin, &stamp, &wall})) {
    return std::nullopt;
  }
  head.begin = LogPosition{begin};
  head.version = store::Version{stamp};
  head.wall_ms = unzigzag(wall);
  return head;
}

std::string encode_snapshot_end(const SnapshotEnd& end) {
  return varints({raw(end.end), raw(end.version), end.frames, end.mutations, end.entries});
}

std::optional<SnapshotEnd> decode_snapshot_end(std::string_view payload) {
  SnapshotEnd end;
  uint64_t position = 0;
  uint64_t stamp = 0;
  if (!read_varints(payload, {&position, &stamp, &end.frames, &end.mutations, &end.entries})) {
    return std::nullopt;
  }
  end.end = LogPosition{position};
  end.version = store::Version{stamp};
  return end;
}

std::string snapshot_name(LogPosition begin, uint64_t sequence) {
  const std::string position = fmt::format("{}{:020}", kNamePrefix, raw(begin));
  if (sequence == 0) return fmt::format("{}{}", position, kNameSuffix);
  return fmt::format("{}-{}{}", position, sequence, kNameSuffix);
}

std::optional<LogPosition> parse_snapshot_name(std::string_view name) {
  if (!name.starts_with(kNamePrefix) || !name.ends_with(kNameSuffix)) return std::nullopt;
  name.remove_prefix(kNamePrefix.size());
  name.remove_suffix(kNameSuffix.size());
  uint64_t begin = 0;
  const char* const digits_end = name.data() + std::min(name.size(), kNameDigits);
  const auto [end, error] = std::from_chars(name.data(), digits_end, begin);
  if (error != std::errc() || end != name.data() + kNameDigits) return std::nullopt;
  if (name.size() > kNameDigits && name[kNameDigits] != '-') return std::nullopt;
  return LogPosition{begin};
}

}  // namespace quoris::persistence
