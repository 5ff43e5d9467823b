#include "persistence/survey.h"

#include <algorithm>

#include "persistence/paths.h"
#include "persistence/snapshot_reader.h"

namespace quoris::persistence {

namespace {

// The next good frame behind `damaged` and before `end` that begins a batch.
Result<std::optional<LogPosition>> find_restart(Disk& disk, const LogFiles& files,
                                                LogPosition damaged,
                                                std::optional<LogPosition> end) {
  if (files.chain.empty()) return std::optional<LogPosition>();
  LogCursor cursor(disk, files);
  LogPosition from = damaged + 1;
  for (;;) {
    LogCursor::Step step = cursor.find_good(from);
    if (step == LogCursor::Step::failed) return cursor.error();
    if (step == LogCursor::Step::end) return std::optional<LogPosition>();
    const LogPosition found = cursor.at();
    if (end && found >= *end) return std::optional<LogPosition>();
    Frame frame;
    step = cursor.next(frame);
    if (step == LogCursor::Step::failed) return cursor.error();
    if (!frame.part.begins_earlier) return std::optional<LogPosition>(found);
    from = cursor.at();
  }
}

Result<SnapshotState> survey_snapshot(Disk& disk, const std::string& directory,
                                      const ManifestSnapshot& snapshot) {
  SnapshotState state{.snapshot = snapshot, .mutations = 0, .problem = {}};
  const auto judge = [&state](const Error& error) -> Result<SnapshotState> {
    if (error.code == Errc::io) return error;
    state.problem = error.message;
    return state;
  };
  const auto reader = SnapshotReader::open(disk, join(directory, snapshot.name));
  if (!reader) return judge(reader.error());
  std::vector<store::Mutation> mutations;
  for (;;) {
    const Result<bool> more = (*reader)->next(mutations);
    if (!more) return judge(more.error());
    if (!*more) break;
    state.mutations += mutations.size();
  }
  state.snapshot.begin = (*reader)->head().begin;
  state.snapshot.end = (*reader)->end().end;
  return state;
}

Status survey_snapshots(Disk& disk, const std::string& directory, Survey& survey) {
  std::vector<ManifestSnapshot> named;
  if (survey.manifest) {
    named = survey.manifest->snapshots;
  } else {
    const auto names = disk.list(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (parse_snapshot_name(name)) named.push_back({.name = name});
    }
    std::ranges::reverse(named);  // the newest first
  }
  for (const ManifestSnapshot& snapshot : named) {
    Result<SnapshotState> state = survey_snapshot(disk, directory, snapshot);
    if (!state) return state.error();
    survey.snapshots.push_back(std::move(state).value());
  }
  return ok();
}

// What is needed of the log, and what of it is known to have been durable.
LogReadOptions log_expectations(const Survey& survey) {
  LogReadOptions options{.from = LogPosition{0}, .synced = LogPosition{0}, .frame_by_frame = true};
  if (survey.manifest) {
    options.from = survey.manifest->log_begin;
    options.end = survey.manifest->log_end;
  } else if (!survey.files.chain.empty()) {
    options.from = survey.files.chain.front().head.begin;
  }
  for (const SnapshotState& state : survey.snapshots) {
    if (survey.manifest) options.synced = std::max(options.synced, state.snapshot.end);
  }
  options.has_begun = !survey.snapshots.empty();
  options.same_boot = survey.same_boot;
  if (survey.identity) options.synced = std::max(options.synced, survey.identity->synced());
  return options;
}

Status survey_log(Disk& disk, Survey& survey, const LogConsumer& consume) {
  LogReadOptions options = log_expectations(survey);
  survey.log_begin = options.from;
  const auto count = [&](const LogChunk& chunk) -> Status {
    const LogFile& file = survey.files.chain[survey.files.index_of(chunk.begin)];
    survey.mutations[file.name] += chunk.mutations.size();
    return consume(chunk);
  };
  for (;;) {
    Result<LogEnd> end = scan_log(disk, survey.files, options, count);
    if (!end) return end.error();
    survey.end = std::move(end).value();
    if (!survey.end.damage) return ok();
    const LogFault fault = *survey.end.damage;
    const Result<std::optional<LogPosition>> to =
        find_restart(disk, survey.files, fault.at, options.end);
    if (!to) return to.error();
    survey.damages.push_back({.fault = fault, .to = *to});
    if (!*to) return ok();
    options.from = **to;
  }
}

bool is_missing(const Error& error) { return error.code == Errc::not_found; }

}  // namespace

bool Survey::is_sound() const {
  const auto is_good = [](const SnapshotState& state) { return state.problem.empty(); };
  return (identity || is_missing(identity.error())) && ceiling && manifest && damages.empty() &&
         std::ranges::all_of(snapshots, is_good);
}

Result<Survey> survey_directory(Disk& disk, const std::string& directory,
                                const LogConsumer& consume) {
  Survey survey;
  const Result<std::vector<std::string>> names = disk.list(directory);
  if (!names) return names.error();
  survey.has_ceiling = std::ranges::find(*names, kCeilingName) != names->end();
  survey.has_manifest = std::ranges::find(*names, kManifestName) != names->end();
  survey.identity = read_identity(disk, directory);
  survey.same_boot = survey.identity && is_same_boot(*survey.identity, disk);
  survey.ceiling = read_ceiling(disk, directory);
  survey.manifest = read_manifest(disk, directory);
  Result<LogFiles> files = find_log_files(disk, directory);
  if (!files) return files.error();
  survey.files = std::move(files).value();
  if (const Status read = survey_snapshots(disk, directory, survey); !read) return read.error();
  if (const Status read = survey_log(disk, survey, consume); !read) return read.error();
  return survey;
}

}  // namespace quoris::persistence
