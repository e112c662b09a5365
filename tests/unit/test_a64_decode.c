// SPDX-License-Identifier: MIT
/*
 * test_a64_decode.c - the instruction table and the decoder: every row can be reached, words that
 * an assembler made go to their row, unallocated ones to none (Arm ARM DDI 0487J.a C4.1).
 */
#define A64_TABLE_BITS
#include "src/a64/cpu.h"
#include "tests/tap.h"

#include "a64_table.h"

struct word {
    uint32_t insn;
    const char *name;
};

// clang-format off
static const struct word words[] = {
    {0x10000041, "adr"}, /* adr x1, .+8 */
    {0x90000001, "adrp"}, /* adrp x1, . */
    {0x11000c41, "add_imm"}, /* add w1, w2, #3 */
    {0x910043ff, "add_imm"}, /* add sp, sp, #16 */
    {0xb14007e1, "adds_imm"}, /* adds x1, sp, #1, lsl #12 */
    {0x3100147f, "adds_imm"}, /* cmn w3, #5 */
    {0xd13ffc41, "sub_imm"}, /* sub x1, x2, #4095 */
    {0x71000441, "subs_imm"}, /* subs w1, w2, #1 */
    {0xf10003ff, "subs_imm"}, /* cmp sp, #0 */
    {0x12001c41, "and_imm"}, /* and w1, w2, #0xff */
    {0x9200f041, "and_imm"}, /* and x1, x2, #0x5555555555555555 */
    {0xb2103fe1, "orr_imm"}, /* orr x1, xzr, #0xffff0000ffff0000 */
    {0xd27ff45f, "eor_imm"}, /* eor sp, x2, #0x7ffffffffffffffe */
    {0x72010041, "ands_imm"}, /* ands w1, w2, #0x80000000 */
    {0xf240003f, "ands_imm"}, /* tst x1, #1 */
    {0x12a00021, "movn"}, /* movn w1, #1, lsl #16 */
    {0x92800001, "movn"}, /* mov x1, #-1 */
    {0xd2e00021, "movz"}, /* movz x1, #1, lsl #48 */
    {0x72a000e1, "movk"}, /* movk w1, #7, lsl #16 */
    {0x13031041, "sbfm_w"}, /* sbfm w1, w2, #3, #4 */
    {0x13001c41, "sbfm_w"}, /* sxtb w1, w2 */
    {0x937ffc41, "sbfm_x"}, /* asr x1, x2, #63 */
    {0x93407c41, "sbfm_x"}, /* sxtw x1, w2 */
    {0x331d0c41, "bfm_w"}, /* bfi w1, w2, #3, #4 */
    {0xb3431841, "bfm_x"}, /* bfxil x1, x2, #3, #4 */
    {0x53010041, "ubfm_w"}, /* lsl w1, w2, #31 */
    {0xd341fc41, "ubfm_x"}, /* lsr x1, x2, #1 */
    {0x13837c41, "extr_w"}, /* extr w1, w2, w3, #31 */
    {0x93c2fc41, "extr_x"}, /* ror x1, x2, #63 */
    {0x0b030041, "add_shift"}, /* add w1, w2, w3 */
    {0xab03fc41, "adds_shift"}, /* adds x1, x2, x3, lsl #63 */
    {0x4b837c41, "sub_shift"}, /* sub w1, w2, w3, asr #31 */
    {0xeb4217e1, "subs_shift"}, /* negs x1, x2, lsr #5 */
    {0x8b23105f, "add_ext"}, /* add sp, x2, w3, uxtb #4 */
    {0x2b23a3e1, "adds_ext"}, /* adds w1, wsp, w3, sxth */
    {0xcb2363e1, "sub_ext"}, /* sub x1, sp, x3 */
    {0xeb23ebff, "subs_ext"}, /* cmp sp, x3, sxtx #2 */
    {0x0a030041, "and_shift"}, /* and w1, w2, w3 */
    {0x8ae3fc41, "bic_shift"}, /* bic x1, x2, x3, ror #63 */
    {0xaa0203e1, "orr_shift"}, /* mov x1, x2 */
    {0x2a2203e1, "orn_shift"}, /* mvn w1, w2 */
    {0xca030441, "eor_shift"}, /* eor x1, x2, x3, lsl #1 */
    {0x4aa31c41, "eon_shift"}, /* eon w1, w2, w3, asr #7 */
    {0xea02003f, "ands_shift"}, /* tst x1, x2 */
    {0x6a230041, "bics_shift"}, /* bics w1, w2, w3 */
    {0x1a030041, "adc"}, /* adc w1, w2, w3 */
    {0xba030041, "adcs"}, /* adcs x1, x2, x3 */
    {0x5a0203e1, "sbc"}, /* ngc w1, w2 */
    {0xfa030041, "sbcs"}, /* sbcs x1, x2, x3 */
    {0x3a42002f, "ccmn_reg"}, /* ccmn w1, w2, #15, eq */
    {0xba5f1820, "ccmn_imm"}, /* ccmn x1, #31, #0, ne */
    {0xfa42c023, "ccmp_reg"}, /* ccmp x1, x2, #3, gt */
    {0x7a40e824, "ccmp_imm"}, /* ccmp w1, #0, #4, al */
    {0x1a830041, "csel"}, /* csel w1, w2, w3, eq */
    {0x9a9fa7e1, "csinc"}, /* cset x1, lt */
    {0x5a9f93e1, "csinv"}, /* csetm w1, hi */
    {0xda825441, "csneg"}, /* cneg x1, x2, mi */
    {0x1ac30841, "udiv"}, /* udiv w1, w2, w3 */
    {0x9ac30c41, "sdiv"}, /* sdiv x1, x2, x3 */
    {0x9ac32041, "lslv"}, /* lsl x1, x2, x3 */
    {0x1ac32441, "lsrv"}, /* lsr w1, w2, w3 */
    {0x9ac32841, "asrv"}, /* asr x1, x2, x3 */
    {0x1ac32c41, "rorv"}, /* ror w1, w2, w3 */
    {0x1ac34041, "crc32b"}, /* crc32b w1, w2, w3 */
    {0x1ac34441, "crc32h"}, /* crc32h w1, w2, w3 */
    {0x1ac34841, "crc32w"}, /* crc32w w1, w2, w3 */
    {0x9ac34c41, "crc32x"}, /* crc32x w1, w2, x3 */
    {0x1ac35041, "crc32cb"}, /* crc32cb w1, w2, w3 */
    {0x1ac35441, "crc32ch"}, /* crc32ch w1, w2, w3 */
    {0x1ac35841, "crc32cw"}, /* crc32cw w1, w2, w3 */
    {0x9ac35c41, "crc32cx"}, /* crc32cx w1, w2, x3 */
    {0x5ac00041, "rbit"}, /* rbit w1, w2 */
    {0xdac00441, "rev16"}, /* rev16 x1, x2 */
    {0x5ac00841, "rev_w"}, /* rev w1, w2 */
    {0xdac00841, "rev32"}, /* rev32 x1, x2 */
    {0xdac00c41, "rev_x"}, /* rev x1, x2 */
    {0x5ac01041, "clz"}, /* clz w1, w2 */
    {0xdac01441, "cls"}, /* cls x1, x2 */
    {0x1b037c41, "madd"}, /* mul w1, w2, w3 */
    {0x9b031041, "madd"}, /* madd x1, x2, x3, x4 */
    {0x9b03fc41, "msub"}, /* mneg x1, x2, x3 */
    {0x9b237c41, "smaddl"}, /* smull x1, w2, w3 */
    {0x9b239041, "smsubl"}, /* smsubl x1, w2, w3, x4 */
    {0x9ba31041, "umaddl"}, /* umaddl x1, w2, w3, x4 */
    {0x9ba3fc41, "umsubl"}, /* umnegl x1, w2, w3 */
    {0x9b437c41, "smulh"}, /* smulh x1, x2, x3 */
    {0x9bc37c41, "umulh"}, /* umulh x1, x2, x3 */
    {0x17ffffff, "b"}, /* b .-4 */
    {0x95ffffff, "bl"}, /* bl .+0x7fffffc */
    {0x5400004d, "b_cond"}, /* b.le .+8 */
    {0x34ffffc1, "cbz"}, /* cbz w1, .-8 */
    {0xb5000041, "cbnz"}, /* cbnz x1, .+8 */
    {0xb6f80021, "tbz"}, /* tbz x1, #63, .+4 */
    {0x3707ffe1, "tbnz"}, /* tbnz w1, #0, .-4 */
    {0xd61f0020, "br"}, /* br x1 */
    {0xd63f03c0, "blr"}, /* blr x30 */
    {0xd65f03c0, "ret"}, /* ret */
    {0xd65f0060, "ret"}, /* ret x3 */
    {0x18000041, "ldr_w_lit"}, /* ldr w1, .+8 */
    {0x58ffffc1, "ldr_x_lit"}, /* ldr x1, .-8 */
    {0x98000041, "ldrsw_lit"}, /* ldrsw x1, .+8 */
    {0xd8000040, "prfm_lit"}, /* prfm pldl1keep, .+8 */
    {0x28200861, "stnp_w"}, /* stnp w1, w2, [x3, #-256] */
    {0x28400861, "ldnp_w"}, /* ldnp w1, w2, [x3] */
    {0xa81f8be1, "stnp_x"}, /* stnp x1, x2, [sp, #504] */
    {0xa8400861, "ldnp_x"}, /* ldnp x1, x2, [x3] */
    {0x28810861, "stp_w_post"}, /* stp w1, w2, [x3], #8 */
    {0x28c10861, "ldp_w_post"}, /* ldp w1, w2, [x3], #8 */
    {0x68c10861, "ldpsw_post"}, /* ldpsw x1, x2, [x3], #8 */
    {0xa8810861, "stp_x_post"}, /* stp x1, x2, [x3], #16 */
    {0xa8c17bfd, "ldp_x_post"}, /* ldp x29, x30, [sp], #16 */
    {0x29010861, "stp_w_off"}, /* stp w1, w2, [x3, #8] */
    {0x29410861, "ldp_w_off"}, /* ldp w1, w2, [x3, #8] */
    {0x69410861, "ldpsw_off"}, /* ldpsw x1, x2, [x3, #8] */
    {0xa9007c7f, "stp_x_off"}, /* stp xzr, xzr, [x3] */
    {0xa9600861, "ldp_x_off"}, /* ldp x1, x2, [x3, #-512] */
    {0x29bf0861, "stp_w_pre"}, /* stp w1, w2, [x3, #-8]! */
    {0x29ff0861, "ldp_w_pre"}, /* ldp w1, w2, [x3, #-8]! */
    {0x69ff0861, "ldpsw_pre"}, /* ldpsw x1, x2, [x3, #-8]! */
    {0xa9bf7bfd, "stp_x_pre"}, /* stp x29, x30, [sp, #-16]! */
    {0xa9c10861, "ldp_x_pre"}, /* ldp x1, x2, [x3, #16]! */
    {0xf9800420, "prfm"}, /* prfm pldl1keep, [x1, #8] */
    {0xf8a26831, "prfm_reg"}, /* prfm pstl1strm, [x1, x2] */
    {0xf89fd022, "prfum"}, /* prfum pldl2keep, [x1, #-3] */
    {0x085f7c41, "ldxr"}, /* ldxrb w1, [x2] */
    {0xc85fffe1, "ldxr"}, /* ldaxr x1, [sp] */
    {0x48017c62, "stxr"}, /* stxrh w1, w2, [x3] */
    {0xc801fc62, "stxr"}, /* stlxr w1, x2, [x3] */
    {0x887f0861, "ldxp"}, /* ldxp w1, w2, [x3] */
    {0xc87f8861, "ldxp"}, /* ldaxp x1, x2, [x3] */
    {0x88210c82, "stxp"}, /* stxp w1, w2, w3, [x4] */
    {0xc8218c82, "stxp"}, /* stlxp w1, x2, x3, [x4] */
    {0x08dffc41, "ldar"}, /* ldarb w1, [x2] */
    {0xc8dffc41, "ldar"}, /* ldar x1, [x2] */
    {0x88df7c41, "ldar"}, /* ldlar w1, [x2] */
    {0x489ffc41, "stlr"}, /* stlrh w1, [x2] */
    {0xc89f7c41, "stlr"}, /* stllr x1, [x2] */
    {0x08227cc4, "casp"}, /* casp w2, w3, w4, w5, [x6] */
    {0x4862fcc4, "casp"}, /* caspal x2, x3, x4, x5, [x6] */
    {0x08a17c62, "cas"}, /* casb w1, w2, [x3] */
    {0xc8e1fc62, "cas"}, /* casal x1, x2, [x3] */
    {0x38e18062, "swp"}, /* swpalb w1, w2, [x3] */
    {0xf8218062, "swp"}, /* swp x1, x2, [x3] */
    {0x38a10062, "ldadd"}, /* ldaddab w1, w2, [x3] */
    {0x78610062, "ldadd"}, /* ldaddlh w1, w2, [x3] */
    {0xb82103e2, "ldadd"}, /* ldadd w1, w2, [sp] */
    {0xf821007f, "ldadd"}, /* stadd x1, [x3] */
    {0x38a11062, "ldclr"}, /* ldclrab w1, w2, [x3] */
    {0x78611062, "ldclr"}, /* ldclrlh w1, w2, [x3] */
    {0xb82113e2, "ldclr"}, /* ldclr w1, w2, [sp] */
    {0xf821107f, "ldclr"}, /* stclr x1, [x3] */
    {0x38a12062, "ldeor"}, /* ldeorab w1, w2, [x3] */
    {0x78612062, "ldeor"}, /* ldeorlh w1, w2, [x3] */
    {0xb82123e2, "ldeor"}, /* ldeor w1, w2, [sp] */
    {0xf821207f, "ldeor"}, /* steor x1, [x3] */
    {0x38a13062, "ldset"}, /* ldsetab w1, w2, [x3] */
    {0x78613062, "ldset"}, /* ldsetlh w1, w2, [x3] */
    {0xb82133e2, "ldset"}, /* ldset w1, w2, [sp] */
    {0xf821307f, "ldset"}, /* stset x1, [x3] */
    {0x38a14062, "ldsmax"}, /* ldsmaxab w1, w2, [x3] */
    {0x78614062, "ldsmax"}, /* ldsmaxlh w1, w2, [x3] */
    {0xb82143e2, "ldsmax"}, /* ldsmax w1, w2, [sp] */
    {0xf821407f, "ldsmax"}, /* stsmax x1, [x3] */
    {0x38a15062, "ldsmin"}, /* ldsminab w1, w2, [x3] */
    {0x78615062, "ldsmin"}, /* ldsminlh w1, w2, [x3] */
    {0xb82153e2, "ldsmin"}, /* ldsmin w1, w2, [sp] */
    {0xf821507f, "ldsmin"}, /* stsmin x1, [x3] */
    {0x38a16062, "ldumax"}, /* ldumaxab w1, w2, [x3] */
    {0x78616062, "ldumax"}, /* ldumaxlh w1, w2, [x3] */
    {0xb82163e2, "ldumax"}, /* ldumax w1, w2, [sp] */
    {0xf821607f, "ldumax"}, /* stumax x1, [x3] */
    {0x38a17062, "ldumin"}, /* lduminab w1, w2, [x3] */
    {0x78617062, "ldumin"}, /* lduminlh w1, w2, [x3] */
    {0xb82173e2, "ldumin"}, /* ldumin w1, w2, [sp] */
    {0xf821707f, "ldumin"}, /* stumin x1, [x3] */
    {0x39004041, "strb"}, /* strb w1, [x2, #16] */
    {0x381fb041, "strb_unscaled"}, /* sturb w1, [x2, #-5] */
    {0x381f9441, "strb_post"}, /* strb w1, [x2], #-7 */
    {0x38003841, "strb_unpriv"}, /* sttrb w1, [x2, #3] */
    {0x380ffc41, "strb_pre"}, /* strb w1, [x2, #255]! */
    {0x38236841, "strb_reg"}, /* strb w1, [x2, x3] */
    {0x3823cbe1, "strb_reg"}, /* strb w1, [sp, w3, sxtw] */
    {0x39404041, "ldrb"}, /* ldrb w1, [x2, #16] */
    {0x385fb041, "ldrb_unscaled"}, /* ldurb w1, [x2, #-5] */
    {0x385f9441, "ldrb_post"}, /* ldrb w1, [x2], #-7 */
    {0x38403841, "ldrb_unpriv"}, /* ldtrb w1, [x2, #3] */
    {0x384ffc41, "ldrb_pre"}, /* ldrb w1, [x2, #255]! */
    {0x38636841, "ldrb_reg"}, /* ldrb w1, [x2, x3] */
    {0x3863cbe1, "ldrb_reg"}, /* ldrb w1, [sp, w3, sxtw] */
    {0x39804041, "ldrsb_x"}, /* ldrsb x1, [x2, #16] */
    {0x389fb041, "ldrsb_x_unscaled"}, /* ldursb x1, [x2, #-5] */
    {0x389f9441, "ldrsb_x_post"}, /* ldrsb x1, [x2], #-7 */
    {0x38803841, "ldrsb_x_unpriv"}, /* ldtrsb x1, [x2, #3] */
    {0x388ffc41, "ldrsb_x_pre"}, /* ldrsb x1, [x2, #255]! */
    {0x38a36841, "ldrsb_x_reg"}, /* ldrsb x1, [x2, x3] */
    {0x38a3cbe1, "ldrsb_x_reg"}, /* ldrsb x1, [sp, w3, sxtw] */
    {0x39c04041, "ldrsb_w"}, /* ldrsb w1, [x2, #16] */
    {0x38dfb041, "ldrsb_w_unscaled"}, /* ldursb w1, [x2, #-5] */
    {0x38df9441, "ldrsb_w_post"}, /* ldrsb w1, [x2], #-7 */
    {0x38c03841, "ldrsb_w_unpriv"}, /* ldtrsb w1, [x2, #3] */
    {0x38cffc41, "ldrsb_w_pre"}, /* ldrsb w1, [x2, #255]! */
    {0x38e36841, "ldrsb_w_reg"}, /* ldrsb w1, [x2, x3] */
    {0x38e3cbe1, "ldrsb_w_reg"}, /* ldrsb w1, [sp, w3, sxtw] */
    {0x79002041, "strh"}, /* strh w1, [x2, #16] */
    {0x781fb041, "strh_unscaled"}, /* sturh w1, [x2, #-5] */
    {0x781f9441, "strh_post"}, /* strh w1, [x2], #-7 */
    {0x78003841, "strh_unpriv"}, /* sttrh w1, [x2, #3] */
    {0x780ffc41, "strh_pre"}, /* strh w1, [x2, #255]! */
    {0x78236841, "strh_reg"}, /* strh w1, [x2, x3] */
    {0x7823cbe1, "strh_reg"}, /* strh w1, [sp, w3, sxtw] */
    {0x79402041, "ldrh"}, /* ldrh w1, [x2, #16] */
    {0x785fb041, "ldrh_unscaled"}, /* ldurh w1, [x2, #-5] */
    {0x785f9441, "ldrh_post"}, /* ldrh w1, [x2], #-7 */
    {0x78403841, "ldrh_unpriv"}, /* ldtrh w1, [x2, #3] */
    {0x784ffc41, "ldrh_pre"}, /* ldrh w1, [x2, #255]! */
    {0x78636841, "ldrh_reg"}, /* ldrh w1, [x2, x3] */
    {0x7863cbe1, "ldrh_reg"}, /* ldrh w1, [sp, w3, sxtw] */
    {0x79802041, "ldrsh_x"}, /* ldrsh x1, [x2, #16] */
    {0x789fb041, "ldrsh_x_unscaled"}, /* ldursh x1, [x2, #-5] */
    {0x789f9441, "ldrsh_x_post"}, /* ldrsh x1, [x2], #-7 */
    {0x78803841, "ldrsh_x_unpriv"}, /* ldtrsh x1, [x2, #3] */
    {0x788ffc41, "ldrsh_x_pre"}, /* ldrsh x1, [x2, #255]! */
    {0x78a36841, "ldrsh_x_reg"}, /* ldrsh x1, [x2, x3] */
    {0x78a3cbe1, "ldrsh_x_reg"}, /* ldrsh x1, [sp, w3, sxtw] */
    {0x79c02041, "ldrsh_w"}, /* ldrsh w1, [x2, #16] */
    {0x78dfb041, "ldrsh_w_unscaled"}, /* ldursh w1, [x2, #-5] */
    {0x78df9441, "ldrsh_w_post"}, /* ldrsh w1, [x2], #-7 */
    {0x78c03841, "ldrsh_w_unpriv"}, /* ldtrsh w1, [x2, #3] */
    {0x78cffc41, "ldrsh_w_pre"}, /* ldrsh w1, [x2, #255]! */
    {0x78e36841, "ldrsh_w_reg"}, /* ldrsh w1, [x2, x3] */
    {0x78e3cbe1, "ldrsh_w_reg"}, /* ldrsh w1, [sp, w3, sxtw] */
    {0xb9001041, "str_w"}, /* str w1, [x2, #16] */
    {0xb81fb041, "str_w_unscaled"}, /* stur w1, [x2, #-5] */
    {0xb81f9441, "str_w_post"}, /* str w1, [x2], #-7 */
    {0xb8003841, "str_w_unpriv"}, /* sttr w1, [x2, #3] */
    {0xb80ffc41, "str_w_pre"}, /* str w1, [x2, #255]! */
    {0xb8236841, "str_w_reg"}, /* str w1, [x2, x3] */
    {0xb823cbe1, "str_w_reg"}, /* str w1, [sp, w3, sxtw] */
    {0xb9401041, "ldr_w"}, /* ldr w1, [x2, #16] */
    {0xb85fb041, "ldr_w_unscaled"}, /* ldur w1, [x2, #-5] */
    {0xb85f9441, "ldr_w_post"}, /* ldr w1, [x2], #-7 */
    {0xb8403841, "ldr_w_unpriv"}, /* ldtr w1, [x2, #3] */
    {0xb84ffc41, "ldr_w_pre"}, /* ldr w1, [x2, #255]! */
    {0xb8636841, "ldr_w_reg"}, /* ldr w1, [x2, x3] */
    {0xb863cbe1, "ldr_w_reg"}, /* ldr w1, [sp, w3, sxtw] */
    {0xb9801041, "ldrsw"}, /* ldrsw x1, [x2, #16] */
    {0xb89fb041, "ldrsw_unscaled"}, /* ldursw x1, [x2, #-5] */
    {0xb89f9441, "ldrsw_post"}, /* ldrsw x1, [x2], #-7 */
    {0xb8803841, "ldrsw_unpriv"}, /* ldtrsw x1, [x2, #3] */
    {0xb88ffc41, "ldrsw_pre"}, /* ldrsw x1, [x2, #255]! */
    {0xb8a36841, "ldrsw_reg"}, /* ldrsw x1, [x2, x3] */
    {0xb8a3cbe1, "ldrsw_reg"}, /* ldrsw x1, [sp, w3, sxtw] */
    {0xf9000841, "str_x"}, /* str x1, [x2, #16] */
    {0xf81fb041, "str_x_unscaled"}, /* stur x1, [x2, #-5] */
    {0xf81f9441, "str_x_post"}, /* str x1, [x2], #-7 */
    {0xf8003841, "str_x_unpriv"}, /* sttr x1, [x2, #3] */
    {0xf80ffc41, "str_x_pre"}, /* str x1, [x2, #255]! */
    {0xf8236841, "str_x_reg"}, /* str x1, [x2, x3] */
    {0xf823cbe1, "str_x_reg"}, /* str x1, [sp, w3, sxtw] */
    {0xf9400841, "ldr_x"}, /* ldr x1, [x2, #16] */
    {0xf85fb041, "ldr_x_unscaled"}, /* ldur x1, [x2, #-5] */
    {0xf85f9441, "ldr_x_post"}, /* ldr x1, [x2], #-7 */
    {0xf8403841, "ldr_x_unpriv"}, /* ldtr x1, [x2, #3] */
    {0xf84ffc41, "ldr_x_pre"}, /* ldr x1, [x2, #255]! */
    {0xf8636841, "ldr_x_reg"}, /* ldr x1, [x2, x3] */
    {0xf863cbe1, "ldr_x_reg"}, /* ldr x1, [sp, w3, sxtw] */
};
// clang-format on

