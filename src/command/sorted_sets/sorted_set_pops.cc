// What takes members off an end: ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait for them.
#include <limits>

#include "command/args.h"
#include "command/sorted_sets/sorted_set_access.h"
#include "command/sorted_sets/sorted_set_commands.h"

namespace quoris::command {
namespace {

enum class End : uint8_t { lowest, highest };

// A set that members are taken from.
struct Source {
  size_t key_index = 0;
  store::Entry* entry = nullptr;
};

enum class Search : uint8_t { found, nothing, replied };

// The first of the keys, which are `count` arguments from `first` on, that holds something.
Search find_source(DataContext& context, size_t first, size_t count, Source& source) {
  for (size_t i = first; i < first + count; ++i) {
    context.step();
    store::Entry* entry = context.find_for_write(context.key(i));
    if (entry == nullptr) continue;
    if (!check_type(context, entry, store::Type::zset)) return Search::replied;
    source = {.key_index = i, .entry = entry};
    return Search::found;
  }
  return Search::nothing;
}

// How the popped members stand in the reply: as an array, or as what follows (BZPOPMIN).
enum class Framing : uint8_t { array, none };

void pop(DataContext& context, const Source& source, End end, uint64_t count_max, MemberForm form,
         Framing framing = Framing::array) {
  const store::ZsetView view(*source.entry);
  const size_t count = std::min<uint64_t>(count_max, view.size());
  const bool descending = end == End::highest;
  const size_t rank = descending ? view.size() - count : 0;
  if (framing == Framing::array) reply_member_count(context, count, form);
  view.for_each(rank, count, descending, [&](const store::StringView& member, double score) {
    context.step();
    reply_scored(context, member, score, form);
    return true;
  });
  if (count == 0) return;
  context.writer().zset_remove_range(context.db(), context.key(source.key_index), *source.entry,
                                     rank, count, descending ? "zpopmax" : "zpopmin");
}

void pop_one_key(DataContext& context, End end) {
  if (context.count() > 3) return context.reply().error(errors::kSyntax);
  const bool counted = context.count() == 3;
  uint64_t count = 1;
  if (counted) {
    const auto given = integer_argument(context.argument(2), 0, std::numeric_limits<int64_t>::max(),
                                        errors::kNotPositive);
    if (!given) return context.reply().error(given.error());
    count = static_cast<uint64_t>(*given);
  }
  Source source;
  switch (find_source(context, 1, 1, source)) {
    case Search::replied:
      return;
    case Search::nothing:
      return context.reply().array(0);
    case Search::found:
      break;
  }
  pop(context, source, end, count, counted ? MemberForm::pairs_if_resp3 : MemberForm::flat);
}

struct PopRequest {
  size_t first_key = 0;
  size_t keys = 0;
  End end = End::lowest;
  uint64_t count = 1;
};

// numkeys key ... MIN|MAX [COUNT count], from the argument at `at` on.
Parsed<PopRequest> parse_pop_request(const DataContext& context, size_t at) {
  constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
  const auto keys =
      integer_argument(context.argument(at), 1, kHighest, errors::kNumkeysNotPositive);
  if (!keys) return keys.error();
  const size_t behind = context.count() - at - 1;
  if (static_cast<uint64_t>(*keys) >= behind) return std::string(errors::kSyntax);
  PopRequest request{.first_key = at + 1, .keys = static_cast<size_t>(*keys)};
  const auto words = context.arguments().subspan(request.first_key + request.keys);
  if (is(words[0], "MAX")) {
    request.end = End::highest;
  } else if (!is(words[0], "MIN")) {
    return std::string(errors::kSyntax);
  }
  if (words.size() == 1) return request;
  if (words.size() == 2 || !is(words[1], "COUNT")) return std::string(errors::kSyntax);
  const auto count = integer_argument(words[2], 1, kHighest, errors::kCountNotPositive);
  if (!count) return count.error();
  if (words.size() > 3) return std::string(errors::kSyntax);
  request.count = static_cast<uint64_t>(*count);
  return request;
}

void pop_request(DataContext& context, const PopRequest& request, const Source& source) {
  context.reply().array(2);
  context.reply().bulk(context.argument(source.key_index));
  pop(context, source, request.end, request.count, MemberForm::pairs);
}

void wait(DataContext& context, size_t first_key, size_t keys, int64_t timeout_ms) {
  context.wait({.keys = context.arguments().subspan(first_key, keys),
                .type = store::Type::zset,
                .timeout_ms = timeout_ms});
}

void pop_or_wait(DataContext& context, End end) {
  const size_t last = context.count() - 1;
  const auto timeout_ms = timeout_argument(context.argument(last), context.now_ms());
  if (!timeout_ms) return context.reply().error(timeout_ms.error());
  Source source;
  switch (find_source(context, 1, last - 1, source)) {
    case Search::replied:
      return;
    case Search::nothing:
      return wait(context, 1, last - 1, *timeout_ms);
    case Search::found:
      break;
  }
  context.reply().array(3);
  context.reply().bulk(context.argument(source.key_index));
  pop(context, source, end, 1, MemberForm::flat, Framing::none);
}

}  // namespace

void handle_zpopmin(DataContext& context) { pop_one_key(context, End::lowest); }

void handle_zpopmax(DataContext& context) { pop_one_key(context, End::highest); }

void handle_zmpop(DataContext& context) {
  const auto request = parse_pop_request(context, 1);
  if (!request) return context.reply().error(request.error());
  Source source;
  const Search search = find_source(context, request->first_key, request->keys, source);
  if (search == Search::nothing) return context.reply().null_array();
  if (search == Search::found) pop_request(context, *request, source);
}

void handle_bzpopmin(DataContext& context) { pop_or_wait(context, End::lowest); }

void handle_bzpopmax(DataContext& context) { pop_or_wait(context, End::highest); }

void handle_bzmpop(DataContext& context) {
  const auto request = parse_pop_request(context, 2);
  if (!request) return context.reply().error(request.error());
  const auto timeout_ms = timeout_argument(context.argument(1), context.now_ms());
  if (!timeout_ms) return context.reply().error(timeout_ms.error());
  Source source;
  const Search search = find_source(context, request->first_key, request->keys, source);
  if (search == Search::nothing) {
    return wait(context, request->first_key, request->keys, *timeout_ms);
  }
  if (search == Search::found) pop_request(context, *request, source);
}

}  // namespace quoris::command
