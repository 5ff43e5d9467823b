#include "persistence/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "persistence/paths.h"
#include "persistence/record_file.h"
#include "persistence/segment.h"
#include "persistence/snapshot_format.h"

namespace quoris::persistence {

namespace {

constexpr std::string_view kKind = "manifest";
constexpr std::string_view kLogBegin = "log-begin";
constexpr std::string_view kLogEnd = "log-end";
constexpr std::string_view kNeedsSnapshot = "needs-snapshot";
constexpr std::string_view kSnapshot = "snapshot";

// "begin end name"; a name is never a path to elsewhere.
std::optional<ManifestSnapshot> parse_snapshot(std::string_view text) {
  const size_t first = text.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = text.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::optional<uint64_t> begin = parse_uint64(text.substr(0, first));
  const std::optional<uint64_t> end = parse_uint64(text.substr(first + 1, second - first - 1));
  const std::string_view name = text.substr(second + 1);
  if (!begin || !end || *end < *begin || name.empty() || name.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return ManifestSnapshot{
      .name = std::string(name), .begin = LogPosition{*begin}, .end = LogPosition{*end}};
}

// False if there is one that can't be.
bool take_log_end(const Record& record, Manifest& manifest) {
  if (record.find(kLogEnd) == nullptr) return true;
  uint64_t end = 0;
  if (!record.get(kLogEnd, end)) return false;
  manifest.log_end = LogPosition{end};
  const auto is_within = [&](const ManifestSnapshot& snapshot) {
    return snapshot.end <= *manifest.log_end;
  };
  return manifest.log_begin <= *manifest.log_end &&
         std::ranges::all_of(manifest.snapshots, is_within);
}

}  // namespace

namespace {

// A manifest is written before there is a snapshot, and before a log loses its beginning.
Status check_that_none_was(Disk& disk, const std::string& directory) {
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error().code == Errc::not_found ? ok() : Status(names.error());
  std::string snapshot;
  std::string segment;  // the first
  for (const std::string& name : *names) {
    if (parse_snapshot_name(name)) snapshot = name;
    if (segment.empty() && parse_segment_name(name)) segment = name;
  }
  const bool is_all = segment.empty() || parse_segment_name(segment) == LogPosition{0};
  if (snapshot.empty() && is_all) return ok();
  return Error{Errc::corrupt,
               fmt::format("{} is missing: {} says that there was one. `quoris check {}` says "
                           "more, `quoris check {} --repair` writes another one from the "
                           "snapshots that are good",
                           join(directory, kManifestName), snapshot.empty() ? segment : snapshot,
                           directory, directory)};
}

}  // namespace

Result<Manifest> read_manifest(Disk& disk, const std::string& directory) {
  const std::string path = join(directory, kManifestName);
  const Result<Record> record = read_record(disk, path, kKind);
  Manifest manifest;
  if (!record) {
    if (record.error().code != Errc::not_found) return record.error();
    if (const Status none = check_that_none_was(disk, directory); !none) return none.error();
    return manifest;
  }
  uint64_t begin = 0;
  bool is_sound = record->get(kLogBegin, begin);
  manifest.log_begin = LogPosition{begin};
  for (const auto& [name, value] : record->fields) {
    if (name != kSnapshot) continue;
    std::optional<ManifestSnapshot> snapshot = parse_snapshot(value);
    is_sound = is_sound && snapshot.has_value();
    if (snapshot) manifest.snapshots.push_back(*std::move(snapshot));
  }
  is_sound = take_log_end(*record, manifest) && is_sound;
  manifest.needs_snapshot = record->find(kNeedsSnapshot) != nullptr;
  if (!is_sound) return Error{Errc::corrupt, path + ": a line is not what it should be"};
  return manifest;
}

Status write_manifest(Disk& disk, const std::string& directory, const Manifest& manifest) {
  Record record;
  record.add(kLogBegin, raw(manifest.log_begin));
  if (manifest.log_end) record.add(kLogEnd, raw(*manifest.log_end));
  if (manifest.needs_snapshot) record.add(kNeedsSnapshot, uint64_t{1});
  for (const ManifestSnapshot& snapshot : manifest.snapshots) {
    record.add(kSnapshot,
               fmt::format("{} {} {}", raw(snapshot.begin), raw(snapshot.end), snapshot.name));
  }
  return replace_record(disk, directory, kManifestName, kKind, record);
}

}  // namespace quoris::persistence
