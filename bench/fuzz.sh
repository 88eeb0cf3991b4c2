#!/bin/sh
# fuzz.sh [SECONDS] [JOBS]: build the fuzz targets with clang and run each for SECONDS (600) from
# its corpus, JOBS (2) at a time, in build-fuzz/. Writes one CSV row a target on stdout:
#   target,seconds,runs,coverage,crashes
set -e
seconds=${1:-600} jobs=${2:-2}
cd "$(dirname "$0")/.."
root=$PWD
CC=${CC:-clang} cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DNW_FUZZ=ON \
    -DNW_SANITIZE=address,undefined -DNW_BENCH=OFF >build-fuzz.log 2>&1 || { cat build-fuzz.log >&2; exit 1; }
mv build-fuzz.log build-fuzz/configure.log
cmake --build build-fuzz >&2

cat >build-fuzz/one.sh <<'END'
#!/bin/sh
# One target: its corpus is copied, so that what is found does not change the tree.
target=$1 seconds=$2 root=$3
here=$root/build-fuzz/runs/$target
mkdir -p "$here/found"
cp -r "$root/tests/fuzz/corpus/$target" "$here/corpus" 2>/dev/null || true
leaks=1
[ "$target" = space ] && leaks=0        # libfyaml leaks on some malformed text
cd "$here"
ASAN_OPTIONS=detect_leaks=$leaks OMP_NUM_THREADS=1 \
    "$root/build-fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix=found/ corpus >log 2>&1 || true
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' log)
cover=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' log | tail -1)
crashes=$(find found -type f ! -name 'slow-unit-*' | wc -l)
echo "$target,$seconds,${runs:-0},${cover:-0},$crashes"
END
chmod +x build-fuzz/one.sh
rm -rf build-fuzz/runs
echo target,seconds,runs,coverage,crashes
for source in tests/fuzz/fuzz_*.c; do
    basename "$source" .c | sed s/fuzz_//
done | xargs -P "$jobs" -I{} build-fuzz/one.sh {} "$seconds" "$root"
