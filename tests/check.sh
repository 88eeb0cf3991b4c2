#!/bin/sh
# check.sh BUILD: every test; ends with one line that counts them.
build=$1
cd "$(dirname "$0")/.." || exit 1

# ONNX Runtime reads what we export; without it those tests are skipped and say so.
venv=$build/venv
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import onnxruntime, onnx' 2>/dev/null; then
    python3 -m venv "$venv" >/dev/null 2>&1 &&
        "$venv/bin/pip" install -q --disable-pip-version-check onnxruntime onnx numpy ||
        echo "note: no ONNX Runtime; tests that need it are skipped"
fi
[ -x "$venv/bin/python" ] && NW_TEST_PYTHON=$(realpath "$venv")/bin/python && export NW_TEST_PYTHON

log=$build/check.log
# One at a time: two programs of two threads each would wait for each other on two cores.
ctest --test-dir "$build" -j 1 --output-on-failure --no-tests=error --timeout 400 | tee "$log"
failed=$(grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)' "$log")
passed=$(grep -cE ' Passed +[0-9.]+ sec' "$log")
skipped=$(grep -cE '\*\*\*Skipped' "$log")
[ "$skipped" != 0 ] && grep -E '\*\*\*Skipped' "$log"
if [ "$passed" = 0 ] || [ "$failed" != 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
    exit 1
fi
echo "$passed passed, 0 failed, $skipped skipped"
