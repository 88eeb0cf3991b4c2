# One thread a core is bound, one to each; fewer threads, workers, and those of whoever has
# set OpenMP's own variables are not. The first line is the command's, others are workers'.
[[ $(nproc) -ge 2 && -r /proc/self/status ]] || exit 77
unset OMP_PROC_BIND OMP_PLACES GOMP_CPU_AFFINITY GOMP_SPINCOUNT OMP_WAIT_POLICY
all=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)

# On how many cores may the first thread of that process, and its children, run?
seen() {
    for pid in "$1" $(cat /proc/"$1"/task/"$1"/children); do
        sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/"$pid"/status
    done
}

try() {
    netwright search -q --space "nasbench201 c=4 n=1" --data "planted n=400 size=8" \
        --strategy random --estimator "train epochs=1000" --study "s$RANDOM" "$@" &
    sleep 1.5
    seen $! | while read -r list; do
        [[ $list == "$all" ]] && echo free || echo bound
    done
    kill -9 $!
    wait $! 2>/dev/null
}
echo "as many threads as cores:"; try -t "$(nproc)"
echo "one thread:"; try -t 1
echo "two workers:"; try -j 2
export OMP_PROC_BIND=false
echo "the user's word:"; try -t "$(nproc)"
true # the last one was killed
