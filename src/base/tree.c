// SPDX-License-Identifier: MIT
/*
 * tree.c - the structure block of a flattened tree, walked token by token (DTSpec 0.4 §5.4).
 */
#include "vmm/tree.h"

#define TREE_TAG 4u /* bytes of a token, and what tokens are aligned to */

/* DTSpec 0.4 §5.4.1 */
enum {
    TREE_BEGIN_NODE = 1,
    TREE_END_NODE = 2,
    TREE_PROP = 3,
    TREE_NOP = 4,
    TREE_END = 9,
};

bool tree_struct_sound(const uint8_t *p, uint32_t size)
{
    for (uint32_t at = 0; size - at >= TREE_TAG;) {
        uint32_t left = size - at - TREE_TAG, len = 0;
        const uint8_t *body = p + at + TREE_TAG, *nul;
        switch (be32_get(p + at)) {
        case TREE_END:
            return true;
        case TREE_NOP:
        case TREE_END_NODE:
            break;
        case TREE_BEGIN_NODE:
            nul = memchr(body, 0, left);
            if (!nul)
                return false;
            len = (uint32_t)(nul - body) + 1;
            break;
        case TREE_PROP: /* length, name offset, value */
            if (left < 8 || be32_get(body) > left - 8)
                return false;
            len = be32_get(body) + 8;
            break;
        default:
            return false;
        }
        if (len > left || (TREE_TAG - len % TREE_TAG) % TREE_TAG > left - len)
            return false;
        at += TREE_TAG + (uint32_t)align_up(len, TREE_TAG);
    }
    return false;
}
