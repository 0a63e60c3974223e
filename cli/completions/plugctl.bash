# Completion of plugctl for bash: put this into a file named plugctl in /usr/share/bash-completion/completions, or
# into ~/.bashrc the line: source <(plugctl completions bash)

_plugctl() {
  local kind
  mapfile -t COMPREPLY < <("$1" complete: bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  kind=${COMPREPLY[0]}
  COMPREPLY=("${COMPREPLY[@]:1}")
  case $kind in
  files)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$2")
    ;;
  command) mapfile -t COMPREPLY < <(compgen -c -- "$2") ;;
  esac
}

complete -F _plugctl plugctl
