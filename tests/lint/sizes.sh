#!/bin/sh
# sizes.sh: lengths of the functions in src/ and tools/: the median stays below 16 lines,
# none is above 60. A function is what stands between "{" and "}" in the first column.
cd "$(dirname "$0")/../.." || exit 1
awk '
/^[a-z].*[)]$/ || /^ .*[)]$/ { head = $0 }
/^{$/ { start = FNR; open = 1; next }
/^}$/ && open { open = 0; print FNR - start - 1, FILENAME ":" start }
' $(git ls-files 'src/*.c' 'tools/*.c') | sort -n | awk '
{ n++; size[n] = $1; where[n] = $2 }
END {
    m = size[int((n + 1) / 2)]; p = size[int(n * .9)]
    printf "functions: %d, median %d lines, 90 %% within %d, longest %d (%s)\n", n, m, p, size[n], where[n]
    for (i = 1; i <= n; i++) if (size[i] > 60) { print where[i] ": " size[i] " lines"; bad = 1 }
    exit bad || m >= 16
}'
