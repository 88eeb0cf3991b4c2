#!/bin/sh
# run.sh PROGRAM FILE: the program on the file, or a skip that says what is missing.
if [ ! -f "$2" ]; then
    echo "skipped: $2 is not there (golden values of the authors' code)"
    exit 77
fi
exec "$1" "$2"
