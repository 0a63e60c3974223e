#compdef plugctl
# Completion of plugctl for zsh: put this into a file named _plugctl in a folder of $fpath, or into ~/.zshrc behind
# compinit the line: source <(plugctl completions zsh)

_plugctl() {
  local -a lines described
  local line
  lines=("${(@f)$("$words[1]" complete: words "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  case $lines[1] in
  files) _files ;;
  command) _command_names -e ;;
  words)
    for line in "${(@)lines[2,-1]}"; do
      described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    _describe plugctl described
    ;;
  esac
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _plugctl "$@"
else
  compdef _plugctl plugctl
fi
