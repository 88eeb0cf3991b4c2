# A file that does not keep what is written to it: reading it back tells.
# Written is beside the target, to FILE.part; that leads to a name that the kernel cuts
# to 15 letters, and whose length it gives as 0.
netwright train --space "nasbench201 c=4 n=1" --data "planted n=200 size=8" -t 1 -q \
    --arch <(echo '{"edge_0":4,"edge_1":4,"edge_2":4,"edge_3":2,"edge_4":3,"edge_5":1}') \
    --final "train epochs=1 batch=20" --study study >/dev/null
[[ -f /proc/self/comm ]] || { echo "there is no /proc/self/comm"; exit 77; }
ln -s /proc/self/comm arch.json.part
netwright export study --to json --out arch.json; echo "exit code $?"
ln -s /proc/self/comm study/arch.svg.part
netwright train --space "nasbench201 c=4 n=1" --data "planted n=200 size=8" -t 1 -q \
    --arch study/arch.json --final "train epochs=1 batch=20" --study study; echo "exit code $?"
