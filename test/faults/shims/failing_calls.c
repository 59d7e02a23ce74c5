/*
 * A disk that fails once in a while. Loaded into the collector by LD_PRELOAD.
 *
 * The $FAIL_AT-th call of $FAIL_CALL on a file under $DISK, and $FAIL_TIMES - 1 after it, fail with
 * errno $FAIL_ERRNO and do nothing; with errno 0 they never come back.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static const char *disk, *failing;
static long first, last;
static int error;
static atomic_long calls;

__attribute__((constructor)) static void set_up(void) {
  disk = getenv("DISK");
  failing = getenv("FAIL_CALL");
  if (!disk || !failing) return;
  first = atol(getenv("FAIL_AT"));
  last = first + atol(getenv("FAIL_TIMES")) - 1;
  error = atoi(getenv("FAIL_ERRNO"));
}

static int fails(const char *call, const char *path) {
  if (!disk || !failing || strcmp(call, failing) != 0) return 0;
  if (strncmp(path, disk, strlen(disk)) != 0) return 0;
  long number = ++calls;
  if (number < first || number > last) return 0;
  while (error == 0) pause();
  errno = error;
  return 1;
}

static int fails_at(const char *call, int fd) {
  if (!disk || !failing || strcmp(call, failing) != 0) return 0;
  char link[64], path[PATH_MAX];
  sprintf(link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return fails(call, path);
}

#define REAL(name) __typeof__(name) *real = dlsym(RTLD_NEXT, #name)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  REAL(pwrite64);
  return fails_at("pwrite64", fd) ? -1 : real(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size) {
  REAL(write);
  return fails_at("write", fd) ? -1 : real(fd, data, size);
}

int fsync(int fd) {
  REAL(fsync);
  return fails_at("fsync", fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return fails_at("fdatasync", fd) ? -1 : real(fd);
}

int ftruncate64(int fd, off64_t size) {
  REAL(ftruncate64);
  return fails_at("ftruncate64", fd) ? -1 : real(fd, size);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  return fails("rename", from) ? -1 : real(from, to);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  REAL(open64);
  return fails("open64", path) ? -1 : real(path, flags, mode);
}
