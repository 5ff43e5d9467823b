// Workload: what clients ask for, as RESP bytes, and what the replies mean.
//
// Values are unique: each names its register, its client and a number, so that whoever reads one
// knows who wrote it. Registers of a kind have a prefix of their own (r, c, a, v, p, h below).
// Used by: clients. Pure but for the Rng passed in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resp/reply_parser.h"
#include "sim/env/sim_env.h"
#include "sim/history.h"

namespace quoris::sim {

enum class RequestKind : uint8_t {
  get,
  set,
  set_large,
  getset,
  setnx,
  del,
  incr,
  append,
  set_px,  // an expiry
  get_volatile,
  mset,  // a pair that is always written together
  mget,
  exec,  // the pair, and a counter with it
  hset,
  hget,
  hdel,
  echo,  // asks for nothing, and has to come in its place
  bgsave,
  count_of_kinds,
};

inline constexpr size_t kRequestKinds = static_cast<size_t>(RequestKind::count_of_kinds);

// One operation on its way: the bytes, and how many replies belong to it.
struct Request {
  RequestKind kind = RequestKind::get;
  std::string bytes;
  size_t replies = 1;
  std::string token = {};  // echo
  Operation operation;
};

class Workload {
 public:
  // "mixed", "registers", "counters", "transactions", "hashes", "expiry", "writes".
  [[nodiscard]] static Result<Workload> named(std::string_view name);
  [[nodiscard]] static std::vector<std::string_view> names();

  [[nodiscard]] std::string_view name() const { return name_; }

  // `client` and `number` make its values unique.
  [[nodiscard]] Request next(SimRng& rng, size_t client, uint64_t number) const;

 private:
  std::string_view name_;
  const uint16_t* weights_ = nullptr;  // kRequestKinds of them
  uint64_t weight_sum_ = 0;
};

// Puts the results of a request's last reply into its operation: outcome, error, and a complaint if
// the reply can't be one to this request.
void take_reply(Request& request, const resp::Value& reply);

// Registers that are written together: the other one's name; empty: it has none.
[[nodiscard]] std::string partner_of(std::string_view target);

// True for registers with an expiry, of which nobody knows from outside when it strikes.
[[nodiscard]] bool is_volatile(std::string_view target);

}  // namespace quoris::sim
