// Preloaded into the program under test: counts its file operations below a
// folder, and at the n-th ends the process or makes the operation fail.
//
//   FAULTS_BELOW   the folder; only files whose path begins with it count
//   FAULTS_HOW     kill, torn (half of a write is done, then kill), eio, enospc,
//                  short (half of a write is done, the rest has no space), or none
//   FAULTS_AT      which operation, from 1
//   FAULTS_TRACE   a file that gets a line for each operation
//
// For kill and torn only what changes the disk counts; for errors reading too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES = 65536 };
enum how { NONE, KILL, TORN, EIO_, ENOSPC_, SHORT };

static const char *below;
static size_t below_length;
static enum how how;
static long at;
static int trace = -1;
static atomic_long count;
static atomic_uchar counted[FILES]; // by descriptor: 1 counts, 2 has no space left

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    below = getenv("FAULTS_BELOW");
    if (!below) return;
    below_length = strlen(below);
    const char *named = getenv("FAULTS_HOW");
    const char *names[] = {"none", "kill", "torn", "eio", "enospc", "short"};
    for (int i = 0; named && i < 6; i++)
        if (!strcmp(named, names[i])) how = (enum how)i;
    const char *number = getenv("FAULTS_AT");
    at = number ? atol(number) : 0;
    const char *file = getenv("FAULTS_TRACE");
    if (file) trace = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int is_below(const char *path) {
    return below && path && !strncmp(path, below, below_length);
}

static int is_counted(int fd) {
    return below && fd >= 0 && fd < FILES && counted[fd];
}

static void note(const char *what, const char *path, long number) {
    if (trace < 0) return;
    char line[512];
    const char *name = path ? strrchr(path, '/') : NULL;
    int length = snprintf(line, sizeof line, "%ld %s %s\n", number, what, name ? name + 1 : "");
    if (length > 0) REAL(write)(trace, line, (size_t)length);
}

// Whether this operation is the one; ends the process when that is what is wanted.
static int is_hit(const char *what, const char *path, int changes) {
    if (!changes && (how == KILL || how == TORN)) return 0;
    long number = atomic_fetch_add(&count, 1) + 1;
    note(what, path, number);
    if (number != at || how == NONE) return 0;
    if (how == KILL) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    return 1;
}

// The error that a hit is answered with.
static int failed(int changes) {
    errno = how == EIO_ || !changes ? EIO : ENOSPC;
    if (how == TORN) {
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    return -1;
}

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < FILES) counted[fd] = is_below(path);
    return fd;
}

static int changes_disk(int flags) {
    return (flags & (O_CREAT | O_TRUNC)) != 0;
}

#define OPEN(name)                                                       \
    int name(const char *path, int flags, ...) {                              \
        va_list rest;                                                          \
        va_start(rest, flags);                                                 \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                          \
        if (is_below(path) && is_hit("open", path, changes_disk(flags)))       \
            return failed(changes_disk(flags));                                \
        return opened(((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                           \
    int name(int folder, const char *path, int flags, ...) {                   \
        va_list rest;                                                          \
        va_start(rest, flags);                                                 \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                          \
        if (is_below(path) && is_hit("open", path, changes_disk(flags)))       \
            return failed(changes_disk(flags));                                \
        return opened(((int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, #name))(folder, path, flags, mode), path); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < FILES) counted[fd] = 0;
    return REAL(close)(fd);
}

// Half of a write, and nothing more for this file.
static ssize_t half(int fd, const void *bytes, size_t length) {
    ssize_t written = length > 1 ? REAL(write)(fd, bytes, length / 2) : 0;
    if (how == TORN) failed(1);
    counted[fd] = 2;
    if (written > 0) return written;
    errno = ENOSPC;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (is_counted(fd)) {
        if (counted[fd] == 2) return errno = ENOSPC, -1;
        if (is_hit("write", NULL, 1))
            return how == TORN || how == SHORT ? half(fd, bytes, length) : failed(1);
    }
    return REAL(write)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (is_counted(fd)) {
        if (counted[fd] == 2) return errno = ENOSPC, -1;
        if (is_hit("write", NULL, 1)) {
            if (how == SHORT) counted[fd] = 2;
            return failed(1);
        }
    }
    return REAL(writev)(fd, parts, number);
}

#define PWRITE(name, offset_type)                                              \
    ssize_t name(int fd, const void *bytes, size_t length, offset_type where) { \
        if (is_counted(fd)) {                                                  \
            if (counted[fd] == 2) return errno = ENOSPC, -1;                   \
            if (is_hit("write", NULL, 1)) return failed(1);                    \
        }                                                                      \
        return REAL(name)(fd, bytes, length, where);                           \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t read(int fd, void *bytes, size_t length) {
    if (is_counted(fd) && is_hit("read", NULL, 0)) return failed(0);
    return REAL(read)(fd, bytes, length);
}

#define PREAD(name, offset_type)                                               \
    ssize_t name(int fd, void *bytes, size_t length, offset_type where) {      \
        if (is_counted(fd) && is_hit("read", NULL, 0)) return failed(0);       \
        return REAL(name)(fd, bytes, length, where);                           \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

int fsync(int fd) {
    if (is_counted(fd) && is_hit("fsync", NULL, 1)) return failed(1);
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    if (is_counted(fd) && is_hit("fdatasync", NULL, 1)) return failed(1);
    return REAL(fdatasync)(fd);
}

#define TRUNCATE(name, offset_type)                                            \
    int name(int fd, offset_type length) {                                     \
        if (is_counted(fd) && is_hit("ftruncate", NULL, 1)) return failed(1);  \
        return REAL(name)(fd, length);                                         \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
    if (is_below(to) && is_hit("rename", to, 1)) return failed(1);
    return REAL(rename)(from, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    if (is_below(to) && is_hit("rename", to, 1)) return failed(1);
    return REAL(renameat2)(a, from, b, to, flags);
}

int renameat(int a, const char *from, int b, const char *to) {
    if (is_below(to) && is_hit("rename", to, 1)) return failed(1);
    return REAL(renameat)(a, from, b, to);
}

int unlink(const char *path) {
    if (is_below(path) && is_hit("unlink", path, 1)) return failed(1);
    return REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    if (is_below(path) && is_hit("unlink", path, 1)) return failed(1);
    return REAL(unlinkat)(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    if (is_below(path) && is_hit("mkdir", path, 1)) return failed(1);
    return REAL(mkdir)(path, mode);
}

ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t length, unsigned flags) {
    if (is_counted(to) && is_hit("write", NULL, 1)) return failed(1);
    return REAL(copy_file_range)(from, a, to, b, length, flags);
}
