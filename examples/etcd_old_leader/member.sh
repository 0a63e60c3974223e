# A member of the cluster: its name, its address, and a folder for its data.
name=$1 address=$2 folder=$3
exec etcd --name "$name" --data-dir "$folder/$name" --logger zap --log-level error --pre-vote \
  --heartbeat-interval 100 --election-timeout 2000 \
  --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls "http://$address:2379" \
  --listen-peer-urls "http://$address:2380" --initial-advertise-peer-urls "http://$address:2380" \
  --initial-cluster one=http://10.0.1.2:2380,two=http://10.0.2.2:2380,three=http://10.0.3.2:2380
