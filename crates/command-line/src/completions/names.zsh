# Names of daemons and workers, which the program tells.
functions[_@PROGRAM@_without_names]=$functions[_@PROGRAM@]
_@PROGRAM@() {
    local -a names
    if (( @DEPTH@ + 2 < CURRENT )) && [[ "${words[2,@DEPTH@+1]}" == "@PATH@" ]]; then
        names=(${(f)"$("${words[1]/#\~/$HOME}" @PATH@ completions names -- \
            "${(@)words[@DEPTH@+2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)"})
        if (( $#names )); then
            compadd -a names
            return
        fi
    fi
    _@PROGRAM@_without_names "$@"
}

