// SPOP and SRANDMEMBER: members by chance, each as likely as any other.
#include <limits>
#include <unordered_set>

#include "command/args.h"
#include "command/random_elements.h"
#include "command/sets/set_access.h"
#include "command/sets/set_commands.h"

namespace quoris::command {
namespace {

constexpr int64_t kCountMax = std::numeric_limits<int64_t>::max();

// Takes `count` members out and replies each.
void pop(DataContext& context, const store::HashedKey& key, store::Entry& entry, size_t count) {
  const auto taken = [&context](const store::StringView& member) {
    context.step();
    reply_element(context, member);
  };
  context.writer().set_pop(context.db(), key, entry, count, taken, "spop");
}

void pop_many(DataContext& context) {
  const auto count = integer_argument(context.argument(2), 0, kCountMax, errors::kNotPositive);
  if (!count) return context.reply().error(count.error());
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr || *count == 0) return context.reply().set(0);
  const size_t popped = std::min(static_cast<size_t>(*count), store::SetView(*entry).size());
  context.reply().set(popped);
  pop(context, key, *entry, popped);
}

// SRANDMEMBER with a negative count: the same member may come again.
void reply_draws(DataContext& context, const store::Entry& entry, uint64_t count) {
  const store::SetView set(entry);
  if (!check_draws(context, entry, set.size(), count)) return;
  context.reply().array(count);
  for (uint64_t i = 0; i < count; ++i) {
    context.step();
    reply_element(context, set.random(context.rng()));
  }
}

// `count` of the members, none twice, by one walk.
void reply_sample_by_walk(DataContext& context, const store::SetView& set, size_t count) {
  WalkSample sample(context.rng(), count, set.size());
  set.for_each([&](const store::StringView& member) {
    context.step();
    if (sample.takes_next()) reply_element(context, member);
    return !sample.done();
  });
}

// The same by drawing until enough have come that did not come before.
void reply_sample_by_draws(DataContext& context, const store::SetTable& table, size_t count) {
  std::unordered_set<const store::SetTable::Item*> drawn;
  while (drawn.size() < count) {
    context.step();
    const store::SetTable::Item* item = table.random(context.rng());
    if (drawn.insert(item).second) context.reply().bulk(item->member());
  }
}

void reply_sample(DataContext& context, const store::SetView& set, size_t count) {
  // From this share of the members on a walk is cheaper than drawing.
  constexpr size_t kWalkShare = 3;
  context.reply().array(count);
  if (count == set.size()) return reply_members(context, set);
  const bool few = set.table() != nullptr && count <= set.size() / kWalkShare;
  if (few) return reply_sample_by_draws(context, *set.table(), count);
  reply_sample_by_walk(context, set, count);
}

void random_many(DataContext& context) {
  const auto options = parse_random_options(context.arguments().subspan(2), {});
  if (!options) return context.reply().error(options.error());
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr || options->count == 0) return context.reply().array(0);
  if (options->count < 0) {
    return reply_draws(context, *entry, static_cast<uint64_t>(-options->count));
  }
  const store::SetView set(*entry);
  reply_sample(context, set, std::min(static_cast<size_t>(options->count), set.size()));
}

}  // namespace

void handle_spop(DataContext& context) {
  if (context.count() > 3) return context.reply().error(errors::kSyntax);
  if (context.count() == 3) return pop_many(context);
  const store::HashedKey key = context.key(1);
  store::Entry* entry = context.find_for_write(key);
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr) return context.reply().null();
  pop(context, key, *entry, 1);
}

void handle_srandmember(DataContext& context) {
  if (context.count() > 3) return context.reply().error(errors::kSyntax);
  if (context.count() == 3) return random_many(context);
  const store::Entry* entry = context.find_for_read(context.key(1));
  if (!check_type(context, entry, store::Type::set)) return;
  if (entry == nullptr) return context.reply().null();
  reply_element(context, store::SetView(*entry).random(context.rng()));
}

}  // namespace quoris::command
