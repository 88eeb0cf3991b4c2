netwright space count "darts" --input 3x32x32 --classes 10
netwright space count "nasbench201" --data "planted n=10"
netwright space sample "nasbench201 n=1" --input 3x8x8 --classes 4 -n 2 --seed 7
netwright space check "nasbench201 n=1 c=4" --input 3x8x8 --classes 4 | head -n 3
netwright space show "nasbench201 n=1 c=4" --input 3x8x8 --classes 4 | head -n 3
