# One network from scratch: what it prints, what it leaves, and that all was read back.
net="nasbench201 c=4 n=1"
train()
{
    netwright train --space "$net" --data "planted n=600 size=8" -t 1 "$@" \
        --final "train epochs=1 batch=20"
}
train --study open; echo "exit code $?"
netwright space sample "$net" --input 3x8x8 --classes 4 -n 1 --seed 3 >arch.json
train --study study --arch arch.json --format csv >summary.csv
echo "exit code $?"
cut -d, -f1,4-6 summary.csv
ls study
train --study study --arch arch.json --format csv -q | cmp - summary.csv && echo "the same again"
shown() { netwright show "$net" --input 3x8x8 --classes 4 --arch "$1"; }
cmp <(shown arch.json) <(shown study/arch.json) && echo "the same architecture"
netwright trials study --stage final --format csv | cut -d, -f1-3
