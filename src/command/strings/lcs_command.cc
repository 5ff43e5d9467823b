// LCS: the longest common subsequence of two strings, by dynamic programming.
//
// The limit is Redis's: its table of 32-bit lengths must fit proto-max-bulk-len. Ours keeps one
// row of lengths, and for the way back one bit per cell (which neighbour to go to), a 32nd.
#include <algorithm>
#include <vector>

#include "command/args.h"
#include "command/strings/string_access.h"
#include "command/strings/string_commands.h"

namespace quoris::command {
namespace {

struct LcsOptions {
  bool length = false;
  bool indexes = false;
  bool with_match_length = false;
  int64_t match_length_min = 0;
};

Parsed<LcsOptions> parse_lcs_options(std::span<const std::string_view> words) {
  LcsOptions options;
  for (size_t i = 0; i < words.size(); ++i) {
    if (is(words[i], "IDX")) {
      options.indexes = true;
    } else if (is(words[i], "LEN")) {
      options.length = true;
    } else if (is(words[i], "WITHMATCHLEN")) {
      options.with_match_length = true;
    } else if (is(words[i], "MINMATCHLEN") && i + 1 < words.size()) {
      const auto length = integer_argument(words[++i]);
      if (!length) return length.error();
      options.match_length_min = std::max<int64_t>(0, *length);
    } else {
      return std::string(errors::kSyntax);
    }
  }
  if (options.indexes && options.length) return std::string(errors::kLcsLengthAndIndexes);
  return options;
}

// The cells from which the way back goes up (one character less of `a`) although the characters
// differ; from other such cells it goes left.
class UpBits {
 public:
  explicit UpBits(size_t cells) : words_((cells + 63) / 64) {}

  void set(size_t cell) { words_[cell / 64] |= uint64_t{1} << (cell % 64); }

  [[nodiscard]] bool get(size_t cell) const { return (words_[cell / 64] >> (cell % 64) & 1) != 0; }

 private:
  std::vector<uint64_t> words_;
};

// Length of the longest common subsequence; fills `up` unless it is null.
uint32_t fill_table(DataContext& context, std::string_view a, std::string_view b, UpBits* up) {
  constexpr uint32_t kCellsPerStep = 64;
  std::vector<uint32_t> lengths(b.size() + 1);  // of the row above, left of `j` of this row
  for (size_t i = 0; i < a.size(); ++i) {
    uint32_t diagonal = 0;
    for (size_t j = 0; j < b.size(); ++j) {
      const uint32_t above = lengths[j + 1];
      if (a[i] == b[j]) {
        lengths[j + 1] = diagonal + 1;
      } else if (above > lengths[j]) {
        if (up != nullptr) up->set(i * b.size() + j);
      } else {
        lengths[j + 1] = lengths[j];
      }
      diagonal = above;
    }
    context.steps(1 + static_cast<uint32_t>(b.size() / kCellsPerStep));
  }
  return lengths.back();
}

// Characters that follow each other in both strings.
struct Match {
  size_t a_start = 0;
  size_t b_start = 0;
  size_t length = 0;
};

// The matches of the subsequence that the table's way back meets, last one first.
std::vector<Match> matches_of(std::string_view a, std::string_view b, const UpBits& up) {
  std::vector<Match> matches;
  bool in_match = false;
  size_t i = a.size();
  size_t j = b.size();
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      --i;
      --j;
      if (!in_match) matches.push_back({});
      in_match = true;
      matches.back() = {.a_start = i, .b_start = j, .length = matches.back().length + 1};
    } else {
      in_match = false;
      if (up.get((i - 1) * b.size() + (j - 1))) {
        --i;
      } else {
        --j;
      }
    }
  }
  return matches;
}

void reply_span(resp::ReplyWriter& reply, size_t start, size_t length) {
  reply.array(2);
  reply.integer(static_cast<int64_t>(start));
  reply.integer(static_cast<int64_t>(start + length - 1));
}

void reply_indexes(resp::ReplyWriter& reply, const LcsOptions& options,
                   const std::vector<Match>& matches, uint32_t length) {
  reply.map(2);
  reply.bulk("matches");
  const auto deferred = reply.open();
  size_t count = 0;
  for (const Match& match : matches) {
    if (static_cast<int64_t>(match.length) < options.match_length_min) continue;
    ++count;
    reply.array(options.with_match_length ? 3 : 2);
    reply_span(reply, match.a_start, match.length);
    reply_span(reply, match.b_start, match.length);
    if (options.with_match_length) reply.integer(static_cast<int64_t>(match.length));
  }
  reply.close_array(deferred, count);
  reply.bulk("len");
  reply.integer(length);
}

void reply_subsequence(resp::ReplyWriter& reply, std::string_view a,
                       const std::vector<Match>& matches, uint32_t length) {
  std::string subsequence;
  subsequence.reserve(length);
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    subsequence += a.substr(match->a_start, match->length);
  }
  reply.bulk(subsequence);
}

// The text of a string, empty for no entry.
std::string_view text_of(const store::Entry* entry, char (&scratch)[21]) {
  return entry == nullptr ? std::string_view{} : entry->string().text(scratch);
}

bool is_string_or_none(const store::Entry* entry) {
  return entry == nullptr || entry->type() == store::Type::string;
}

}  // namespace

void handle_lcs(DataContext& context) {
  resp::ReplyWriter& reply = context.reply();
  const store::HashedKey key_a = context.key(1);
  const store::HashedKey key_b = context.key(2);
  // Both lookups may remove an expired key, which would leave the other's entry dangling.
  static_cast<void>(context.find_for_read(key_a));
  const store::Entry* entry_b = context.find_for_read(key_b);
  const store::Entry* entry_a = context.keyspace().find(key_a);
  if (!is_string_or_none(entry_a) || !is_string_or_none(entry_b)) {
    return reply.error(errors::kLcsNotStrings);
  }
  const auto options = parse_lcs_options(context.arguments().subspan(3));
  if (!options) return reply.error(options.error());

  char scratch_a[21];
  char scratch_b[21];
  const std::string_view a = text_of(entry_a, scratch_a);
  const std::string_view b = text_of(entry_b, scratch_b);
  const uint64_t cells = (a.size() + 1) * (b.size() + 1);
  if (cells > context.settings().proto_max_bulk_len / sizeof(uint32_t)) {
    return reply.error(errors::kLcsTooLarge);
  }
  if (options->length) return reply.integer(fill_table(context, a, b, nullptr));
  UpBits up(a.size() * b.size());
  const uint32_t length = fill_table(context, a, b, &up);
  const std::vector<Match> matches = matches_of(a, b, up);
  if (options->indexes) {
    reply_indexes(reply, *options, matches, length);
  } else {
    reply_subsequence(reply, a, matches, length);
  }
}

}  // namespace quoris::command
