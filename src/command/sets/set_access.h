// What set handlers share: members as replies.
//
// Used by: the handlers in set_*.cc.
#pragma once

#include "command/value_access.h"
#include "store/set_value.h"

namespace quoris::command {

// The members one after the other, behind the caller's header.
inline void reply_members(DataContext& context, const store::SetView& set) {
  set.for_each([&context](const store::StringView& member) {
    context.step();
    reply_element(context, member);
    return true;
  });
}

}  // namespace quoris::command
