netwright help relu
