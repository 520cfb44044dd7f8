
# Names of daemons and workers, which the program tells.
_@FUNCTION@_and_names() {
    _@FUNCTION@ "$@"
    local IFS=' ' name names=()
    (( @DEPTH@ + 1 < COMP_CWORD )) && [[ "${COMP_WORDS[*]:1:@DEPTH@}" == "@PATH@" ]] || return 0
    while IFS= read -r name; do
        names+=("$name")
    done < <("${1/#\~/$HOME}" @PATH@ completions names -- \
        "${COMP_WORDS[@]:@DEPTH@+1:COMP_CWORD-@DEPTH@-1}" "$2" 2>/dev/null </dev/null)
    (( ${#names[@]} )) && COMPREPLY=("${names[@]}")
    return 0
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _@FUNCTION@_and_names -o nosort -o bashdefault -o default @PROGRAM@
else
    complete -F _@FUNCTION@_and_names -o bashdefault -o default @PROGRAM@
fi
