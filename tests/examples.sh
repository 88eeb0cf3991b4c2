#!/bin/sh
# examples.sh PROGRAM: the showcase prints one choice for each of its three labels.
data=../shared/data/digits/digits.csv.gz
if [ ! -f $data ]; then
    echo "skipped: $data is not there"
    exit 77
fi
"$1" "csv file=$data shape=1x8x8" | tee /dev/stderr |
    grep -qE '^\{"conv1":[01],"conv2":[01],"skip":\[[01]\]\}$'
