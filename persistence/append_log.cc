#include "persistence/append_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

constexpr uint64_t kSecondUs = 1'000'000;
constexpr uint64_t kNsPerUs = 1000;

// A write in the reactor that took so long was stalled by the disk; for a while writes go to the
// pool. Shorter: healthy disks pay for jobs now and then. Longer: clients see more of the stalls.
constexpr uint64_t kSlowWriteNs = 5'000'000;
constexpr uint64_t kSlowForNs = 1'000'000'000;

// Under `always`, after a job: the next waits for the writers that were just answered as long as
// they keep coming, looking every so often. Longer: who is slow to come back is waited for.
// Shorter: less delay for who waits already when nobody comes. Both at most shares of what the job
// took.
constexpr uint64_t kHoldStepUs = 100;
constexpr uint64_t kHoldStepShare = 4;
// In the first one the replies may still be on their way out.
constexpr unsigned kIdleSteps = 2;
// In all.
constexpr uint64_t kHoldMaxUs = 1'000;
constexpr uint64_t kHoldMaxTimes = 2;

// Fewer batches than that per job are not worth waiting for.
constexpr uint64_t kHoldBatchesMin = 4;

// What was fsynced is said by the next frame, or if none comes for so long by a mark. Longer: rot
// in the last writes passes for a torn tail for longer. Shorter: who writes now and then pays for
// twice as many fsyncs.
constexpr uint64_t kMarkAfterUs = 5 * kSecondUs;

// Between attempts to write again what failed. The first is quick, for what was a hiccup.
constexpr uint64_t kRetryMinUs = 100'000;
constexpr uint64_t kRetryMaxUs = 2'000'000;

}  // namespace

// --- opening and closing ------------------------------------------------------------------------

Result<std::unique_ptr<AppendLog>> AppendLog::open(const Env& env, LogOwner& owner,
                                                   const Options& options, const Start& start) {
  std::unique_ptr<AppendLog> log(new AppendLog(env, owner, options, start));
  if (const Status opened = log->open_files(start); !opened) return opened.error();
  return log;
}

AppendLog::AppendLog(const Env& env, LogOwner& owner, Options options, const Start& start)
    : clock_(env.clock),
      timers_(env.timers),
      disk_(env.disk),
      owner_(owner),
      options_(std::move(options)),
      buffer_(start.end),
      written_(start.end),
      synced_(start.end),
      retry_us_(kRetryMinUs),
      self_(std::make_shared<AppendLog*>(this)) {}

AppendLog::~AppendLog() {
  for (const TimerId timer : {sync_timer_, late_timer_, retry_timer_, hold_timer_, mark_timer_}) {
    timers_.cancel(timer);
  }
}

Status AppendLog::open_files(const Start& start) {
  for (const SegmentHead& head : start.segments) {
    auto segment = std::make_shared<Segment>();
    segment->head = head;
    segment->path = join(options_.directory, segment_name(head.begin));
    segment->name_is_durable = true;
    last_sequence_ = std::max(last_sequence_, head.sequence);
    segments_.push_back(std::move(segment));
  }
  if (segments_.empty()) return begin_first_segment();
  return open_segment(disk_, current().path, current().files);
}

Status AppendLog::begin_first_segment() {
  auto segment = std::make_shared<Segment>();
  segment->head = {.begin = written_, .synced = written_, .sequence = ++last_sequence_};
  segment->path = join(options_.directory, segment_name(written_));
  segment->name_is_durable = true;
  segments_.push_back(segment);
  const RewriteTask task{
      .segment = std::move(segment), .directory = options_.directory, .bytes = {}, .replaced = {}};
  return task.run(disk_);
}

void AppendLog::submit(std::function<Status()> job,
                       std::function<void(AppendLog&, const Status&)> done) {
  disk_.submit(std::move(job), [self = std::weak_ptr<AppendLog*>(self_),
                                done = std::move(done)](const Status& status) {
    if (const auto log = self.lock()) done(**log, status);
  });
}

// --- writing ------------------------------------------------------------------------------------

void AppendLog::finish_turn() {
  buffer_.finish_turn(synced_);
  if (buffer_.sealed() != written_) pump();
}

