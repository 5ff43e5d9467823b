#include "persistence/snapshot_format.h"

#include <fmt/format.h>

#include <charconv>
#include <initializer_list>

#include "base/varint.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kNamePrefix = "snapshot-";
constexpr std::string_view kNameSuffix = ".qsnp";
constexpr size_t kNameDigits = 20;

// No setting allows as many.
constexpr uint64_t kDatabasesMax = uint64_t{1} << 16;

std::string varints(const std::vector<uint64_t>& values) {
  std::string bytes(values.size() * kVarintMax, '\0');
  char* out = bytes.data();
  for (const uint64_t value : values) out = put_varint(out, value);
  bytes.resize(static_cast<size_t>(out - bytes.data()));
  return bytes;
}

class Varints {
 public:
  explicit Varints(std::string_view payload)
      : at_(payload.data()), end_(payload.data() + payload.size()) {}

  // All of them, or false.
  [[nodiscard]] bool read(std::initializer_list<uint64_t*> values) {
    for (uint64_t* value : values) {
      if (!get_varint(at_, end_, *value)) return false;
    }
    return true;
  }

  [[nodiscard]] bool at_end() const { return at_ == end_; }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace

std::string encode_snapshot_head(const SnapshotHead& head) {
  std::vector<uint64_t> values = {kSnapshotFormatVersion, head.entries.size(), raw(head.begin),
                                  raw(head.version), zigzag(head.wall_ms)};
  values.insert(values.end(), head.entries.begin(), head.entries.end());
  return varints(values);
}

std::optional<SnapshotHead> decode_snapshot_head(std::string_view payload, uint64_t& version) {
  Varints varints(payload);
  if (!varints.read({&version}) || version != kSnapshotFormatVersion) return std::nullopt;
  uint64_t databases = 0;
  uint64_t begin = 0;
  uint64_t stamp = 0;
  uint64_t wall = 0;
  if (!varints.read({&databases, &begin, &stamp, &wall}) || databases > kDatabasesMax) {
    return std::nullopt;
  }
  SnapshotHead head{.begin = LogPosition{begin},
                    .version = store::Version{stamp},
                    .wall_ms = unzigzag(wall),
                    .entries = std::vector<uint64_t>(databases)};
  for (uint64_t& entries : head.entries) {
    if (!varints.read({&entries})) return std::nullopt;
  }
  if (!varints.at_end()) return std::nullopt;
  return head;
}

std::string encode_snapshot_end(const SnapshotEnd& end) {
  return varints({raw(end.end), raw(end.version), end.frames, end.mutations, end.entries});
}

std::optional<SnapshotEnd> decode_snapshot_end(std::string_view payload) {
  SnapshotEnd end;
  uint64_t position = 0;
  uint64_t stamp = 0;
  Varints varints(payload);
  if (!varints.read({&position, &stamp, &end.frames, &end.mutations, &end.entries}) ||
      !varints.at_end()) {
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
