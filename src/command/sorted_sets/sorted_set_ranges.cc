// Ranges by rank, score and member: ZRANGE and its family, ZRANGESTORE, ZCOUNT, ZREMRANGEBY*.
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "command/args.h"
#include "command/sorted_sets/sorted_set_access.h"
#include "command/sorted_sets/sorted_set_commands.h"

namespace quoris::command {
namespace {

using store::LexBound;
using store::ScoreBound;
using store::ZsetView;

enum class By : uint8_t { rank, score, member };

// --- bounds -------------------------------------------------------------------------------------

// Ranks as they are given: negative ones count from the end.
struct RankRange {
  int64_t start = 0;
  int64_t stop = 0;
};

struct ScoreRange {
  ScoreBound low;
  ScoreBound high;
};

struct LexRange {
  LexBound low;
  LexBound high;
};

using Range = std::variant<RankRange, ScoreRange, LexRange>;

// Redis reads bounds with strtod: leading blanks, nothing at all and what is behind a zero byte are
// fine.
std::optional<double> bound_score(std::string_view text) {
  if (const auto score = parse_double(text)) return score;
  const std::string copy(text);
  char* end = nullptr;
  const double score = std::strtod(copy.c_str(), &end);
  if (*end != '\0' || std::isnan(score)) return std::nullopt;
  return score;
}

// A lower bound is in front of its members unless they are excluded, an upper one behind them.
std::optional<ScoreBound> score_bound(std::string_view text, bool upper) {
  const bool excluded = text.starts_with('(');
  const auto score = bound_score(text.substr(excluded ? 1 : 0));
  if (!score) return std::nullopt;
  return ScoreBound{.score = *score, .after = excluded != upper};
}

std::optional<LexBound> lex_bound(std::string_view text, bool upper) {
  if (text.empty()) return std::nullopt;
  if (text[0] == '-' || text[0] == '+') {
    if (text.size() > 1 && text[1] != '\0') return std::nullopt;
    return LexBound{.place = text[0] == '-' ? LexBound::Place::lowest : LexBound::Place::highest};
  }
  if (text[0] != '(' && text[0] != '[') return std::nullopt;
  return LexBound{.after = (text[0] == '(') != upper, .member = text.substr(1)};
}

Parsed<Range> parse_range(By by, std::string_view low, std::string_view high) {
  if (by == By::rank) {
    const auto start = integer_argument(low);
    if (!start) return start.error();
    const auto stop = integer_argument(high);
    if (!stop) return stop.error();
    return Range(RankRange{.start = *start, .stop = *stop});
  }
  if (by == By::score) {
    const auto first = score_bound(low, false);
    const auto last = score_bound(high, true);
    if (!first || !last) return std::string(errors::kBoundNotFloat);
    return Range(ScoreRange{.low = *first, .high = *last});
  }
  const auto first = lex_bound(low, false);
  const auto last = lex_bound(high, true);
  if (!first || !last) return std::string(errors::kBoundNotLex);
  return Range(LexRange{.low = *first, .high = *last});
}

// --- ranks --------------------------------------------------------------------------------------

// Members from `rank` on.
struct Span {
  size_t rank = 0;
  size_t count = 0;
};

Span span_of(const RankRange& range, size_t size, bool descending) {
  const auto length = static_cast<int64_t>(size);
  const int64_t start = std::max<int64_t>(range.start < 0 ? range.start + length : range.start, 0);
  const int64_t stop = std::min(range.stop < 0 ? range.stop + length : range.stop, length - 1);
  if (start > stop) return {};
  const int64_t first = descending ? length - 1 - stop : start;
  return {.rank = static_cast<size_t>(first), .count = static_cast<size_t>(stop - start + 1)};
}

template <class Bounds>
Span span_of(const Bounds& range, const ZsetView& view) {
  const size_t first = view.rank(range.low);
  const size_t end = view.rank(range.high);
  if (first >= end) return {};
  return {.rank = first, .count = end - first};
}

Span span_of(const Range& range, const ZsetView& view, bool descending = false) {
  if (const auto* ranks = std::get_if<RankRange>(&range)) {
    return span_of(*ranks, view.size(), descending);
  }
  if (const auto* scores = std::get_if<ScoreRange>(&range)) return span_of(*scores, view);
  return span_of(std::get<LexRange>(range), view);
}

// --- ZRANGE and its family ----------------------------------------------------------------------

// What a command's name says of the range; what it doesn't, options may.
struct RangeForm {
  std::optional<By> by;
  std::optional<bool> descending;
};

struct RangeRequest {
  By by = By::rank;
  bool descending = false;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;  // negative: all
};

Parsed<RangeRequest> parse_range_options(std::span<const std::string_view> words, RangeForm form,
                                         bool stores) {
  RangeRequest request;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (!stores && is(word, "WITHSCORES")) {
      request.with_scores = true;
    } else if (is(word, "LIMIT") && i + 2 < words.size()) {
      const auto offset = integer_argument(words[i + 1]);
      if (!offset) return offset.error();
      const auto limit = integer_argument(words[i + 2]);
      if (!limit) return limit.error();
      request.offset = *offset;
      request.limit = *limit;
      i += 2;
    } else if (!form.descending && is(word, "REV")) {
      form.descending = true;
    } else if (!form.by && is(word, "BYLEX")) {
      form.by = By::member;
    } else if (!form.by && is(word, "BYSCORE")) {
      form.by = By::score;
    } else {
      return std::string(errors::kSyntax);
    }
  }
  request.by = form.by.value_or(By::rank);
  request.descending = form.descending.value_or(false);
  if (request.limit != -1 && request.by == By::rank) return std::string(errors::kLimitByRank);
  if (request.with_scores && request.by == By::member) {
    return std::string(errors::kScoresByLex);
  }
  return request;
}

// LIMIT counts from the end at which the reply begins.
Span limited(Span span, const RangeRequest& request) {
  if (request.by == By::rank) return span;
  if (request.offset < 0 || static_cast<uint64_t>(request.offset) >= span.count) return {};
  const auto offset = static_cast<size_t>(request.offset);
  size_t count = span.count - offset;
  if (request.limit >= 0) count = std::min<uint64_t>(count, static_cast<uint64_t>(request.limit));
  const size_t skipped = request.descending ? span.count - offset - count : offset;
  return {.rank = span.rank + skipped, .count = count};
}

void store_range(DataContext& context, const store::Entry* entry, const Span& span) {
  std::vector<store::ScoredMember> members;
  std::string texts;  // of members that are integers, and of a source that is the destination
  if (entry != nullptr) {
    const ZsetView view(*entry);
    std::vector<size_t> ends;
    char digits[kInt64TextMax + 1];
    view.for_each(span.rank, span.count, false, [&](const store::StringView& member, double score) {
      context.step();
      texts += member.text(digits);
      ends.push_back(texts.size());
      members.push_back({.score = score});
      return true;
    });
    size_t begin = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      members[i].member = std::string_view(texts).substr(begin, ends[i] - begin);
      begin = ends[i];
    }
  }
  context.writer().zset_store(context.db(), context.key(1), members, "zrangestore");
  context.reply().integer(static_cast<int64_t>(members.size()));
}

