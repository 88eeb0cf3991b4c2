#!/bin/sh
# words.sh: calls that src/ may not make, and words that say that something is unfinished.
cd "$(dirname "$0")/../.." || exit 1
bad=0
files=$(git ls-files 'src/*.c' 'src/*.h')
if grep -nE '\b(strcpy|strcat|sprintf|strtok|atoi|gets|printf|exit|abort|getenv)[(]' $files | grep -v __attribute__; then
    echo "src/ may not call these"; bad=1
fi
if grep -nE '\b(malloc|calloc)[(]' $files | grep -v '^src/base/ctx.c'; then
    echo "memory comes from the context (src/base/ctx.c)"; bad=1
fi
if git ls-files | grep -vE '^tests/lint/' | xargs grep -nIE '\b(TODO|FIXME|XXX)\b|/(tmp|work|root)/'; then
    echo "unfinished, or a path of one machine"; bad=1
fi
[ $bad = 0 ] && echo "words: clean"
exit $bad
