# A server of MariaDB: server.sh FOLDER ID SECONDS, of which the last is its slave_net_timeout. Of its own tables it has the one
# that replication needs, and no accounts.
folder=$1 id=$2 seconds=$3
mkdir -p "$folder/mysql"
exec mariadbd --no-defaults --user=root --datadir="$folder" --socket="$folder/socket" --init-file="$PWD/tables.sql" \
  --server-id="$id" --log-bin=log --relay-log=relay --slave-net-timeout="$seconds" \
  --skip-grant-tables --skip-name-resolve --skip-innodb --default-storage-engine=Aria
