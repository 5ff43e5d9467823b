#include "persistence/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "persistence/paths.h"
#include "persistence/survey.h"

namespace quoris::persistence {

namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;
constexpr size_t kSnapshotsKept = 2;

class Repair {
 public:
  Repair(Disk& disk, const std::string& directory, const LineSink& out)
      : disk_(disk), directory_(directory), out_(out) {}

  // The heads first: with them frames come to light that were not searched before.
  [[nodiscard]] Status run() {
    if (Status done = survey(); !done) return done;
    if (Status done = set_small_files_aside(); !done) return done;
    if (Status done = mend_snapshots(); !done) return done;
    if (Status done = mend_heads(); !done) return done;
    if (Status done = survey(); !done) return done;
    if (Status done = mend_log(); !done) return done;
    return disk_.sync_directory(directory_);
  }

 private:
  [[nodiscard]] std::string path(const std::string& name) const { return join(directory_, name); }

  [[nodiscard]] Status survey() {
    Result<Survey> found =
        survey_directory(disk_, directory_, [](const LogChunk&) { return ok(); });
    if (!found) return found.error();
    survey_ = std::move(found).value();
    return ok();
  }

  void say(std::string_view name, std::string_view what) {
    out_(fmt::format("{}: {}", name, what));
  }

  // --- originals --------------------------------------------------------------------------------
  // The first damaged-<n> that isn't there.
  [[nodiscard]] Status make_place() {
    if (!place_.empty()) return ok();
    for (unsigned number = 1; place_.empty(); ++number) {
      const std::string candidate = path(fmt::format("damaged-{}", number));
      const auto listed = disk_.list(candidate);
      if (!listed && listed.error().code != Errc::not_found) return listed.error();
      if (!listed) place_ = candidate;
    }
    out_(fmt::format("originals are kept in {}", place_));
    return disk_.make_directory(place_);
  }

  // Copies the file aside, once.
  [[nodiscard]] Status keep(const std::string& name) {
    if (kept_.contains(name)) return ok();
    if (Status made = make_place(); !made) return made;
    const auto in = disk_.open(path(name), Disk::Open::read);
    if (!in) return in.error().code == Errc::not_found ? ok() : Status(in.error());
    const auto out = disk_.open(join(place_, name), Disk::Open::create);
    if (!out) return out.error();
    std::vector<char> buffer(kCopyBytes);
    for (uint64_t at = 0;;) {
      const Result<size_t> read = (*in)->read_at(at, buffer);
      if (!read) return read.error();
      if (*read == 0) break;
      const std::string_view piece(buffer.data(), *read);
      if (Status written = (*out)->write_at(at, {&piece, 1}); !written) return written;
      at += *read;
    }
    kept_.insert(name);
    if (Status synced = (*out)->sync(); !synced) return synced;
    return disk_.sync_directory(place_);
  }

  [[nodiscard]] Status set_aside(const std::string& name, std::string_view consequence) {
    if (Status kept = keep(name); !kept) return kept;
    say(name, consequence);
    return disk_.remove(path(name));
  }

  // --- what is not the log ----------------------------------------------------------------------
  [[nodiscard]] Status set_small_files_aside() {
    const auto is_damaged = [](const auto& result) {
      return !result && result.error().code == Errc::corrupt;
    };
    if (is_damaged(survey_.identity)) {
      if (Status done = set_aside(std::string(kIdentityName), "set aside; a node makes a new one");
          !done) {
        return done;
      }
    }
    if (!is_damaged(survey_.ceiling)) return ok();
    return set_aside(std::string(kCeilingName),
                     "set aside; versions go on after the latest one in log and snapshots");
  }

