# Networks that are trained one by one get a worker a core when nobody says how many; -t
# means threads here; what is looked up in a table needs no workers.
unset OMP_PROC_BIND
most=$(nproc); ((most > 8)) && most=8
try() {
    netwright search -q --space "nasbench201 c=4 n=1" --data "planted n=400 size=8" --strategy random \
        --estimator "train epochs=1000" --study "s$RANDOM" "$@" &
    sleep 1.5
    wc -w < /proc/$!/task/$!/children
    kill -9 $!
    wait $! 2>/dev/null
}
[[ -r /proc/$$/task/$$/children ]] || exit 77
[[ $(try) == "$most" ]] && echo "one a core"
try -t 1
try -j 3
# One worker finds what three find, and what no -j finds.
find() {
    netwright search -q --space "nasbench201 c=4 n=1" --data "planted n=60 size=8" --strategy random --trials 5 \
        --final none --estimator "train epochs=1 batch=16" --study "$1" "${@:2}" >/dev/null && netwright trials "$1" -f csv |
        cut -d, -f2-10 >"$1.csv"
}
find none && find one -j 1 && find three -j 3 && cmp none.csv one.csv && cmp one.csv three.csv && echo same
