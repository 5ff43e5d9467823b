// Members and their scores: ZADD, ZREM, ZSCORE, ZRANK, ZRANDMEMBER, ZSCAN. Ranges are in
// sorted_set_ranges.cc, what pops in sorted_set_pops.cc.
#include "command/sorted_sets/sorted_set_commands.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "command/args.h"
#include "command/random_elements.h"
#include "command/scan_options.h"
#include "command/sorted_sets/sorted_set_access.h"

namespace quoris::command {
namespace {

using store::ScoredMember;
using store::ScoreRules;
using store::StringView;
using store::ZsetView;

// --- ZADD ---------------------------------------------------------------------------------------

struct AddOptions {
  ScoreRules rules;
  bool count_updated = false;  // CH
  size_t first_score = 0;      // index of the argument
};

AddOptions parse_add_options(const DataContext& context) {
  AddOptions options;
  size_t at = 2;
  for (; at < context.count(); ++at) {
    const std::string_view word = context.argument(at);
    if (is(word, "NX")) {
      options.rules.only_new = true;
    } else if (is(word, "XX")) {
      options.rules.only_present = true;
    } else if (is(word, "GT")) {
      options.rules.only_greater = true;
    } else if (is(word, "LT")) {
      options.rules.only_less = true;
    } else if (is(word, "CH")) {
      options.count_updated = true;
    } else if (is(word, "INCR")) {
      options.rules.add_to = true;
    } else {
      break;
    }
  }
  options.first_score = at;
  return options;
}

// What is wrong with the options, in the order in which Redis says it; empty: nothing.
std::string_view add_error(const AddOptions& options, size_t words) {
  const ScoreRules& rules = options.rules;
  if (words == 0 || words % 2 != 0) return errors::kSyntax;
  if (rules.only_new && rules.only_present) return errors::kNxAndXx;
  if (rules.only_greater + rules.only_less + rules.only_new > 1) return errors::kGtLtNx;
  if (rules.add_to && words > 2) return errors::kIncrTakesOnePair;
  return {};
}

// Scores and members of a request; few of them without an allocation.
class ScoredArguments {
 public:
  // False if a score is none.
  bool read(std::span<const std::string_view> words) {
    const size_t count = words.size() / 2;
    if (count > few_.size()) many_.resize(count);
    members_ = {count > few_.size() ? many_.data() : few_.data(), count};
    for (size_t i = 0; i < count; ++i) {
      const auto score = parse_double(words[2 * i]);
      if (!score) return false;
      members_[i] = {.score = *score, .member = words[2 * i + 1]};
    }
    return true;
  }

  [[nodiscard]] std::span<const ScoredMember> members() const { return members_; }

 private:
  std::array<ScoredMember, 8> few_;
  std::vector<ScoredMember> many_;
  std::span<ScoredMember> members_;
};

void reply_increment(DataContext& context, const store::ScoreOutcome& outcome) {
  switch (outcome.change) {
    case store::ScoreChange::refused:
      return context.reply().null();
    case store::ScoreChange::not_a_number:
      return context.reply().error(errors::kScoreNotANumber);
    default:
      return context.reply().number(outcome.score);
  }
}

void add(DataContext& context, std::span<const std::string_view> words, const ScoreRules& rules,
         bool count_updated) {
  ScoredArguments arguments;
  if (!arguments.read(words)) return context.reply().error(errors::kNotFloat);
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::zset)) return;
  store::ScoreChanges changes;
  if (entry != nullptr || !rules.only_present) {
    changes = context.writer().zset_set(context.db(), key, entry, arguments.members(), rules,
                                        rules.add_to ? "zincr" : "zadd");
  }
  if (rules.add_to) return reply_increment(context, changes.last);
  const size_t count = changes.added + (count_updated ? changes.updated : 0);
  context.reply().integer(static_cast<int64_t>(count));
}

// --- what is asked of one member ----------------------------------------------------------------

// The set at the first key to look at. Nothing, and `reply_without(reply)` or WRONGTYPE is the
// reply, if there is none.
template <class Reply>
std::optional<ZsetView> view_or(DataContext& context, Reply&& reply_without) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::zset)) return std::nullopt;
  if (entry == nullptr) {
    reply_without(context.reply());
    return std::nullopt;
  }
  return std::optional<ZsetView>(std::in_place, *entry);
}

void reply_null(resp::ReplyWriter& reply) { reply.null(); }

void reply_zero(resp::ReplyWriter& reply) { reply.integer(0); }

void reply_rank(DataContext& context, bool from_highest) {
  const auto view = view_or(context, reply_null);
  if (!view) return;
  const auto rank = view->rank(context.argument(2));
  if (!rank) return context.reply().null();
  context.reply().integer(static_cast<int64_t>(from_highest ? view->size() - 1 - *rank : *rank));
}

// --- ZRANDMEMBER --------------------------------------------------------------------------------

void reply_repeated(DataContext& context, const ZsetView& view, size_t count, MemberForm form) {
  reply_member_count(context, count, form);
  for (size_t i = 0; i < count; ++i) {
    context.step();
    const ZsetView::Member member = view.random(context.rng());
    reply_scored(context, member.member, member.score, form);
  }
}