static void words_go_to_their_rows(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        const struct a64_insn *row = a64_decode(words[i].insn);
        if (!row || strcmp(row->name, words[i].name) != 0)
            printf("# %08x: %s, want %s\n", words[i].insn, row ? row->name : "none", words[i].name);
        expect_true(row && !strcmp(row->name, words[i].name));
    }
}

static void unallocated_words_have_no_row(void)
{
    // clang-format off
    static const struct {
        uint32_t insn;
        const char *what;
    } bad[] = {
        {0x00000000, "UDF"},
        {0x12400000, "and (immediate), sf = 0 with N = 1"},
        {0x1200fc00, "and (immediate), N = 0 and imms = 111111"},
        {0x12007c00, "and (immediate), all ones in an element of 32"},
        {0x9240fc00, "and (immediate), all ones in an element of 64"},
        {0x9200f400, "and (immediate), all ones in an element of 2"},
        {0x52c00000, "movz, sf = 0 with hw = 2"},
        {0x32800000, "move wide, opc = 1"},
        {0x13400000, "sbfm, sf = 0 with N = 1"},
        {0x93000000, "sbfm, sf = 1 with N = 0"},
        {0x13200000, "sbfm, sf = 0 with immr = 32"},
        {0x13008000, "sbfm, sf = 0 with imms = 32"},
        {0x73000000, "bitfield, opc = 3"},
        {0x13808000, "extr, sf = 0 with imms = 32"},
        {0x13c00000, "extr, sf = 0 with N = 1"},
        {0x0bc00000, "add (shifted), shift = 3"},
        {0x0b008000, "add (shifted), sf = 0 with imm6 = 32"},
        {0x0a008000, "and (shifted), sf = 0 with imm6 = 32"},
        {0x0b201400, "add (extended), imm3 = 5"},
        {0x0b601400, "add (extended), opt = 1"},
        {0x1ac00000, "two sources, opcode 0"},
        {0x1ac04c00, "crc32x, sf = 0"},
        {0x9ac04000, "crc32b, sf = 1"},
        {0x5ac00c00, "rev, opcode 3 with sf = 0"},
        {0x5ac01800, "one source, opcode 6"},
        {0x1b200000, "smaddl, sf = 0"},
        {0x9bc08000, "umulh, o0 = 1"},
        {0x1a800800, "csel, op2 = 2"},
        {0x3a400010, "ccmn, o3 = 1"},
        {0x54000010, "b.cond, o0 = 1"},
        {0xd61f0001, "br, op4 = 1"},
        {0x29000000 | 1u << 30, "stgp (FEAT_MTE)"},
        {0x68000000, "pair, no-allocate, opc = 1"},
        {0xb8c00000, "ldur, size = 2 with opc = 3"},
        {0xf8c00000, "ldur, size = 3 with opc = 3"},
        {0xf8800400, "prefetch, post-indexed"},
        {0xf8800800, "prefetch, unprivileged"},
        {0x38200800, "register offset, option = 0"},
        {0x38202800, "register offset, option = 1"},
        {0x38601000 | 1u << 15 | 1u << 13, "atomic, opc = 3 with o3 = 1"},
        {0x38bfc000, "ldaprb (FEAT_LRCPC)"},
        {0x08207c00 | 1u, "casp, odd Rt"},
        {0x08217c00, "casp, odd Rs"},
    };
    // clang-format on
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        const struct a64_insn *row = a64_decode(bad[i].insn);
        if (row)
            printf("# %08x: %s, but it is %s\n", bad[i].insn, bad[i].what, row->name);
        expect_true(!row);
    }
}

