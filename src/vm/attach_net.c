// SPDX-License-Identifier: MIT
/*
 * attach_net.c - --net user|passt[=SOCKET]|tap=IF[,mac=ADDR], and --publish for the first one that
 * is a passt of our own.
 */
#include "attach.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "vmm/netif.h"
#include "vmm/parse.h"

_Static_assert(NETIF_MAC == PARSE_MAC, "of the same length");

enum net_kind { NET_USER, NET_PASST, NET_TAP, NET_KINDS };

static const char *const net_kinds[NET_KINDS] = {"user", "passt", "tap"};

/* The kind that `word` begins with, and what follows "=" (NULL: nothing); NET_KINDS: none. */
static enum net_kind net_kind_of(const char *word, const char **value)
{
    size_t len = strcspn(word, "=,");
    enum net_kind k = NET_USER;
    while (k < NET_KINDS && (strlen(net_kinds[k]) != len || memcmp(net_kinds[k], word, len) != 0))
        k++;
    *value = word[len] == '=' ? word + len + 1 : NULL;
    return k;
}

/* Does this attachment start a passt? */
static bool net_own_passt(const struct vm_attach *a)
{
    const char *value;
    return !strcmp(a->option, "net") && net_kind_of(a->spec, &value) != NET_TAP && !value;
}

int attach_net_check(const struct vm_config *c, struct err *err)
{
    const struct vm_attach *publish = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < c->n_attach; i++) {
        if (net_own_passt(&c->attach[i]))
            return 0;
        if (!strcmp(c->attach[i].option, "publish") && !n++)
            publish = &c->attach[i];
    }
    return publish ? err_set(err, ERR_HOST, EINVAL,
                             "--publish %.100s: needs --net user, whose passt opens the port",
                             publish->spec)
                   : 0;
}

/* ---- the address ---- */

/* Another one for each run and window, locally administered. */
static int net_mac_random(const struct attach *a, uint8_t *mac, struct err *err)
{
    uint64_t own = 0, *seed = a->vm->cfg.mac_seed ? a->vm->cfg.mac_seed : &own;
    if (!*seed && getrandom(seed, sizeof *seed, 0) != (ssize_t)sizeof *seed)
        return err_sys(err, errno, "--net: a random MAC address");
    uint64_t val = *seed + a->vm->n_attached * BIT(40); /* the last byte of six */
    memcpy(mac, &val, NETIF_MAC);
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2);
    return 0;
}

/* ---- host ends ---- */

static void net_failed(void *arg, const char *text)
{
    vm_end_host(arg, text);
}

static bool net_first_passt(const struct attach *a)
{
    const struct vm_config *c = &a->vm->cfg;
    unsigned i = 0;
    while (!net_own_passt(&c->attach[i]))
        i++;
    return c->attach[i].spec == a->spec;
}

static int net_passt(const struct attach *a, struct netif **nif, struct err *err)
{
    const struct vm_config *c = &a->vm->cfg;
    struct netif_publish publish[NETIF_PUBLISH_MAX];
    struct netif_passt_params p = {.publish = publish, .failed = net_failed, .arg = a->vm};
    for (unsigned i = 0; i < c->n_attach && net_first_passt(a); i++) {
        if (strcmp(c->attach[i].option, "publish") != 0)
            continue;
        _Static_assert(VM_ATTACH_MAX <= NETIF_PUBLISH_MAX, "room for each --publish");
        int rc = netif_publish_parse(&publish[p.n_publish++], c->attach[i].spec, err);
        if (rc)
            return rc;
    }
    return netif_passt_new(nif, a->vm->loop, &p, err);
}

static int net_open(const struct attach *a, const char *word, struct netif **nif, struct err *err)
{
    const char *value;
    enum net_kind kind = net_kind_of(word, &value);
    if (kind == NET_TAP && value)
        return netif_tap_new(nif, a->vm->loop, value, err);
    if (kind == NET_PASST && value && *value)
        return netif_passt_connect(nif, a->vm->loop, value, err);
    if (kind < NET_TAP && !value)
        return net_passt(a, nif, err);
    return err_set(err, ERR_HOST, EINVAL,
                   "--net %s: \"%s\" is not one of user, passt, passt=SOCKET, tap=INTERFACE",
                   a->spec, word);
}

int attach_net(const struct attach *a, struct dev **dev, struct err *err)
{
    const char *mac_text = NULL, *word;
    const struct attach_word words[] = {
        {"mac", .text = &mac_text},
    };
    uint8_t mac[NETIF_MAC];
    struct netif *nif = NULL;
    char *copy;
    int rc = attach_words("net", a->spec, words, ARRAY_LEN(words), &word, &copy, err);
    if (!rc && mac_text && !parse_mac(mac_text, mac))
        rc = err_set(err, ERR_HOST, EINVAL,
                     "--net %s: \"%s\" is no MAC address of one station, such as "
                     "52:54:00:12:34:56",
                     a->spec, mac_text);
    if (!rc && !mac_text)
        rc = net_mac_random(a, mac, err);
    rc = rc ? rc : net_open(a, word, &nif, err);
    if (!rc) {
        rc = virtio_net_new(dev, a->name, &a->host, nif, mac);
        rc = rc ? err_sys(err, -rc, "--net %s", a->spec) : 0;
    }
    free(copy);
    return rc;
}
