// Small files in one piece: the config file, the pid file, directories.
//
// Blocking; for the start, the stop and CONFIG REWRITE, never for the way of a command.
// Errors carry the path and the system's text.
// Used by: main, and the core through hooks that main gives it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quoris::net {

// Longest file that is read: a config file is a few KiB.
inline constexpr size_t kFileSizeMax = 16UL * 1024 * 1024;

// Errors: not_found; limit_exceeded above kFileSizeMax.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

// Afterwards the file has the new content or the old one, also after a power cut: a temporary
// file beside it is written, synced and renamed. Keeps the permissions of a file that was there.
[[nodiscard]] Status replace_file(const std::string& path, std::string_view content);

// This process's id and a line end.
[[nodiscard]] Status write_pid_file(const std::string& path);
// If it still holds this process's id.
void remove_own_pid_file(const std::string& path);

// No error when it isn't there.
[[nodiscard]] Status remove_file(const std::string& path);

// Makes a directory remember what was made, renamed or removed in it.
[[nodiscard]] Status sync_directory(const std::string& path);

// With all parents, durable at once; fine when it exists. Those that were missing, `path` first.
[[nodiscard]] Result<std::vector<std::string>> make_directories(const std::string& path);
// In this order, as far as they are empty.
void remove_directories(const std::vector<std::string>& paths);

[[nodiscard]] Result<std::string> current_directory();
[[nodiscard]] Status change_directory(const std::string& path);

// `path` as it is if absolute, else behind the current directory; without "." and empty parts.
// ".." stays: it means another directory where a symbolic link stands before it.
[[nodiscard]] Result<std::string> absolute_path(const std::string& path);

// The one path of an existing file or directory, without symbolic links, "." and "..".
[[nodiscard]] Result<std::string> real_path(const std::string& path);

}  // namespace quoris::net
