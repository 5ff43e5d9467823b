#include "persistence/snapshot_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "persistence/paths.h"

namespace quoris::persistence {

struct SnapshotWriter::Output {
  Disk& disk;
  std::string directory;
  std::string temporary;
  std::string path;
  uint64_t sync_bytes = 0;
  std::unique_ptr<File> file;
  uint64_t written = 0;
  uint64_t unsynced = 0;

  Status write(const Blocks& blocks);
  Status close();
};

Status SnapshotWriter::Output::write(const Blocks& blocks) {
  if (file == nullptr) {
    if (Status removed = disk.remove(temporary); !removed) return removed;
    auto created = disk.open(temporary, Disk::Open::create);
    if (!created) return created.error();
    file = std::move(created).value();
  }
  std::vector<std::string_view> pieces;
  uint64_t size = 0;
  for (const Block& block : blocks) {
    pieces.emplace_back(block.bytes.get(), block.size);
    size += block.size;
  }
  if (Status done = file->write_at(written, pieces); !done) return done;
  written += size;
  unsynced += size;
  if (unsynced < sync_bytes) return ok();
  unsynced = 0;
  return file->sync();
}

// All is durable, then the file gets its name, durably.
Status SnapshotWriter::Output::close() {
  if (Status synced = file->sync(); !synced) return synced;
  file.reset();
  if (Status renamed = disk.rename(temporary, path); !renamed) return renamed;
  return disk.sync_directory(directory);
}

SnapshotWriter::SnapshotWriter(Disk& disk, store::Store& store, Options options, Finished finished)
    : disk_(disk),
      options_(std::move(options)),
      finished_(std::move(finished)),
      store_(store),
      walk_(store, options_.piece_bytes),
      output_(std::make_shared<Output>(
          Output{.disk = disk,
                 .directory = options_.directory,
                 .temporary = join(options_.directory, options_.name + ".tmp"),
                 .path = join(options_.directory, options_.name),
                 .sync_bytes = options_.sync_bytes,
                 .file = nullptr})),
      self_(std::make_shared<SnapshotWriter*>(this)) {
  QUORIS_ASSERT(options_.block_bytes <= kFramePayloadMax);
  QUORIS_ASSERT(options_.block_bytes >= MutationEncoder::kOverheadMax);
  Block& magic = waiting_.emplace_back();
  magic.bytes = std::make_unique<char[]>(kSnapshotMagic.size());
  magic.size = kSnapshotMagic.copy(magic.bytes.get(), kSnapshotMagic.size());
  bytes_ = magic.size;
  SnapshotHead head{.begin = options_.begin,
                    .version = store.versions().last(),
                    .wall_ms = options_.wall_ms,
                    .entries = {}};
  for (size_t i = 0; i < store.databases(); ++i) {
    head.entries.push_back(store.db(DbIndex{static_cast<uint16_t>(i)}).size());
  }
  add_frame(FrameType::snapshot_head, {}, encode_snapshot_head(head));
}

// A job in flight removes the file behind itself.
SnapshotWriter::~SnapshotWriter() {
  if (is_done_ || job_in_flight_) return;
  disk_.submit([output = output_] { return output->disk.remove(output->temporary); },
               [](const Status&) {});
}

SnapshotWriter::Phase SnapshotWriter::phase() const {
  if (is_done_) return Phase::done;
  if (has_end_) return Phase::writing;
  if (is_through_) return Phase::through;
  return waiting_.size() + in_flight_ >= options_.blocks_max ? Phase::waiting : Phase::walking;
}

SnapshotWriter::Phase SnapshotWriter::step(size_t work_max) {
  if (phase() != Phase::walking) return phase();
  is_through_ = walk_.step(*this, work_max);
  pump();
  return phase();
}

void SnapshotWriter::end_at(LogPosition end) {
  QUORIS_ASSERT(phase() == Phase::through);
  if (block_.bytes != nullptr) end_block(FrameType::mutations, {});
  end_.end = end;
  end_.version = store_.versions().last();
  end_.entries = walk_.figures().entries;
  add_frame(FrameType::snapshot_end, {}, encode_snapshot_end(end_));
  has_end_ = true;
  pump();
}

SnapshotWriter::Figures SnapshotWriter::figures() const {
  const size_t blocks = waiting_.size() + in_flight_ + (block_.bytes == nullptr ? 0 : 1);
  return {.entries = walk_.figures().entries,
          .bytes = bytes_,
          .memory = blocks * (kFrameHeaderSize + options_.block_bytes) + walk_.memory()};
}

// --- blocks -------------------------------------------------------------------------------------

void SnapshotWriter::emit(const store::Mutation& mutation) {
  const std::span<const store::Mutation> batch(&mutation, 1);
  const size_t size_max = MutationEncoder::size_max(batch);
  ++end_.mutations;
  if (block_.bytes != nullptr && block_.size + size_max > kFrameHeaderSize + options_.block_bytes) {
    end_block(FrameType::mutations, {});
  }
  if (size_max > options_.block_bytes) return emit_in_parts(batch, size_max);
  if (block_.bytes == nullptr) begin_block(options_.block_bytes);
  char* const begin = block_.bytes.get();
  block_.size = static_cast<size_t>(encoder_.encode(batch, begin + block_.size) - begin);
}

// What may not fit into a block gets frames of its own, one if it does.
void SnapshotWriter::emit_in_parts(std::span<const store::Mutation> batch, size_t size_max) {
  const std::unique_ptr<char[]> bytes(new char[size_max]);
  encoder_.restart();
  const char* const end = encoder_.encode(batch, bytes.get());
  std::string_view left(bytes.get(), static_cast<size_t>(end - bytes.get()));
  for (bool is_first = true; is_first || !left.empty(); is_first = false) {
    const std::string_view part = left.substr(0, kFramePayloadMax);
    left.remove_prefix(part.size());
    add_frame(FrameType::mutations, {.begins_earlier = !is_first, .continues = !left.empty()},
              part);
  }
}

void SnapshotWriter::begin_block(size_t payload_max) {
  block_ = {.bytes = std::unique_ptr<char[]>(new char[kFrameHeaderSize + payload_max]),
            .size = kFrameHeaderSize};
  encoder_.restart();
}

void SnapshotWriter::end_block(FrameType type, FramePart part) {
  const bool is_head = type == FrameType::snapshot_head;
  const LogPosition at = LogPosition{bytes_} + (is_head ? 0 : raw(options_.begin));
  seal_frame(block_.bytes.get(), block_.size - kFrameHeaderSize,
             {.type = type, .part = part, .at = at, .synced = at});
  bytes_ += block_.size;
  if (type == FrameType::mutations) ++end_.frames;
  waiting_.push_back(std::move(block_));
  block_ = {};
}

void SnapshotWriter::add_frame(FrameType type, FramePart part, std::string_view payload) {
  begin_block(payload.size());
  payload.copy(block_.bytes.get() + block_.size, payload.size());
  block_.size += payload.size();
  end_block(type, part);
}

// --- jobs ---------------------------------------------------------------------------------------

void SnapshotWriter::pump() {
  if (job_in_flight_ || is_done_) return;
  if (!waiting_.empty()) {
    const auto blocks = std::make_shared<Blocks>(std::move_iterator(waiting_.begin()),
                                                 std::move_iterator(waiting_.end()));
    waiting_.clear();
    in_flight_ = blocks->size();
    return submit([output = output_, blocks] { return output->write(*blocks); });
  }
  if (!has_end_) return;
  is_closing_ = true;
  submit([output = output_] { return output->close(); });
}

void SnapshotWriter::submit(std::function<Status()> job) {
  job_in_flight_ = true;
  const std::weak_ptr<SnapshotWriter*> weak = self_;
  // What fails leaves no file behind.
  const auto run = [output = output_, job = std::move(job)] {
    Status status = job();
    if (!status) {
      output->file.reset();
      static_cast<void>(output->disk.remove(output->temporary));
    }
    return status;
  };
  disk_.submit(run, [output = output_, weak](const Status& status) {
    if (const auto self = weak.lock()) return (*self)->on_written(status);
    if (!status) return;
    output->disk.submit([output] { return output->disk.remove(output->temporary); },
                        [](const Status&) {});
  });
}

void SnapshotWriter::on_written(const Status& status) {
  job_in_flight_ = false;
  in_flight_ = 0;
  if (status && !is_closing_) return pump();
  is_done_ = true;
  waiting_.clear();
  const Finished finished = std::move(finished_);
  if (!status) return finished(status.error());
  finished(SnapshotInfo{.name = options_.name,
                        .begin = options_.begin,
                        .end = end_.end,
                        .bytes = bytes_,
                        .entries = end_.entries});
}

}  // namespace quoris::persistence
