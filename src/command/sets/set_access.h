// What set handlers share: the check of a value's type, members as replies.
//
// Used by: the handlers in set_*.cc.
#pragma once

#include "command/data_context.h"
#include "command/errors.h"
#include "store/set_value.h"

namespace quoris::command {

// False, and WRONGTYPE is the reply, if the entry holds no set. No entry at all passes.
[[nodiscard]] inline bool check_set(DataContext& context, const store::Entry* entry) {
  if (entry == nullptr || entry->type() == store::Type::set) [[likely]] {
    return true;
  }
  context.reply().error(errors::kWrongType);
  return false;
}

inline void reply_member(DataContext& context, const store::StringView& member) {
  if (member.is_integer) {
    context.reply().bulk_integer(member.integer);
  } else {
    context.reply().bulk(member.bytes);
  }
}

// The members one after the other, behind the caller's header.
inline void reply_members(DataContext& context, const store::SetView& set) {
  set.for_each([&context](const store::StringView& member) {
    context.step();
    reply_member(context, member);
    return true;
  });
}

}  // namespace quoris::command
