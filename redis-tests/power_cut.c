/* power_cut.so: put before libc (LD_PRELOAD), it records what a process has made durable, so that
 * power_cut.py can do to its files after a `kill -9` what a power cut would have done.
 *
 * kill -9 leaves the page cache, and so hides an fsync that is missing. For all below
 * POWER_CUT_DIRECTORY this library keeps, in the directory POWER_CUT_SIDE (same file system, not
 * below the other one), what would be left if only synced things were there:
 *
 *   live/<inode>     a hard link to each file seen: its number is not given to another file
 *   synced/<inode>   the file as its last fsync left it; missing: never synced, nothing is left
 *   names/<inode>    of a directory: `<inode> <name>` lines as its last fsync left it
 *   ready            the state at the beginning, taken as durable, is recorded as a whole
 *
 * That a file was made, renamed or removed is durable with the fsync of its directory, not before.
 * Directories count as durable when they are made. A restart on the same side directory goes on
 * with it; power_cut.py removes it after a cut.
 *
 * An fsync copies what may have changed since the last one: from the lowest offset written on.
 * Writes are seen in write, pwrite, writev, pwritev and ftruncate; what stdio writes into a file is
 * seen as far as the file grows. What an fsync covers is what was written before it was called.
 * Not known: mmap, O_SYNC, io_uring, renamed directories.
 *
 * Also: /proc/sys/kernel/random/boot_id reads as POWER_CUT_BOOT_ID, if that is set. And a file
 * POWER_CUT_SIDE/faults makes calls on those files fail or slow: lines `write|sync <errno> <ms>`,
 * errno 0 for slow only. A write that fails takes half of its bytes first, call by call.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define FILES_MAX 65536 /* a power of two; files synced in one life of the process */