/* A row is reached by its own pattern, with the fields set one way or another. */
static void every_row_is_reachable(void)
{
    uint32_t seed = 1;
    for (unsigned i = 0; i < a64_insns_n; i++) {
        const struct a64_insn *row = &a64_insns[i];
        bool reached = a64_decode(row->value) == row || a64_decode(row->value | ~row->mask) == row;
        for (unsigned n = 0; n < 100000 && !reached; n++) {
            seed = seed * 1664525 + 1013904223;
            reached = a64_decode(row->value | ((seed ^ seed >> 15) & ~row->mask)) == row;
        }
        if (!reached)
            printf("# %s is never reached\n", row->name);
        expect_true(reached);
    }
}

static void rows_are_well_formed(void)
{
    for (unsigned i = 0; i < a64_insns_n; i++) {
        const struct a64_insn *row = &a64_insns[i];
        expect_u32(row->value & ~row->mask, 0);
        expect_true(!row->exec != !row->decode);
        expect_u32(strlen(a64_insn_bits[i]), 32);
        for (unsigned b = 0; b < 32; b++) {
            char c = a64_insn_bits[i][31 - b];
            expect_u32(row->mask >> b & 1, c == '0' || c == '1');
            expect_u32(row->value >> b & 1, c == '1');
        }
    }
}

