# bf16 is known and refused: by the CPU, or by a build without kernels for it.
try() {
    netwright search -q --space "nasbench201 c=4 n=1" --data "planted n=60 size=8" \
        --strategy random --trials 1 --study "$1" --estimator "train precision=$1" 2>&1
    echo $?
}
try bf16
try bf61
