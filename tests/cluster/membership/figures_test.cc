// A slice of what quoris_gossip_bench measures at full size (docs/cluster.md).
#include <catch2/catch.hpp>

#include "tests/cluster/membership/scenarios.h"

namespace quoris::membership {

namespace {

constexpr uint64_t kSecond = 1'000'000;

}  // namespace

TEST_CASE("figures: at 3 to 10 nodes a dead process is known well within a second") {
  for (const size_t nodes : {3, 5, 10}) {
    const ChangeTimes times = change_times(nodes, 1, 10);
    INFO(nodes << " nodes");
    CHECK(times.crash.unknown() == 0);
    CHECK(times.crash.max_us() < 700'000);
    CHECK(times.silent_crash.unknown() == 0);
    CHECK(times.silent_crash.max_us() < 2 * kSecond);
    CHECK(times.recovery.unknown() == 0);
    CHECK(times.recovery.max_us() < kSecond / 2);
    CHECK(times.join.unknown() == 0);
    CHECK(times.join.max_us() < kSecond / 2);
  }
}

TEST_CASE("figures: with one message in a hundred lost nobody is taken for down") {
  for (const size_t nodes : {3, 10}) {
    for (const uint64_t resend_us : {0, 200'000}) {
      const Calm calm =
          with_loss(nodes, 2, 600 * kSecond, {.loss_ppm = 10'000, .resend_us = resend_us});
      INFO(nodes << " nodes, sent again after " << resend_us << " us");
      CHECK(calm.seen_down == 0);
      CHECK(calm.all_well);
    }
  }
}

TEST_CASE("figures: nobody who stalls up to half a second is taken for down") {
  for (const size_t nodes : {3, 5, 10, 30}) {
    const Calm calm = with_stalls(nodes, 3, 300 * kSecond, {.gap_us = 20'000'000});
    INFO(nodes << " nodes");
    CHECK(calm.seen_down == 0);
    CHECK(calm.all_well);
  }
}

TEST_CASE("figures: who stalls for a second is suspected at most, and back within two") {
  for (const size_t nodes : {3, 5, 10, 30}) {
    const Calm calm = with_stalls(nodes, 4, 300 * kSecond,
                                  {.gap_us = 20'000'000, .min_us = kSecond, .max_us = kSecond});
    INFO(nodes << " nodes");
    CHECK(calm.suspected > 0);  // the test bites
    CHECK(calm.seen_down == 0);
    CHECK(calm.back_us < 2 * kSecond);
    CHECK(calm.all_well);
  }
}

}  // namespace quoris::membership
