#include "store/zset_value.h"

#include <array>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::store {

namespace {

using Scratch = char[sizeof(double)];

// In a block, as in Redis, -0 is 0.
double without_sign_of_zero(double score) { return score + 0.0; }

StringView packed_score(double score, Scratch& scratch) {
  return score_element(without_sign_of_zero(score), scratch);
}

size_t packed_members_max(const CollectionLimits& limits) {
  return std::min(limits.zset_max_packed_members, kPackedElementsMax / 2);
}

const SortedMembers* members_of(const Entry& entry) {
  return entry.is_large() ? static_cast<const SortedMembers*>(&entry.large()) : nullptr;
}

}  // namespace

// --- rules --------------------------------------------------------------------------------------

ScoreOutcome decide(const ScoreRules& rules, const double* present, double given) {
  if (present == nullptr) {
    if (rules.only_present) return {};
    return {.change = ScoreChange::added, .score = given, .stored = given};
  }
  if (rules.only_new) return {};
  const double score = rules.add_to ? *present + given : given;
  if (std::isnan(score)) return {.change = ScoreChange::not_a_number};
  if (rules.only_greater && score <= *present) return {};
  if (rules.only_less && score >= *present) return {};
  if (score == *present) return {.change = ScoreChange::unchanged, .score = score};
  return {.change = ScoreChange::updated, .score = score, .stored = score};
}

// --- ZsetView -----------------------------------------------------------------------------------

ZsetView::ZsetView(const Entry& entry) : entry_(entry), members_(members_of(entry)) {
  QUORIS_ASSERT(entry.type() == Type::zset);
}

size_t ZsetView::size() const {
  return members_ != nullptr ? members_->size() : packed().count() / kStep;
}

std::optional<double> ZsetView::score(std::string_view member) const {
  if (members_ != nullptr) {
    const SortedMembers::Item* item = members_->find(member, members_->hash_of(member));
    if (item == nullptr) return std::nullopt;
    return item->score();
  }
  const PackedView view = packed();
  const size_t at = view.find(packed::Wanted(packed::best_element(member)), kStep);
  if (at == PackedView::kNone) return std::nullopt;
  return score_of(view.at(view.next(at)));
}

std::optional<size_t> ZsetView::rank(std::string_view member) const {
  if (members_ != nullptr) {
    const SortedMembers::Item* item = members_->find(member, members_->hash_of(member));
    if (item == nullptr) return std::nullopt;
    return members_->tree().rank_of(*item);
  }
  const PackedView view = packed();
  const size_t at = view.find(packed::Wanted(packed::best_element(member)), kStep);
  if (at == PackedView::kNone) return std::nullopt;
  size_t rank = 0;
  for (size_t offset = view.begin(); offset < at; ++rank) offset = view.next(view.next(offset));
  return rank;
}

template <class Before>
ZsetView::Place ZsetView::partition(const Before& before) const {
  const PackedView view = packed();
  Place place{.offset = view.begin()};
  while (place.offset < view.end()) {
    const packed::Decoded member = view.decoded(place.offset);
    const packed::Decoded score = view.decoded(place.offset + member.size);
    if (!before(member.value, score_of(score.value))) break;
    place.offset += member.size + score.size;
    ++place.rank;
  }
  return place;
}

ZsetView::Place ZsetView::place_of(std::string_view member, double score) const {
  char digits[kInt64TextMax + 1];
  return partition([&](const StringView& other, double its_score) {
    return its_score < score || (its_score == score && other.text(digits) < member);
  });
}

size_t ZsetView::rank(const ScoreBound& bound) const {
  if (members_ != nullptr) return members_->tree().rank_of(bound);
  const auto before = [&bound](const StringView&, double score) { return bound.is_behind(score); };
  return partition(before).rank;
}

size_t ZsetView::rank(const LexBound& bound) const {
  if (members_ != nullptr) return members_->tree().rank_of(bound);
  char digits[kInt64TextMax + 1];
  const auto before = [&](const StringView& member, double) {
    return bound.is_behind(member.text(digits));
  };
  return partition(before).rank;
}

ZsetView::Member ZsetView::random(Rng& rng) const {
  QUORIS_ASSERT(size() > 0);
  if (members_ != nullptr) {
    const SortedMembers::Item* item = members_->table().random(rng);
    return {.member = {.bytes = item->member()}, .score = item->score()};
  }
  const PackedView view = packed();
  const size_t offset = view.offset_of(rng.below(size()) * kStep);
  return {.member = view.at(offset), .score = score_of(view.at(view.next(offset)))};
}

// --- ZsetValue ----------------------------------------------------------------------------------

bool ZsetValue::fits(std::string_view member) const {
  const PackedView view(entry_->block());
  return view.count() / ZsetView::kStep < packed_members_max(limits_) &&
         member.size() <= limits_.zset_max_packed_bytes &&
         view.end() + member.size() < kPackedBytesMax;
}

