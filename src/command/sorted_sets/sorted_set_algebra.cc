// Unions, intersections and differences of sorted sets and sets (whose members score 1).
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "command/args.h"
#include "command/sorted_sets/sorted_set_access.h"
#include "command/sorted_sets/sorted_set_commands.h"
#include "store/elements.h"
#include "store/set_value.h"

namespace quoris::command {
namespace {

using store::ScoredMember;
using store::ScoreTable;
using store::StringView;

enum class Operation : uint8_t { unite, intersect, subtract };

enum class Aggregate : uint8_t { sum, minimum, maximum };

// Infinities of both signs, and their products with 0, give 0 as in Redis.
double or_zero(double score) { return std::isnan(score) ? 0 : score; }

double aggregated(Aggregate aggregate, double a, double b) {
  switch (aggregate) {
    case Aggregate::minimum:
      return std::min(a, b);
    case Aggregate::maximum:
      return std::max(a, b);
    case Aggregate::sum:
      break;
  }
  return or_zero(a + b);
}

// An input: a sorted set, a set, or nothing at all.
class Input {
 public:
  Input(const store::Entry* entry, double weight) : weight_(weight) {
    if (entry == nullptr) return;
    if (entry->type() == store::Type::zset) {
      zset_.emplace(*entry);
    } else {
      set_.emplace(*entry);
    }
  }

  // Times its weight; NaN where that gives none: in an intersection Redis makes a 0 of the sum
  // only.
  [[nodiscard]] std::optional<double> score(std::string_view member) const {
    if (set_ && set_->contains(member)) return weight_;
    const auto score = zset_ ? zset_->score(member) : std::nullopt;
    if (!score) return std::nullopt;
    return weight_ * *score;
  }

  // `visit(std::string_view member, double score)` returns false to stop.
  template <class Visit>
  void for_each(Visit&& visit) const {
    char digits[kInt64TextMax + 1];
    if (zset_) {
      zset_->for_each([&](const StringView& member, double score) {
        return visit(member.text(digits), weighted(score));
      });
    } else if (set_) {
      set_->for_each(
          [&](const StringView& member) { return visit(member.text(digits), weighted(1)); });
    }
  }

 private:
  [[nodiscard]] double weighted(double score) const { return or_zero(weight_ * score); }