// Does whatever there is to do now.
void AppendLog::pump() {
  if (failed_) return;
  const bool has_bytes = written_ < buffer_.sealed();
  if (options_.policy == SyncPolicy::always) {
    if (has_bytes && !write_in_flight_ && !sync_in_flight_ && !is_held_back()) submit_write(true);
  } else if (has_bytes && !write_in_flight_) {
    const bool is_quick = slow_until_ns_ == 0 || clock_.monotonic_ns() >= slow_until_ns_;
    if (is_quick && !sync_in_flight_) {
      write_inline();
    } else {
      submit_write(false);
    }
  }
  if (failed_) return;
  if (sync_is_due()) start_sync();
  arm_sync_timer();
  arm_mark();
  prepare_segment();
}

void AppendLog::write_inline() {
  const LogPosition to = buffer_.sealed();
  const uint64_t began_ns = clock_.monotonic_ns();
  WriteTask task = next_write();
  const Status written = task.run(disk_);
  inline_pieces_ = std::move(task.bytes);
  inline_pieces_.chunks.clear();
  const uint64_t ended_ns = clock_.monotonic_ns();
  slow_until_ns_ = ended_ns - began_ns > kSlowWriteNs ? ended_ns + kSlowForNs : 0;
  if (written) {
    written_ = to;
  } else {
    fail(written.error());
  }
}

void AppendLog::hold_back(uint64_t served) {
  if (options_.policy != SyncPolicy::always || served < kHoldBatchesMin) return;
  enough_at_ = batches_ + served;
  hold_until_ns_ = clock_.monotonic_ns() +
                   std::min(figures_.last_sync_us * kHoldMaxTimes, kHoldMaxUs) * kNsPerUs;
  idle_steps_ = 0;
  hold_on();
}

void AppendLog::hold_on() {
  const uint64_t step_us = std::min(figures_.last_sync_us / kHoldStepShare, kHoldStepUs);
  hold_timer_ = timers_.schedule(step_us, [this, seen = batches_] {
    hold_timer_ = TimerId{0};
    idle_steps_ = batches_ > seen ? 0 : idle_steps_ + 1;
    if (idle_steps_ < kIdleSteps && clock_.monotonic_ns() < hold_until_ns_) return hold_on();
    pump();
  });
}

void AppendLog::end_hold() { timers_.cancel(std::exchange(hold_timer_, TimerId{0})); }

bool AppendLog::is_held_back() const { return hold_timer_ != TimerId{0} && batches_ < enough_at_; }

void AppendLog::submit_write(bool and_sync) {
  struct Job {
    WriteTask write;
    SyncTask sync;
  };

  end_hold();
  const LogPosition to = buffer_.sealed();
  const uint64_t served = batches_ - std::exchange(batches_submitted_, batches_);
  auto job = std::make_shared<Job>();
  job->write = next_write();
  write_in_flight_ = true;
  if (and_sync) {
    job->sync = next_sync(to);
    begin_sync();
  }
  submit(
      [job, &disk = disk_] {
        Status status = job->write.run(disk);
        return status ? job->sync.run(disk) : status;
      },
      [job, and_sync, to, served](AppendLog& log, const Status& status) {
        job->write = WriteTask();  // its hold on the buffer's chunks
        log.write_in_flight_ = false;
        if (and_sync) log.end_sync();
        if (!status) return log.fail(status.error());
        log.written_ = to;
        if (and_sync) {
          log.note_synced(job->sync, to);
          log.hold_back(served);
        }
        log.owner_.on_log_advanced();
        log.pump();
      });
}

// All that is sealed and not written; to a new segment if the last one is full and one is ready.
WriteTask AppendLog::next_write() {
  WriteTask task{.segment = {}, .prepared_path = {}, .at = written_, .bytes = {}};
  task.bytes = std::move(inline_pieces_);
  buffer_.pieces(written_, buffer_.sealed(), task.bytes);
  const bool is_full = distance(current().head.begin, written_) >= options_.segment_bytes;
  if (is_full && prepared_.writing != nullptr) {
    auto segment = std::make_shared<Segment>();
    segment->head = {.begin = written_, .synced = synced_, .sequence = ++last_sequence_};
    segment->path = join(options_.directory, segment_name(written_));
    segment->files = std::exchange(prepared_, SegmentFiles());
    segments_.push_back(std::move(segment));
    task.prepared_path = join(options_.directory, kNextSegmentName);
  }
  task.segment = segments_.back();
  return task;
}

// --- syncing ------------------------------------------------------------------------------------

AppendLog::Start AppendLog::stop() const {
  QUORIS_ASSERT(is_idle());
  Start start{.end = appended(), .segments = {}};
  for (const SegmentPtr& segment : segments_) start.segments.push_back(segment->head);
  return start;
}

