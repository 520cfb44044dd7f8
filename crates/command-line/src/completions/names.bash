
# Names of daemons and workers, which the program tells.
_@FUNCTION@_and_names() {
    _@FUNCTION@ "$@"
    (( @DEPTH@ + 1 < COMP_CWORD )) || return 0
    local IFS=' ' name names=() told word words=() last=-1 goes_on=
    [[ "${COMP_WORDS[*]:1:@DEPTH@}" == "@PATH@" ]] || return 0
    # `--option=value` is three words here, and one to the program.
    for word in "${COMP_WORDS[@]:@DEPTH@+1:COMP_CWORD-@DEPTH@-1}" "$2"; do
        if [[ "$word" == "=" && 0 -le last && "${words[last]}" == --* ]]; then
            words[last]+="=" goes_on=1
        elif [[ "$goes_on" ]]; then
            words[last]+="$word" goes_on=
        else
            words[++last]="$word"
        fi
    done
    # It fails where no name can stand. Elsewhere no file is meant.
    told=$("${1/#\~/$HOME}" @PATH@ completions names -- "${words[@]}" 2>/dev/null </dev/null) ||
        return 0
    compopt +o bashdefault +o default 2>/dev/null
    [[ -n "$told" ]] || return 0
    while IFS= read -r name; do
        names+=("$name")
    done <<< "$told"
    COMPREPLY=("${names[@]}")
    return 0
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _@FUNCTION@_and_names -o nosort -o bashdefault -o default @PROGRAM@
else
    complete -F _@FUNCTION@_and_names -o bashdefault -o default @PROGRAM@
fi
