#include "store/elements.h"

#include "base/assert.h"
#include "store/hash_value.h"
#include "store/list_value.h"
#include "store/score.h"
#include "store/set_value.h"
#include "store/zset_value.h"

namespace quoris::store {

namespace {

// How a mutation carries an element.
void append_element(std::string& out, const StringView& element) {
  packed::append(out, element.is_integer ? element : packed::best_element(element.bytes));
}

void append_pair(std::string& out, const StringView& field, const StringView& value) {
  append_element(out, field);
  append_element(out, value);
}

void append_member(std::string& out, const StringView& member, double score) {
  char scratch[sizeof score];
  append_element(out, member);
  packed::append(out, score_element(score, scratch));
}

// Runs of elements up to a size.
class Pieces {
 public:
  using Sink = std::function<void(std::string_view, size_t)>;

  Pieces(size_t bytes, const Sink& sink) : bytes_(bytes), sink_(sink) {}

  std::string& run() { return run_; }

  // An item, member or field with what belongs to it is complete. Always true.
  bool complete() {
    ++count_;
    if (run_.size() >= bytes_) hand_on();
    return true;
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
    append_element(pieces.run(), member);
    return pieces.complete();
  });
}

void pieces_of(const HashView& hash, Pieces& pieces) {
  hash.for_each([&pieces](const StringView& field, const StringView& value) {
    append_pair(pieces.run(), field, value);
    return pieces.complete();
  });
}

void pieces_of(const ListView& list, Pieces& pieces) {
  if (list.size() == 0) return;
  list.forward(0, [&pieces](const StringView& item) {
    packed::append(pieces.run(), item);
    return pieces.complete();
  });
}

void pieces_of(const ZsetView& zset, Pieces& pieces) {
  zset.for_each([&pieces](const StringView& member, double score) {
    append_member(pieces.run(), member, score);
    return pieces.complete();
  });
}

// `append(out, parts of an element...)`.
template <class View, class Append>
ScannedElements scan_view(const View& view, uint64_t cursor, size_t bytes, std::string& out,
                          const Append& append) {
  constexpr size_t kAtOnce = 16;
  ScannedElements scanned{.cursor = cursor};
  const size_t end = out.size() + bytes;
  do {
    scanned.cursor = view.scan(scanned.cursor, kAtOnce, [&](const auto&... parts) {
      append(out, parts...);
      ++scanned.count;
    });
  } while (scanned.cursor != 0 && (scanned.count == 0 || out.size() < end));
  return scanned;
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

ScannedElements scan_elements(const Entry& entry, uint64_t cursor, size_t bytes, std::string& out) {
  QUORIS_ASSERT(entry.is_large());
  switch (entry.type()) {
    case Type::set:
      return scan_view(SetView(entry), cursor, bytes, out, &append_element);
    case Type::hash:
      return scan_view(HashView(entry), cursor, bytes, out, &append_pair);
    case Type::zset:
      return scan_view(ZsetView(entry), cursor, bytes, out, &append_member);
    default:
      break;
  }
  QUORIS_ASSERT(false);
  return {};
}

}  // namespace quoris::store
