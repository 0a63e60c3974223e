# A server of PostgreSQL with its data in a folder: server.sh prepare FOLDER, server.sh run FOLDER. And whether a query sleeps.
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
case $1 in
prepare)
  initdb -D "$2" -U postgres -A trust --no-locale --no-sync &&
    echo 'host all all 10.0.0.0/24 trust' >>"$2/pg_hba.conf"
  ;;
run) exec postgres -D "$2" -c listen_addresses='*' -c unix_socket_directories= -c fsync=off -c autovacuum=off ;;
sleeping) exec psql -h 10.0.0.2 -U postgres -At -c "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600);' AND state = 'active'" ;;
esac
