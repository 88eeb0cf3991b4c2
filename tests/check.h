/* check.h - what tests share: cmocka, and comparisons that say what differs. */
#ifndef NW_CHECK_H
#define NW_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "netwright.h"

/* The call succeeds; if not, the library's words are the test's. */
#define check_ok(ctx, call)                                                              \
    do {                                                                                 \
        nw_status check_status_ = (call);                                                \
        if (check_status_ < 0)                                                           \
            fail_msg("%s: %s: %s", #call, nw_strstatus(check_status_), nw_errmsg(ctx));  \
    } while (0)

#define check_near(a, b, tolerance)                                                      \
    do {                                                                                 \
        double check_a_ = (a), check_b_ = (b);                                           \
        if (!(fabs(check_a_ - check_b_) <= (tolerance)))                                 \
            fail_msg("%s = %.9g, %s = %.9g: further apart than %g", #a, check_a_, #b,    \
                     check_b_, (double)(tolerance));                                     \
    } while (0)

#endif
