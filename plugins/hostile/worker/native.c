/* Attacks in machine code. `attack` gives a positive number where one went through. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A call without the C library, which a plugin need not use. */
static long raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    long result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
#endif
}

static int is(const char *how, const char *name) { return strcmp(how, name) == 0; }

/* Code that gives 42: moved to where it can be written, then jumped to. */
static const unsigned char forty_two[] = {0xb8, 0x2a, 0x00, 0x00, 0x00, 0xc3};

static long run(void *code) { return ((long (*)(void))(uintptr_t)code)(); }

static long written_and_executed(int flags, int protection, int later) {
    unsigned char *page = (void *)raw(SYS_mmap, 0, 4096, protection, flags, -1, 0);
    if ((long)page < 0 && (long)page > -4096) return (long)page;
    memcpy(page, forty_two, sizeof forty_two);
    if (later) {
        long done = raw(SYS_mprotect, (long)page, 4096, later, 0, 0, 0);
        if (done < 0) return done;
    }
    return run(page);
}

static long from_tmp(int shared) {
    int file = open("/tmp/code", O_RDWR | O_CREAT, 0755);
    unsigned char code[4096] = {0};
    memcpy(code, forty_two, sizeof forty_two);
    if (file < 0 || write(file, code, sizeof code) != sizeof code) return -1000;
    long page = raw(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, shared ? MAP_SHARED : MAP_PRIVATE, file, 0);
    if (page < 0 && page > -4096) return page;
    return run((void *)page);
}

static long two_mappings(void) {
    int file = open("/tmp/two", O_RDWR | O_CREAT, 0755);
    if (file < 0 || ftruncate(file, 4096) != 0) return -1000;
    unsigned char *written = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (written == MAP_FAILED) return -errno;
    long executed = raw(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    if (executed < 0 && executed > -4096) return executed;
    memcpy(written, forty_two, sizeof forty_two);
    return run((void *)executed);
}

/* Its own code, which may be mapped: made writable, changed, made executable again. */
static long own_code_changed(void) {
    int file = open("/plugin/native.so", O_RDONLY);
    unsigned char *page = (void *)raw(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0);
    if ((long)page < 0 && (long)page > -4096) return (long)page;
    long done = raw(SYS_mprotect, (long)page, 4096, PROT_READ | PROT_WRITE, 0, 0, 0);
    if (done < 0) return done;
    memcpy(page, forty_two, sizeof forty_two);
    done = raw(SYS_mprotect, (long)page, 4096, PROT_READ | PROT_EXEC, 0, 0, 0);
    if (done < 0) return done;
    return run(page);
}

static long copied_library(void) {
    int from = open("/plugin/native.so", O_RDONLY), to = open("/tmp/native.so", O_WRONLY | O_CREAT, 0755);
    char part[4096];
    ssize_t length;
    while ((length = read(from, part, sizeof part)) > 0)
        if (write(to, part, (size_t)length) != length) return -1000;
    close(to);
    return dlopen("/tmp/native.so", RTLD_NOW) == NULL ? -1 : 1;
}

static long deep(volatile long depth) {
    volatile char part[4096];
    part[depth % 4096] = 1;
    return deep(depth + 1) + part[0];
}

static void on_signal(int number) { (void)number; }

/* A forbidden call that is interrupted again and again: it may never be made. */
static long interrupted(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGALRM, &action, NULL);
    ualarm(1, 50);
    long best = -1000;
    for (int count = 0; count < 100000; count++) {
        long result = raw(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, 0, 0);
        if (result > best) best = result;
    }
    return best < 0 ? best : 1;
}

long attack(const char *how, int victim) {
    if (is(how, "anonymous")) return written_and_executed(MAP_PRIVATE | MAP_ANONYMOUS, 7, 0);
    if (is(how, "anonymous shared")) return written_and_executed(MAP_SHARED | MAP_ANONYMOUS, 7, 0);
    if (is(how, "anonymous later")) return written_and_executed(MAP_PRIVATE | MAP_ANONYMOUS, 3, 5);
    if (is(how, "anonymous low")) return written_and_executed(MAP_PRIVATE | MAP_ANONYMOUS | 0x40, 3, 7);
    if (is(how, "from tmp")) return from_tmp(0);
    if (is(how, "from tmp shared")) return from_tmp(1);
    if (is(how, "two mappings")) return two_mappings();
    if (is(how, "own code")) return own_code_changed();
    if (is(how, "dlopen from tmp")) return copied_library();
    if (is(how, "stack overflow")) return deep(0);
    if (is(how, "interrupted")) return interrupted();
    if (is(how, "ptrace")) return raw(SYS_ptrace, PTRACE_ATTACH, victim, 0, 0, 0, 0) + 1;
    if (is(how, "fork")) return raw(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
    if (is(how, "namespace")) return raw(SYS_unshare, 0x10000000, 0, 0, 0, 0, 0) + 1;
    if (is(how, "socket")) return raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    if (is(how, "memory")) {
        for (;;) {
            char *page = malloc(1 << 20);
            if (page == NULL) abort();
            memset(page, 1, 1 << 20);
        }
    }
    if (is(how, "spin"))
        for (;;) __asm__ volatile("" ::: "memory");
    if (is(how, "unknown number")) return raw(100000, 0, 0, 0, 0, 0, 0) + 1;
#if defined(__x86_64__)
    /* The calls of x32 are those of x86-64 with a bit in the number. */
    if (is(how, "x32 getpid")) return raw(0x40000000 | SYS_getpid, 0, 0, 0, 0, 0, 0);
    if (is(how, "x32 ptrace")) return raw(0x40000000 | 521, PTRACE_TRACEME, 0, 0, 0, 0, 0) + 1;
    if (is(how, "high bits")) return raw((long)0xffffffff00000000 | SYS_getpid, 0, 0, 0, 0, 0, 0) == 2 ? 0 : -1;
    if (is(how, "high bits of ptrace")) return raw((long)0x100000000 | SYS_ptrace, 0, 0, 0, 0, 0, 0) + 1;
    if (is(how, "int 0x80")) {
        /* getpid of the 32-bit calls. */
        long result;
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "r8", "r9", "r10", "r11", "memory");
        return result;
    }
    if (is(how, "far call")) {
        /* To 32-bit code, where the instruction for a call has another table. */
        __asm__ volatile("pushq $0x23\n lea 1f(%%rip), %%rax\n pushq %%rax\n lretq\n 1: nop" ::: "rax", "memory");
        return 1;
    }
    if (is(how, "privileged")) {
        __asm__ volatile("cli");
        return 1;
    }
#endif
    return -ENOSYS;
}
