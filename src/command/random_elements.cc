#include "command/random_elements.h"

#include <limits>

#include "command/errors.h"

namespace quoris::command {

namespace {

constexpr int64_t kCountMax = std::numeric_limits<int64_t>::max();

// What a reply spends on an element beside its bytes: a length and two ends of lines.
constexpr uint64_t kReplyOverhead = 8;

}  // namespace

Parsed<RandomOptions> parse_random_options(std::span<const std::string_view> words,
                                           std::string_view other) {
  const auto count = integer_argument(words[0]);
  if (!count) return count.error();
  if (*count < -kCountMax) return errors::not_between(-kCountMax, kCountMax);
  RandomOptions options = {.count = *count};
  if (words.size() == 1) return options;
  if (words.size() > 2 || other.empty() || !is(words[1], other)) {
    return std::string(errors::kSyntax);
  }
  // Twice the count has to be a number, too.
  if (*count < -(kCountMax / 2) || *count > kCountMax / 2) {
    return std::string(errors::kCountOutOfRange);
  }
  options.with_other = true;
  return options;
}

bool check_draws(DataContext& context, const store::Entry& entry, size_t size, uint64_t count) {
  const uint64_t mean_size = entry.memory() / size + kReplyOverhead;
  if (count <= context.settings().proto_max_bulk_len / mean_size) return true;
  context.reply().error(errors::kReplyTooLarge);
  return false;
}

}  // namespace quoris::command
