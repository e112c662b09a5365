// SPDX-License-Identifier: MIT
/*
 * tree.h - flattened trees (device trees, appliances) before libfdt sees them.
 */
#ifndef VMM_TREE_H
#define VMM_TREE_H

#include "vmm/base.h"

/*
 * Do the tokens of a structure block lie in its `size` bytes, one after another up to FDT_END
 * (DTSpec 0.4 §5.4)? libfdt 1.6.1 adds a property's length before it looks at it: one near 2^32
 * leads back to the same property, and fdt_check_full() never ends. Each step here goes forward.
 */
bool tree_struct_sound(const uint8_t *p, uint32_t size);

#endif
