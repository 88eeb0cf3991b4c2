netwright count "darts-v2 c=36 layers=20" --input 3x32x32 --classes 10 --format json
netwright count "nasbench201" --input 3x32x32 --classes 10 --seed 3
netwright count nasbench201; echo $?
