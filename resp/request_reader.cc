#include "resp/request_reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/assert.h"
#include "base/free_list.h"
#include "base/text.h"

namespace quoris::resp {

namespace {

// Readers at work between a read and the end of its turn, whose buffers a thread keeps: 4 MiB.
constexpr size_t kPooledMax = 256;

// What a pooled reader keeps of its vectors (8 KiB and 6 KiB); bigger ones are freed.
constexpr size_t kKeptArguments = 512;
constexpr size_t kKeptCommands = 256;

// Less room than this is not worth a read.
constexpr size_t kRoomMin = RequestReader::kReadSize / 4;

// A shrunk buffer is left alone: another round would win nothing.
constexpr size_t kShrunkMax = 1024;

// A stated length that is no number; above every limit.
constexpr int64_t kInvalidLength = INT64_MAX;

}  // namespace

struct RequestReader::Work {
  char* data = nullptr;
  size_t capacity = 0;
  size_t size = 0;     // bytes read
  size_t start = 0;    // bytes in front that belong to dropped commands
  size_t parsed = 0;   // first byte that the parser has not taken
  size_t scanned = 0;  // bytes behind it in which no line end was found yet

  // The started command: arguments it lacks, the bulk that is under way (-1: its length is not
  // known yet), the first of its arguments and the sum of their lengths.
  int64_t left = 0;
  int64_t bulk = -1;
  size_t started_first = 0;
  size_t started_bytes = 0;
  bool stalled = false;

  size_t first_command = 0;  // commands before it are dropped
  std::vector<std::string_view> arguments;
  std::vector<Command> commands;
  Work* next_free = nullptr;

  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  ~Work() { std::free(data); }

  static void destroy(Work* work) noexcept { delete work; }

  [[nodiscard]] bool has_commands() const { return first_command < commands.size(); }

  [[nodiscard]] bool idle() const { return !has_commands() && left == 0 && parsed == size; }

  // Where the bulk that is under way ends, its line end included; 0 if there is none.
  [[nodiscard]] size_t bulk_end() const {
    return bulk < 0 ? 0 : parsed + static_cast<size_t>(bulk) + 2;
  }

  // Takes dropped commands and their arguments out of the vectors.
  void forget_dropped() {
    if (first_command == 0) return;
    const size_t cut = has_commands() ? commands[first_command].first_argument : started_first;
    const auto skip = [](auto& from, size_t count) {
      from.erase(from.begin(), from.begin() + static_cast<ptrdiff_t>(count));
    };
    skip(arguments, cut);
    skip(commands, first_command);
    for (Command& command : commands) command.first_argument -= static_cast<uint32_t>(cut);
    started_first -= cut;
    first_command = 0;
  }

  // Corrects views and offsets after the bytes behind `start` came to the front of `data`.
  // `old_data` is a number: what it pointed to may be gone.
  void rebase(uintptr_t old_data) {
    forget_dropped();
    const uintptr_t old_front = old_data + start;
    for (std::string_view& argument : arguments) {
      const uintptr_t offset = reinterpret_cast<uintptr_t>(argument.data()) - old_front;
      argument = {data + offset, argument.size()};
    }
    for (Command& command : commands) command.end -= start;
    parsed -= start;
    size -= start;
    start = 0;
  }

  // Moves what is in use to the front.
  void compact() {
    std::memmove(data, data + start, size - start);
    rebase(reinterpret_cast<uintptr_t>(data));
  }

  // As compact(), into a buffer of `wanted` bytes. REQUIRES: what is in use fits.
  void resize(size_t wanted) {
    QUORIS_ASSERT(wanted >= size - start);
    const auto old_data = reinterpret_cast<uintptr_t>(data);
    char* fresh = nullptr;
    if (start == 0) {
      // Big blocks grow in place or by remapping pages.
      fresh = static_cast<char*>(std::realloc(data, wanted));
      if (fresh == nullptr) throw std::bad_alloc();
    } else {
      QUORIS_ASSERT(data != nullptr);
      fresh = static_cast<char*>(std::malloc(wanted));
      if (fresh == nullptr) throw std::bad_alloc();
      std::memcpy(fresh, data + start, size - start);
      std::free(data);
    }
    data = fresh;
    capacity = wanted;
    rebase(old_data);
  }

  // Keeps the vectors' memory within bounds. REQUIRES: no views are in use.
  void trim_vectors() {
    if (arguments.capacity() > kKeptArguments && arguments.size() <= kKeptArguments) {
      arguments.shrink_to_fit();
    }
    if (commands.capacity() > kKeptCommands && commands.empty()) commands.shrink_to_fit();
  }
};

// One run over the bytes that came. It works on a copy of the state and stores it at the end.
class RequestReader::Parser {
 public:
  Parser(Work& work, const RequestLimits& limits, std::string& error)
      : work_(work),
        limits_(limits),
        error_(error),
        at_(work.data + work.parsed),
        end_(work.data + work.size),
        scanned_to_(at_ + work.scanned) {
    work.scanned = 0;
  }

