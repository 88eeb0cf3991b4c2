netwright count darts-v2 c=36 layers=20 --format json
netwright count "darts-v2 c=4" layers=3 --format csv
netwright count darts-v2 aux=1 --format csv
netwright count darts-supernet --format csv
netwright count nasbench201 'arch=|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|'
netwright count nasbench201; echo $?
netwright count nasbench201 arch=x; echo $?
netwright count darts-v9; echo $?
netwright count darts-v2 d=4; echo $?
netwright count darts-v2 4; echo $?
netwright space count darts steps=2 multiplier=2
netwright space count nasbench201
