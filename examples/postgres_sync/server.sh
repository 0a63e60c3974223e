# Two servers of PostgreSQL with their data in a folder: server.sh prepare FOLDER, server.sh primary FOLDER, server.sh standby FOLDER.
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
options="-c listen_addresses=* -c unix_socket_directories= -c fsync=off -c autovacuum=off"
case $1 in
prepare)
  initdb -D "$2/primary" -U postgres -A trust --no-locale --no-sync &&
    echo 'host all,replication all 10.0.0.0/16 trust' >>"$2/primary/pg_hba.conf" &&
    cp -a "$2/primary" "$2/standby" &&
    touch "$2/standby/standby.signal"
  ;;
primary) exec postgres -D "$2/primary" $options -c synchronous_standby_names=* ;;
standby) exec postgres -D "$2/standby" $options -c primary_conninfo='host=10.0.1.2 user=postgres' ;;
esac
