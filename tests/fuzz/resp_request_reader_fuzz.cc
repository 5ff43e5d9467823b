// The request reader on arbitrary bytes, twice: in one piece, and cut as the input says. Both must
// find the same commands and the same error, and keep their promises about memory.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "resp/request_reader.h"

namespace {

using quoris::resp::ReadStatus;
using quoris::resp::RequestLimits;
using quoris::resp::RequestReader;

struct Outcome {
  std::vector<std::vector<std::string>> commands;
  std::string error;
};

// Executes `count` commands at most.
void execute(RequestReader& reader, Outcome& outcome, size_t count) {
  const auto commands = reader.commands().subspan(0, std::min(count, reader.commands().size()));
  for (const RequestReader::Command& command : commands) {
    QUORIS_ASSERT(command.argument_count > 0);
    size_t bytes = 0;
    std::vector<std::string> words;
    for (const std::string_view argument : reader.arguments(command)) {
      words.emplace_back(argument);
      bytes += argument.size();
    }
    QUORIS_ASSERT(bytes == command.bytes);
    outcome.commands.push_back(std::move(words));
  }
  reader.drop(commands.size());
}

void finish(RequestReader& reader, Outcome& outcome, const RequestLimits& limits) {
  for (;;) {
    execute(reader, outcome, SIZE_MAX);
    if (!reader.stalled()) break;
    reader.commit(0, limits);
  }
  outcome.error = reader.error();
  if (!outcome.error.empty()) QUORIS_ASSERT(reader.memory() == 0);
  if (reader.buffered() == 0 && reader.memory() > 0) __builtin_trap();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t mode = data[0];
  const size_t step = data[1] % 64 + 1U;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const RequestLimits limits{.bulk_max = (mode & 1) != 0 ? 100U : 512U * 1024 * 1024,
                             .authenticated = (mode & 2) == 0};

  Outcome whole;
  RequestReader at_once;
  at_once.feed(bytes, limits);
  finish(at_once, whole, limits);

  Outcome cut;
  RequestReader piecewise;
  size_t position = 0;
  for (size_t round = 0; position < bytes.size(); ++round) {
    const size_t count = std::min(bytes.size() - position, 1 + (step * (round + 1)) % 97);
    piecewise.feed(bytes.substr(position, count), limits);
    position += count;
    if ((mode & 4) != 0) execute(piecewise, cut, round % 3);
    if ((mode & 8) != 0) piecewise.shrink();
    if (piecewise.stalled()) {
      execute(piecewise, cut, SIZE_MAX);
      piecewise.commit(0, limits);
    }
  }
  finish(piecewise, cut, limits);
  QUORIS_ASSERT(cut.commands == whole.commands);
  QUORIS_ASSERT(cut.error == whole.error);
  return 0;
}
