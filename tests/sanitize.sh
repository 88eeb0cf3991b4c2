#!/bin/sh
# sanitize.sh: build with address and undefined-behaviour sanitizers, then with the thread
# sanitizer, and run the tests of the library under each.
set -e
cd "$(dirname "$0")/.."
# Graphviz, fontconfig and libfyaml leave some memory of their own; see the list.
export LSAN_OPTIONS="suppressions=$PWD/tests/leak.supp:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$PWD/tests/thread.supp"
for sanitizer in address,undefined thread; do
    build=build-$(echo $sanitizer | tr , -)
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DNW_SANITIZE=$sanitizer \
        -DNW_BENCH=OFF >/dev/null
    cmake --build "$build"
    left_out='lint|cli|install'
    # What only takes long: learning itself, and programs that run on one thread.
    [ $sanitizer = thread ] && left_out="$left_out|test_planted|fuzz|test_store|test_every|test_counts"
    ctest --test-dir "$build" -j 1 --output-on-failure -E "$left_out"
done
