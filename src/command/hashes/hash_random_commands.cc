// HRANDFIELD: fields by chance, each as likely as any other.
#include <limits>
#include <unordered_set>
#include <vector>

#include "command/args.h"
#include "command/hashes/hash_access.h"
#include "command/hashes/hash_commands.h"

namespace quoris::command {
namespace {

constexpr int64_t kCountMax = std::numeric_limits<int64_t>::max();

using Pair = store::HashView::Pair;

// Writes fields, with their values if wanted: pairs of RESP3 are arrays of their own.
class Pairs {
 public:
  Pairs(DataContext& context, bool with_values) : context_(context), with_values_(with_values) {}

  void begin(uint64_t count) {
    const bool flat = context_.reply().protocol() == resp::Protocol::resp2;
    nested_ = with_values_ && !flat;
    context_.reply().array(with_values_ && flat ? 2 * count : count);
  }

  void add(const Pair& pair) {
    context_.step();
    if (nested_) context_.reply().array(2);
    reply_part(context_, pair.field);
    if (with_values_) reply_part(context_, pair.value);
  }

 private:
  DataContext& context_;
  bool with_values_;
  bool nested_ = false;
};

// A negative count: the same field may come again. False if the reply would be past all bounds:
// the count is the client's, and so are the lengths of fields and values.
bool reply_draws(DataContext& context, const store::Entry& entry, uint64_t count, Pairs& pairs) {
  const store::HashView hash(entry);
  const uint64_t mean_size = entry.memory() / hash.size() + 1;
  if (count > context.settings().proto_max_bulk_len / mean_size) return false;
  pairs.begin(count);
  if (hash.table() != nullptr) {
    for (uint64_t i = 0; i < count; ++i) pairs.add(hash.random(context.rng()));
    return true;
  }
  // A block is walked once, not for each draw.
  std::vector<Pair> all;
  hash.for_each([&all](const store::StringView& field, const store::StringView& value) {
    all.push_back({.field = field, .value = value});
    return true;
  });
  for (uint64_t i = 0; i < count; ++i) pairs.add(all[context.rng().below(all.size())]);
  return true;
}

// `count` of the fields, none twice, by one walk: the i-th is taken with the likelihood that what
// is still wanted has among what is still to come.
void reply_sample_by_walk(DataContext& context, const store::HashView& hash, size_t count,
                          Pairs& pairs) {
  size_t wanted = count;
  size_t left = hash.size();
  hash.for_each([&](const store::StringView& field, const store::StringView& value) {
    const bool all = wanted == left;
    if (all || context.rng().below(left) < wanted) {
      pairs.add({.field = field, .value = value});
      --wanted;
    } else {
      context.step();
    }
    --left;
    return wanted > 0;
  });
}

// The same by drawing until enough have come that did not come before.
void reply_sample_by_draws(DataContext& context, const store::HashTable& table, size_t count,
                           Pairs& pairs) {
  std::unordered_set<const store::HashTable::Item*> drawn;
  while (drawn.size() < count) {
    const store::HashTable::Item* item = table.random(context.rng());
    if (!drawn.insert(item).second) {
      context.step();
      continue;
    }
    pairs.add({.field = {.bytes = item->member()}, .value = {.bytes = item->value()}});
  }
}

void reply_sample(DataContext& context, const store::HashView& hash, size_t count, Pairs& pairs) {
  // From this share of the fields on a walk is cheaper than drawing.
  constexpr size_t kWalkShare = 3;
  pairs.begin(count);
  const bool few = hash.table() != nullptr && count <= hash.size() / kWalkShare;
  if (few) return reply_sample_by_draws(context, *hash.table(), count, pairs);
  reply_sample_by_walk(context, hash, count, pairs);
}

struct RandomOptions {
  int64_t count = 0;
  bool with_values = false;
};

Parsed<RandomOptions> parse_random_options(std::span<const std::string_view> words) {
  RandomOptions options;
  const auto count = integer_argument(words[0]);
  if (!count) return count.error();
  if (*count < -kCountMax) return errors::not_between(-kCountMax, kCountMax);
  if (words.size() > 2) return std::string(errors::kSyntax);
  if (words.size() == 2) {
    if (!is(words[1], "WITHVALUES")) return std::string(errors::kSyntax);
    // Twice the count has to be a number, too.
    if (*count < -(kCountMax / 2) || *count > kCountMax / 2) {
      return std::string(errors::kCountOutOfRange);
    }
    options.with_values = true;
  }
  options.count = *count;
  return options;
}

void random_many(DataContext& context) {
  const auto options = parse_random_options(context.arguments().subspan(2));
  if (!options) return context.reply().error(options.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_hash(context, entry)) return;
  if (entry == nullptr || options->count == 0) return context.reply().array(0);
  Pairs pairs(context, options->with_values);
  if (options->count > 0) {
    const store::HashView hash(*entry);
    const size_t count = std::min(static_cast<size_t>(options->count), hash.size());
    return reply_sample(context, hash, count, pairs);
  }
  if (reply_draws(context, *entry, static_cast<uint64_t>(-options->count), pairs)) return;
  context.reply().error(errors::kReplyTooLarge);
}

}  // namespace

void handle_hrandfield(DataContext& context) {
  if (context.count() > 2) return random_many(context);
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_hash(context, entry)) return;
  if (entry == nullptr) return context.reply().null();
  reply_part(context, store::HashView(*entry).random(context.rng()).field);
}

}  // namespace quoris::command
