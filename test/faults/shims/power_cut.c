/*
 * A disk that forgets what was not synced. Loaded into the collector by LD_PRELOAD.
 *
 * The files under $DISK are what the process sees, the page cache; $DURABLE is what a power cut
 * leaves. Bytes get there by fsync or fdatasync of their file, names by fsync of their folder, as
 * POSIX promises and no more. A cut kills the process and builds the next disk out of $DURABLE.
 *
 *     $DURABLE/data/INODE-BIRTH   the synced bytes of a file, whatever it is called
 *     $DURABLE/names/FOLDER       the synced names of a folder (`root`, `out`): NAME, a tab, INODE-BIRTH
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char disk[PATH_MAX], durable[PATH_MAX];

static void die(const char *what) {
  perror(what);
  _exit(99);
}

/* Inodes are used again: only together with its birth (milliseconds) does one name a file. */
static int key_of(int folder, const char *name, int flags, char *key) {
  struct statx found;
  if (statx(folder, name, flags, STATX_INO | STATX_BTIME | STATX_TYPE, &found) != 0) return -1;
  if (!S_ISREG(found.stx_mode)) return -1;
  long long birth = found.stx_btime.tv_sec * 1000LL + found.stx_btime.tv_nsec / 1000000;
  sprintf(key, "%llu-%lld", (unsigned long long)found.stx_ino, birth);
  return 0;
}

/* Copies all of a file that differs; `fd` is left where it stands. */
static void sync_bytes(int fd, const char *key) {
  char path[PATH_MAX * 2], live[65536], kept[65536];
  snprintf(path, sizeof path, "%s/data/%s", durable, key);
  int out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (out < 0) die(path);
  off_t at = 0;
  for (ssize_t size; (size = pread(fd, live, sizeof live, at)) > 0; at += size) {
    if (pread(out, kept, size, at) == size && memcmp(live, kept, size) == 0) continue;
    if (pwrite(out, live, size, at) != size) die(path);
  }
  if (ftruncate(out, at) != 0) die(path);
  close(out);
}

static void sync_names(const char *folder) {
  char path[PATH_MAX * 2], next[PATH_MAX * 2 + 8], key[64];
  snprintf(path, sizeof path, "%s/names/%s", durable, folder[0] ? folder + 1 : "root");
  snprintf(next, sizeof next, "%s.next", path);
  char live[PATH_MAX * 2];
  snprintf(live, sizeof live, "%s%s", disk, folder);
  DIR *listing = opendir(live);
  FILE *out = fopen(next, "w");
  if (!listing || !out) die(live);
  for (struct dirent *entry; (entry = readdir(listing));) {
    if (key_of(dirfd(listing), entry->d_name, AT_SYMLINK_NOFOLLOW, key) != 0) continue;
    fprintf(out, "%s\t%s\n", entry->d_name, key);
  }
  closedir(listing);
  if (fclose(out) != 0 || rename(next, path) != 0) die(path);
}

/* The path of a descriptor behind $DISK, "" for $DISK itself; NULL when it is elsewhere. */
static const char *within_disk(int fd, char *path) {
  char link[64];
  sprintf(link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, PATH_MAX - 1);
  if (size < 0) return NULL;
  path[size] = 0;
  size_t length = strlen(disk);
  if (length == 0 || strncmp(path, disk, length) != 0) return NULL;
  return path[length] == '/' || path[length] == 0 ? path + length : NULL;
}

static int make_durable(int fd, const char *name) {
  char path[PATH_MAX], key[64];
  const char *inside = within_disk(fd, path);
  if (!inside) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    return real(fd);
  }
  struct stat found;
  if (fstat(fd, &found) != 0) return -1;
  pthread_mutex_lock(&lock);
  if (S_ISDIR(found.st_mode)) {
    sync_names(inside);
  } else if (key_of(fd, "", AT_EMPTY_PATH, key) == 0) {
    /* Another descriptor of SQLite's file must not be closed: its locks would go. */
    int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    int readable = mode == O_WRONLY ? open(path, O_RDONLY | O_CLOEXEC) : fd;
    if (readable >= 0) sync_bytes(readable, key);
    if (readable >= 0 && readable != fd) close(readable);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

int fsync(int fd) { return make_durable(fd, "fsync"); }
int fdatasync(int fd) { return make_durable(fd, "fdatasync"); }

static void sync_folder(const char *folder) {
  char live[PATH_MAX * 2], key[64];
  snprintf(live, sizeof live, "%s%s", disk, folder);
  DIR *listing = opendir(live);
  if (!listing) die(live);
  for (struct dirent *entry; (entry = readdir(listing));) {
    if (key_of(dirfd(listing), entry->d_name, AT_SYMLINK_NOFOLLOW, key) != 0) continue;
    int fd = openat(dirfd(listing), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) die(entry->d_name);
    sync_bytes(fd, key);
    close(fd);
  }
  closedir(listing);
  sync_names(folder);
}

/* What is there when the power comes back is durable. */
__attribute__((constructor)) static void power_on(void) {
  const char *at = getenv("DISK"), *to = getenv("DURABLE");
  if (!at || !to) return;
  strncpy(disk, at, sizeof disk - 1);
  strncpy(durable, to, sizeof durable - 1);
  sync_folder("");
  sync_folder("/out");
}
