netwright help rellu