  std::optional<store::ZsetView> zset_;
  std::optional<store::SetView> set_;
  double weight_;
};

// --- the request --------------------------------------------------------------------------------

struct Request {
  size_t first_key = 0;
  size_t keys = 0;
  std::vector<double> weights = {};
  Aggregate aggregate = Aggregate::sum;
  bool with_scores = false;
  uint64_t limit = 0;  // ZINTERCARD: 0 is none
};

// Which options a command has besides.
struct Syntax {
  std::string_view name;
  size_t numkeys_index = 1;
  bool weighs = false;
  bool takes_scores = false;
  bool takes_limit = false;
};

// numkeys and what follows from it.
Parsed<Request> parse_keys(const DataContext& context, const Syntax& syntax) {
  const auto keys = integer_argument(context.argument(syntax.numkeys_index));
  if (!keys) return keys.error();
  if (*keys < 1) return errors::no_input_keys(syntax.name);
  const size_t behind = context.count() - syntax.numkeys_index - 1;
  if (static_cast<uint64_t>(*keys) > behind) return std::string(errors::kSyntax);
  return Request{.first_key = syntax.numkeys_index + 1, .keys = static_cast<size_t>(*keys)};
}

std::optional<Aggregate> aggregate_of(std::string_view word) {
  if (is(word, "SUM")) return Aggregate::sum;
  if (is(word, "MIN")) return Aggregate::minimum;
  if (is(word, "MAX")) return Aggregate::maximum;
  return std::nullopt;
}

// The error, or an empty text.
std::string parse_options(std::span<const std::string_view> words, const Syntax& syntax,
                          Request& request) {
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t behind = words.size() - i - 1;
    if (syntax.weighs && behind >= request.keys && is(words[i], "WEIGHTS")) {
      request.weights.clear();
      for (size_t key = 0; key < request.keys; ++key) {
        const auto weight = parse_double(words[++i]);
        if (!weight) return std::string(errors::kWeightNotFloat);
        request.weights.push_back(*weight);
      }
    } else if (syntax.weighs && behind >= 1 && is(words[i], "AGGREGATE")) {
      const auto aggregate = aggregate_of(words[++i]);
      if (!aggregate) return std::string(errors::kSyntax);
      request.aggregate = *aggregate;
    } else if (syntax.takes_scores && is(words[i], "WITHSCORES")) {
      request.with_scores = true;
    } else if (syntax.takes_limit && behind >= 1 && is(words[i], "LIMIT")) {
      const auto limit = parse_int64(words[++i]);
      if (!limit || *limit < 0) return std::string(errors::kLimitNegative);
      request.limit = static_cast<uint64_t>(*limit);
    } else {
      return std::string(errors::kSyntax);
    }
  }
  return {};
}

// False, and WRONGTYPE is the reply, if a key holds neither a sorted set nor a set. What is expired
// is gone afterwards.
bool check_keys(DataContext& context, const Request& request) {
  for (size_t i = 0; i < request.keys; ++i) {
    context.step();
    const store::Entry* entry = context.find_for_read(context.key(request.first_key + i));
    if (entry == nullptr || entry->type() == store::Type::zset ||
        entry->type() == store::Type::set) {
      continue;
    }
    context.reply().error(errors::kWrongType);
    return false;
  }
  return true;
}

// The request, with its keys checked. Nothing if an error was the reply.
std::optional<Request> read_request(DataContext& context, const Syntax& syntax) {
  auto request = parse_keys(context, syntax);
  if (!request) {
    context.reply().error(request.error());
    return std::nullopt;
  }
  if (!check_keys(context, *request)) return std::nullopt;
  const auto words = context.arguments().subspan(request->first_key + request->keys);
  const std::string error = parse_options(words, syntax, *request);
  if (!error.empty()) {
    context.reply().error(error);
    return std::nullopt;
  }
  return *request;
}

// What the order of inputs is.
enum class Order : uint8_t { as_given, by_size };

// Small ones first means less to do; and sums of doubles depend on the order.
// REQUIRES: check_keys() was true.
std::vector<Input> inputs_of(DataContext& context, const Request& request, Order order) {
  struct Source {
    const store::Entry* entry = nullptr;
    double weight = 1;
    size_t size = 0;
  };

  std::vector<Source> sources;
  for (size_t i = 0; i < request.keys; ++i) {
    const store::Entry* entry = context.keyspace().find(context.key(request.first_key + i));
    sources.push_back({.entry = entry,
                       .weight = request.weights.empty() ? 1 : request.weights[i],
                       .size = entry == nullptr ? 0 : store::collection_size(*entry)});
  }
  if (order == Order::by_size) std::ranges::stable_sort(sources, {}, &Source::size);
  std::vector<Input> inputs;
  inputs.reserve(sources.size());
  for (const Source& source : sources) inputs.emplace_back(source.entry, source.weight);
  return inputs;
}

// --- the operations -----------------------------------------------------------------------------

void put(ScoreTable& result, std::string_view member, double score) {
  result.insert(member, result.hash_of(member)).set_score(score);
}

void unite(DataContext& context, const std::vector<Input>& inputs, Aggregate aggregate,
           ScoreTable& result) {
  for (const Input& input : inputs) {
    input.for_each([&](std::string_view member, double score) {
      context.step();
      const uint64_t hash = result.hash_of(member);
      ScoreTable::Item* item = result.find(member, hash);
      if (item == nullptr) {
        result.insert(member, hash).set_score(score);
      } else {
        item->set_score(aggregated(aggregate, item->score(), score));
      }
      return true;
    });
  }
}

// Calls `visit(member, score)` for members of the first input that the others have too; it returns
// false to stop.
template <class Visit>
void intersect(DataContext& context, const std::vector<Input>& inputs, Aggregate aggregate,
               Visit&& visit) {
  inputs[0].for_each([&](std::string_view member, double score) {
    for (size_t i = 1; i < inputs.size(); ++i) {
      context.step();
      const auto other = inputs[i].score(member);
      if (!other) return true;
      score = aggregated(aggregate, score, *other);
    }
    return visit(member, score);
  });
}

void subtract(DataContext& context, const std::vector<Input>& inputs, ScoreTable& result) {
  inputs[0].for_each([&](std::string_view member, double score) {
    for (size_t i = 1; i < inputs.size(); ++i) {
      context.step();
      if (inputs[i].score(member)) return true;
    }
    put(result, member, score);
    return true;
  });
}

void run(DataContext& context, Operation operation, const Request& request, ScoreTable& result) {
  const Order order = operation == Operation::subtract ? Order::as_given : Order::by_size;
  const std::vector<Input> inputs = inputs_of(context, request, order);
  switch (operation) {
    case Operation::unite:
      return unite(context, inputs, request.aggregate, result);
    case Operation::intersect:
      return intersect(context, inputs, request.aggregate,
                       [&result](std::string_view member, double score) {
                         put(result, member, score);
                         return true;
                       });
    case Operation::subtract:
      return subtract(context, inputs, result);
  }
}

std::vector<ScoredMember> members_of(const ScoreTable& table) {
  std::vector<ScoredMember> members;
  members.reserve(table.size());
  table.for_each([&members](const ScoreTable::Item& item) {
    members.push_back({.score = item.score(), .member = item.member()});
    return true;
  });
  return members;
}

void reply_result(DataContext& context, Operation operation, const Syntax& syntax) {
  const auto request = read_request(context, syntax);
  if (!request) return;
  ScoreTable result(context.keyspace().secret());
  run(context, operation, *request, result);
  std::vector<ScoredMember> members = members_of(result);
  std::sort(members.begin(), members.end());
  const MemberForm form = request->with_scores ? MemberForm::pairs_if_resp3 : MemberForm::alone;
  reply_member_count(context, members.size(), form);
  for (const ScoredMember& member : members) {
    context.step();
    reply_scored(context, {.bytes = member.member}, member.score, form);
  }
}

void store_result(DataContext& context, Operation operation, const Syntax& syntax) {
  const auto request = read_request(context, syntax);
  if (!request) return;
  ScoreTable result(context.keyspace().secret());
  run(context, operation, *request, result);
  std::vector<ScoredMember> members = members_of(result);
  context.writer().zset_store(context.db(), context.key(1), members, syntax.name);
  context.reply().integer(static_cast<int64_t>(members.size()));
}

}  // namespace

