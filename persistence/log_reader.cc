#include "persistence/log_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "persistence/mutation_codec.h"
#include "persistence/paths.h"

namespace quoris::persistence {

namespace {

// Chunks are at least so large, if the buffer allows: who applies them looks keys up together.
constexpr size_t kChunkMutations = 1024;

constexpr LogPosition kUnlimited{~uint64_t{0}};

}  // namespace

class LogScan::Impl {
 public:
  Impl(Disk& disk, const LogFiles& files, const LogReadOptions& options, LogConsumer consume)
      : disk_(disk),
        files_(files),
        consume_(std::move(consume)),
        cursor_(disk, files),
        from_(options.from),
        limit_(options.end.value_or(kUnlimited)),
        border_(options.border),
        has_begun_(options.has_begun || options.from > LogPosition{0}),
        same_boot_(options.same_boot),
        chunk_mutations_(options.frame_by_frame ? 1 : kChunkMutations) {
    note_synced(options.synced);
    if (options.end) note_synced(*options.end);
    for (const LogFile& file : files.chain) note_synced(file.head.synced);
    // What stood before the first file was dropped, which is done with durable bytes only.
    if (!files.chain.empty()) note_synced(files.chain.front().head.begin);
  }

  [[nodiscard]] Result<bool> step() {
    if (!begun_) {
      begun_ = true;
      result_.end = from_;
      chunk_begin_ = from_;
      if (from_ == limit_ && !has_begun_) return through(finish(from_));
      if (files_.chain.empty() || files_.chain.front().head.begin > from_) {
        return through(without_beginning());
      }
      cursor_.seek(from_);
      if (files_.chain[files_.index_of(from_)].end < from_) {
        result_.damage = cursor_.place(from_, "the file ends before");
        return through(finish(from_));
      }
    }
    const LogPosition at = cursor_.at();
    if (at == limit_ && !is_in_parts_) return through(finish(at));
    if (cursor_.moves_buffer() || at == border_) {
      if (const Status flushed = flush(); !flushed) return flushed.error();
    }
    Frame frame;
    switch (cursor_.next(frame)) {
      case LogCursor::Step::frame:
        if (const Status taken = take(frame, at); !taken) return taken.error();
        if (result_.damage) return through(finish(result_.damage->at));
        return false;
      case LogCursor::Step::end:
        return through(at_end());
      case LogCursor::Step::fault:
        return through(stop_at(is_in_parts_ ? parts_begin_ : at, cursor_.problem()));
      case LogCursor::Step::failed:
        break;
    }
    return cursor_.error();
  }

  [[nodiscard]] LogPosition at() const { return begun_ ? cursor_.at() : from_; }

  [[nodiscard]] const LogEnd& end() const { return result_; }

 private:
  // What says so may stand behind the limit.
  void note_synced(LogPosition synced) {
    result_.synced = std::max(result_.synced, std::min(synced, limit_));
  }

  [[nodiscard]] static Result<bool> through(const Result<LogEnd>& end) {
    if (!end) return end.error();
    return true;
  }

  // Nothing, or not all that is asked for, is there. The first file gets its name when its head is
  // durable, so one without a head was not just begun.
  [[nodiscard]] Result<LogEnd> without_beginning() {
    LogFault fault{.file = {}, .offset = 0, .at = from_, .what = "no file of the log holds this"};
    const auto holds = [this](const HeadlessFile& file) { return file.begin <= from_; };
    const auto headless = std::ranges::find_if(files_.headless, holds);
    if (headless != files_.headless.end()) {
      fault.file = headless->name;
      fault.what = headless->problem;
    } else if (!files_.chain.empty()) {
      fault.file = files_.chain.front().name;
    } else if (!files_.headless.empty()) {
      fault.file = files_.headless.front().name;
    } else if (result_.synced > from_ || has_begun_) {
      fault.file = segment_name(from_);
    } else {
      return result_;
    }
    result_.damage = fault;
    return result_;
  }