bool ZsetValue::fits(std::span<const ScoredMember> members, const CollectionLimits& limits) {
  if (members.size() > packed_members_max(limits)) return false;
  size_t bytes = 0;
  for (const ScoredMember& member : members) {
    if (member.member.size() > limits.zset_max_packed_bytes) return false;
    bytes += member.member.size();
  }
  return bytes < kPackedBytesMax;
}

std::string ZsetValue::block_of(std::span<const ScoredMember> members) {
  std::string elements;
  Scratch scratch;
  for (const ScoredMember& member : members) {
    packed::append(elements, packed::best_element(member.member));
    packed::append(elements, packed_score(member.score, scratch));
  }
  return packed::block_of(elements, members.size() * ZsetView::kStep);
}

ScoreOutcome ZsetValue::set(std::string_view member, double score, const ScoreRules& rules) {
  QUORIS_ASSERT(!std::isnan(score));
  return entry_->is_large() ? set_large(member, score, rules) : set_packed(member, score, rules);
}

ScoreOutcome ZsetValue::set_packed(std::string_view member, double score, const ScoreRules& rules) {
  const PackedView view(entry_->block());
  const size_t at = view.find(packed::Wanted(packed::best_element(member)), ZsetView::kStep);
  if (at != PackedView::kNone) {
    const double present = score_of(view.at(view.next(at)));
    ScoreOutcome outcome = decide(rules, &present, score);
    outcome.stored = without_sign_of_zero(outcome.stored);
    if (outcome.change == ScoreChange::updated) move_packed(at, member, outcome.stored);
    return outcome;
  }
  ScoreOutcome outcome = decide(rules, nullptr, score);
  if (outcome.change != ScoreChange::added) return outcome;
  if (!fits(member)) {
    make_large();
    return set_large(member, score, rules);
  }
  outcome.stored = without_sign_of_zero(score);
  insert_packed(member, score);
  return outcome;
}

void ZsetValue::move_packed(size_t at, std::string_view member, double score) {
  const PackedView view(entry_->block());
  const size_t behind = view.next(view.next(at));
  const size_t to = ZsetView(*entry_).place_of(member, score).offset;
  if (to == at || to == behind) {
    Scratch scratch;
    entry_ =
        &packed::replace(keyspace_, key_, *entry_, view.next(at), packed_score(score, scratch));
    return;
  }
  entry_ = &packed::erase(keyspace_, key_, *entry_, at, ZsetView::kStep);
  insert_packed(member, score);
}

void ZsetValue::insert_packed(std::string_view member, double score) {
  Scratch scratch;
  const std::array elements = {packed::best_element(member), packed_score(score, scratch)};
  const size_t offset = ZsetView(*entry_).place_of(member, score).offset;
  entry_ = &packed::insert(keyspace_, key_, *entry_, offset, elements);
}

ScoreOutcome ZsetValue::set_large(std::string_view member, double score, const ScoreRules& rules) {
  SortedMembers& members = large();
  const uint64_t hash = members.hash_of(member);
  SortedMembers::Item* item = members.find(member, hash);
  const double present = item == nullptr ? 0 : item->score();
  const ScoreOutcome outcome = decide(rules, item == nullptr ? nullptr : &present, score);
  const size_t memory = members.memory();
  if (outcome.change == ScoreChange::added) {
    members.insert(member, hash, outcome.score);
  } else if (outcome.change == ScoreChange::updated) {
    members.set_score(*item, outcome.score);
  } else {
    return outcome;
  }
  keyspace_.note_large_change(members, memory);
  return outcome;
}

bool ZsetValue::remove(std::string_view member) {
  if (!entry_->is_large()) {
    const PackedView view(entry_->block());
    const size_t at = view.find(packed::Wanted(packed::best_element(member)), ZsetView::kStep);
    if (at == PackedView::kNone) return false;
    entry_ = &packed::erase(keyspace_, key_, *entry_, at, ZsetView::kStep);
    return true;
  }
  SortedMembers& members = large();
  const uint64_t hash = members.hash_of(member);
  SortedMembers::Item* item = members.find(member, hash);
  if (item == nullptr) return false;
  const size_t memory = members.memory();
  members.erase(*item, hash);
  keyspace_.note_large_change(members, memory);
  return true;
}

void ZsetValue::make_large() {
  if (entry_->is_large()) return;
  auto members = std::make_unique<SortedMembers>(keyspace_.secret());
  char digits[kInt64TextMax + 1];
  ZsetView(*entry_).for_each([&](const StringView& member, double score) {
    members->insert(member.text(digits), score);
    return true;
  });
  entry_ = &keyspace_.grow_large(key_, *entry_, std::move(members));
}

}  // namespace quoris::store
