#include "persistence/frame.h"

#include <catch2/catch.hpp>
#include <string>

#include "sim/env/sim_env.h"

namespace quoris::persistence {

namespace {

constexpr LogPosition kAt{5000};

std::string framed(std::string_view payload, const FrameSeal& seal) {
  std::string bytes(kFrameHeaderSize, '\0');
  bytes += payload;
  seal_frame(bytes.data(), payload.size(), seal);
  return bytes;
}

std::string framed(std::string_view payload) {
  return framed(payload, {.at = kAt, .synced = LogPosition{4000}});
}

}  // namespace

TEST_CASE("frame: what is read is what was sealed", "[persistence]") {
  for (const std::string& payload : {std::string(), std::string("some"), std::string(1000, 'x')}) {
    for (const FramePart part : {FramePart{}, FramePart{.begins_earlier = true, .continues = false},
                                 FramePart{.begins_earlier = true, .continues = true}}) {
      const std::string bytes = framed(
          payload,
          {.type = FrameType::segment_head, .part = part, .at = kAt, .synced = LogPosition{4999}});
      Frame frame;
      const std::string more = bytes + "what follows";
      REQUIRE(read_frame(more, kAt, frame) == FrameState::good);
      REQUIRE(frame.type == FrameType::segment_head);
      REQUIRE(frame.part.begins_earlier == part.begins_earlier);
      REQUIRE(frame.part.continues == part.continues);
      REQUIRE(frame.synced == LogPosition{4999});
      REQUIRE(frame.payload == payload);
      REQUIRE(frame.size() == bytes.size());
    }
  }
}

TEST_CASE("frame: a synced position too far back to be said reads as zero", "[persistence]") {
  const LogPosition far = LogPosition{kFarBehind} + 10;
  Frame frame;
  REQUIRE(read_frame(framed("x", {.at = far, .synced = LogPosition{10}}), far, frame) ==
          FrameState::good);
  REQUIRE(frame.synced == LogPosition{0});
  REQUIRE(read_frame(framed("x", {.at = far, .synced = LogPosition{11}}), far, frame) ==
          FrameState::good);
  REQUIRE(frame.synced == LogPosition{11});
}

TEST_CASE("frame: every truncation is seen", "[persistence]") {
  const std::string bytes = framed("the payload of a frame");
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    Frame frame;
    REQUIRE(read_frame(cut, kAt, frame) == FrameState::cut_short);
  }
}

TEST_CASE("frame: every flipped bit and every changed byte is seen", "[persistence]") {
  const std::string bytes = framed("the payload of a frame");
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      Frame frame;
      REQUIRE(read_frame(changed, kAt, frame) != FrameState::good);
    }
  }
}

TEST_CASE("frame: at another position it is none", "[persistence]") {
  const std::string bytes = framed("payload");
  Frame frame;
  for (const uint64_t at : {uint64_t{0}, uint64_t{4999}, uint64_t{5001}, UINT64_MAX}) {
    REQUIRE(read_frame(bytes, LogPosition{at}, frame) == FrameState::bad);
  }
}

TEST_CASE("frame: random bytes are no frame", "[persistence]") {
  sim::SimRng rng(3);
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes(rng.below(100), '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.below(rng.below(2) == 0 ? 256 : 3));
    Frame frame;
    REQUIRE(read_frame(bytes, LogPosition{rng.below(1000)}, frame) != FrameState::good);
  }
}

}  // namespace quoris::persistence