  // Takes what is there. False: protocol error.
  bool run() {
    Step step = Step::done;
    while (step == Step::done) {
      if (work_.left > 0) {
        step = bulks();
      } else if (at_ == end_) {
        step = Step::wait;
      } else if (*at_ == '*') {
        step = array_header();
      } else {
        step = inline_command();
      }
    }
    work_.parsed = static_cast<size_t>(at_ - work_.data);
    return step != Step::failed;
  }

 private:
  enum class Step : uint8_t { done, wait, failed };

  // "<type><digits>\r\n" as everyone sends it. False: not all there, or out of the ordinary.
  static bool quick_length(char* line, const char* end, int64_t& value, char*& behind) {
    constexpr ptrdiff_t kDigitsMax = 9;
    if (end - line < 4) return false;
    char* digit = line + 1;
    uint32_t number = static_cast<uint8_t>(*digit) - uint32_t{'0'};
    if (number > 9) return false;
    const char* const stop = end - line > kDigitsMax + 2 ? line + kDigitsMax + 1 : end - 2;
    // A leading zero stops at once and is left to the slow way, which refuses it.
    if (number != 0) {
      while (++digit < stop) {
        const uint32_t next = static_cast<uint8_t>(*digit) - uint32_t{'0'};
        if (next > 9) break;
        number = number * 10 + next;
      }
    } else {
      ++digit;
    }
    if (*digit != '\r') return false;
    value = number;
    behind = digit + 2;
    return true;
  }

  // The line at at_, however it looks. Line ends of Redis: '\r' and whatever byte follows.
  Step slow_length(const char* too_big, int64_t& value, char*& behind) {
    const auto available = static_cast<size_t>(end_ - at_);
    char* found = find_line_end('\r');
    if (found == nullptr) {
      return available > kInlineMax ? fail(too_big) : Step::wait;
    }
    if (found + 1 == end_) {
      work_.scanned = available - 1;
      return Step::wait;
    }
    value = kInvalidLength;
    if (found > at_) {
      const std::string_view digits(at_ + 1, static_cast<size_t>(found - at_ - 1));
      value = parse_int64(digits).value_or(kInvalidLength);
    }
    behind = found + 2;
    return Step::done;
  }

  // Looks only where it has not looked yet, and not further than a line may reach.
  char* find_line_end(char wanted) {
    const size_t window = std::min(static_cast<size_t>(end_ - at_), kInlineMax + 1);
    char* const from = std::min(std::max(at_, scanned_to_), at_ + window);
    void* found = std::memchr(from, wanted, static_cast<size_t>(at_ + window - from));
    if (found == nullptr) work_.scanned = window;
    return static_cast<char*>(found);
  }

  Step array_header() {
    int64_t count = 0;
    char* behind = nullptr;
    if (!quick_length(at_, end_, count, behind)) {
      const Step step = slow_length("too big mbulk count string", count, behind);
      if (step != Step::done) return step;
    }
    if (count > kArgumentsMax) return fail("invalid multibulk length");
    if (count > kUnauthenticatedArgumentsMax && !limits_.authenticated) [[unlikely]] {
      return refuse_unauthenticated("unauthenticated multibulk length");
    }
    at_ = behind;
    if (count <= 0) return Step::done;
    work_.left = count;
    work_.started_first = work_.arguments.size();
    work_.started_bytes = 0;
    return Step::done;
  }

  // The arguments of the started command, and the command once all are there.
  Step bulks() {
    std::vector<std::string_view>& arguments = work_.arguments;
    const char* const end = end_;
    const uint64_t unchecked_max = bulk_unchecked_max();
    int64_t left = work_.left;
    int64_t bulk = work_.bulk;
    size_t bytes = work_.started_bytes;
    Step step = Step::done;
    while (left > 0) {
      if (bulk < 0) {
        char* behind = nullptr;
        if (end - at_ < 4 || *at_ != '$' || !quick_length(at_, end, bulk, behind) ||
            static_cast<uint64_t>(bulk) > unchecked_max) [[unlikely]] {
          bulk = -1;
          step = bulk_header(bulk, behind);
          if (step != Step::done) break;
        }
        at_ = behind;
      }
      if (static_cast<uint64_t>(end - at_) < static_cast<uint64_t>(bulk) + 2) {
        step = Step::wait;
        break;
      }
      arguments.emplace_back(at_, static_cast<size_t>(bulk));
      bytes += static_cast<size_t>(bulk);
      at_ += bulk + 2;
      bulk = -1;
      --left;
    }
    work_.left = left;
    work_.bulk = bulk;
    work_.started_bytes = bytes;
    if (step == Step::done) finish(work_.started_first, bytes);
    return step;
  }

