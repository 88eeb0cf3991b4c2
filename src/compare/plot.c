/* plot.c - the few elements of SVG that a figure of curves and boxes is made of. */
#include "plot.h"

#include <math.h>
#include <string.h>

/* ---- Attributes --------------------------------------------------------------- */

static void put_number(nw_text *out, double value)
{
    const long n = lround(fabs(value) * 100);

    nw_text_printf(out, "%s%ld", value < 0 && n ? "-" : "", n / 100);
    if (n % 100)
        nw_text_printf(out, n % 10 ? ".%02ld" : ".%ld", n % 10 ? n % 100 : n % 100 / 10);
}

static void put(nw_text *out, const char *name, double value)
{
    nw_text_printf(out, " %s=\"", name);
    put_number(out, value);
    nw_text_printf(out, "\"");
}

static void put_escaped(nw_text *out, const char *text)
{
    for (; *text; text++) {
        const char *as = *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '&' ? "&amp;"
                                        : NULL;

        if (as)
            nw_text_printf(out, "%s", as);
        else
            nw_text_add(out, text, 1);
    }
}

static void put_opacity(nw_text *out, const char *name, double opacity)
{
    if (opacity > 0 && opacity < 1)
        put(out, name, opacity);
}

static const char *color_of(nw_pen pen)
{
    return pen.color ? pen.color : "#000000";
}

static void put_stroke(nw_text *out, nw_pen pen)
{
    nw_text_printf(out, " stroke=\"%s\"", color_of(pen));
    put(out, "stroke-width", pen.width > 0 ? pen.width : 1);
    put_opacity(out, "stroke-opacity", pen.opacity);
    if (pen.dash)
        nw_text_printf(out, " stroke-dasharray=\"%s\"", pen.dash);
}

/* ---- Elements ------------------------------------------------------------------- */

void nw_plot_begin(nw_text *out, double width, double height)
{
    nw_text_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
    put(out, "width", width);
    put(out, "height", height);
    nw_text_printf(out, " viewBox=\"0 0 %ld %ld\" font-family=\"sans-serif\">\n",
                   lround(width), lround(height));
    nw_text_printf(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n");
}

void nw_plot_end(nw_text *out)
{
    nw_text_printf(out, "</svg>\n");
}

static void put_box(nw_text *out, double x, double y, double w, double h)
{
    nw_text_printf(out, "<rect");
    put(out, "x", x);
    put(out, "y", y);
    put(out, "width", w);
    put(out, "height", h);
}

void nw_plot_clip(nw_text *out, const char *id, double x, double y, double w, double h)
{
    nw_text_printf(out, "<clipPath id=\"%s\">", id);
    put_box(out, x, y, w, h);
    nw_text_printf(out, "/></clipPath>\n<g clip-path=\"url(#%s)\">\n", id);
}

void nw_plot_leave(nw_text *out)
{
    nw_text_printf(out, "</g>\n");
}

void nw_plot_line(nw_text *out, double x1, double y1, double x2, double y2, nw_pen pen)
{
    nw_text_printf(out, "<line");
    put(out, "x1", x1);
    put(out, "y1", y1);
    put(out, "x2", x2);
    put(out, "y2", y2);
    put_stroke(out, pen);
    nw_text_printf(out, "/>\n");
}

void nw_plot_box(nw_text *out, double x, double y, double w, double h, nw_pen pen,
                 double fill_opacity)
{
    put_box(out, x, y, w, h);
    nw_text_printf(out, " fill=\"%s\"", color_of(pen));
    put(out, "fill-opacity", fill_opacity);
    put_stroke(out, pen);
    nw_text_printf(out, "/>\n");
}

static void put_points(nw_text *out, int n, const double *x, const double *y,
                       const char *between)
{
    nw_text_printf(out, "<path d=\"");
    for (int i = 0; i < n; i++) {
        nw_text_printf(out, "%s", i ? between : "M");
        put_number(out, x[i]);
        nw_text_printf(out, " ");
        put_number(out, y[i]);
        if (*between == 'M')
            nw_text_printf(out, "h0");
    }
}

void nw_plot_path(nw_text *out, int n, const double *x, const double *y, nw_pen pen)
{
    put_points(out, n, x, y, "L");
    nw_text_printf(out, "\" fill=\"none\" stroke-linejoin=\"round\"");
    put_stroke(out, pen);
    nw_text_printf(out, "/>\n");
}

void nw_plot_area(nw_text *out, int n, const double *x, const double *y, nw_pen pen)
{
    put_points(out, n, x, y, "L");
    nw_text_printf(out, "Z\" fill=\"%s\"", color_of(pen));
    put_opacity(out, "fill-opacity", pen.opacity);
    nw_text_printf(out, "/>\n");
}

void nw_plot_dots(nw_text *out, int n, const double *x, const double *y, nw_pen pen)
{
    put_points(out, n, x, y, "M");
    nw_text_printf(out, "\" fill=\"none\" stroke-linecap=\"round\"");
    put_stroke(out, pen);
    nw_text_printf(out, "/>\n");
}

void nw_plot_text(nw_text *out, nw_label at, nw_pen pen, const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};

    nw_text_printf(out, "<text");
    put(out, "x", at.x);
    put(out, "y", at.y);
    put(out, "font-size", pen.width > 0 ? pen.width : 11);
    if (at.anchor)
        nw_text_printf(out, " text-anchor=\"%s\"", anchors[at.anchor]);
    if (at.is_bold)
        nw_text_printf(out, " font-weight=\"bold\"");
    if (at.is_turned) {
        nw_text_printf(out, " transform=\"rotate(-90 ");
        put_number(out, at.x);
        nw_text_printf(out, " ");
        put_number(out, at.y);
        nw_text_printf(out, ")\"");
    }
    nw_text_printf(out, " fill=\"%s\">", color_of(pen));
    put_escaped(out, text);
    nw_text_printf(out, "</text>\n");
}