  // The manifest names the good ones afterwards. If none is good and the log doesn't reach back to
  // its very beginning, nothing can stand in for them.
  [[nodiscard]] Status mend_snapshots() {
    Manifest mended;
    bool changes = !survey_.manifest;
    for (const SnapshotState& state : survey_.snapshots) {
      if (!state.problem.empty()) {
        changes = true;
      } else if (mended.snapshots.size() < kSnapshotsKept) {
        mended.snapshots.push_back(state.snapshot);
      }
    }
    if (!changes) return ok();
    if (survey_.manifest) {
      mended.log_end = survey_.manifest->log_end;
      mended.needs_snapshot = survey_.manifest->needs_snapshot;
    }
    mended.log_begin = mended.snapshots.empty() ? LogPosition{0} : mended.snapshots.back().begin;
    const LogFiles& files = survey_.files;
    const bool reaches_back = files.chain.empty()
                                  ? files.headless.empty() && raw(mended.log_begin) == 0
                                  : files.chain.front().head.begin <= mended.log_begin;
    if (mended.needs_snapshot && mended.snapshots.empty()) {
      say(kManifestName, "can't be repaired: the damaged snapshots held what was never logged");
      return ok();
    }
    if (!reaches_back) {
      out_(
          fmt::format("{}: can't be repaired: without the damaged snapshots the log would be "
                      "needed from position {} on",
                      kManifestName, raw(mended.log_begin)));
      return ok();
    }
    if (Status kept = keep(std::string(kManifestName)); !kept) return kept;
    if (Status written = write_manifest(disk_, directory_, mended); !written) return written;
    say(kManifestName, "written anew, with the snapshots that are good");
    for (const SnapshotState& state : survey_.snapshots) {
      if (state.problem.empty()) continue;
      if (Status done = set_aside(state.snapshot.name, "set aside"); !done) return done;
    }
    return ok();
  }

  // --- the log ----------------------------------------------------------------------------------
  // Of files whose beginning nobody else holds. The sequence fits between their neighbours'.
  [[nodiscard]] Status mend_heads() {
    const auto& chain = survey_.files.chain;
    for (const HeadlessFile& file : survey_.files.headless) {
      const auto next = std::ranges::upper_bound(
          chain, file.begin, {}, [](const LogFile& each) { return each.head.begin; });
      const bool has_previous = next != chain.begin();
      if (has_previous && std::prev(next)->end > file.begin) continue;
      const uint64_t sequence = has_previous ? std::prev(next)->head.sequence + 1 : 0;
      if (next != chain.end() && sequence >= next->head.sequence) continue;
      if (file.size < kSegmentHeadSize) continue;
      if (Status kept = keep(file.name); !kept) return kept;
      const auto opened = disk_.open(path(file.name), Disk::Open::write);
      if (!opened) return opened.error();
      const SegmentHead head{.begin = file.begin, .synced = LogPosition{0}, .sequence = sequence};
      if (Status written = write_segment_head(**opened, head); !written) return written;
      if (Status synced = (*opened)->sync(); !synced) return synced;
      say(file.name, "its head is written anew");
    }
    return ok();
  }

  // Where nothing good follows, the log is made as long as it is known to have been: a snapshot or
  // a clean shutdown relies on that.
  [[nodiscard]] Status mend_log() {
    for (const DamagedRange& range : survey_.damages) {
      const LogPosition at = range.fault.at;
      const LogPosition to = std::max(range.to.value_or(survey_.end.synced), at);
      const auto& chain = survey_.files.chain;
      if (chain.empty() || chain.back().end < at || chain.front().head.begin > at) {
        if (Status begun = begin_missing(at); !begun) return begun;
      }
      if (Status mended = to > at ? skip(at, to) : cut(at); !mended) return mended;
    }
    return ok();
  }

  [[nodiscard]] Status cut(LogPosition at) {
    LogFiles& files = survey_.files;
    for (const LogFile& file : files.chain) {
      if (file.end < at) continue;
      if (Status kept = keep(file.name); !kept) return kept;
    }
    for (const HeadlessFile& file : files.headless) {
      if (Status kept = keep(file.name); !kept) return kept;
    }
    out_(fmt::format("the log is cut at position {}", raw(at)));
    if (files.chain.empty() || files.chain.front().head.begin > at) return ok();
    return settle_log(disk_, files, at, at);
  }

