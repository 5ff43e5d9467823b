#include "persistence/data_directory.h"

#include <array>

#include "persistence/paths.h"
#include "persistence/segment.h"

namespace quoris::persistence {

namespace {

constexpr auto kOurPrefixes =
    std::to_array<std::string_view>({"log-", "snapshot-", "raft-", "quoris."});

bool is_leftover(std::string_view name) {
  if (!name.ends_with(kTemporarySuffix)) return false;
  for (const std::string_view prefix : kOurPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::open(Disk& disk, Rng& rng,
                                                           const std::string& path) {
  if (const Status made = disk.make_directory(path); !made) return made.error();
  std::unique_ptr<DataDirectory> directory(new DataDirectory(disk, path));
  auto lock = disk.lock(path);
  if (!lock) return lock.error();
  directory->lock_ = std::move(lock).value();
  if (const Status loaded = directory->load(rng); !loaded) return loaded.error();
  return directory;
}

Status DataDirectory::load(Rng& rng) {
  if (Status tidied = remove_leftovers(); !tidied) return tidied;
  Result<Manifest> manifest = read_manifest(disk_, path_);
  if (!manifest) return manifest.error();
  manifest_ = std::move(manifest).value();
  const auto written = disk_.open(join(path_, kManifestName), Disk::Open::read);
  if (!written && written.error().code != Errc::not_found) return written.error();
  if (!written) {
    if (Status begun = write_manifest(disk_, path_, manifest_); !begun) return begun;
  }
  const Result<store::Version> ceiling = read_ceiling(disk_, path_);
  if (!ceiling) return ceiling.error();
  ceiling_ = *ceiling;
  Result<Identity> identity = read_identity(disk_, path_);
  if (identity) {
    identity_ = std::move(identity).value();
    return ok();
  }
  if (identity.error().code != Errc::not_found) return identity.error();
  is_new_ = true;
  identity_ = make_identity(rng);
  return write_identity(disk_, path_, identity_);
}

Status DataDirectory::remove_leftovers() {
  const Result<std::vector<std::string>> names = disk_.list(path_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!is_leftover(name)) continue;
    if (Status removed = disk_.remove(join(path_, name)); !removed) return removed;
  }
  return ok();
}

bool DataDirectory::is_same_boot() const { return persistence::is_same_boot(identity_, disk_); }

Status DataDirectory::mark(std::optional<LogPosition> clean_end, LogPosition durable_end) {
  Identity marked = identity_;
  marked.boot_id = disk_.boot_id();
  marked.clean_end = clean_end;
  marked.durable_end = durable_end;
  return write_identity(disk_, path_, marked);
}

Status DataDirectory::mark_running(LogPosition end) { return mark(std::nullopt, end); }

Status DataDirectory::mark_clean(LogPosition end) { return mark(end, end); }

CeilingKeeper::CeilingKeeper(Disk& disk, std::string directory, store::Version durable)
    : disk_(disk),
      directory_(std::move(directory)),
      durable_(durable),
      self_(std::make_shared<CeilingKeeper*>(this)) {}

namespace {

constexpr unsigned kBitsBelowMs = 64 - store::kVersionMsBits;

store::Version above(store::Version version, uint64_t ms) {
  return store::Version{raw(version) + (ms << kBitsBelowMs)};
}

}  // namespace

Status CeilingKeeper::raise_now(store::Version last) {
  const store::Version ceiling = above(last, kMarginMs);
  status_ = write_ceiling(disk_, directory_, ceiling);
  if (status_) durable_ = ceiling;
  return status_;
}

void CeilingKeeper::tick(store::Version last) {
  if (in_flight_ || above(last, kMarginMs / 2) <= durable_) return;
  in_flight_ = true;
  const store::Version ceiling = above(last, kMarginMs);
  disk_.submit([&disk = disk_, directory = directory_,
                ceiling] { return write_ceiling(disk, directory, ceiling); },
               [self = std::weak_ptr<CeilingKeeper*>(self_), ceiling](Status status) {
                 const auto keeper = self.lock();
                 if (keeper == nullptr) return;
                 (*keeper)->in_flight_ = false;
                 if (status) (*keeper)->durable_ = ceiling;
                 (*keeper)->status_ = std::move(status);
               });
}

}  // namespace quoris::persistence