LogPosition AppendLog::acknowledged() const {
  if (options_.policy == SyncPolicy::always) return synced_;
  const bool holds = sync_is_late_ && options_.policy == SyncPolicy::every_second;
  return holds ? std::min(written_, held_at_) : written_;
}

SyncTask AppendLog::next_sync(LogPosition to) {
  SyncTask task;
  for (size_t i = 0; i < segments_.size(); ++i) {
    const LogPosition end = i + 1 < segments_.size() ? segments_[i + 1]->head.begin : to;
    if (end > synced_ && segments_[i]->head.begin < to) task.segments.push_back(segments_[i]);
  }
  const auto is_new = [](const SegmentPtr& segment) { return !segment->name_is_durable; };
  if (std::ranges::any_of(task.segments, is_new)) task.directory = options_.directory;
  return task;
}

bool AppendLog::sync_is_due() const {
  if (sync_in_flight_ || written_ == synced_) return false;
  if (options_.policy == SyncPolicy::always) return !write_in_flight_;
  if (sync_wanted_ > synced_ || buffer_.retained() >= options_.sync_bytes) return true;
  return options_.policy == SyncPolicy::every_second && sync_timer_ == TimerId{0} &&
         clock_.monotonic_ns() >= next_sync_ns_;
}

// What was written may be synced beside further writes.
void AppendLog::start_sync() {
  const LogPosition to = written_;
  auto task = std::make_shared<SyncTask>(next_sync(to));
  begin_sync();
  submit([task, &disk = disk_] { return task->run(disk); },
         [task, to](AppendLog& log, const Status& status) {
           log.end_sync();
           if (!status) return log.fail(status.error());
           log.note_synced(*task, to);
           log.owner_.on_log_advanced();
           log.pump();
         });
}

void AppendLog::begin_sync() {
  sync_in_flight_ = true;
  sync_began_ns_ = clock_.monotonic_ns();
  next_sync_ns_ = sync_began_ns_ + kSecondUs * kNsPerUs;
  late_timer_ = timers_.schedule(kSecondUs, [this] { on_sync_late(); });
}

void AppendLog::on_sync_late() {
  late_timer_ = TimerId{0};
  sync_is_late_ = true;
  held_at_ = written_;
  ++figures_.delayed_syncs;
}

void AppendLog::end_sync() {
  sync_in_flight_ = false;
  sync_is_late_ = false;
  timers_.cancel(std::exchange(late_timer_, TimerId{0}));
  figures_.last_sync_us = (clock_.monotonic_ns() - sync_began_ns_) / kNsPerUs;
  ++figures_.syncs;
}

void AppendLog::note_synced(const SyncTask& task, LogPosition to) {
  synced_ = to;
  buffer_.release(to);
  for (const SegmentPtr& segment : task.segments) segment->name_is_durable = true;
  // From the newest on, up to those that are closed already.
  for (size_t i = segments_.size() - 1; i-- > 0 && segments_[i]->files.syncing != nullptr;) {
    if (segments_[i + 1]->head.begin <= to) segments_[i]->files = SegmentFiles();
  }
}

void AppendLog::arm_sync_timer() {
  const bool waits = options_.policy == SyncPolicy::every_second && written_ != synced_;
  if (!waits || sync_in_flight_ || sync_timer_ != TimerId{0}) return;
  const uint64_t now_ns = clock_.monotonic_ns();
  const uint64_t delay_ns = next_sync_ns_ > now_ns ? next_sync_ns_ - now_ns : 0;
  sync_timer_ = timers_.schedule(delay_ns / kNsPerUs + 1, [this] {
    sync_timer_ = TimerId{0};
    pump();
  });
}

void AppendLog::request_sync() {
  sync_wanted_ = buffer_.sealed();
  end_hold();
  pump();
}

void AppendLog::set_policy(SyncPolicy policy) {
  options_.policy = policy;
  end_hold();
  pump();
}

bool AppendLog::is_idle() const {
  return !failed_ && synced_ == buffer_.sealed() && !write_in_flight_ && !sync_in_flight_;
}

// Not under `never`: nobody would sync it.
bool AppendLog::wants_mark() const {
  return options_.policy != SyncPolicy::never && is_idle() && !buffer_.is_marked();
}

