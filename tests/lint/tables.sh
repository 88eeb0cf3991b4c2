#!/bin/sh
# tables.sh: the figures in docs/performance.md are those of bench/results.
cd "$(dirname "$0")/../.." || exit 1
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
PYTHONDONTWRITEBYTECODE=1 python3 bench/table.py --check && echo "tables: as measured"
