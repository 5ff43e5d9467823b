#include "store/elements.h"

#include "base/assert.h"
#include "store/hash_value.h"
#include "store/list_value.h"
#include "store/score.h"
#include "store/set_value.h"
#include "store/zset_value.h"

namespace quoris::store {

namespace {

// Runs of elements up to a size.
class Pieces {
 public:
  using Sink = std::function<void(std::string_view, size_t)>;

  Pieces(size_t bytes, const Sink& sink) : bytes_(bytes), sink_(sink) {}

  void add(const StringView& element) { packed::append(run_, element); }

  // An item, member or field with what belongs to it is complete.
  void complete() {
    ++count_;
    if (run_.size() >= bytes_) hand_on();
  }

  void hand_on() {
    if (count_ > 0) sink_(run_, count_);
    run_.clear();
    count_ = 0;
  }

 private:
  size_t bytes_;
  const Sink& sink_;
  std::string run_;
  size_t count_ = 0;
};

void pieces_of(const SetView& set, Pieces& pieces) {
  set.for_each([&pieces](const StringView& member) {
    pieces.add(member.is_integer ? member : packed::best_element(member.bytes));
    pieces.complete();
    return true;
  });
}

void pieces_of(const HashView& hash, Pieces& pieces) {
  hash.for_each([&pieces](const StringView& field, const StringView& value) {
    for (const StringView& part : {field, value}) {
      pieces.add(part.is_integer ? part : packed::best_element(part.bytes));
    }
    pieces.complete();
    return true;
  });
}

void pieces_of(const ListView& list, Pieces& pieces) {
  if (list.size() == 0) return;
  list.forward(0, [&pieces](const StringView& item) {
    pieces.add(item);
    pieces.complete();
    return true;
  });
}

void pieces_of(const ZsetView& zset, Pieces& pieces) {
  zset.for_each([&pieces](const StringView& member, double score) {
    char scratch[sizeof score];
    pieces.add(member.is_integer ? member : packed::best_element(member.bytes));
    pieces.add(score_element(score, scratch));
    pieces.complete();
    return true;
  });
}

size_t elements_per_item(Type type) { return type == Type::hash || type == Type::zset ? 2 : 1; }

}  // namespace

size_t collection_size(const Entry& entry) {
  if (entry.is_large()) return entry.large().size();
  if (entry.encoding() == Encoding::intset) return IntsetView(entry.block()).size();
  return PackedView(entry.block()).count() / elements_per_item(entry.type());
}

void for_each_piece(const Entry& entry, size_t bytes,
                    const std::function<void(std::string_view, size_t)>& piece) {
  if (entry.encoding() == Encoding::packed) {
    return piece(PackedView(entry.block()).elements(), collection_size(entry));
  }
  Pieces pieces(bytes, piece);
  switch (entry.type()) {
    case Type::set:
      pieces_of(SetView(entry), pieces);
      break;
    case Type::hash:
      pieces_of(HashView(entry), pieces);
      break;
    case Type::list:
      pieces_of(ListView(entry), pieces);
      break;
    case Type::zset:
      pieces_of(ZsetView(entry), pieces);
      break;
    default:
      QUORIS_ASSERT(false);
  }
  pieces.hand_on();
}

}  // namespace quoris::store