void AppendLog::arm_mark() {
  if (mark_timer_ != TimerId{0} || !wants_mark()) return;
  mark_timer_ = timers_.schedule(kMarkAfterUs, [this, seen = batches_] {
    mark_timer_ = TimerId{0};
    if (batches_ == seen && wants_mark()) buffer_.mark(synced_);
    pump();
  });
}

// --- segments -----------------------------------------------------------------------------------

// In good time, so that a full segment finds the next one ready and no turn waits for the file
// system. If it fails the segment grows on, and some megabytes later it is tried again.
void AppendLog::prepare_segment() {
  const uint64_t size = distance(current().head.begin, written_);
  const bool is_ready = is_preparing_ || prepared_.writing != nullptr;
  if (is_ready || size < options_.segment_bytes / 2 || written_ < prepare_at_) return;
  is_preparing_ = true;
  auto files = std::make_shared<SegmentFiles>();
  const std::string path = join(options_.directory, kNextSegmentName);
  submit([files, path, &disk = disk_] { return create_segment(disk, path, *files); },
         [files](AppendLog& log, const Status& status) {
           log.is_preparing_ = false;
           if (status) {
             log.prepared_ = std::move(*files);
           } else {
             log.prepare_at_ = log.written_ + log.options_.segment_bytes / 8;
           }
         });
}

void AppendLog::drop_before(LogPosition position) {
  auto task = std::make_shared<RemoveTask>();
  task->directory = options_.directory;
  const LogPosition needed = std::min(position, synced_);
  // Of what is kept the first file is durable, head and name.
  const auto goes = [needed](const Segment& next) {
    return next.name_is_durable && next.head.begin <= needed;
  };
  while (segments_.size() > 1 && goes(*segments_[1])) {
    task->paths.push_back(std::move(segments_.front()->path));
    segments_.pop_front();
  }
  if (task->paths.empty()) return;
  // One that could not be removed is found again at the next start.
  submit([task, &disk = disk_] { return task->run(disk); }, [](AppendLog&, const Status&) {});
}

// --- when the disk fails ------------------------------------------------------------------------

void AppendLog::fail(const Error& error) {
  figures_.last_error = error.message;
  ++figures_.failures;
  if (!failed_) {
    failed_ = true;
    retry_us_ = kRetryMinUs;
    owner_.on_log_failed(error);
  }
  if (retry_timer_ == TimerId{0}) arm_retry();
}

void AppendLog::arm_retry() {
  retry_timer_ = timers_.schedule(retry_us_, [this] {
    retry_timer_ = TimerId{0};
    rewrite();
  });
  retry_us_ = std::min(retry_us_ * 2, kRetryMaxUs);
}

void AppendLog::rewrite() {
  if (write_in_flight_ || sync_in_flight_) return arm_retry();
  const LogPosition to = buffer_.sealed();
  auto task = std::make_shared<RewriteTask>();
  task->segment = std::make_shared<Segment>();
  Segment& segment = *task->segment;
  segment.head = {.begin = synced_, .synced = synced_, .sequence = ++last_sequence_};
  segment.path = join(options_.directory, segment_name(synced_));
  task->directory = options_.directory;
  buffer_.pieces(synced_, to, task->bytes);
  for (const SegmentPtr& each : segments_) {
    if (each->head.begin > synced_) task->replaced.push_back(each->path);
  }
  write_in_flight_ = true;
  begin_sync();
  submit([task, &disk = disk_] { return task->run(disk); },
         [task, to](AppendLog& log, const Status& status) {
           log.write_in_flight_ = false;
           log.end_sync();
           if (!status) return log.fail(status.error());
           log.on_rewritten(task->segment, to);
         });
}

void AppendLog::on_rewritten(const SegmentPtr& segment, LogPosition to) {
  while (!segments_.empty() && segments_.back()->head.begin >= segment->head.begin) {
    segments_.pop_back();
  }
  if (!segments_.empty()) segments_.back()->files = SegmentFiles();
  segments_.push_back(segment);
  written_ = to;
  note_synced({.segments = {segment}, .directory = {}}, to);
  failed_ = false;
  owner_.on_log_recovered();
  owner_.on_log_advanced();
  pump();
}

LogFigures AppendLog::figures() const {
  LogFigures figures = figures_;
  figures.size = distance(first(), buffer_.sealed());
  figures.unwritten = distance(written_, buffer_.sealed());
  figures.unsynced = distance(synced_, buffer_.sealed());
  figures.segments = segments_.size();
  figures.sync_in_flight = sync_in_flight_;
  figures.failed = failed_;
  return figures;
}

}  // namespace quoris::persistence
