#include "persistence/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

using Outcome = store::Replay::Outcome;

// Mutations whose memory is asked for before the first of them is replayed.
constexpr size_t kGroup = 32;

// No entry takes fewer bytes in a snapshot: what a head says is believed up to that.
constexpr uint64_t kEntryBytesMin = 4;

// Of a key in a message.
constexpr size_t kKeyShown = 100;

}  // namespace

Recovery::Recovery(Disk& disk, store::Store& store, Options options)
    : disk_(disk), store_(store), options_(std::move(options)) {}

Result<bool> Recovery::step() {
  switch (phase_) {
    case Phase::choosing:
      return choose();
    case Phase::loading:
      return load_some();
    case Phase::beginning_log:
      if (const Status begun = begin_log(); !begun) return begun.error();
      phase_ = Phase::replaying;
      return false;
    case Phase::replaying: {
      Result<bool> through = scan_->step();
      if (!through || !*through) return through;
      if (const Status ended = end_log(); !ended) return ended.error();
      phase_ = Phase::through;
      return true;
    }
    case Phase::through:
      break;
  }
  return true;
}

Recovery::Progress Recovery::progress() const {
  Progress progress{.done = report_.snapshot_bytes, .total = report_.snapshot_bytes};
  if (reader_ != nullptr) progress = {.done = reader_->bytes_read(), .total = reader_->size()};
  if (scan_ == nullptr) return progress;
  // A search behind damage goes on past what counts.
  const uint64_t read = distance(from(), std::max(from(), scan_->at()));
  progress.total += report_.log_bytes;
  progress.done += std::min(read, report_.log_bytes);
  return progress;
}

// Where the log is to be read from.
LogPosition Recovery::from() const {
  return report_.snapshot.empty() ? options_.manifest.log_begin : report_.snapshot_begin;
}

// --- the snapshot -------------------------------------------------------------------------------

Result<bool> Recovery::choose() {
  replay_ = std::make_unique<store::Replay>(store_);
  if (next_snapshot_ == options_.manifest.snapshots.size()) {
    if (options_.manifest.needs_snapshot || options_.manifest.log_begin != LogPosition{0}) {
      std::string problems;
      for (const std::string& dropped : report_.dropped) problems += "; " + dropped;
      return Error{
          Errc::corrupt,
          fmt::format("{} holds no good snapshot, and the log from position {} on is not all{}",
                      options_.directory, raw(options_.manifest.log_begin), problems)};
    }
    replay_->end_of_snapshot();
    phase_ = Phase::beginning_log;
    return false;
  }
  const ManifestSnapshot& snapshot = options_.manifest.snapshots[next_snapshot_];
  auto reader = SnapshotReader::open(disk_, join(options_.directory, snapshot.name));
  if (!reader) return drop_snapshot(reader.error());
  reader_ = std::move(reader).value();
  const SnapshotHead& head = reader_->head();
  if (head.begin != snapshot.begin) {
    return drop_snapshot({Errc::corrupt, fmt::format("{} is another one than the manifest says",
                                                     join(options_.directory, snapshot.name))});
  }
  for (size_t i = 0; i < std::min(head.entries.size(), store_.databases()); ++i) {
    replay_->expect(DbIndex{static_cast<uint16_t>(i)},
                    std::min(head.entries[i], reader_->size() / kEntryBytesMin));
  }
  phase_ = Phase::loading;
  return false;
}

Result<bool> Recovery::drop_snapshot(const Error& why) {
  if (why.code == Errc::unsupported) return why;  // the one before is not what its owner expects
  report_.dropped.push_back(why.message);
  reader_.reset();
  store_.reset();
  ++next_snapshot_;
  phase_ = Phase::choosing;
  return false;
}

