# Makes the member of this host the leader, and tells its status.
id=$(etcdctl endpoint status | cut -d ' ' -f 2 | tr -d ,)
etcdctl --endpoints=10.0.1.2:2379,10.0.2.2:2379,10.0.3.2:2379 --command-timeout=2s move-leader "$id" >&2
etcdctl endpoint status
