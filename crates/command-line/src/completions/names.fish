
# Names of daemons and workers, which the program tells.
function __fish_@FUNCTION@_takes_names
    set -l before (commandline -opc) ""
    set -e before[1]
    for word in @PATH@
        test "$before[1]" = "$word"; or return 1
        set -e before[1]
    end
    contains -- "$before[1]" @COMMANDS@
end
function __fish_@FUNCTION@_names
    set -l before (commandline -opc)
    set -l program (string replace -r '^~' $HOME -- $before[1])
    set -l begun (commandline -ct)
    test -n "$begun"; or set begun ""
    set -e before[1]
    for word in @PATH@
        set -e before[1]
    end
    command $program @PATH@ completions names -- $before "$begun" 2>/dev/null </dev/null
end
complete -c @PROGRAM@ -n "__fish_@FUNCTION@_takes_names" -f -a "(__fish_@FUNCTION@_names)"