/* Decoding agrees with a search through all rows: what it finds matches, and nothing more specific
 * does. */
static void decoder_agrees_with_the_rows(void)
{
    uint32_t seed = 7;
    for (unsigned n = 0; n < 20000; n++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t insn = seed ^ seed >> 13;
        if (n % 2) { /* half of them near a row */
            const struct a64_insn *row = &a64_insns[seed % a64_insns_n];
            insn = row->value | (insn & ~row->mask);
        }
        const struct a64_insn *got = a64_decode(insn);
        expect_true(!got || (insn & got->mask) == got->value);
        for (unsigned i = 0; got && i < a64_insns_n; i++) {
            const struct a64_insn *row = &a64_insns[i];
            bool specific = (row->mask & got->mask) == got->mask && row->mask != got->mask;
            expect_true(!specific || a64_insn_constrained[i] || (insn & row->mask) != row->value);
        }
    }
}

/* Any word at all makes a slot with a handler, and register numbers that lie inside cpu->x. */
static void predecode_fills_every_slot(void)
{
    uint32_t seed = 3;
    for (unsigned n = 0; n < 200000; n++) {
        seed = seed * 1664525 + 1013904223;
        struct a64_op op = {0};
        uint32_t insn = seed ^ seed >> 11;
        const struct a64_insn *row = a64_decode(insn);
        a64_predecode(&op, insn);
        expect_true(op.fn != NULL);
        if (!row)
            expect_true(op.fn == a64_undef);
        if (row && !(row->flags & (A64_F_FP | A64_F_SYS | A64_F_BRANCH)))
            expect_true(op.rd < A64_XREGS && op.rn < A64_XREGS);
    }
}

static const struct tap_test tests[] = {
    TAP_TEST(words_go_to_their_rows),       TAP_TEST(unallocated_words_have_no_row),
    TAP_TEST(every_row_is_reachable),       TAP_TEST(rows_are_well_formed),
    TAP_TEST(decoder_agrees_with_the_rows), TAP_TEST(predecode_fills_every_slot),
};

TAP_MAIN(tests)
