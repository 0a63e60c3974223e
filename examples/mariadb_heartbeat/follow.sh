# Has the replica in a folder follow a primary that sends a heartbeat each second: follow.sh FOLDER ADDRESS.
exec mariadb --no-defaults -S "$1/socket" -e "
  CHANGE MASTER TO master_host = '$2', master_user = 'replica', master_heartbeat_period = 1, master_connect_retry = 1;
  START SLAVE"
