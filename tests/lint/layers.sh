#!/bin/sh
# layers.sh: a folder of src/ may include folders to its left in this order, never to its
# right, so there is no cycle. The order is the diagram of the design.
order="base tensor op graph net space data train learn strategy estimate export study search compare"
cd "$(dirname "$0")/../.." || exit 1
awk -v order="$order" '
BEGIN {
    n = split(order, name, " ")
    for (i = 1; i <= n; i++) rank[name[i]] = i
    for (i = 1; i < ARGC; i++) { k = split(ARGV[i], p, "/"); folder[p[k]] = p[2] }
}
/^#include "/ {
    split(FILENAME, p, "/"); split($2, q, "\""); from = p[2]; to = folder[q[2]]
    if (to == "" || to == from) next
    if (rank[to] > rank[from]) { printf "%s:%d: %s may not include %s (%s)\n", FILENAME, FNR, from, to, q[2]; bad++ }
    else edge[from " -> " to]++
}
END {
    printf "layers: %s: %d wrong includes\n", order, bad
    exit bad > 0
}' $(git ls-files 'src/*.c' 'src/*.h' 2>/dev/null || find src -name '*.[ch]')