// Different ones, few of many: by their ranks (Floyd's way to draw a sample).
void reply_sample(DataContext& context, const ZsetView& view, size_t count, MemberForm form) {
  std::unordered_set<size_t> drawn;
  reply_member_count(context, count, form);
  for (size_t bound = view.size() - count; bound < view.size(); ++bound) {
    context.step();
    size_t rank = context.rng().below(bound + 1);
    if (!drawn.insert(rank).second) {
      rank = bound;
      drawn.insert(rank);
    }
    view.for_each(rank, 1, false, [&](const StringView& member, double score) {
      reply_scored(context, member, score, form);
      return true;
    });
  }
}

// Many of them, by a walk.
void reply_selection(DataContext& context, const ZsetView& view, size_t count, MemberForm form) {
  WalkSample sample(context.rng(), count, view.size());
  reply_member_count(context, count, form);
  view.for_each([&](const StringView& member, double score) {
    context.step();
    if (sample.takes_next()) reply_scored(context, member, score, form);
    return !sample.done();
  });
}

void reply_random_members(DataContext& context) {
  const auto options = parse_random_options(context.arguments().subspan(2), "WITHSCORES");
  if (!options) return context.reply().error(options.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::zset)) return;
  if (entry == nullptr || options->count == 0) return context.reply().array(0);
  const ZsetView view(*entry);
  const MemberForm form = options->with_other ? MemberForm::pairs_if_resp3 : MemberForm::alone;
  if (options->count < 0) {
    const auto draws = static_cast<uint64_t>(-options->count);
    if (!check_draws(context, *entry, view.size(), draws)) return;
    return reply_repeated(context, view, draws, form);
  }
  constexpr size_t kFew = 3;  // a third
  const size_t count = std::min(static_cast<size_t>(options->count), view.size());
  if (count > view.size() / kFew) return reply_selection(context, view, count, form);
  reply_sample(context, view, count, form);
}

// A score as ZSCAN tells it, in RESP3 too: in the small form whole numbers have all their digits.
std::string scanned_score(const ZsetView& view, double score) {
  constexpr double kMost = 0x1p62;
  const bool is_whole = std::abs(score) <= kMost && std::trunc(score) == score;
  if (is_whole && view.members() == nullptr) return std::to_string(static_cast<int64_t>(score));
  return format_double(score);
}

}  // namespace

void handle_zadd(DataContext& context) {
  const AddOptions options = parse_add_options(context);
  const auto words = context.arguments().subspan(options.first_score);
  const std::string_view error = add_error(options, words.size());
  if (!error.empty()) return context.reply().error(error);
  add(context, words, options.rules, options.count_updated);
}

void handle_zincrby(DataContext& context) {
  add(context, context.arguments().subspan(2), {.add_to = true}, false);
}

void handle_zrem(DataContext& context) {
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::zset)) return;
  if (entry == nullptr) return context.reply().integer(0);
  const size_t removed = context.writer().zset_remove(context.db(), key, *entry,
                                                      context.arguments().subspan(2), "zrem");
  context.reply().integer(static_cast<int64_t>(removed));
}

void handle_zcard(DataContext& context) {
  const auto view = view_or(context, reply_zero);
  if (view) context.reply().integer(static_cast<int64_t>(view->size()));
}

void handle_zscore(DataContext& context) {
  const auto view = view_or(context, reply_null);
  if (!view) return;
  const auto score = view->score(context.argument(2));
  if (!score) return context.reply().null();
  context.reply().number(*score);
}

void handle_zmscore(DataContext& context) {
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::zset)) return;
  const auto members = context.arguments().subspan(2);
  context.reply().array(members.size());
  for (const std::string_view member : members) {
    context.step();
    const auto score = entry == nullptr ? std::nullopt : ZsetView(*entry).score(member);
    if (score) {
      context.reply().number(*score);
    } else {
      context.reply().null();
    }
  }
}

void handle_zrank(DataContext& context) { reply_rank(context, false); }

void handle_zrevrank(DataContext& context) { reply_rank(context, true); }

void handle_zrandmember(DataContext& context) {
  if (context.count() > 2) return reply_random_members(context);
  const auto view = view_or(context, reply_null);
  if (view) reply_element(context, view->random(context.rng()).member);
}

void handle_zscan(DataContext& context) {
  const auto cursor = parse_cursor(context.argument(2));
  if (!cursor) return context.reply().error(cursor.error());
  const auto view = view_or(context, [](resp::ReplyWriter& reply) {
    reply.array(2);
    reply.bulk("0");
    reply.array(0);
  });
  if (!view) return;
  const auto options = parse_scan_options(context.arguments().subspan(3), ScanKind::elements);
  if (!options) return context.reply().error(options.error());
  std::vector<ZsetView::Member> found;
  char digits[kInt64TextMax + 1];
  const uint64_t next =
      view->scan(*cursor, options->count, [&](const StringView& member, double score) {
        context.step();
        if (options->matches(member.text(digits))) found.push_back({member, score});
      });
  context.reply().array(2);
  context.reply().bulk(std::to_string(next));
  context.reply().array(found.size() * 2);
  for (const ZsetView::Member& member : found) {
    reply_element(context, member.member);
    context.reply().bulk(scanned_score(*view, member.score));
  }
}

}  // namespace quoris::command
