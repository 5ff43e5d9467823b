#include "base/histogram.h"

#include <catch2/catch.hpp>
#include <memory>

using quoris::Histogram;

TEST_CASE("histogram: an empty one answers 0", "[base]") {
  const auto histogram = std::make_unique<Histogram>();
  CHECK(histogram->count() == 0);
  CHECK(histogram->max() == 0);
  CHECK(histogram->percentile(50) == 0);
  CHECK(histogram->count_at_or_below(UINT64_MAX) == 0);
}

TEST_CASE("histogram: small values are exact", "[base]") {
  const auto histogram = std::make_unique<Histogram>();
  for (uint64_t value = 1; value <= 10; ++value) histogram->record(value);
  CHECK(histogram->count() == 10);
  CHECK(histogram->percentile(50) == 5);
  CHECK(histogram->percentile(100) == 10);
  CHECK(histogram->percentile(0) == 1);
  CHECK(histogram->count_at_or_below(3) == 3);
}

TEST_CASE("histogram: any single value is shown within 6.25 percent", "[base]") {
  for (uint64_t value = 1; value < (uint64_t{1} << 41); value = value * 9 / 8 + 1) {
    const auto histogram = std::make_unique<Histogram>();
    histogram->record(value);
    histogram->record(value * 4);  // so that the largest value does not cap the bucket
    const uint64_t shown = histogram->percentile(50);
    INFO(value);
    CHECK(shown >= value);
    CHECK(shown - value <= value / 16);
    CHECK(histogram->count_at_or_below(shown) == 1);
    CHECK(histogram->count_at_or_below(value - value / 16 - 1) == 0);
  }
}

TEST_CASE("histogram: percentiles grow and end at the largest value", "[base]") {
  const auto histogram = std::make_unique<Histogram>();
  for (uint64_t value = 1; value <= 100'000; ++value) histogram->record(value * 1000);
  uint64_t last = 0;
  for (int half = 0; half <= 200; ++half) {
    const uint64_t shown = histogram->percentile(half / 2.0);
    CHECK(shown >= last);
    last = shown;
  }
  CHECK(last == 100'000'000);
  CHECK(histogram->percentile(-5) == histogram->percentile(0));
  CHECK(histogram->percentile(500) == last);
}

TEST_CASE("histogram: values beyond the range count as the largest bucket", "[base]") {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(UINT64_MAX);
  histogram->record(uint64_t{1} << 50);
  CHECK(histogram->count() == 2);
  CHECK(histogram->max() == UINT64_MAX);
  CHECK(histogram->percentile(99) > (uint64_t{1} << 41));
  histogram->reset();
  CHECK(histogram->count() == 0);
  CHECK(histogram->max() == 0);
}