Result<bool> Recovery::load_some() {
  const Result<bool> more = reader_->next(mutations_);
  if (!more) return drop_snapshot(more.error());
  if (!*more) {
    const SnapshotEnd& end = reader_->end();
    store_.versions().observe(reader_->head().version);
    store_.versions().observe(end.version);
    report_.snapshot = options_.manifest.snapshots[next_snapshot_].name;
    report_.snapshot_begin = reader_->head().begin;
    report_.snapshot_end = end.end;
    report_.snapshot_bytes = reader_->size();
    report_.snapshot_entries = end.entries;
    reader_.reset();
    in_snapshot_ = true;
    phase_ = Phase::beginning_log;
    return false;
  }
  for (const store::Mutation& mutation : mutations_) {
    if (const Status fits = check_databases(mutation); !fits) return fits.error();
    if (replay_->load(mutation) == Outcome::applied) continue;
    return drop_snapshot(
        {Errc::corrupt, fmt::format("{} holds what no walk yields",
                                    options_.manifest.snapshots[next_snapshot_].name)});
  }
  return false;
}

// --- the log ------------------------------------------------------------------------------------

// What belongs to a snapshot was durable when it was named in the manifest.
Status Recovery::begin_log() {
  Result<LogFiles> files = find_log_files(disk_, options_.directory);
  if (!files) return files.error();
  report_.files = std::move(files).value();
  LogReadOptions read{.from = from(),
                      .synced = options_.synced,
                      .end = options_.manifest.log_end,
                      .border = report_.snapshot_end,
                      .has_begun = !options_.manifest.snapshots.empty(),
                      .same_boot = options_.same_boot};
  read.synced = std::max(read.synced, report_.snapshot_end);
  for (const ManifestSnapshot& snapshot : options_.manifest.snapshots) {
    read.synced = std::max(read.synced, snapshot.end);
  }
  report_.log_bytes = bytes_past(report_.files, read.from);
  if (read.end) report_.log_bytes -= bytes_past(report_.files, *read.end);
  scan_ = std::make_unique<LogScan>(disk_, report_.files, read,
                                    [this](const LogChunk& chunk) { return replay_chunk(chunk); });
  return ok();
}

Status Recovery::replay_chunk(const LogChunk& chunk) {
  if (in_snapshot_ && chunk.begin >= report_.snapshot_end) {
    in_snapshot_ = false;
    replay_->end_of_snapshot();
  }
  for (size_t i = 0; i < chunk.mutations.size(); ++i) {
    if (i % kGroup == 0) {
      replay_->prefetch(chunk.mutations.subspan(i, std::min(kGroup, chunk.mutations.size() - i)));
    }
    const store::Mutation& mutation = chunk.mutations[i];
    switch (replay_->replay(mutation)) {
      case Outcome::applied:
        ++report_.applied;
        break;
      case Outcome::skipped:
        ++report_.skipped;
        break;
      case Outcome::damage:
        if (Status fits = check_databases(mutation); !fits) return fits;
        if (!chunk.follows_repair) return misfit(chunk, mutation);
        ++report_.left_out;
        break;
    }
  }
  return ok();
}

Status Recovery::end_log() {
  report_.log = scan_->end();
  if (report_.log.damage) return damage_error(report_.files, report_.log);
  report_.log_bytes = distance(from(), std::max(from(), report_.log.end));
  for (size_t i = 0; i < store_.databases(); ++i) {
    const store::Keyspace& db = store_.db(DbIndex{static_cast<uint16_t>(i)});
    report_.keys += db.size();
    report_.expired += db.expired_backlog(options_.now_ms);
  }
  return settle_log(disk_, report_.files, report_.log.synced, report_.log.end);
}

// --- errors -------------------------------------------------------------------------------------

Status Recovery::check_databases(const store::Mutation& mutation) const {
  const size_t highest = std::max(raw(mutation.db), raw(mutation.other_db));
  if (highest < store_.databases()) return ok();
  return Error{Errc::invalid_argument,
               fmt::format("{} holds database {}, but there are only {}: set `databases` to more",
                           options_.directory, highest, store_.databases())};
}

Error Recovery::misfit(const LogChunk& chunk, const store::Mutation& mutation) const {
  const LogFile& file = report_.files.chain[report_.files.index_of(chunk.begin)];
  return {Errc::corrupt,
          fmt::format("{}: a change between offset {} and position {} of the log doesn't fit what "
                      "was there before it (database {}, a key that begins with '{}'). `quoris "
                      "check {}` says more",
                      join(options_.directory, file.name),
                      segment_offset(file.head.begin, chunk.begin), raw(chunk.end),
                      raw(mutation.db), mutation.key.substr(0, kKeyShown), options_.directory)};
}

}  // namespace quoris::persistence
