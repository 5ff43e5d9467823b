#include "net/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "net/uv_clock.h"
#include "net/uv_rng.h"

namespace quoris::net {
namespace {

TEST_CASE("process: facts are those of this process", "[net]") {
  Process process;
  const HostFacts& facts = process.facts();
  CHECK(facts.pid == getpid());
  CHECK(facts.executable.ends_with("net_tests"));
  CHECK(facts.os.starts_with("Linux "));
  CHECK(facts.os.ends_with(facts.machine));
  CHECK(facts.arch_bits == 64);
  CHECK(facts.compiler_version.find('.') != std::string::npos);
  CHECK(facts.total_memory_bytes > (64U << 20));
  CHECK((facts.allocator.starts_with("jemalloc-5.") || facts.allocator == "libc"));
}

TEST_CASE("process: memory and CPU time grow with use", "[net]") {
  Process process;
  const uint64_t before = process.resident_bytes();
  CHECK(before > 0);
  constexpr size_t kBytes = 64U << 20;
  const std::vector<char> block(kBytes, 'x');
  CHECK(process.resident_bytes() >= before + kBytes / 2);
  const CpuUsage usage = process.cpu_usage();
  constexpr int64_t kRoundingUs = 2;  // each number is cut to whole microseconds
  CHECK(usage.process.user_us + usage.process.system_us + kRoundingUs >=
        usage.thread.user_us + usage.thread.system_us);
  CHECK(usage.process.user_us + usage.process.system_us > 0);
  CHECK(block[kBytes / 2] == 'x');
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they bring allocators
TEST_CASE("process: the allocator tells what is allocated and gives memory back", "[net]") {
  Process process;
  const AllocatorStats before = process.allocator_stats();
  const uint64_t heap_before = process.thread_heap_bytes();
  constexpr size_t kBytes = 48U << 20;
  auto block = std::make_unique<std::vector<char>>(kBytes, 'x');
  const AllocatorStats with = process.allocator_stats();
  // Other things may be freed meanwhile.
  CHECK(with.allocated >= before.allocated + kBytes / 2);
  CHECK(process.thread_heap_bytes() >= heap_before + kBytes / 2);
  block.reset();
  process.purge_allocator();
  CHECK(process.allocator_stats().allocated < with.allocated);
  CHECK(process.thread_heap_bytes() < heap_before + kBytes / 2);
}
#endif

TEST_CASE("process: the limit on open files is raised, never lowered", "[net]") {
  Process process;
  rlimit original{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &original) == 0);
  const rlimit lowered{.rlim_cur = 100, .rlim_max = original.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  CHECK(process.raise_open_files(50) == 100);
  CHECK(process.raise_open_files(200) == 200);
  rlimit now{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &now) == 0);
  CHECK(now.rlim_cur == 200);
  REQUIRE(setrlimit(RLIMIT_NOFILE, &original) == 0);
}

TEST_CASE("clock: its times go forward and are in their units", "[net]") {
  UvClock clock;
  const uint64_t start = clock.monotonic_ns();
  const uint64_t cpu = clock.thread_cpu_ns();
  CHECK(clock.wall_us() > 1'600'000'000'000'000);
  CHECK(clock.wall_us() < 4'000'000'000'000'000);
  volatile uint64_t sum = 0;
  while (clock.monotonic_ns() - start < 1'000'000) sum = sum + 1;
  const uint64_t used = clock.thread_cpu_ns() - cpu;
  CHECK(used > 0);
  CHECK(used < 1'000'000'000);
}

TEST_CASE("rng: numbers differ and spread over their range", "[net]") {
  UvRng one;
  UvRng other;
  CHECK(one.next() != other.next());
  std::vector<int> counts(10);
  for (int i = 0; i < 10'000; ++i) counts[one.below(10)]++;
  for (const int count : counts) {
    CHECK(count > 800);
    CHECK(count < 1200);
  }
  std::vector<std::byte> secret(1000);
  one.secret_bytes(secret);
  size_t zeros = 0;
  for (const std::byte byte : secret) zeros += byte == std::byte{0} ? 1 : 0;
  CHECK(zeros < 30);
}

}  // namespace
}  // namespace quoris::net
