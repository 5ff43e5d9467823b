#include "server/commands/persistence_commands.h"

#include "command/args.h"
#include "command/errors.h"
#include "server/node.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;

// Nothing can be saved where there is no directory.
bool can_save(NodeContext& context) {
  if (context.node().durability().directory() != nullptr) return true;
  context.reply().error(errors::kCannotSave);
  return false;
}

// One more behind the one that runs is enough for all who ask. False: one ran.
bool begin_or_schedule(Saving& saving, Saving::Kind kind) {
  if (!saving.is_running()) {
    saving.begin(kind, {});
    return true;
  }
  if (!saving.is_another_scheduled()) saving.schedule_another(kind, {});
  return false;
}

}  // namespace

// Redis serves nobody while it saves; here only the caller waits.
void handle_save(NodeContext& context) {
  if (!can_save(context)) return;
  Node& node = context.node();
  Saving& saving = node.durability().saving();
  if (saving.is_running()) return context.reply().error(errors::kSaveInProgress);
  const auto failed = std::make_shared<bool>(false);
  node.block(context.session(), 0, [failed](resp::ReplyWriter& reply, UnblockReason reason) {
    if (reason == UnblockReason::client_unblock) return reply.error(errors::kUnblocked);
    if (*failed) return reply.error(errors::kSaveFailed);
    reply.ok();
  });
  saving.begin(Saving::Kind::snapshot,
               [&node, id = context.session().id(), failed](const Error* error) {
                 Session* session = node.find_session(id);
                 if (session == nullptr || !session->is_blocked()) return;
                 *failed = error != nullptr;
                 node.unblock(*session, UnblockReason::ready);
               });
}

void handle_bgsave(NodeContext& context) {
  bool schedule = false;
  if (context.count() > 1) {
    if (context.count() > 2 || !command::is(context.argument(1), "SCHEDULE")) {
      return context.reply().error(errors::kSyntax);
    }
    schedule = true;
  }
  if (!can_save(context)) return;
  Saving& saving = context.node().durability().saving();
  const bool in_exec = context.session().in_exec();
  if (saving.is_running() && !schedule && !in_exec) {
    return context.reply().error(saving.is_running(Saving::Kind::rewrite)
                                     ? errors::kNoSaveBesideRewrite
                                     : errors::kSaveInProgress);
  }
  const bool begun = begin_or_schedule(saving, Saving::Kind::snapshot);
  context.reply().simple(begun && !in_exec ? "Background saving started"
                                           : "Background saving scheduled");
}

void handle_bgrewriteaof(NodeContext& context) {
  if (!can_save(context)) return;
  Saving& saving = context.node().durability().saving();
  const bool in_exec = context.session().in_exec();
  if (saving.is_running(Saving::Kind::rewrite) && !in_exec) {
    return context.reply().error(errors::kRewriteInProgress);
  }
  const bool begun = begin_or_schedule(saving, Saving::Kind::rewrite);
  context.reply().simple(begun && !in_exec ? "Background append only file rewriting started"
                                           : "Background append only file rewriting scheduled");
}

void handle_lastsave(NodeContext& context) {
  const Durability& durability = context.node().durability();
  const bool can_save = durability.directory() != nullptr;
  context.reply().integer(can_save ? durability.saving().figures().last_save_s
                                   : context.node().started_at_s());
}

}  // namespace quoris::server