// `source`: the index of the key that is read.
void range(DataContext& context, size_t source, const RangeForm& form, bool stores = false) {
  const auto request = parse_range_options(context.arguments().subspan(source + 3), form, stores);
  if (!request) return context.reply().error(request.error());
  const bool swapped = request->descending && request->by != By::rank;
  const auto range = parse_range(request->by, context.argument(source + (swapped ? 2 : 1)),
                                 context.argument(source + (swapped ? 1 : 2)));
  if (!range) return context.reply().error(range.error());
  const store::Entry* entry = context.find_for_read(context.key(source));
  if (!check_type(context, entry, store::Type::zset)) return;
  Span span;
  if (entry != nullptr) {
    span = limited(span_of(*range, ZsetView(*entry), request->descending), *request);
  }
  if (stores) return store_range(context, entry, span);
  if (entry == nullptr) return context.reply().array(0);
  reply_members(context, ZsetView(*entry), span.rank, span.count, request->descending,
                request->with_scores ? MemberForm::pairs_if_resp3 : MemberForm::alone);
}

// --- counting and removing ----------------------------------------------------------------------

void count_range(DataContext& context, By by) {
  const auto range = parse_range(by, context.argument(2), context.argument(3));
  if (!range) return context.reply().error(range.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::zset)) return;
  const size_t count = entry == nullptr ? 0 : span_of(*range, ZsetView(*entry)).count;
  context.reply().integer(static_cast<int64_t>(count));
}

void remove_range(DataContext& context, By by, std::string_view event) {
  const auto range = parse_range(by, context.argument(2), context.argument(3));
  if (!range) return context.reply().error(range.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::zset)) return;
  if (entry == nullptr) return context.reply().integer(0);
  const Span span = span_of(*range, ZsetView(*entry));
  if (span.count > 0) {
    context.writer().zset_remove_range(context.db(), key, *entry, span.rank, span.count, event);
  }
  context.reply().integer(static_cast<int64_t>(span.count));
}

}  // namespace

void handle_zcount(DataContext& context) { count_range(context, By::score); }

void handle_zlexcount(DataContext& context) { count_range(context, By::member); }

void handle_zrange(DataContext& context) { range(context, 1, {}); }

void handle_zrangestore(DataContext& context) { range(context, 2, {}, true); }

void handle_zrevrange(DataContext& context) {
  range(context, 1, {.by = By::rank, .descending = true});
}

void handle_zrangebyscore(DataContext& context) {
  range(context, 1, {.by = By::score, .descending = false});
}

void handle_zrevrangebyscore(DataContext& context) {
  range(context, 1, {.by = By::score, .descending = true});
}

void handle_zrangebylex(DataContext& context) {
  range(context, 1, {.by = By::member, .descending = false});
}

void handle_zrevrangebylex(DataContext& context) {
  range(context, 1, {.by = By::member, .descending = true});
}

void handle_zremrangebyrank(DataContext& context) {
  remove_range(context, By::rank, "zremrangebyrank");
}

void handle_zremrangebyscore(DataContext& context) {
  remove_range(context, By::score, "zremrangebyscore");
}

void handle_zremrangebylex(DataContext& context) {
  remove_range(context, By::member, "zremrangebylex");
}

}  // namespace quoris::command
