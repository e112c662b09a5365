// SPDX-License-Identifier: MIT
/*
 * attach_console.c - --console virtio, and --port NAME[,in=FILE][,out=FILE]: one device for all.
 */
#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/log.h"
#include "vmm/parse.h"

#define PORT_NAME_MAX 64u

/* A named stream of the guest and what is behind it on the host. */
struct vm_port {
    struct vm *vm;
    struct console con;
    char *words; /* the option's text, taken apart; what follows points into it */
    const char *name, *in, *out;
    bool own_in, own_out; /* the descriptors of con are ours to close */
};

static void port_free(struct vm_port *p)
{
    if (p->own_in)
        close(p->con.in_fd);
    if (p->own_out)
        close(p->con.out_fd);
    console_fini(&p->con);
    free(p->words);
    free(p);
}

void vm_ports_free(struct vm *vm)
{
    for (unsigned i = 0; i < vm->n_streams; i++)
        port_free(vm->streams[i]);
}

uint64_t vm_bytes_out(struct vm *vm)
{
    uint64_t n = atomic_load(&vm->con.bytes_out);
    for (unsigned i = 0; i < vm->n_streams; i++)
        n += atomic_load(&vm->streams[i]->con.bytes_out);
    return n;
}

uint64_t vm_first_byte(struct vm *vm)
{
    uint64_t first = atomic_load(&vm->con.first_ns);
    for (unsigned i = 0; i < vm->n_streams; i++) {
        uint64_t ns = atomic_load(&vm->streams[i]->con.first_ns);
        if (ns && (!first || ns < first))
            first = ns;
    }
    return first;
}

/* The host refused a byte: the guest sees the port closed. A reader that left is no fault. */
static void port_gone(void *arg, int code)
{
    const struct vm_port *p = arg;
    if (code == EPIPE)
        return;
    const char *out = !p->out ? "no out=" : strcmp(p->out, "-") ? p->out : "standard output";
    int none = 0;
    atomic_compare_exchange_strong(&p->vm->lost, &none, code);
    log_at(LOG_WARN, "port %s: %s: %s", p->name, out, strerror(code));
}

static bool port_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n && n <= PORT_NAME_MAX && !name[n];
}

/* "-" and "fd:N" are descriptors that the launcher was started with: which one; -1: neither. */
static int port_inherited(const char *text, int standard)
{
    uint64_t n = 0;
    if (!strcmp(text, "-"))
        return standard;
    if (strncmp(text, "fd:", 3) != 0 || !parse_number(text + 3, &n) || n > INT32_MAX)
        return -1;
    return (int)n;
}

static int port_use(const struct attach *a, const struct vm_attach *as, const char *text, int fd,
                    bool write, struct err *err)
{
    const struct vm_config *c = &a->vm->cfg;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return err_set(err, ERR_HOST, EBADF, "--port %s: descriptor %d is not open", as->spec, fd);
    int mode = flags & O_ACCMODE;
    if (mode != O_RDWR && mode != (write ? O_WRONLY : O_RDONLY))
        return err_set(err, ERR_HOST, EBADF, "--port %s: %s cannot be %s", as->spec, text,
                       write ? "written" : "read");
    if (fd == (write ? c->out_fd : c->in_fd))
        return err_set(err, ERR_HOST, EBUSY,
                       "--port %s: standard %s is the console's; --console stderr or --console "
                       "none leaves it to ports",
                       as->spec, write ? "output" : "input");
    return 0;
}

/* The descriptor behind `text`; *own: opened here. A FIFO to write to waits for its reader. */
static int port_open(const struct attach *a, const struct vm_attach *as, const char *text,
                     bool write, int *fd, bool *own, struct err *err)
{
    *fd = -1;
    if (!text)
        return 0;
    *fd = port_inherited(text, write ? STDOUT_FILENO : STDIN_FILENO);
    if (*fd >= 0)
        return port_use(a, as, text, *fd, write, err);
    if (!strncmp(text, "fd:", 3))
        return err_set(err, ERR_HOST, EINVAL, "--port %s: \"%s\": fd: needs a number", as->spec,
                       text);
    *fd = write ? open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666)
                : open(text, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    *own = *fd >= 0;
    return *own ? 0 : err_sys(err, errno, "--port %s: %s", as->spec, text);
}

