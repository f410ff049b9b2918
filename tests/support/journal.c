/* Records every change that a process makes to the files below a folder, in order, so that a test can rebuild the
 * disk as it was at any step with unsynced writes dropped. LD_PRELOAD; JOURNAL_FILE and JOURNAL_WATCH say where, or a
 * process that loads the test's own code calls journal_begin. journal_fail makes calls fail as a full or broken disk does.
 * A record: operation (1 byte), path length (4), offset (8), data length (8), path, data; numbers in host order. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static const char *watch;

static char failing;
static long fail_first, fail_times;
static int fail_errno;

void journal_begin(const char *file, const char *below) {
    watch = strdup(below);
    journal = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The calls of an operation fail from the one that is `first`, counted from 1, and `times` in a row. */
void journal_fail(char op, long first, long times, int error) {
    failing = op, fail_first = first, fail_times = times, fail_errno = error;
}

__attribute__((constructor)) static void begin(void) {
    const char *file = getenv("JOURNAL_FILE"), *below = getenv("JOURNAL_WATCH");
    if (file && below) journal_begin(file, below);
}

static int fails(char op) {
    if (op != failing || --fail_first > 0 || fail_times-- <= 0) return 0;
    errno = fail_errno;
    return 1;
}

static void record(char op, const char *path, uint64_t offset, const void *data, uint64_t length) {
    uint32_t path_length = strlen(path);
    char header[21];
    header[0] = op;
    memcpy(header + 1, &path_length, 4);
    memcpy(header + 5, &offset, 8);
    memcpy(header + 13, &length, 8);
    struct iovec parts[3] = {{header, 21}, {(void *)path, path_length}, {(void *)data, length}};
    if (syscall(SYS_writev, journal, parts, 3) != (ssize_t)(21 + path_length + length)) abort();
}

static int watched(const char *path) { return journal >= 0 && strncmp(path, watch, strlen(watch)) == 0; }

static int path_of(int fd, char *path) {
    char link[64];
    if (journal < 0 || fd == journal) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return watched(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t count) {
    char path[4096];
    if (!path_of(fd, path)) return REAL(write)(fd, data, count);
    pthread_mutex_lock(&lock);
    struct stat found;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND && fstat(fd, &found) == 0) offset = found.st_size;
    ssize_t done = fails('w') ? -1 : REAL(write)(fd, data, count);
    if (done > 0) record('w', path, offset, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t write_at(int fd, const void *data, size_t count, off_t offset) {
    char path[4096];
    int known = path_of(fd, path);
    pthread_mutex_lock(&lock);
    ssize_t done = known && fails('w') ? -1 : syscall(SYS_pwrite64, fd, data, count, offset);
    if (known && done > 0) record('w', path, offset, data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) { return write_at(fd, data, count, offset); }
ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset) { return write_at(fd, data, count, offset); }

/* Copies within the kernel would go unseen: whoever tries one falls back to reading and writing. */
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    char path[4096];
    if (path_of(out, path)) { errno = EINVAL; return -1; }
    return REAL(sendfile)(out, in, offset, count);
}
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) { return sendfile(out, in, (off_t *)offset, count); }

static int sync_file(int fd, int number) {
    char path[4096];
    int known = path_of(fd, path);
    pthread_mutex_lock(&lock);
    int failed = known && fails('s');
    int done = failed ? -1 : syscall(number, fd);
    if (failed) record('f', path, 0, "", 0);
    if (known && done == 0) record('s', path, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int cut(int fd, off_t length) {
    char path[4096];
    int known = path_of(fd, path);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, length);
    if (known && done == 0) record('t', path, length, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off_t length) { return cut(fd, length); }

static int open_at(int folder, const char *name, int flags, int mode) {
    char path[4096];
    if (journal < 0 || !(flags & (O_CREAT | O_TRUNC))) return syscall(SYS_openat, folder, name, flags, mode);
    pthread_mutex_lock(&lock);
    int there = faccessat(folder, name, F_OK, 0) == 0;
    int fd = syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && path_of(fd, path)) {
        if (!there) record('c', path, 0, "", 0);
        else if (flags & O_TRUNC) record('t', path, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPENED(flags) \
    int mode = 0; \
    if ((flags) & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

int open(const char *name, int flags, ...) { OPENED(flags) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { OPENED(flags) return open_at(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { OPENED(flags) return open_at(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { OPENED(flags) return open_at(folder, name, flags, mode); }

int rename(const char *from, const char *to) {
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
    if (done == 0 && watched(from)) record('r', from, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *name) {
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, AT_FDCWD, name, 0);
    if (done == 0 && watched(name)) record('u', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}