void handle_zunion(DataContext& context) {
  reply_result(context, Operation::unite, {.name = "zunion", .weighs = true, .takes_scores = true});
}

void handle_zinter(DataContext& context) {
  reply_result(context, Operation::intersect,
               {.name = "zinter", .weighs = true, .takes_scores = true});
}

void handle_zdiff(DataContext& context) {
  reply_result(context, Operation::subtract, {.name = "zdiff", .takes_scores = true});
}

void handle_zunionstore(DataContext& context) {
  store_result(context, Operation::unite,
               {.name = "zunionstore", .numkeys_index = 2, .weighs = true});
}

void handle_zinterstore(DataContext& context) {
  store_result(context, Operation::intersect,
               {.name = "zinterstore", .numkeys_index = 2, .weighs = true});
}

void handle_zdiffstore(DataContext& context) {
  store_result(context, Operation::subtract, {.name = "zdiffstore", .numkeys_index = 2});
}

void handle_zintercard(DataContext& context) {
  const auto request = read_request(context, {.name = "zintercard", .takes_limit = true});
  if (!request) return;
  const std::vector<Input> inputs = inputs_of(context, *request, Order::by_size);
  uint64_t count = 0;
  intersect(context, inputs, Aggregate::sum, [&](std::string_view, double) {
    context.step();
    return ++count != request->limit;
  });
  context.reply().integer(static_cast<int64_t>(count));
}

}  // namespace quoris::command
