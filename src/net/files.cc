#include "net/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "net/file_descriptor.h"
#include "net/os_error.h"

namespace quoris::net {

namespace {

constexpr mode_t kDefaultMode = 0644;
constexpr mode_t kPermissionBits = 07777;

Status write_all(int descriptor, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written =
        retried([&] { return write(descriptor, content.data(), content.size()); });
    if (written < 0) return os_error("cannot write " + path, errno);
    content.remove_prefix(static_cast<size_t>(written));
  }
  return ok();
}

Status write_new_file(const std::string& path, std::string_view content, mode_t mode) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file) return os_error("cannot create " + path, errno);
  if (fchmod(file.get(), mode) != 0) return os_error("cannot set permissions of " + path, errno);
  if (auto written = write_all(file.get(), content, path); !written) return written;
  if (fsync(file.get()) != 0) return os_error("cannot sync " + path, errno);
  return ok();
}

// Makes the directory remember the entry `path` in it.
Status sync_directory_of(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return sync_directory(directory.empty() ? "." : directory);
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return os_error("cannot open " + path, errno);
  std::string content;
  std::array<char, 16UL * 1024> block{};
  while (true) {
    const ssize_t count = retried([&] { return read(file.get(), block.data(), block.size()); });
    if (count < 0) return os_error("cannot read " + path, errno);
    if (count == 0) return content;
    content.append(block.data(), static_cast<size_t>(count));
    if (content.size() > kFileSizeMax) {
      return Error{Errc::limit_exceeded, "cannot read " + path + ": the file is too large"};
    }
  }
}

Status replace_file(const std::string& path, std::string_view content) {
  mode_t mode = kDefaultMode;

  struct stat state {};

  if (stat(path.c_str(), &state) == 0) mode = state.st_mode & kPermissionBits;
  const std::string temporary = path + ".tmp-" + std::to_string(getpid());
  if (auto written = write_new_file(temporary, content, mode); !written) {
    unlink(temporary.c_str());
    return written;
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = os_error("cannot replace " + path, errno);
    unlink(temporary.c_str());
    return error;
  }
  return sync_directory_of(path);
}

Status write_pid_file(const std::string& path) {
  const FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kDefaultMode));
  if (!file) return os_error("cannot create the pid file " + path, errno);
  return write_all(file.get(), std::to_string(getpid()) + "\n", path);
}

void remove_own_pid_file(const std::string& path) {
  const Result<std::string> content = read_file(path);
  // Another server may have written its own since.
  if (content && *content == std::to_string(getpid()) + "\n") unlink(path.c_str());
}

Status remove_file(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return ok();
  return os_error("cannot remove " + path, errno);
}

Status sync_directory(const std::string& path) {
  const FileDescriptor handle(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system whose directories need no sync, or know none.
  if (handle && (fsync(handle.get()) == 0 || errno == EINVAL)) return ok();
  return os_error("cannot sync the directory " + path, errno);
}

Result<std::vector<std::string>> make_directories(const std::string& path) {
  std::error_code error;
  std::vector<std::string> missing;
  for (std::filesystem::path each = path; !each.empty() && !std::filesystem::exists(each, error);
       each = each.parent_path()) {
    missing.push_back(each.string());
  }
  std::filesystem::create_directories(path, error);
  if (error) return os_error("cannot create the directory " + path, error.value());
  for (const std::string& each : missing) {
    if (const Status synced = sync_directory_of(each); !synced) return synced.error();
  }
  return missing;
}

void remove_directories(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (rmdir(path.c_str()) != 0) return;
  }
}

Result<std::string> current_directory() {
  std::error_code error;
  std::filesystem::path path = std::filesystem::current_path(error);
  if (error) return os_error("cannot tell the current directory", error.value());
  return path.string();
}

Status change_directory(const std::string& path) {
  if (chdir(path.c_str()) == 0) return ok();
  return os_error("cannot change to the directory " + path, errno);
}

Result<std::string> absolute_path(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return os_error("cannot make an absolute path of " + path, error.value());
  std::filesystem::path plain;
  for (const std::filesystem::path& part : absolute) {
    if (!part.empty() && part != ".") plain /= part;
  }
  return plain.string();
}

Result<std::string> real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return os_error("cannot find " + path, error.value());
  return real.string();
}

}  // namespace quoris::net
