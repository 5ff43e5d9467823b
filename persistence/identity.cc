#include "persistence/identity.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#include "persistence/paths.h"
#include "persistence/record_file.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kIdentityKind = "identity";
constexpr std::string_view kNodeId = "node-id";
constexpr std::string_view kHashSecret = "hash-secret";
constexpr std::string_view kBootId = "boot-id";
constexpr std::string_view kCleanEnd = "clean-end";
constexpr std::string_view kDurableEnd = "durable-end";

constexpr std::string_view kCeilingKind = "ceiling";
constexpr std::string_view kCeiling = "version";

constexpr size_t kNodeIdBytes = 20;

bool is_node_id(const std::string& text) {
  return text.size() == 2 * kNodeIdBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Identity make_identity(Rng& rng) {
  std::array<std::byte, kNodeIdBytes + sizeof(uint64_t)> bytes{};
  rng.secret_bytes(bytes);
  Identity identity;
  for (size_t i = 0; i < kNodeIdBytes; ++i) {
    identity.node_id += fmt::format("{:02x}", static_cast<unsigned>(bytes[i]));
  }
  std::memcpy(&identity.secret.seed, bytes.data() + kNodeIdBytes, sizeof identity.secret.seed);
  return identity;
}

Result<Identity> read_identity(Disk& disk, const std::string& directory) {
  const std::string path = join(directory, kIdentityName);
  const Result<Record> record = read_record(disk, path, kIdentityKind);
  if (!record) return record.error();
  Identity identity;
  const std::string* node_id = record->find(kNodeId);
  const std::string* boot_id = record->find(kBootId);
  if (node_id == nullptr || !is_node_id(*node_id) || boot_id == nullptr ||
      !record->get(kHashSecret, identity.secret.seed)) {
    return Error{Errc::corrupt, path + ": a line is missing or not what it should be"};
  }
  identity.node_id = *node_id;
  identity.boot_id = *boot_id;
  uint64_t end = 0;
  if (record->get(kCleanEnd, end)) identity.clean_end = LogPosition{end};
  // Not there in a new directory.
  if (record->get(kDurableEnd, end)) identity.durable_end = LogPosition{end};
  return identity;
}

bool is_same_boot(const Identity& identity, Disk& disk) {
  return !identity.boot_id.empty() && identity.boot_id == disk.boot_id();
}

Status write_identity(Disk& disk, const std::string& directory, const Identity& identity) {
  Record record;
  record.add(kNodeId, identity.node_id);
  record.add(kHashSecret, identity.secret.seed);
  record.add(kBootId, identity.boot_id);
  if (identity.clean_end) record.add(kCleanEnd, raw(*identity.clean_end));
  if (raw(identity.durable_end) > 0) record.add(kDurableEnd, raw(identity.durable_end));
  return replace_record(disk, directory, kIdentityName, kIdentityKind, record);
}

Result<store::Version> read_ceiling(Disk& disk, const std::string& directory) {
  const std::string path = join(directory, kCeilingName);
  const Result<Record> record = read_record(disk, path, kCeilingKind);
  if (!record) {
    if (record.error().code == Errc::not_found) return store::kNoVersion;
    return record.error();
  }
  uint64_t ceiling = 0;
  if (!record->get(kCeiling, ceiling)) {
    return Error{Errc::corrupt, path + ": a line is missing or not what it should be"};
  }
  return store::Version{ceiling};
}

Status write_ceiling(Disk& disk, const std::string& directory, store::Version ceiling) {
  Record record;
  record.add(kCeiling, raw(ceiling));
  return replace_record(disk, directory, kCeilingName, kCeilingKind, record);
}

}  // namespace quoris::persistence
