# Completion of plugctl for fish: put this into plugctl.fish in /usr/share/fish/vendor_completions.d or in
# ~/.config/fish/completions

function __plugctl_complete
    set --local words (commandline --tokenize --cut-at-cursor --current-process)
    set --local current (commandline --current-token --cut-at-cursor)
    set --local lines ($words[1] complete: words $words[2..] "$current" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case command
            __fish_complete_command
        case words
            printf '%s\n' $lines[2..]
    end
end

complete --command plugctl --no-files --arguments '(__plugctl_complete)'
