# How many heartbeats the replica in a folder has heard.
exec mariadb --no-defaults -S "$1/socket" -N -e "SHOW STATUS LIKE 'Slave_received_heartbeats'"
