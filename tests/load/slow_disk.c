/* Put before the C library (LD_PRELOAD): each call that waits for the disk waits longer, as on a disk with other work. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

typedef int (*sync_call)(int);

static int late(const char *name, int file) {
    struct timespec five_milliseconds = {0, 5 * 1000 * 1000};
    nanosleep(&five_milliseconds, NULL);
    return ((sync_call)dlsym(RTLD_NEXT, name))(file);
}

int fsync(int file) { return late("fsync", file); }

int fdatasync(int file) { return late("fdatasync", file); }
