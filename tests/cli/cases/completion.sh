netwright completion bash >bash && bash -n bash && echo "bash reads it"
netwright completion zsh >zsh
netwright completion fish >fish
if command -v zsh >/dev/null; then zsh -n zsh || echo "zsh does not read it"; fi
if command -v fish >/dev/null; then fish -n fish || echo "fish does not read it"; fi
source ./bash
try() # WORDS...: what the last one may become
{
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _netwright
    echo "${COMPREPLY[*]}"
}
try netwright se
try netwright space s
try netwright count --for
try netwright count --format ''
try netwright export --to s