  [[nodiscard]] Status take(const Frame& frame, LogPosition at) {
    note_synced(frame.synced);
    if (cursor_.at() > limit_) {
      damaged(is_in_parts_ ? parts_begin_ : at, "a batch goes on behind the end of the log");
      is_in_parts_ = false;
      return ok();
    }
    switch (frame.type) {
      case FrameType::mutations:
        return frame.part.is_whole() && !is_in_parts_ ? take_whole(frame, at)
                                                      : take_part(frame, at);
      case FrameType::skipped:
        if (Status flushed = flush(); !flushed) return flushed;
        is_in_parts_ = false;
        result_.follows_repair = true;
        return ok();
      case FrameType::segment_head:
      case FrameType::snapshot_head:
      case FrameType::snapshot_end:
      case FrameType::raft_log_head:
      case FrameType::raft_entries:
      case FrameType::raft_snapshot_head:
      case FrameType::raft_snapshot_data:
        break;
    }
    // The checksum fits: it is what was written.
    damaged(at, "a frame of a kind that this version doesn't know");
    return ok();
  }

  [[nodiscard]] Status take_whole(const Frame& frame, LogPosition at) {
    decode(frame.payload, at);
    return mutations_.size() >= chunk_mutations_ ? flush() : ok();
  }

  // All of the payload, or damage and nothing of it.
  void decode(std::string_view payload, LogPosition at) {
    const size_t mutations = mutations_.size();
    const size_t batches = batches_.size();
    if (decode_batches(payload, mutations_, &batches_)) return;
    mutations_.resize(mutations);
    batches_.resize(batches);
    damaged(at, "a frame holds no mutations that this version knows");
  }

  [[nodiscard]] Status take_part(const Frame& frame, LogPosition at) {
    if (frame.part.begins_earlier != is_in_parts_) {
      damaged(is_in_parts_ ? parts_begin_ : at, "parts of a batch are missing");
      return ok();
    }
    if (!is_in_parts_) {
      if (Status flushed = flush(); !flushed) return flushed;
      is_in_parts_ = true;
      parts_begin_ = at;
      parts_.clear();
    }
    parts_.append(frame.payload);
    if (frame.part.continues) return ok();
    is_in_parts_ = false;
    decode(parts_, parts_begin_);
    Status flushed = flush();
    parts_ = std::string();  // it may have been large
    return flushed;
  }

  // Hands on what was decoded: all that stands before the cursor, or, if something is wrong there,
  // before that.
  [[nodiscard]] Status flush() {
    if (is_in_parts_) return ok();
    const LogPosition end = result_.damage ? result_.damage->at : cursor_.at();
    if (!mutations_.empty()) {
      Status consumed = consume_({.begin = chunk_begin_,
                                  .end = end,
                                  .mutations = mutations_,
                                  .batches = batches_,
                                  .follows_repair = result_.follows_repair});
      if (!consumed) return consumed;
    }
    mutations_.clear();
    batches_.clear();
    chunk_begin_ = end;
    return ok();
  }

  void damaged(LogPosition at, std::string what) {
    result_.damage = cursor_.place(at, std::move(what));
  }

  [[nodiscard]] Result<LogEnd> at_end() {
    if (is_in_parts_) return stop_at(parts_begin_, "the last parts of a batch are missing");
    const LogPosition end = cursor_.at();
    if (result_.synced > end || bytes_past(files_, end) > 0)
      return stop_at(end, "the log ends here");
    return finish(end);
  }

  // No good frame stands at the cursor, so the log ends at `at`: torn, or damage?
  [[nodiscard]] Result<LogEnd> stop_at(LogPosition at, std::string what) {
    const LogPosition bad = cursor_.at();
    is_in_parts_ = false;
    if (const Status flushed = flush(); !flushed) return flushed.error();
    LogFault fault = cursor_.place(at, std::move(what));
    const HeadlessFile* rotten = nullptr;
    for (const HeadlessFile& file : files_.headless) {
      if (file.begin < at) continue;
      if (const Status searched = search_headless(file, at); !searched) return searched.error();
      const bool held_frames = file.size > kSegmentHeadSize;
      if (rotten == nullptr && held_frames && !file.is_unfinished) rotten = &file;
    }
    if (const Status searched = search(cursor_, bad + 1, at); !searched) return searched.error();
    if (rotten != nullptr) {
      fault = {.file = rotten->name, .offset = 0, .at = at, .what = rotten->problem};
    }
    if (rotten != nullptr || result_.synced > at) {
      result_.damage = fault;
    } else if (same_boot_ && good_follows_) {
      result_.damage = fault;
      result_.damage->what += "; good ones follow, and the machine has run on since";
    } else {
      result_.torn = fault;
      result_.torn_bytes = bytes_past(files_, at);
    }
    return finish(at);
  }