#define COPY_BYTES (256 * 1024)
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* The next definition of a function, libc's, found once. */
#define REAL(type, name, ...)                                          \
  static type (*real_##name)(__VA_ARGS__);                             \
  static void find_##name(void) {                                      \
    if (!real_##name) *(void**)&real_##name = dlsym(RTLD_NEXT, #name); \
  }

REAL(ssize_t, write, int, const void*, size_t)
REAL(ssize_t, writev, int, const struct iovec*, int)
REAL(ssize_t, pwrite64, int, const void*, size_t, off64_t)
REAL(ssize_t, pwritev64v2, int, const struct iovec*, int, off64_t, int)
REAL(int, ftruncate64, int, off64_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, openat64, int, const char*, int, ...)

static const char* directory; /* null: nothing is recorded */
static const char* side;
static const char* boot_id; /* null: the machine's own */

/* Of each file that this process has synced: the first so many bytes of synced/<inode> are those of
 * the file. inode 0: a free place. */
static struct {
  ino_t inode;
  off64_t intact;
} files[FILES_MAX];

static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
/* One sync at a time: none returns before another has recorded what it covered as well. */
static pthread_mutex_t sync_lock = PTHREAD_MUTEX_INITIALIZER;

static void die(const char* what, const char* path) {
  dprintf(2, "power_cut: %s %s: %s\n", what, path, strerror(errno));
  abort();
}

static void side_path(char* out, const char* kind, ino_t inode) {
  snprintf(out, PATH_BYTES, "%s/%s/%ju", side, kind, (uintmax_t)inode);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Keeps the inode, and so its number. `path` may be a name or a link in /proc/self/fd. */
static void pin(const char* path, ino_t inode) {
  char link_path[PATH_BYTES];
  side_path(link_path, "live", inode);
  if (linkat(AT_FDCWD, path, AT_FDCWD, link_path, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST &&
      errno != ENOENT) {
    die("cannot link", link_path);
  }
}

static void copy_range(int from, int to, off64_t offset, off64_t end) {
  static char block[COPY_BYTES]; /* under sync_lock */
  while (offset < end) {
    const off64_t left = end - offset;
    ssize_t count = pread64(from, block, left < COPY_BYTES ? (size_t)left : COPY_BYTES, offset);
    if (count < 0) die("cannot read", "a file's link");
    if (count == 0) return; /* cut meanwhile: the next sync sees to it */
    if (real_pwrite64(to, block, (size_t)count, offset) != count) die("cannot write", side);
    offset += count;
  }
}

/* synced/<inode> := the file's first `size` bytes, of which `intact` are the same already. */
static void record_content(ino_t inode, off64_t intact, off64_t size) {
  char live[PATH_BYTES], synced[PATH_BYTES];
  side_path(live, "live", inode);
  side_path(synced, "synced", inode);
  const int from = real_openat64(AT_FDCWD, live, O_RDONLY | O_CLOEXEC);
  if (from < 0) return; /* removed before it was ever seen */
  const int to = real_openat64(AT_FDCWD, synced, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (to < 0) die("cannot open", synced);
  copy_range(from, to, intact, size);
  if (real_ftruncate64(to, size) != 0) die("cannot cut", synced);
  close(from);
  close(to);
}

/* The names in a directory as lines, in memory of its own. */
static char* list_names(const char* path, size_t* bytes) {
  char* text = NULL;
  FILE* lines = open_memstream(&text, bytes);
  DIR* open = opendir(path);
  if (!lines || !open) die("cannot list", path);
  for (struct dirent* entry; (entry = readdir(open));) {
    char name[PATH_BYTES];
    struct stat64 state;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (lstat64(name, &state) != 0 || !S_ISREG(state.st_mode)) continue;
    pin(name, state.st_ino);
    fprintf(lines, "%ju %s\n", (uintmax_t)state.st_ino, entry->d_name);
  }
  closedir(open);
  fclose(lines);
  return text;
}

static void record_names(ino_t inode, const char* text, size_t bytes) {
  char path[PATH_BYTES], fresh[PATH_BYTES + 8];
  side_path(path, "names", inode);
  snprintf(fresh, sizeof fresh, "%s.new", path);
  const int file = real_openat64(AT_FDCWD, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || real_write(file, text, bytes) != (ssize_t)bytes) die("cannot write", fresh);
  close(file);
  if (rename(fresh, path) != 0) die("cannot rename", fresh);
}

/* What is there at the beginning is durable. */
static void record_tree(const char* path) {
  struct stat64 state;
  size_t bytes;
  char* names = list_names(path, &bytes);
  if (stat64(path, &state) != 0) die("cannot find", path);
  record_names(state.st_ino, names, bytes);
  free(names);
  DIR* open = opendir(path);
  for (struct dirent* entry; (entry = readdir(open));) {
    char name[PATH_BYTES];
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (lstat64(name, &state) != 0) continue;
    if (S_ISREG(state.st_mode)) record_content(state.st_ino, 0, state.st_size);
    const bool itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (S_ISDIR(state.st_mode) && !itself) record_tree(name);
  }
  closedir(open);
}

static void before_fork(void) { pthread_mutex_lock(&files_lock); }

static void after_fork(void) { pthread_mutex_unlock(&files_lock); }

/* The thread that held the other lock is not in the child. */
static void in_child(void) {
  pthread_mutex_unlock(&files_lock);
  pthread_mutex_init(&sync_lock, NULL);
}

__attribute__((constructor)) static void begin(void) {
  find_write(), find_writev(), find_pwrite64(), find_pwritev64v2(), find_ftruncate64();
  find_fsync(), find_fdatasync(), find_openat64();
  /* Copies: some programs write their title over the environment. */
  const char *watched = getenv("POWER_CUT_DIRECTORY"), *beside = getenv("POWER_CUT_SIDE");
  if (getenv("POWER_CUT_BOOT_ID")) boot_id = strdup(getenv("POWER_CUT_BOOT_ID"));
  if (!beside || !watched) return;
  side = strdup(beside);
  directory = realpath(watched, NULL);
  if (!directory) die("cannot find", watched);
  char path[PATH_BYTES];
  const char* folders[] = {"", "/live", "/synced", "/names"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; ++i) {
    snprintf(path, sizeof path, "%s%s", side, folders[i]);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) die("cannot make", path);
  }
  pthread_atfork(before_fork, after_fork, in_child);
  snprintf(path, sizeof path, "%s/ready", side);
  if (access(path, F_OK) == 0) return;
  record_tree(directory);
  const int ready = real_openat64(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (ready < 0) die("cannot make", path);
  close(ready);
}

/* --- what a call is about --------------------------------------------------------------------- */

static bool is_watched(int fd) {
  char link_path[64], path[PATH_BYTES];
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link_path, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = '\0';
  const size_t start = strlen(directory);
  return strncmp(path, directory, start) == 0 && (path[start] == '/' || path[start] == '\0');
}

/* The place of an inode in the table, or the free one where it belongs. Under files_lock. */
static size_t place_of(ino_t inode) {
  size_t place = (size_t)(inode * 0x9E3779B97F4A7C15u) & (FILES_MAX - 1);
  for (size_t looks = 0; files[place].inode != 0 && files[place].inode != inode; ++looks) {
    if (looks == FILES_MAX) die("too many files below", directory);
    place = (place + 1) & (FILES_MAX - 1);
  }
  return place;
}

static void lower_intact(ino_t inode, off64_t offset) {
  pthread_mutex_lock(&files_lock);
  const size_t place = place_of(inode);
  if (files[place].inode == inode && offset < files[place].intact) files[place].intact = offset;
  pthread_mutex_unlock(&files_lock);
}

static void changed_from(int fd, off64_t offset) {
  const int error = errno;
  struct stat64 state;
  if (directory && fstat64(fd, &state) == 0 && S_ISREG(state.st_mode)) {
    lower_intact(state.st_ino, offset);
  }
  errno = error;
}

/* True if the call is to fail, with errno set; a slow one has waited. */
static bool has_fault(const char* call, int fd) {
  struct stat64 state;
  char path[PATH_BYTES], name[16];
  if (!directory || fstat64(fd, &state) != 0 || S_ISSOCK(state.st_mode)) return false;
  snprintf(path, sizeof path, "%s/faults", side);
  if (access(path, F_OK) != 0 || !is_watched(fd)) return false;
  FILE* faults = fopen(path, "re");
  if (!faults) return false;
  bool fails = false;
  for (int error, wait_ms; fscanf(faults, "%15s %d %d", name, &error, &wait_ms) == 3;) {
    if (strcmp(name, call) != 0) continue;
    usleep((useconds_t)wait_ms * 1000);
    if ((fails = error != 0)) errno = error;
    break;
  }
  const int error = errno;
  fclose(faults);
  errno = error;
  return fails;
}

/* --- writes ----------------------------------------------------------------------------------- */

/* After a write at the file's own position, which stands behind what was written now. */
static ssize_t written_here(int fd, ssize_t count) {
  const int error = errno;
  if (count > 0 && directory) {
    const off64_t end = lseek64(fd, 0, SEEK_CUR);
    if (end >= count) changed_from(fd, end - count);
  }
  errno = error;
  return count;
}

static ssize_t written_at(int fd, ssize_t count, off64_t offset) {
  if (count > 0) changed_from(fd, offset);
  return count;
}

/* True if nothing is to be written, with errno set; else `size` is what the fault lets through. */
static bool refuses(int fd, size_t* size) {
  if (!has_fault("write", fd)) return false;
  *size /= 2;
  return *size == 0;
}

/* The same for pieces; `part` is room for one. */
static bool refuses_pieces(int fd, const struct iovec** pieces, int* count, struct iovec* part) {
  if (*count < 1 || !has_fault("write", fd)) return false;
  *part = **pieces;
  part->iov_len /= 2;
  *pieces = part;
  *count = 1;
  return part->iov_len == 0;
}

ssize_t write(int fd, const void* data, size_t size) {
  find_write();
  return refuses(fd, &size) ? -1 : written_here(fd, real_write(fd, data, size));
}

ssize_t writev(int fd, const struct iovec* pieces, int count) {
  struct iovec part;
  find_writev();
  if (refuses_pieces(fd, &pieces, &count, &part)) return -1;
  return written_here(fd, real_writev(fd, pieces, count));
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  find_pwrite64();
  return refuses(fd, &size) ? -1 : written_at(fd, real_pwrite64(fd, data, size, at), at);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return pwrite64(fd, data, size, at);
}

/* Offset -1: at the file's own position. */
ssize_t pwritev64v2(int fd, const struct iovec* pieces, int count, off64_t at, int flags) {
  struct iovec part;
  find_pwritev64v2();
  if (refuses_pieces(fd, &pieces, &count, &part)) return -1;
  const ssize_t written = real_pwritev64v2(fd, pieces, count, at, flags);
  return at == -1 ? written_here(fd, written) : written_at(fd, written, at);
}

ssize_t pwritev2(int fd, const struct iovec* pieces, int count, off_t at, int flags) {
  return pwritev64v2(fd, pieces, count, at, flags);
}

ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t at) {
  return pwritev64v2(fd, pieces, count, at, 0);
}

ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t at) {
  return pwritev64v2(fd, pieces, count, at, 0);
}

int ftruncate64(int fd, off64_t size) {
  find_ftruncate64();
  const int result = real_ftruncate64(fd, size);
  if (result == 0) changed_from(fd, size);
  return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* --- syncs ------------------------------------------------------------------------------------ */

static int sync_directory(int fd, ino_t inode, int (*real_sync)(int)) {
  char link_path[64];
  size_t bytes;
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  char* names = list_names(link_path, &bytes);
  const int result = has_fault("sync", fd) ? -1 : real_sync(fd);
  const int error = errno;
  if (result == 0) record_names(inode, names, bytes);
  free(names);
  errno = error;
  return result;
}

static int sync_file(int fd, const struct stat64* state, int (*real_sync)(int)) {
  char link_path[64];
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  pin(link_path, state->st_ino);
  pthread_mutex_lock(&files_lock);
  const size_t place = place_of(state->st_ino);
  const off64_t known = files[place].inode == 0 ? 0 : files[place].intact;
  const off64_t intact = known < state->st_size ? known : state->st_size;
  files[place].inode = state->st_ino;
  files[place].intact = state->st_size;
  pthread_mutex_unlock(&files_lock);
  /* After a failure the system takes the pages for clean and never writes them again: so neither
     does a later sync record them, unless they are written anew. */
  const int result = has_fault("sync", fd) ? -1 : real_sync(fd);
  const int error = errno;
  if (result == 0) record_content(state->st_ino, intact, state->st_size);
  errno = error;
  return result;
}

static int sync_recorded(int fd, int (*real_sync)(int)) {
  struct stat64 state;
  if (!directory || fstat64(fd, &state) != 0 || !is_watched(fd)) return real_sync(fd);
  pthread_mutex_lock(&sync_lock);
  int result;
  if (S_ISDIR(state.st_mode)) {
    result = sync_directory(fd, state.st_ino, real_sync);
  } else {
    /* Of now: another thread may have written while this one waited. */
    result = fstat64(fd, &state) == 0 ? sync_file(fd, &state, real_sync) : -1;
  }
  pthread_mutex_unlock(&sync_lock);
  return result;
}

int fsync(int fd) {
  find_fsync();
  return sync_recorded(fd, real_fsync);
}

int fdatasync(int fd) {
  find_fdatasync();
  return sync_recorded(fd, real_fdatasync);
}

/* --- the boot id ------------------------------------------------------------------------------ */

static int open_boot_id(void) {
  const int file = memfd_create("boot_id", MFD_CLOEXEC);
  if (file >= 0) {
    dprintf(file, "%s\n", boot_id);
    lseek64(file, 0, SEEK_SET);
  }
  return file;
}

static int open_any(int at, const char* path, int flags, va_list arguments) {
  find_openat64();
  const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  const mode_t mode = has_mode ? va_arg(arguments, mode_t) : 0;
  if (boot_id && strcmp(path, BOOT_ID_PATH) == 0) return open_boot_id();
  return real_openat64(at, path, flags, mode);
}

#define OPEN(name)                                                 \
  int name(const char* path, int flags, ...) {                     \
    va_list arguments;                                             \
    va_start(arguments, flags);                                    \
    const int result = open_any(AT_FDCWD, path, flags, arguments); \
    va_end(arguments);                                             \
    return result;                                                 \
  }

#define OPENAT(name)                                         \
  int name(int at, const char* path, int flags, ...) {       \
    va_list arguments;                                       \
    va_start(arguments, flags);                              \
    const int result = open_any(at, path, flags, arguments); \
    va_end(arguments);                                       \
    return result;                                           \
  }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