  // Frames that say so over all of [from, to), in the files that hold it or should.
  [[nodiscard]] Status skip(LogPosition from, LogPosition to) {
    out_(fmt::format("positions {} to {} of the log are skipped", raw(from), raw(to)));
    const LogFiles& files = survey_.files;
    for (size_t i = files.index_of(from); i < files.chain.size() && from < to; ++i) {
      const LogFile& file = files.chain[i];
      const bool is_last = i + 1 == files.chain.size();
      const LogPosition end = is_last ? to : std::min(to, files.chain[i + 1].head.begin);
      if (Status kept = keep(file.name); !kept) return kept;
      const auto opened = disk_.open(path(file.name), Disk::Open::write);
      if (!opened) return opened.error();
      if (Status filled = fill(**opened, file.head.begin, from, end); !filled) return filled;
      if (Status synced = (*opened)->sync(); !synced) return synced;
      from = end;
    }
    return ok();
  }

  // A file that begins at `from`, which none holds: before all others, or behind them.
  [[nodiscard]] Status begin_missing(LogPosition from) {
    LogFiles& files = survey_.files;
    LogFile file{.head = {.begin = from, .synced = LogPosition{0}, .sequence = 1},
                 .name = segment_name(from),
                 .end = from,
                 .size = kSegmentHeadSize};
    const bool is_first = files.chain.empty() || files.chain.front().head.begin > from;
    if (is_first && !files.chain.empty()) {
      file.head.sequence = 0;
      file.end = files.chain.front().head.begin;
      if (files.chain.front().head.sequence == 0) {
        return Error{Errc::corrupt, file.name + ": is missing and can't be replaced"};
      }
    }
    for (const LogFile& each : files.chain) {
      if (!is_first) file.head.sequence = std::max(file.head.sequence, each.head.sequence + 1);
    }
    if (Status kept = keep(file.name); !kept) return kept;
    std::erase_if(files.headless, [&](const HeadlessFile& each) { return each.name == file.name; });
    if (Status removed = disk_.remove(path(file.name)); !removed) return removed;
    const auto opened = disk_.open(path(file.name), Disk::Open::create);
    if (!opened) return opened.error();
    if (Status written = write_segment_head(**opened, file.head); !written) return written;
    if (Status synced = (*opened)->sync(); !synced) return synced;
    files.chain.insert(is_first ? files.chain.begin() : files.chain.end(), std::move(file));
    return ok();
  }

  [[nodiscard]] static Status fill(File& file, LogPosition begin, LogPosition from,
                                   LogPosition to) {
    std::string frame(std::min<uint64_t>(kFrameMax, distance(from, to)), '\0');
    while (from < to) {
      uint64_t size = std::min<uint64_t>(kFrameMax, distance(from, to));
      const uint64_t rest = distance(from, to) - size;
      if (rest > 0 && rest < kFrameHeaderSize) size -= kFrameHeaderSize;  // for the last one
      if (size < kFrameHeaderSize) {
        return Error{Errc::corrupt,
                     fmt::format("position {}: the gap is too small for a frame", raw(from))};
      }
      std::ranges::fill(frame, '\0');
      seal_frame(frame.data(), size - kFrameHeaderSize, {.type = FrameType::skipped, .at = from});
      const std::string_view piece(frame.data(), size);
      Status written = file.write_at(segment_offset(begin, from), {&piece, 1});
      if (!written) return written;
      from = from + size;
    }
    return ok();
  }

  Disk& disk_;
  const std::string& directory_;
  const LineSink& out_;
  Survey survey_;
  std::string place_;  // where originals go
  std::set<std::string> kept_;
};

}  // namespace

Status repair_files(Disk& disk, const std::string& directory, const LineSink& out) {
  return Repair(disk, directory, out).run();
}

}  // namespace quoris::persistence
