# Colour when asked for, on a terminal, and else not.
has() { grep -q $'\033\\[1' && echo colour || echo plain; }
terminal() { script -qec "$1" /dev/null; }
netwright list exporters | has
netwright list exporters --color always | has
terminal "netwright list exporters" | has
NO_COLOR=1 terminal "netwright list exporters" | has
TERM=dumb terminal "netwright list exporters" | has
terminal "netwright list exporters --color never" | has
