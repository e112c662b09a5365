// SPDX-License-Identifier: MIT
/*
 * attach_share.c - --share DIR[:TAG][,ro|,rw].
 */
#include "attach.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "vmm/p9.h"

#define SHARE_TAG "share" /* unless one is given */

/* What follows the last colon is a tag, unless that colon belongs to the folder's path. */
static const char *share_tag(char *dir)
{
    char *colon = strrchr(dir, ':');
    if (!colon || strchr(colon, '/'))
        return SHARE_TAG;
    *colon = '\0';
    return colon + 1;
}

static bool share_tag_ok(const char *tag)
{
    size_t n = 0;
    while (isgraph((unsigned char)tag[n]) && tag[n] != ',')
        n++;
    return n && n <= VIRTIO_9P_TAG_MAX && !tag[n];
}

/* A guest finds a share by its tag. */
static bool share_tag_used(const struct vm *vm, const char *tag)
{
    for (unsigned i = 0; i < vm->n_attached; i++) {
        struct virtio *v = vm->attached[i];
        char there[2 + VIRTIO_9P_TAG_MAX + 1] = "";
        if (v->ops->id != VIRTIO_ID_9P)
            continue;
        v->ops->config_read(v, 0, there, v->ops->config_len);
        if (!strcmp(there + 2, tag))
            return true;
    }
    return false;
}

int attach_share(const struct attach *a, struct dev **dev, struct err *err)
{
    bool ro = false, rw = false;
    const struct attach_word words[] = {
        {"ro", .flag = &ro},
        {"rw", .flag = &rw},
    };
    const char *first;
    char *copy;
    int rc = attach_words("share", a->spec, words, ARRAY_LEN(words), &first, &copy, err);
    if (rc)
        goto out;
    const char *tag = share_tag(copy); /* `first` is where the copy begins */
    struct p9 *p9 = NULL;
    if (ro && rw)
        rc = err_set(err, ERR_HOST, EINVAL, "--share %s: ro and rw: give one of them", a->spec);
    else if (!*first)
        rc = err_set(err, ERR_HOST, EINVAL, "--share %s: the folder's name is empty", a->spec);
    else if (!share_tag_ok(tag))
        rc = err_set(err, ERR_HOST, EINVAL,
                     "--share %s: \"%s\" is no tag: 1 to %u printable characters, no space",
                     a->spec, tag, VIRTIO_9P_TAG_MAX);
    else if (share_tag_used(a->vm, tag))
        rc = err_set(err, ERR_HOST, EEXIST,
                     "--share %s: another folder has the tag \"%s\"; give one: --share %s:TAG",
                     a->spec, tag, first);
    rc = rc ? rc : p9_new(&p9, first, rw, err);
    if (!rc) {
        rc = virtio_9p_new(dev, a->name, &a->host, p9, tag);
        rc = rc ? err_sys(err, -rc, "--share %s", a->spec) : 0;
    }
out:
    free(copy);
    return rc;
}
