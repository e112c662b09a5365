// SPDX-License-Identifier: MIT
/*
 * stepper.c - run a program one instruction at a time and print each address it was at, once, as
 * "0xADDRESS:". For launch_order.sh, on x86-64: ARM64's exclusive pairs never end when stepped.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE      0x400000 /* where a static program is linked to */
#define SIZE      0x400000
#define STEPS_MAX 1000000

static unsigned char seen[SIZE];

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    pid_t pid = fork();
    if (pid < 0)
        return 1;
    if (!pid) {
        dup2(open("/dev/null", O_WRONLY), 1);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    for (long n = 0; WIFSTOPPED(status) && n < STEPS_MAX; n++) {
        struct user_regs_struct regs;
        int sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        if (!ptrace(PTRACE_GETREGS, pid, NULL, &regs) && regs.rip - BASE < SIZE)
            seen[regs.rip - BASE] = 1;
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(intptr_t)sig) ||
            waitpid(pid, &status, 0) < 0)
            break;
    }
    kill(pid, SIGKILL);
    for (uint32_t i = 0; i < SIZE; i++)
        if (seen[i])
            printf("0x%x:\n", BASE + i);
    return 0;
}