  // Lengths up to here need no second look.
  [[nodiscard]] uint64_t bulk_unchecked_max() const {
    constexpr uint64_t kUnauthenticated = kUnauthenticatedBulkMax;
    const uint64_t limit = limits_.bulk_max;
    return limits_.authenticated ? limit : std::min(limit, kUnauthenticated);
  }

  // The careful way: a line that is not all there, or that is wrong, or too big a bulk.
  // Sets `bulk` only when it is done.
  Step bulk_header(int64_t& bulk, char*& behind) {
    if (at_ == end_) return Step::wait;
    int64_t length = 0;
    const Step step = slow_length("too big bulk count string", length, behind);
    if (step != Step::done) return step;
    if (*at_ != '$') {
      char text[] = "expected '$', got ' '";
      text[sizeof(text) - 3] = *at_;
      return fail({text, sizeof(text) - 1});
    }
    if (length < 0 || length == kInvalidLength ||
        static_cast<uint64_t>(length) > limits_.bulk_max) {
      return fail("invalid bulk length");
    }
    if (length > kUnauthenticatedBulkMax && !limits_.authenticated) {
      return refuse_unauthenticated("unauthenticated bulk length");
    }
    bulk = length;
    return Step::done;
  }

  Step inline_command() {
    char* newline = find_line_end('\n');
    if (newline == nullptr) {
      const auto available = static_cast<size_t>(end_ - at_);
      return available > kInlineMax ? fail("too big inline request") : Step::wait;
    }
    char* line_end = newline;
    if (line_end > at_ && line_end[-1] == '\r') --line_end;
    const size_t first = work_.arguments.size();
    size_t bytes = 0;
    std::string_view word;
    LineWords words(at_, line_end);
    LineWords::Step word_step = words.next(word);
    for (; word_step == LineWords::Step::word; word_step = words.next(word)) {
      work_.arguments.push_back(word);
      bytes += word.size();
    }
    if (word_step == LineWords::Step::unbalanced) {
      work_.arguments.resize(first);
      return fail("unbalanced quotes in request");
    }
    at_ = newline + 1;
    if (work_.arguments.size() > first) finish(first, bytes);
    return Step::done;
  }

  void finish(size_t first, size_t bytes) {
    work_.commands.push_back({static_cast<uint32_t>(first),
                              static_cast<uint32_t>(work_.arguments.size() - first),
                              static_cast<size_t>(at_ - work_.data), bytes});
  }

  Step fail(std::string_view text) {
    error_ = "Protocol error: ";
    error_ += text;
    return Step::failed;
  }

  Step refuse_unauthenticated(std::string_view text) {
    if (!work_.has_commands()) return fail(text);
    work_.stalled = true;
    return Step::wait;
  }

