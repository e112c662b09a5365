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

/* The text taken apart into *copy, which the caller frees: folder, tag, and whether it is writable.
 */
static int share_words(const char *spec, char **copy, const char **dir, const char **tag, bool *rw,
                       struct err *err)
{
    bool ro = false;
    const struct attach_word words[] = {
        {"ro", .flag = &ro},
        {"rw", .flag = rw },
    };
    int rc = attach_words("share", spec, words, ARRAY_LEN(words), dir, copy, err);
    if (rc)
        return rc;
    *tag = share_tag(*copy); /* the folder is where the copy begins */
    if (ro && *rw)
        return err_set(err, ERR_HOST, EINVAL, "--share %s: ro and rw: give one of them", spec);
    if (!**dir)
        return err_set(err, ERR_HOST, EINVAL, "--share %s: the folder's name is empty", spec);
    if (!share_tag_ok(*tag))
        return err_set(err, ERR_HOST, EINVAL,
                       "--share %s: \"%s\" is no tag: 1 to %u printable characters, no space", spec,
                       *tag, VIRTIO_9P_TAG_MAX);
    return 0;
}

_Static_assert(VM_SHARE_TAG_MAX == VIRTIO_9P_TAG_MAX, "one limit under two names");

int vm_share_tag(const char *spec, char tag[VM_SHARE_TAG_MAX + 1], bool *rw, struct err *err)
{
    const char *dir, *text;
    char *copy;
    *rw = false;
    int rc = share_words(spec, &copy, &dir, &text, rw, err);
    if (!rc)
        memcpy(tag, text, strlen(text) + 1);
    free(copy);
    return rc;
}

int attach_share(const struct attach *a, struct dev **dev, struct err *err)
{
    bool rw = false;
    const char *dir, *tag;
    char *copy;
    struct p9 *p9 = NULL;
    int rc = share_words(a->spec, &copy, &dir, &tag, &rw, err);
    if (!rc && share_tag_used(a->vm, tag))
        rc = err_set(err, ERR_HOST, EEXIST,
                     "--share %s: another folder has the tag \"%s\"; give one: --share %s:TAG",
                     a->spec, tag, dir);
    rc = rc ? rc : p9_new(&p9, dir, rw, err);
    if (!rc) {
        rc = virtio_9p_new(dev, a->name, &a->host, p9, tag);
        rc = rc ? err_sys(err, -rc, "--share %s", a->spec) : 0;
    }
    free(copy);
    return rc;
}
