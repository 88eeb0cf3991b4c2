netwright help