static int port_new(const struct attach *a, const struct vm_attach *as, struct err *err)
{
    struct vm *vm = a->vm;
    struct vm_port *p = calloc(1, sizeof *p);
    if (!p)
        return err_sys(err, ENOMEM, "--port %s", as->spec);
    p->vm = vm;
    console_init(&p->con, vm->loop, -1, -1);
    const struct attach_word words[] = {
        {"in",  .text = &p->in },
        {"out", .text = &p->out},
    };
    int in = -1, out = -1;
    int rc = attach_words("port", as->spec, words, ARRAY_LEN(words), &p->name, &p->words, err);
    if (!rc && !port_name_ok(p->name))
        rc = err_set(err, ERR_HOST, EINVAL,
                     "--port %s: \"%.80s\" is no name: 1 to %u letters, digits, dots, dashes and "
                     "underscores",
                     as->spec, p->name, PORT_NAME_MAX);
    for (unsigned i = 0; i < vm->n_streams && !rc; i++)
        if (!strcmp(vm->streams[i]->name, p->name))
            rc = err_set(err, ERR_HOST, EEXIST, "--port %s: there is a port %s already", as->spec,
                         p->name);
    if (!rc && !p->in && !p->out && !as->sink)
        rc = err_set(err, ERR_HOST, EINVAL, "--port %s: needs in=FILE, out=FILE or both", as->spec);
    if (!rc && vm->n_streams == VIRTIO_CONSOLE_PORTS_MAX)
        rc = err_set(err, ERR_HOST, ENOSPC, "--port %s: there are at most %u ports", as->spec,
                     VIRTIO_CONSOLE_PORTS_MAX);
    rc = rc ? rc : port_open(a, as, p->in, false, &in, &p->own_in, err);
    if (!rc) {
        p->con.in_fd = in;
        rc = port_open(a, as, p->out, true, &out, &p->own_out, err);
    }
    if (rc) {
        port_free(p);
        return rc;
    }
    console_init(&p->con, vm->loop, in, out);
    p->con.gone = port_gone;
    p->con.arg = p;
    if (as->sink)
        console_sink(&p->con, as->sink, vm->cfg.ctx);
    vm->streams[vm->n_streams++] = p;
    return 0;
}

/* A stream that had waited for the host has written all. */
static void ports_idle(void *arg)
{
    park_wake(&((struct vm *)arg)->drain);
}

int attach_console(const struct attach *a, struct dev **dev, struct err *err)
{
    struct vm *vm = a->vm;
    struct virtio_console_params params = {.idle = ports_idle, .arg = vm};
    int rc = 0;
    for (unsigned i = 0; i < vm->cfg.n_attach && !rc; i++) {
        const struct vm_attach *as = &vm->cfg.attach[i];
        if (!strcmp(as->option, "port"))
            rc = port_new(a, as, err);
        else if (!strcmp(as->option, "console"))
            params.console = (struct virtio_port){"console", &vm->con.chr, true};
    }
    if (rc)
        return rc;
    for (unsigned i = 0; i < vm->n_streams; i++) {
        struct vm_port *p = vm->streams[i];
        params.ports[params.n_ports++] =
            (struct virtio_port){p->name, &p->con.chr, p->con.out_fd >= 0 || p->con.sink};
    }
    if (params.console.chr)
        term_size(vm->cfg.out_fd, &params.cols, &params.rows);
    rc = virtio_console_new(dev, a->name, &a->host, &params);
    return rc ? err_sys(err, -rc, "--%s", vm->n_streams ? "port" : "console") : 0;
}
