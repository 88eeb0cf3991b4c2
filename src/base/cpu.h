/* cpu.h - what the CPU that runs this can do, beyond what kernels ask for themselves. */
#ifndef NW_CPU_H
#define NW_CPU_H

/* Matrix or vector instructions on bfloat16: avx512_bf16 or amx_bf16. */
int nw_cpu_has_bf16(void);

#endif
