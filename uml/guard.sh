# sh -c TEXT guard KERNEL ARGUMENT...: becomes the kernel, and ends it when this script's input ends
#
# processes.ts holds the other end of the input. Should it be killed, no process of the kernel is left:
# those of User-Mode Linux are all in the group that the kernel leads. Where TYPED names a file, the kernel reads
# that.
exec 3<&0 </dev/null
(
  trap '' HUP
  read -r _ <&3
  kill -s KILL -- "-$$" "$$"
) >/dev/null 2>&1 &
exec "$@" 3<&- <"${TYPED:-/dev/null}"