  [[nodiscard]] Result<LogEnd> finish(LogPosition end) {
    if (const Status flushed = flush(); !flushed) return flushed.error();
    result_.end = end;
    if (limit_ != kUnlimited) result_.unused_bytes = bytes_past(files_, limit_);
    return result_;
  }

  // What good frames from `from` on say of the synced position; no more than is needed to know
  // that it lies past `bad`.
  [[nodiscard]] Status search(LogCursor& cursor, LogPosition from, LogPosition bad) {
    LogCursor::Step step = cursor.find_good(from);
    good_follows_ = good_follows_ || step == LogCursor::Step::frame;
    while (step == LogCursor::Step::frame && result_.synced <= bad) {
      Frame frame;
      step = cursor.next(frame);
      if (step == LogCursor::Step::frame) {
        note_synced(frame.synced);
      } else if (step == LogCursor::Step::fault) {
        step = cursor.find_good(cursor.at() + 1);
      }
    }
    if (step == LogCursor::Step::failed) return cursor.error();
    return ok();
  }

  // As if its head were good.
  [[nodiscard]] Status search_headless(const HeadlessFile& file, LogPosition bad) {
    if (file.size <= kSegmentHeadSize) return ok();
    LogFiles alone;
    alone.directory = files_.directory;
    alone.chain.push_back({.head = {.begin = file.begin},
                           .name = file.name,
                           .end = file.begin + (file.size - kSegmentHeadSize)});
    LogCursor cursor(disk_, alone);
    return search(cursor, file.begin, bad);
  }

  Disk& disk_;
  const LogFiles& files_;
  LogConsumer consume_;
  LogCursor cursor_;
  LogPosition from_;
  LogPosition limit_;
  LogPosition border_;
  bool has_begun_;
  bool same_boot_;
  bool begun_ = false;
  size_t chunk_mutations_;
  LogEnd result_;
  bool good_follows_ = false;  // behind the first bad frame
  LogPosition chunk_begin_{0};
  std::vector<store::Mutation> mutations_;
  std::vector<size_t> batches_;
  bool is_in_parts_ = false;
  LogPosition parts_begin_{0};
  std::string parts_;
};

LogScan::LogScan(Disk& disk, const LogFiles& files, const LogReadOptions& options,
                 LogConsumer consume)
    : impl_(std::make_unique<Impl>(disk, files, options, std::move(consume))) {}

LogScan::~LogScan() = default;

Result<bool> LogScan::step() { return impl_->step(); }

LogPosition LogScan::at() const { return impl_->at(); }

const LogEnd& LogScan::end() const { return impl_->end(); }

Error damage_error(const LogFiles& files, const LogEnd& end) {
  const LogFault& damage = *end.damage;
  return {Errc::corrupt,
          fmt::format("{} is damaged at offset {} (position {} of the log): {}. It was fsynced up "
                      "to position {}. `quoris check {}` says more, `quoris check {} --repair` "
                      "leaves out what is damaged and keeps the originals",
                      join(files.directory, damage.file), damage.offset, raw(damage.at),
                      damage.what, raw(end.synced), files.directory, files.directory)};
}

Result<LogEnd> scan_log(Disk& disk, const LogFiles& files, const LogReadOptions& options,
                        const LogConsumer& consume) {
  LogScan scan(disk, files, options, consume);
  for (;;) {
    const Result<bool> through = scan.step();
    if (!through) return through.error();
    if (*through) return scan.end();
  }
}

Result<LogEnd> read_log(Disk& disk, const LogFiles& files, const LogReadOptions& options,
                        const LogConsumer& consume) {
  Result<LogEnd> end = scan_log(disk, files, options, consume);
  if (!end || !end->damage) return end;
  return damage_error(files, *end);
}

}  // namespace quoris::persistence
