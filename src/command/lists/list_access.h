// What list handlers share: the ends of a list, and taking items off them.
//
// Used by: the handlers in this folder.
#pragma once

#include <optional>

#include "command/args.h"
#include "command/value_access.h"
#include "store/list_value.h"

namespace quoris::command {

enum class ListEnd : uint8_t { head, tail };

// LEFT or RIGHT.
[[nodiscard]] inline std::optional<ListEnd> end_argument(std::string_view word) {
  if (is(word, "LEFT")) return ListEnd::head;
  if (is(word, "RIGHT")) return ListEnd::tail;
  return std::nullopt;
}

// The keyspace events of a pop and a push there.
[[nodiscard]] constexpr std::string_view pop_event(ListEnd end) {
  return end == ListEnd::head ? "lpop" : "rpop";
}

[[nodiscard]] constexpr std::string_view push_event(ListEnd end) {
  return end == ListEnd::head ? "lpush" : "rpush";
}

// REQUIRES: both in their best form, as a list holds its items.
[[nodiscard]] inline bool equal_items(const store::StringView& a, const store::StringView& b) {
  return a.is_integer == b.is_integer &&
         (a.is_integer ? a.integer == b.integer : a.bytes == b.bytes);
}

[[nodiscard]] inline size_t list_size(const store::Entry* entry) {
  return entry == nullptr ? 0 : store::ListView(*entry).size();
}

// Replies with the item at the end of a list and takes it off. REQUIRES: the entry holds a list.
void pop_item(DataContext& context, const store::HashedKey& key, store::Entry& entry, ListEnd end);

// Up to so many of them as an array, the outermost first.
void pop_items(DataContext& context, const store::HashedKey& key, store::Entry& entry, ListEnd end,
               size_t count_max);

}  // namespace quoris::command
