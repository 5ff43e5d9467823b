#include "net/process.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "net/allocator.h"
#include "net/files.h"

namespace quoris::net {

namespace {

int64_t to_us(const timeval& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

CpuTime usage_of(__rusage_who who) {
  rusage usage{};
  if (getrusage(who, &usage) != 0) return {};
  return {.user_us = to_us(usage.ru_utime), .system_us = to_us(usage.ru_stime)};
}

uint64_t page_bytes() { return static_cast<uint64_t>(std::max(sysconf(_SC_PAGESIZE), 0L)); }

}  // namespace

Process::Process() {
  utsname names{};
  uname(&names);
  std::error_code ignored;
  facts_.pid = getpid();
  facts_.executable = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  facts_.machine = static_cast<const char*>(names.machine);
  facts_.os = fmt::format("{} {} {}", static_cast<const char*>(names.sysname),
                          static_cast<const char*>(names.release), facts_.machine);
  facts_.hostname = static_cast<const char*>(names.nodename);
  facts_.compiler_version = fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
  facts_.allocator = allocator_name();
  facts_.multiplexing_api = "epoll";
  facts_.monotonic_clock = "POSIX clock_gettime";
  facts_.arch_bits = static_cast<int>(8 * sizeof(void*));
  facts_.total_memory_bytes =
      page_bytes() * static_cast<uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L));
}

uint64_t Process::resident_bytes() {
  const auto statm = read_file("/proc/self/statm");
  if (!statm) return 0;
  // The second number is the resident pages.
  const std::string& text = *statm;
  const size_t space = text.find(' ');
  if (space == std::string::npos) return 0;
  uint64_t pages = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), pages);
  return pages * page_bytes();
}

CpuUsage Process::cpu_usage() {
  // The thread first: its time is never ahead of the process's.
  const CpuTime thread = usage_of(RUSAGE_THREAD);
  return {
      .process = usage_of(RUSAGE_SELF), .thread = thread, .children = usage_of(RUSAGE_CHILDREN)};
}

AllocatorStats Process::allocator_stats() { return read_allocator_stats(); }

Relocator* Process::relocator() { return allocator_relocator(); }

uint64_t Process::thread_heap_bytes() { return read_thread_heap_bytes(); }

void Process::purge_allocator() { purge_allocator_pages(); }

uint64_t Process::raise_open_files(uint64_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur >= wanted) return limit.rlim_cur;
  rlimit raised{.rlim_cur = wanted, .rlim_max = std::max<rlim_t>(limit.rlim_max, wanted)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  // Not allowed to move the hard limit: up to it, then.
  raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return raised.rlim_cur;
  return limit.rlim_cur;
}

}  // namespace quoris::net
