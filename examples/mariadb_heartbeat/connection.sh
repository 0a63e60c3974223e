# The number of the connection over which the primary in a folder sends to a replica: connection.sh FOLDER ADDRESS.
exec mariadb --no-defaults -S "$1/socket" -N -e "
  SELECT MAX(id) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND host LIKE '$2:%'"
