// Dispatcher: runs a request: finds its row, passes the gates in Redis's order, executes or
// queues it, and keeps the figures.
//
// Executed in batches: plan() looks the commands up and prefetches their keys, execute() runs
// them in order. A transaction's commands run through the same call().
// Used by: Node::run_turn, EXEC. Source: the order of checks is redis-server 7.0.15's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/data_context.h"
#include "command/table.h"
#include "server/session.h"

namespace quoris::server {

class Node;

// A key of a request that is hashed already; argument 0 (the command's name): none.
struct PlannedKey {
  uint32_t argument = 0;
  uint64_t hash = 0;
};

// A command about to run, looked up and prefetched. The arguments lie in the session's reader.
struct Planned {
  Session* session = nullptr;
  std::span<const std::string_view> arguments = {};
  const command::Command* command = nullptr;  // null: unknown; resolved to the subcommand
  PlannedKey key = {};
};

// A command that waited and is run again.
struct Rerun {
  const command::Command& command;
  std::span<const std::string_view> arguments;  // as the handler is to see them
  std::span<const std::string_view> sent;       // as the client sent them
  uint64_t spent_ns = 0;                        // before it waited
};

class Dispatcher {
 public:
  explicit Dispatcher(Node& node) : node_(node) {}

  // Before a batch runs. A command's time begins where the last one's ended: one look at the clock
  // for each.
  void begin_batch() { read_clock(); }

  // Looks up, resolves subcommands, hashes and prefetches.
  void plan(Planned& planned);

  // Runs one request of a client: gates, MULTI queue, call. Returns false if the command must
  // wait (CLIENT PAUSE): it was not touched and comes again.
  [[nodiscard]] bool execute(const Planned& planned);

  // Runs a planned request that came inside another command (CONSISTENCY ALL SET k v): its own
  // gates but for CLIENT PAUSE and MULTI, which the outer command has passed.
  // REQUIRES: a batch of the outbox is open.
  void execute_within(const Planned& planned, resp::ReplyWriter& reply);

  // Runs a command that has passed the gates, with its figures, slow log and monitors.
  // REQUIRES: a batch of the outbox is open.
  void call(Session& session, const command::Command& command,
            std::span<const std::string_view> arguments, PlannedKey key, resp::ReplyWriter& reply);

  // Runs a command of a blocked session again, as a batch of its own. False: it waits on, and
  // nothing was replied. REQUIRES: no command runs.
  [[nodiscard]] bool run_again(Session& session, const Rerun& rerun);

  // The figures of a command whose wait ended without what it waited for.
  void note_wait_ended(Session& session, const QueuedCommand& request, uint64_t spent_ns);

 private:
  // Runs the handler of a data command. `blocker` may be null.
  void run_data(Session& session, const command::CommandSpec& spec,
                std::span<const std::string_view> arguments, PlannedKey key,
                resp::ReplyWriter& reply, command::Blocker* blocker);
  // The gates: true if the command was answered with an error.
  [[nodiscard]] bool refused(const Planned& planned, resp::ReplyWriter& reply);
  [[nodiscard]] std::string gate_error(Session& session, const command::Command& command);
  void reject(Session& session, const command::Command* command, resp::ReplyWriter& reply,
              std::string_view error);
  void queue(Session& session, const command::Command& command,
             std::span<const std::string_view> arguments, resp::ReplyWriter& reply);
  // True while CLIENT PAUSE holds this command back.
  [[nodiscard]] bool must_wait(Session& session, const command::Command& command);
  // The arguments as slow log and monitors may see them: passwords are hidden.
  [[nodiscard]] std::span<const std::string_view> redacted(
      std::span<const std::string_view> arguments);
  void note_duration(Session& session, const command::Command& command,
                     std::span<const std::string_view> arguments, uint64_t nanoseconds);
  // A latency spike, if it is one.
  void note_latency(const command::CommandSpec& spec, std::string_view event, uint64_t nanoseconds);

  uint64_t read_clock();

  Node& node_;
  uint64_t clock_ns_ = 0;         // as last read
  ByteChain discarded_;           // replies that CLIENT REPLY OFF or SKIP swallows
  std::vector<size_t> redacted_;  // of the command that runs: arguments to hide
  std::vector<std::string_view> shown_;
};

}  // namespace quoris::server
