// HRANDFIELD: fields by chance, each as likely as any other.
#include <unordered_set>
#include <vector>

#include "command/hashes/hash_commands.h"
#include "command/random_elements.h"
#include "command/value_access.h"
#include "store/hash_value.h"

namespace quoris::command {
namespace {

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
    reply_element(context_, pair.field);
    if (with_values_) reply_element(context_, pair.value);
  }

 private:
  DataContext& context_;
  bool with_values_;
  bool nested_ = false;
};

// A negative count: the same field may come again.
void reply_draws(DataContext& context, const store::Entry& entry, uint64_t count, Pairs& pairs) {
  const store::HashView hash(entry);
  if (!check_draws(context, entry, hash.size(), count)) return;
  pairs.begin(count);
  if (hash.table() != nullptr) {
    for (uint64_t i = 0; i < count; ++i) pairs.add(hash.random(context.rng()));
    return;
  }
  // A block is walked once, not for each draw.
  std::vector<Pair> all;
  hash.for_each([&all](const store::StringView& field, const store::StringView& value) {
    all.push_back({.field = field, .value = value});
    return true;
  });
  for (uint64_t i = 0; i < count; ++i) pairs.add(all[context.rng().below(all.size())]);
}

// `count` of the fields, none twice, by one walk.
void reply_sample_by_walk(DataContext& context, const store::HashView& hash, size_t count,
                          Pairs& pairs) {
  WalkSample sample(context.rng(), count, hash.size());
  hash.for_each([&](const store::StringView& field, const store::StringView& value) {
    if (sample.takes_next()) {
      pairs.add({.field = field, .value = value});
    } else {
      context.step();
    }
    return !sample.done();
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

void random_many(DataContext& context) {
  const auto options = parse_random_options(context.arguments().subspan(2), "WITHVALUES");
  if (!options) return context.reply().error(options.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::hash)) return;
  if (entry == nullptr || options->count == 0) return context.reply().array(0);
  Pairs pairs(context, options->with_other);
  if (options->count > 0) {
    const store::HashView hash(*entry);
    const size_t count = std::min(static_cast<size_t>(options->count), hash.size());
    return reply_sample(context, hash, count, pairs);
  }
  reply_draws(context, *entry, static_cast<uint64_t>(-options->count), pairs);
}

}  // namespace

void handle_hrandfield(DataContext& context) {
  if (context.count() > 2) return random_many(context);
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::hash)) return;
  if (entry == nullptr) return context.reply().null();
  reply_element(context, store::HashView(*entry).random(context.rng()).field);
}

}  // namespace quoris::command
