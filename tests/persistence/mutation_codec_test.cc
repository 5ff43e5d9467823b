#include "persistence/mutation_codec.h"

#include <catch2/catch.hpp>

#include "base/varint.h"
#include "tests/persistence/sample_mutations.h"

namespace quoris::persistence {

namespace {

using testing::encoded;
using testing::equal;
using testing::Mutation;
using testing::MutationKind;
using testing::sample_mutations;
using testing::sample_set;
using testing::version_at;

std::vector<Mutation> decoded(std::string_view payload) {
  std::vector<Mutation> mutations;
  REQUIRE(decode_batches(payload, mutations));
  return mutations;
}

}  // namespace

TEST_CASE("varints: every length there and back, and nothing longer than 64 bits",
          "[persistence]") {
  char bytes[kVarintMax + 1] = {};
  for (unsigned shift = 0; shift < 64; ++shift) {
    for (const uint64_t value : {uint64_t{1} << shift, (uint64_t{1} << shift) - 1}) {
      const char* end = put_varint(bytes, value);
      const char* at = bytes;
      uint64_t read = 0;
      REQUIRE(get_varint(at, end, read));
      REQUIRE(read == value);
      REQUIRE(at == end);
      at = bytes;
      REQUIRE_FALSE(get_varint(at, end - 1, read));
      REQUIRE(unzigzag(zigzag(static_cast<int64_t>(value))) == static_cast<int64_t>(value));
    }
  }
  for (const std::string& wrong :
       {std::string(10, '\xff') + '\x01', std::string(9, '\xff') + '\x02'}) {
    const char* at = wrong.data();
    uint64_t read = 0;
    REQUIRE_FALSE(get_varint(at, at + wrong.size(), read));
  }
}

TEST_CASE("mutation codec: mutations of every kind come back as they were", "[persistence]") {
  const std::vector<Mutation> samples = sample_mutations();
  std::vector<bool> seen(16);
  for (const Mutation& each : samples) {
    seen[static_cast<size_t>(each.kind)] = true;
    INFO("kind " << static_cast<int>(each.kind));
    const std::string alone = encoded({{each}});
    REQUIRE(equal(decoded(alone), {each}));
  }
  for (size_t kind = 1; kind <= static_cast<size_t>(MutationKind::list_remove); ++kind) {
    REQUIRE(seen[kind]);
  }
  const std::string together = encoded({samples});
  REQUIRE(equal(decoded(together), samples));
}

TEST_CASE("mutation codec: batches keep their borders", "[persistence]") {
  const std::vector<Mutation> samples = sample_mutations();
  const std::string payload = encoded({{samples[0]}, samples, {samples[1], samples[2]}});
  std::vector<Mutation> mutations;
  std::vector<size_t> sizes;
  REQUIRE(decode_batches(payload, mutations, &sizes));
  REQUIRE(sizes == std::vector<size_t>{1, samples.size(), 2});
  REQUIRE(mutations.size() == samples.size() + 3);
}

TEST_CASE("mutation codec: base versions are kept for deltas alone", "[persistence]") {
  Mutation set = sample_set();
  set.base_version = version_at(5);
  const std::string payload = encoded({{set}});
  REQUIRE(decoded(payload)[0].base_version == store::kNoVersion);
}

TEST_CASE("mutation codec: a small SET in a turn of several takes less than 26 bytes",
          "[persistence]") {
  std::vector<std::vector<Mutation>> batches;
  for (uint64_t i = 0; i < 16; ++i) {
    batches.push_back(
        {sample_set("key:000000000042", "xxx", version_at(testing::kSomeMs + i / 10, i % 10))});
  }
  REQUIRE(encoded(batches).size() + 16 < 16 * 27);
}

TEST_CASE("mutation codec: no truncation of a payload is taken for another one", "[persistence]") {
  for (const Mutation& each : sample_mutations()) {
    const std::string payload = encoded({{each}});
    for (size_t size = 1; size < payload.size(); ++size) {
      std::vector<Mutation> mutations;
      REQUIRE_FALSE(decode_batches({payload.data(), size}, mutations));
    }
  }
}

TEST_CASE("mutation codec: what no encoder writes is refused", "[persistence]") {
  const auto refused = [](const std::string& payload) {
    std::vector<Mutation> mutations;
    return !decode_batches(payload, mutations);
  };
  using namespace std::string_literals;
  REQUIRE(refused("\x00"s));                               // a batch of nothing
  REQUIRE(refused("\x7f\x02\x02\x01k"s));                  // more mutations than bytes
  REQUIRE(refused("\x01\x00\x02\x01k"s));                  // no kind
  REQUIRE(refused("\x01\x02\x01\x01k"s));                  // a version below zero
  REQUIRE(refused("\x01\x42\x02\x02\x01k"s));              // a base version where none is kept
  REQUIRE(refused("\x01\x45\x02\x00\x01k\x01v"s));         // a base that is not below
  REQUIRE(refused("\x01\x82\x02\xff\x7f\x01k"s));          // more low bits than there are
  REQUIRE(refused("\x01\x12\x80\x80\x04\x02\x01k"s));      // database 65536
  REQUIRE(refused("\x01\x01\x02\x30\x01k\x01v"s));         // a string that is packed
  REQUIRE(refused("\x01\x09\x02\x00\x01k\x01v"s));         // a collection that is a string
  REQUIRE(refused("\x01\x09\x02\x44\x01k\x01v"s));         // a hash that is an intset
  REQUIRE(refused("\x01\x09\x02\x35\x01k\x01v"s));         // a stream
  REQUIRE(refused("\x01\x02\x02\xff\xff\xff\xff\x7fk"s));  // a key longer than the payload
  REQUIRE_FALSE(refused("\x01\x02\x02\x01k"s));
}

TEST_CASE("mutation codec: random and damaged bytes never lead outside the payload",
          "[persistence]") {
  sim::SimRng rng(11);
  const std::string good = encoded({sample_mutations(), {sample_set()}});
  for (int round = 0; round < 50'000; ++round) {
    // On the heap and of exactly this size, so that sanitizers see a step too far.
    std::string bytes;
    if (round % 2 == 0) {
      bytes.resize(rng.below(60));
      for (char& byte : bytes) byte = static_cast<char>(rng.below(rng.below(4) == 0 ? 256 : 20));
    } else {
      bytes = good;
      for (uint64_t i = rng.below(3) + 1; i > 0; --i) {
        bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
      }
    }
    const std::vector<char> exact(bytes.begin(), bytes.end());
    std::vector<Mutation> mutations;
    (void)decode_batches({exact.data(), exact.size()}, mutations);
    REQUIRE(mutations.size() <= exact.size());
    for (const Mutation& mutation : mutations) {
      for (const std::string_view part : {mutation.key, mutation.value}) {
        if (part.data() == nullptr) continue;
        REQUIRE(part.data() >= exact.data());
        REQUIRE(part.data() + part.size() <= exact.data() + exact.size());
      }
    }
  }
}

}  // namespace quoris::persistence
