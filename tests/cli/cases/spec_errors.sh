# Errors of the library: one line, with the near miss.
netwright search --space dartz --data planted; echo $?
netwright search --space darts --data plantd; echo $?
netwright search --space darts --data "planted n=100" --strategy dart; echo $?
netwright search --space darts --data "planted n=100" --set strategy.lrr=1; echo $?
netwright eval absent.onnx --data "planted n=10"; echo $?
netwright trials absent; echo $?
netwright data get imagenet; echo $?
