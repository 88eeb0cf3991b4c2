/*
 * same.h - TensorFlow's SAME padding: ceil(size / stride) windows, and of the border that
 * they need the odd pixel stands behind: at the bottom and at the right.
 */
#ifndef NW_SAME_H
#define NW_SAME_H

static inline int nw_same_out(int in, int stride)
{
    return (in - 1) / stride + 1;
}

/* Pixels of border on both sides together, for windows that reach over `span` pixels. */
static inline int nw_same_border(int in, int span, int stride)
{
    int border = (nw_same_out(in, stride) - 1) * stride + span - in;

    return border > 0 ? border : 0;
}

#endif
