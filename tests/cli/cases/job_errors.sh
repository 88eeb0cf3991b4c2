# Errors in a job file name the place.
try() { printf -- "$1" >job.yaml; netwright search job.yaml 2>&1 | head -n 1; }
try 'data: x\nstrateggy: darts\n'
try 'data: [a\nb: c'
try 'data: x\nseed: two\n'
try 'data: x\nseed: {a: b}\n'
try 'data: x\ndata: y\n'
try 'quiet: maybe\n'
try '- a\n'
try ''
netwright search absent.yaml
