/* clock.h - how long something takes. */
#ifndef NW_CLOCK_H
#define NW_CLOCK_H

double nw_now(void); /* seconds of a clock that only goes forward */

#endif