  Work& work_;
  const RequestLimits& limits_;
  std::string& error_;
  char* at_;
  char* const end_;
  char* const scanned_to_;  // no line end between at_ and here, if it is behind at_
};

RequestReader::~RequestReader() {
  if (work_ != nullptr) release();
}

RequestReader::Work* RequestReader::take_work() {
  Work* work = FreeList<Work, kPooledMax>::take();
  if (work == nullptr) {
    work = new Work();
    work->arguments.reserve(16);
    work->commands.reserve(8);
  }
  if (work->data == nullptr) work->resize(kReadSize);
  return work;
}

void RequestReader::give_back(Work* work) noexcept {
  if (work->capacity != kReadSize) {
    std::free(std::exchange(work->data, nullptr));
    work->capacity = 0;
  }
  work->size = 0;
  work->start = 0;
  work->parsed = 0;
  work->scanned = 0;
  work->left = 0;
  work->bulk = -1;
  work->stalled = false;
  work->first_command = 0;
  work->arguments.clear();
  work->commands.clear();
  work->trim_vectors();
  FreeList<Work, kPooledMax>::put(work);
}

void RequestReader::release() noexcept { give_back(std::exchange(work_, nullptr)); }

std::span<char> RequestReader::prepare() {
  if (work_ == nullptr) work_ = take_work();
  Work& work = *work_;
  size_t in_use = work.size - work.start;
  const size_t bulk_end = work.bulk_end();
  const size_t missing = bulk_end > work.size ? bulk_end - work.size : 0;

  if (work.capacity > kKeptMax && !work.has_commands() && in_use + missing <= kReadSize / 2) {
    work.resize(kReadSize);
  }
  const size_t enough = missing > kRoomMin ? std::min(missing, kReadSize) : kRoomMin;
  // Moving what is in use is paid for by at least as many bytes that were dropped before it.
  if (work.capacity - work.size < enough && work.start > 0 && work.start >= in_use) {
    work.compact();
  }
  if (work.capacity - work.size < enough) {
    size_t wanted = 2 * work.capacity;
    if (missing > 0) wanted = std::min(wanted, in_use + missing + kRoomMin);
    work.resize(std::max({wanted, kReadSize, in_use + kRoomMin}));
  }
  return {work.data + work.size, work.capacity - work.size};
}

ReadStatus RequestReader::commit(size_t count, const RequestLimits& limits) {
  if (work_ == nullptr) {
    QUORIS_ASSERT(count == 0);
    return error_.empty() ? ReadStatus::ok : ReadStatus::protocol_error;
  }
  Work& work = *work_;
  if (!error_.empty()) [[unlikely]] {
    if (work.idle()) release();
    return ReadStatus::protocol_error;
  }
  QUORIS_ASSERT(count <= work.capacity - work.size);
  work.size += count;
  work.stalled = false;
  if (!Parser(work, limits, error_).run()) [[unlikely]] {
    // What is whole will be executed; the rest is of no use any more.
    if (work.left > 0) work.arguments.resize(work.started_first);
    work.left = 0;
    work.bulk = -1;
    work.size = work.parsed;
  }
  const bool over_limit =
      memory() > limits.buffer_max || work.arguments.size() > static_cast<size_t>(kArgumentsMax);
  if (!work.has_commands() && work.left == 0) {
    work.start = work.parsed;
    if (work.idle()) release();
  }
  if (!error_.empty()) return ReadStatus::protocol_error;
  return over_limit ? ReadStatus::over_limit : ReadStatus::ok;
}

ReadStatus RequestReader::feed(std::string_view bytes, const RequestLimits& limits) {
  ReadStatus status = ReadStatus::ok;
  while (!bytes.empty() && status == ReadStatus::ok) {
    const std::span<char> room = prepare();
    const size_t count = bytes.copy(room.data(), room.size());
    bytes.remove_prefix(count);
    status = commit(count, limits);
  }
  return status;
}

std::span<const RequestReader::Command> RequestReader::commands() const {
  if (work_ == nullptr) return {};
  return std::span<const Command>(work_->commands).subspan(work_->first_command);
}

std::span<const std::string_view> RequestReader::arguments(const Command& command) const {
  QUORIS_ASSERT(work_ != nullptr);
  return std::span<const std::string_view>(work_->arguments)
      .subspan(command.first_argument, command.argument_count);
}

void RequestReader::arguments(const Command& command, std::vector<std::string_view>& out) const {
  const std::span<const std::string_view> views = arguments(command);
  out.insert(out.end(), views.begin(), views.end());
}

void RequestReader::drop(size_t count) {
  if (count == 0) return;
  QUORIS_ASSERT(work_ != nullptr);
  Work& work = *work_;
  QUORIS_ASSERT(count <= work.commands.size() - work.first_command);
  work.first_command += count;
  if (work.idle()) {
    release();
    return;
  }
  work.start = work.commands[work.first_command - 1].end;
  if (!work.has_commands()) {
    if (work.left == 0) work.started_first = work.arguments.size();
    work.forget_dropped();
    work.trim_vectors();
    return;
  }
  // Vectors are cut only when at least half of them goes: linear in all.
  const size_t cut = work.commands[work.first_command].first_argument;
  if (work.first_command * 2 >= work.commands.size() && cut * 2 >= work.arguments.size()) {
    work.forget_dropped();
  }
}

bool RequestReader::stalled() const { return work_ != nullptr && work_->stalled; }

void RequestReader::shrink() {
  if (work_ == nullptr || work_->capacity <= kShrunkMax) return;
  const size_t in_use = work_->size - work_->start;
  if (work_->has_commands() || in_use > work_->capacity / 2) return;
  work_->resize(std::max(in_use, kShrunkMax));
  work_->arguments.shrink_to_fit();
  work_->commands.shrink_to_fit();
}

size_t RequestReader::buffered() const { return work_ == nullptr ? 0 : work_->size - work_->start; }

size_t RequestReader::memory() const {
  if (work_ == nullptr) return 0;
  return sizeof(Work) + work_->capacity + work_->arguments.capacity() * sizeof(std::string_view) +
         work_->commands.capacity() * sizeof(Command);
}

size_t RequestReader::free_space() const {
  return work_ == nullptr ? 0 : work_->capacity - work_->size;
}

}  // namespace quoris::resp
