// What the moves between lists and their forms that wait share.
//
// Used by: list_moves.cc, list_blocking.cc.
#pragma once

#include <span>
#include <string_view>

#include "command/lists/list_access.h"

namespace quoris::command {

// LMOVE of the keys at arguments 1 and 2, with the item as the reply. False, and no reply, if the
// source is not there.
[[nodiscard]] bool move_item(DataContext& context, ListEnd from, ListEnd to);

// LMPOP's arguments from `numkeys` on.
struct MultiPop {
  size_t first_key = 0;
  size_t keys = 0;
  ListEnd end = ListEnd::head;
  size_t count = 1;
};

[[nodiscard]] Parsed<MultiPop> parse_multi_pop(DataContext& context, size_t at);

// Pops from the first of the keys that is there and replies with the key and the items; an error if
// it holds no list. False, and no reply, if none is there.
[[nodiscard]] bool pop_first(DataContext& context, const MultiPop& request);

}  // namespace quoris::command
